//! How one call ended, and what went wrong when it did not end well.

use mandate_plan::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The end of one call. What the engine may do next hangs on the difference: see the table in `docs/tools.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tool answered, and its answer fits its output schema.
    Completed {
        /// The answer, scrubbed of secrets.
        output: Value,
    },
    /// Nothing was sent: there is no effect.
    Refused(Fault),
    /// The tool answered with an error.
    Failed(Fault),
    /// Nobody knows whether it happened: timeout, kill, lost connection, crash.
    Unknown(Fault),
    /// It happened, but the answer is not usable.
    Invalid {
        /// The answer as it came, scrubbed; absent where it is too large to keep.
        output: Option<Value>,
        /// What is wrong with it.
        fault: Fault,
    },
}

impl Outcome {
    /// The fault of every outcome but `Completed`.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Outcome::Completed { .. } => None,
            Outcome::Refused(fault)
            | Outcome::Failed(fault)
            | Outcome::Unknown(fault)
            | Outcome::Invalid { fault, .. } => Some(fault),
        }
    }

    /// The outcome's name as it is written in logs and messages.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Completed { .. } => "completed",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
            Outcome::Unknown(_) => "unknown",
            Outcome::Invalid { .. } => "invalid",
        }
    }
}

/// What one call of the runner gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How long the call took, in milliseconds, checks included.
    pub elapsed_ms: u64,
}

/// What went wrong, without a value that could be a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The stable code.
    pub code: ErrorCode,
    /// What, where, and what to do.
    pub message: String,
    /// More for programs: an HTTP status, an exit code, schema violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Fault {
    /// A fault without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
        }
    }

    /// The same fault with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}
