//! Why a plan was not admitted or a call got no permit.

use mandate_plan::{Digest, ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A typed no. It changes nothing; the host journals it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// What, where, and what to do; holds no secret.
    pub message: String,
    /// What would have been right, for a caller that can act on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// The rule that said no: a place in the plan (`steps.fetch.allow.paths`) or a policy rule's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When another try makes sense, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Digest over the arguments of the call that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_digest: Option<Digest>,
    /// The policy that was in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
}

impl Refusal {
    /// A refusal with neither expectation nor rule.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            expected: None,
            rule: None,
            retry_after_ms: None,
            args_digest: None,
            policy_version: None,
        }
    }

    /// Says which call was refused, by its arguments, and under which policy: what an auditor asks of a refusal.
    #[must_use]
    pub fn of_call(mut self, args_digest: Digest, policy_version: String) -> Self {
        self.args_digest = Some(args_digest);
        self.policy_version = Some(policy_version);
        self
    }

    /// Says what would have been right.
    #[must_use]
    pub fn expecting(mut self, expected: Value) -> Self {
        self.expected = Some(expected);
        self
    }

    /// Names the rule.
    #[must_use]
    pub fn by_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Says when another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}
