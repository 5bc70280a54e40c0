//! `[mcpServers.NAME]`: one tool server, as MCP clients usually write it, and what Mandate wants to know besides.

use crate::{Pass, ProgramSandbox, SinkWord};
use mandate_plan::Effect;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// One entry of `mcpServers`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct McpServerConfig {
    /// The transport as other clients write it: `stdio`, or `http`. Without it, what goes with the rest.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The program; `${NAME}` and `${NAME:-default}` in this and the next four stand for Mandate's own environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables it sees besides a few basic ones.
    pub env: BTreeMap<String, String>,
    /// The directory it starts in (the project directory).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
    /// What it may touch (what its user may).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<ProgramSandbox>,
    /// The address of a server that is reached over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What is said to it with every message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Leave this server out.
    pub disabled: bool,
    /// What plans call the server, where the entry's own name cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Believe what the server says about its tools' effects.
    pub trust_annotations: bool,
    /// What is known of single tools, by the server's own names for them.
    pub tools: BTreeMap<String, ToolFacts>,
    /// The longest time that starting it may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout_ms: Option<u64>,
    /// How old its list of tools may be when one of them is called, in milliseconds; 0 = it is asked for before each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck_ms: Option<u64>,
    /// It speaks a revision with sessions, and is not asked for a newer one.
    pub sessions: bool,
    /// What of it is passed on to the MCP clients that call its tools (nothing).
    pub pass: Vec<Pass>,
    /// Its tools are called by their own names there, without the server's.
    pub plain_names: bool,
    /// Keys that mean nothing here; other clients have their own.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl McpServerConfig {
    /// The keys of an entry.
    pub const KEYS: &[&str] = &[
        "alias",
        "args",
        "command",
        "cwd",
        "disabled",
        "env",
        "headers",
        "pass",
        "plain_names",
        "recheck_ms",
        "sandbox",
        "sessions",
        "start_timeout_ms",
        "tools",
        "trust_annotations",
        "type",
        "url",
    ];
}

/// What the operator says about a tool; it goes before what the server says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolFacts {
    /// What a call does to the world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Doing it twice with the same key is the same as doing it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// Other parties control what it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
    /// Arguments that decide who gets something, which address, file or command, or how much; by name or JSON pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sinks: BTreeMap<String, SinkWord>,
    /// The tool of the same server that tells what became of a call whose outcome is unknown; it only reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
