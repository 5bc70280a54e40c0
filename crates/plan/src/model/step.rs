//! One step of a plan.

use super::{OnFailure, Retry, Rules};
use crate::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A step: one tool, its arguments, when it runs and what happens when it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A name, unique over the plan, fallback steps included; not a CEL keyword.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub id: String,
    /// The tool, as `server.tool`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,31}\..+$"))]
    pub tool: String,
    /// What the step is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tool's arguments. A string in them may hold `${ CEL }`; `$${` is a literal `${`.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// The earlier steps that must be settled first. Without it, every step above; `[]` starts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
    /// The earlier steps that must have completed or recovered; otherwise this one is skipped.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// A CEL condition: false skips the step.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub condition: Option<String>,
    /// Runs the step once for each item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// A CEL condition on each attempt's answer, with `output`, `args` and `item`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub expect: Option<String>,
    /// The limit of one attempt in milliseconds, a hard stop. Without it, what is left of the plan's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub timeout_ms: Option<u64>,
    /// The step's own retry policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What happens when the attempts are used up.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What the resolved arguments may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Rules>,
    /// What the resolved arguments must not be; wins over `allow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<Rules>,
    /// How often the agent may call the step in agent mode.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_invocations: u32,
    /// A human is always asked first, with the resolved arguments.
    #[serde(default)]
    pub confirm: bool,
    /// JSON pointers into the output whose values are never journaled, shown or used in expressions.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// The call that undoes this step if the plan fails after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<Compensate>,
}

impl Step {
    /// The arguments that the plan leaves to the agent: `allow.args` names them, and `args` does not.
    pub fn open_args(&self, mode: Mode) -> impl Iterator<Item = &str> {
        let rules = self.allow.as_ref().filter(|_| mode == Mode::Agent);
        rules
            .into_iter()
            .flat_map(|rules| rules.args.keys())
            .filter(|key| !self.args.contains_key(*key))
            .map(String::as_str)
    }
}

fn one() -> u32 {
    1
}

/// Runs a step once for each item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// A CEL expression that gives the list.
    #[serde(rename = "in")]
    #[schemars(length(min = 1, max = 2048))]
    pub items: String,
    /// More items than this fail the step before anything runs.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_items: u32,
    /// What happens when an item fails.
    #[serde(default)]
    pub on_item_failure: OnItemFailure,
}

fn hundred() -> u32 {
    100
}

/// What happens when an item of a `for_each` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnItemFailure {
    /// No further item starts, and the step fails.
    #[default]
    Stop,
    /// The other items go on; the step completes if at least one item did.
    Continue,
}

/// The call that undoes a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compensate {
    /// The tool, as `server.tool`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,31}\..+$"))]
    pub tool: String,
    /// Its arguments; `args`, `output` and `item` of the step are in scope.
    #[serde(default)]
    pub args: Map<String, Value>,
}
