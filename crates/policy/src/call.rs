//! A call with every argument resolved: what `enforce` judges and what the tool runner is handed.

pub use mandate_plan::expr::SecretSlot;

use mandate_plan::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Why a step's tool is called.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To do what the step is for.
    #[default]
    Run,
    /// To undo it.
    Compensate,
}

impl Purpose {
    /// The purpose as it is written in the journal and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Run => "run",
            Purpose::Compensate => "compensate",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One call, ready to be judged. Secrets are still placeholders: they are put in by the tool runner, after the permit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedCall {
    /// The execution that the call belongs to.
    pub execution_id: String,
    /// The step's id; of a fallback or `finally` step, its own.
    pub step: String,
    /// The item's index, for a step with `for_each`.
    pub item: Option<u32>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Run the step, or undo it.
    pub purpose: Purpose,
    /// `server.tool`.
    pub tool: String,
    /// The arguments, with placeholders in place of secrets.
    pub args: Value,
    /// Where the placeholders are that the plan itself holds. The same text elsewhere is data.
    pub secrets: Vec<SecretSlot>,
    /// The same for every attempt of the step's item.
    pub idempotency_key: String,
    /// Hard limit of the attempt, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Parts of the output that nobody but the tool runner sees: JSON pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

impl ResolvedCall {
    /// The digest over the canonical arguments and the secret places: what a permit is bound to.
    pub fn args_digest(&self) -> Digest {
        let slots: Vec<Value> = self
            .secrets
            .iter()
            .map(|slot| serde_json::json!([slot.pointer, slot.offset, slot.len, slot.name]))
            .collect();
        let args = canonical_json(&self.args);
        let slots = canonical_json(&Value::Array(slots));
        Digest::framed("mandate/call-args/v1", [args.as_slice(), slots.as_slice()])
    }

    /// `step`, or `step[item]`, as messages name it.
    pub fn place(&self) -> String {
        match self.item {
            Some(item) => format!("{}[{item}]", self.step),
            None => self.step.clone(),
        }
    }
}
