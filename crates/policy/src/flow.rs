//! What flows into a call: the labels of its arguments, and which of them are sinks.

use crate::labels::Labels;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a sensitive argument decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// Who gets it.
    Recipient,
    /// Which address is reached, and with what in it.
    Url,
    /// Which file is touched.
    Path,
    /// What is executed.
    Command,
    /// How much.
    Amount,
}

impl SinkKind {
    /// The kind as it is written in policies and in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            SinkKind::Recipient => "recipient",
            SinkKind::Url => "url",
            SinkKind::Path => "path",
            SinkKind::Command => "command",
            SinkKind::Amount => "amount",
        }
    }
}

/// A sensitive argument of a call, and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkFlow {
    /// The argument, as a JSON pointer.
    pub pointer: String,
    /// What it decides.
    pub kind: SinkKind,
    /// Where its value comes from.
    pub labels: Labels,
    /// A human has said yes to exactly this value, or the plan's approval holds it to literals.
    pub endorsed: bool,
}

/// Everything that is known of the flow into one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFlow {
    /// The labels of the arguments, by JSON pointer of the argument.
    pub args: BTreeMap<String, Labels>,
    /// The sensitive ones among them.
    pub sinks: Vec<SinkFlow>,
    /// Whether the step has an effect, and an untrusted value decides if or how often it runs.
    pub untrusted_control: bool,
}
