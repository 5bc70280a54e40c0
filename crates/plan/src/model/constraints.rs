//! Limits over a whole plan.

use super::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits over the whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// One step at a time, in the order of the document.
    #[serde(default)]
    pub sequential: bool,
    /// How many steps and items run at once.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 256))]
    pub max_parallel: u32,
    /// How many attempts may reach a tool. Without it, attempts × items over all steps, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_tool_calls: Option<u64>,
    /// The plan's active time in milliseconds.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub timeout_ms: u64,
    /// Paths that no step may touch.
    #[serde(default)]
    pub forbidden_paths: Vec<Pattern>,
    /// Addresses that no step may reach.
    #[serde(default)]
    pub forbidden_urls: Vec<Pattern>,
    /// Commands that no step may run.
    #[serde(default)]
    pub forbidden_commands: Vec<Pattern>,
    /// Agent mode only: calls that the plan does not hold are judged by policy instead of refused.
    #[serde(default)]
    pub allow_unplanned: bool,
    /// What the execution may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Default for Constraints {
    fn default() -> Self {
        Self {
            sequential: false,
            max_parallel: eight(),
            max_tool_calls: None,
            timeout_ms: five_minutes(),
            forbidden_paths: Vec::new(),
            forbidden_urls: Vec::new(),
            forbidden_commands: Vec::new(),
            allow_unplanned: false,
            budget: None,
        }
    }
}

fn eight() -> u32 {
    8
}

fn five_minutes() -> u64 {
    300_000
}

/// What an execution may cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Tokens of language models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub model_tokens: Option<u64>,
    /// Cost in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cost_usd: Option<f64>,
}
