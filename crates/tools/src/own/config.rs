//! `[[tools]]`: one tool of the operator's own.

use crate::{ProgramSandbox, SinkWord};
use mandate_plan::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// One entry of `[[tools]]`: a program or an address, and what it takes and does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnToolConfig {
    /// `server.tool`.
    pub name: String,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `external`: it has neither program nor address here, because somebody outside calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<OwnToolKind>,
    /// The program and its arguments: the call's arguments come as JSON on its standard input, and its standard output
    /// is the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The address that the call's arguments are posted to as JSON; the response's body is the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Variables that the program sees besides a few basic ones.
    pub env: BTreeMap<String, String>,
    /// The directory that the program starts in (the project directory).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
    /// What the program may touch (what its user may).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<ProgramSandbox>,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
    /// JSON Schema of the arguments, or the path of a file that holds it (any object).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// JSON Schema of the answer, or the path of a file that holds it (anything).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What a call does to the world (execute).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Doing it twice with the same idempotency key is the same as doing it once (no).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// Other parties control what it answers (yes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
    /// Arguments that decide who gets something, which address, file or command, or how much; by name or JSON pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sinks: BTreeMap<String, SinkWord>,
    /// Where the tool itself tells what became of a call whose outcome is unknown (nowhere).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusConfig>,
    /// The time limit of a call, in milliseconds (300000 for programs, 60000 for addresses).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// `kind` of `[[tools]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnToolKind {
    /// Somebody outside calls it: an agent that takes its turn, makes the call, and reports what came of it.
    External,
}

/// `status` of `[[tools]]`: a program or an address that is asked what became of the call with an idempotency key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusConfig {
    /// The program and its arguments; it has the tool's `env` and `cwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The address; it is sent the tool's `headers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The time limit, in milliseconds (30000).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}
