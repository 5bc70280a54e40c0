//! The plan itself, its modes, invariants and workspace.

use super::{Constraints, Input, Retry, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A plan: the only source of what may run. Nothing executes unless it is in an approved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of the format: `1`.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// A name for people, 1 to 255 characters.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// What the plan does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Why it was planned this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The user's own words, kept for audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Who drives the plan.
    #[serde(default)]
    pub mode: Mode,
    /// What the caller must supply, by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$" }))]
    pub inputs: BTreeMap<String, Input>,
    /// The steps, 1 to 1024. They run from top to bottom unless `after` says otherwise.
    #[schemars(length(min = 1, max = 1024))]
    pub steps: Vec<Step>,
    /// Steps that run in order when a started execution is about to end, whatever its status; at most 8, `on_failure: skip` only.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub finally: Vec<Step>,
    /// What the result holds: a CEL expression for each name. Without it, every completed step's output by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<BTreeMap<String, String>>,
    /// Limits over the whole plan.
    #[serde(default)]
    pub constraints: Constraints,
    /// Conditions that are checked after every step.
    #[serde(default)]
    pub invariants: Vec<Invariant>,
    /// The retry policy of steps that have none of their own. Without it, one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// A sandboxed copy that file and process tools work in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// Executions of a higher priority start first when executions queue.
    #[serde(default)]
    #[schemars(range(min = -9_007_199_254_740_991_i64, max = 9_007_199_254_740_991_i64))]
    pub priority: i64,
    /// Words for people; not interpreted.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Anything; not interpreted.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// Who drives a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The engine runs the tools.
    #[default]
    Engine,
    /// An agent calls the tools one by one through the gateway.
    Agent,
    /// The engine runs the tools, and the planner is consulted on failure.
    Hybrid,
}

/// A condition that must hold after every step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invariant {
    /// A name, unique among the invariants.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub id: String,
    /// A CEL expression that gives true while all is well.
    #[schemars(length(min = 1, max = 2048))]
    pub check: String,
    /// What happens when it is false.
    #[serde(default)]
    pub on_violation: OnViolation,
}

/// What happens when an invariant is violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// The execution stops.
    #[default]
    Halt,
    /// A human is asked.
    Ask,
}

/// A sandboxed copy of a directory that file and process tools work in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workspace {
    /// The directory that is copied.
    #[schemars(length(min = 1))]
    pub source: String,
    /// What happens to the changes at the end.
    #[serde(default)]
    pub apply: ApplyMode,
}

/// What happens to a workspace's changes at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyMode {
    /// A human looks at them first.
    #[default]
    Review,
    /// They are put onto the source at once.
    Auto,
    /// They are thrown away.
    Discard,
}
