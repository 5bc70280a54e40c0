//! What a call touches, found in its arguments: files, addresses, commands; by the argument's name and by its shape.

mod find;

pub(crate) use find::{
    COMMAND_KEYS, COMMAND_LIST_KEYS, FILE_WORDS, PROGRAM_ARGS_KEYS, TOUCH_NOTHING, URL_WORDS,
    words_of,
};
pub use find::{Found, find, may_touch};

use mandate_plan::Effect;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A file or directory, by its path.
    File,
    /// An address.
    Url,
    /// A command, by its quoted argument list.
    Command,
}

impl ResourceKind {
    /// The kind as it is written in journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceKind::File => "file",
            ResourceKind::Url => "url",
            ResourceKind::Command => "command",
        }
    }

    /// The key of the list of patterns for this kind in `allow` and `deny`.
    pub fn list(self) -> &'static str {
        match self {
            ResourceKind::File => "paths",
            ResourceKind::Url => "urls",
            ResourceKind::Command => "commands",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Looked at or fetched.
    Read,
    /// Created or changed.
    Write,
    /// Removed.
    Delete,
    /// Sent to.
    Send,
    /// Run.
    Execute,
}

impl Operation {
    fn of(kind: ResourceKind, effect: Effect) -> Self {
        match (kind, effect) {
            (ResourceKind::Command, _) | (_, Effect::Execute) => Operation::Execute,
            (_, Effect::Read) => Operation::Read,
            (ResourceKind::Url, _) => Operation::Send,
            (ResourceKind::File, Effect::Write) => Operation::Write,
            (ResourceKind::File, Effect::Delete) => Operation::Delete,
            // What goes over a network is read here first.
            (ResourceKind::File, Effect::Network) => Operation::Read,
        }
    }
}

/// One thing that a call touches, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    /// File, address or command.
    pub kind: ResourceKind,
    /// Its normal form.
    pub value: String,
    /// What is done to it.
    pub operation: Operation,
}
