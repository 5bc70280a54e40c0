//! What flows into a call: the labels of its arguments, and which of them are sinks.

use crate::{call::Purpose, labels::Labels};
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

/// What an untrusted value does at the end of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlowCode {
    /// It is, or is part of, a sensitive argument.
    UntrustedSink,
    /// It decides whether, or how often, a step with an effect runs.
    UntrustedControl,
}

impl FlowCode {
    /// The code as it is written in journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            FlowCode::UntrustedSink => "UNTRUSTED_SINK",
            FlowCode::UntrustedControl => "UNTRUSTED_CONTROL",
        }
    }
}

/// A way by which an untrusted value may reach a sink or a decision, found before the plan runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowPath {
    /// The step's id; inside a nested plan, `outer/inner`.
    pub step: String,
    /// Run the step, or undo it.
    #[serde(default, skip_serializing_if = "is_run")]
    pub purpose: Purpose,
    /// What it does there.
    pub code: FlowCode,
    /// Of a sink: the argument, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// Of a sink: what it decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SinkKind>,
    /// The places that it goes through, from where it comes in: `fetch.output.url`, `post.args.url`.
    pub path: Vec<String>,
    /// Where the value comes from, at worst.
    pub labels: Labels,
    /// A human will be asked about exactly this value, or the plan holds it to literals.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub endorsed: bool,
    /// Of an address: nothing in the plan says which host it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_host: bool,
}

fn is_run(purpose: &Purpose) -> bool {
    *purpose == Purpose::Run
}
