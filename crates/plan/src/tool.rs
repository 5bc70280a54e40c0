//! What a plan's checks and its evaluation need to know about tools; the registry in `mandate-tools` supplies it.

use crate::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// What a call does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks, changes nothing.
    Read,
    /// Creates or changes data.
    Write,
    /// Removes data.
    Delete,
    /// Acts on something over a network.
    Network,
    /// Runs a program.
    Execute,
}

impl Effect {
    /// The effect as it is written in configuration, journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Delete => "delete",
            Effect::Network => "network",
            Effect::Execute => "execute",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The facts of a call that decide about retries, approvals and the order of disk and effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// What it does to the world.
    pub effect: Effect,
    /// Doing it twice with the same key is the same as doing it once.
    pub idempotent: bool,
    /// It reaches things that other parties control, so that its answers are not to be trusted.
    pub open_world: bool,
}

impl Facts {
    /// The worst case, and what an unknown tool is taken for.
    pub const WORST: Facts = Facts {
        effect: Effect::Execute,
        idempotent: false,
        open_world: true,
    };

    /// Effect `read`.
    pub fn read_only(&self) -> bool {
        self.effect == Effect::Read
    }

    /// May be called again when an earlier call's outcome is unknown.
    pub fn repeatable(&self) -> bool {
        self.read_only() || self.idempotent
    }

    /// A read of something that only this machine's user controls: it may run ahead of the disk.
    pub fn closed_world_read(&self) -> bool {
        self.read_only() && !self.open_world
    }
}

/// What is known of one tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// `server.tool`.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of the output, where the tool declares one.
    pub output_schema: Option<Value>,
    /// SHA-256 over the raw definition.
    pub digest: Digest,
    /// The engine carries it out itself (`time.sleep`, `human.ask`, `plan.run`); no provider is called.
    pub engine_handled: bool,
    /// Somebody outside calls it, and nothing here does: an agent takes its turn and reports what came of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
}

/// A read-only view of the tools that exist, taken once per admission.
pub trait ToolLookup {
    /// The tool of that name.
    fn spec(&self, name: &str) -> Option<&ToolSpec>;
    /// The facts of a call; without arguments, the worst that any arguments can give. `None`: no such tool.
    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts>;
    /// All names, sorted.
    fn names(&self) -> Vec<&str>;
    /// What the operator says of the tool's sensitive arguments: by name or JSON pointer, the kind of sink, or `none`.
    fn sinks(&self, name: &str) -> BTreeMap<String, String> {
        let _ = name;
        BTreeMap::new()
    }
    /// What confines the program that a call starts, in one word; `None` if it starts none.
    fn sandbox(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}
