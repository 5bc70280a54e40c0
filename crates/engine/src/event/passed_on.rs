//! What an agent came by besides the outputs of its calls.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something of a tool server that was passed on to the agent: a prompt or a resource it read, or what the server asked it
/// during a call. Never the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// Who the agent is.
    pub by: String,
    /// The server.
    pub server: String,
    /// What the protocol calls it, such as `resources/read`.
    pub method: String,
    /// Which, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another party may have written it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrusted: bool,
    /// What in it looks like words meant for a model, where that is looked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub suspicions: BTreeSet<String>,
    /// The call during which the agent was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<AskedDuring>,
    /// Digest over what it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Digest>,
    /// Digest over what it answered; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
}

/// A call during which its agent was asked something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedDuring {
    /// The step.
    pub step: String,
    /// Its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
}
