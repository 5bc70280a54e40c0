//! Errors as they are journaled and shown, and how an attempt can fail.

use mandate_plan::{ErrorCode, Severity};
use mandate_policy::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error as it is journaled and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The stable code.
    pub code: ErrorCode,
    /// For people; holds no secret.
    pub message: String,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How grave: the code's severity for a step, fatal for a plan that was stopped.
    pub severity: Severity,
    /// More, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Fault>>,
}

impl Fault {
    /// A fault with the severity of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            step: None,
            severity: code.severity(),
            details: None,
            cause: None,
        }
    }

    /// The same, at a step.
    #[must_use]
    pub fn at_step(mut self, step: &str) -> Self {
        self.step = Some(step.to_owned());
        self
    }

    /// The same as the reason why a whole execution stopped: fatal, whatever the code.
    #[must_use]
    pub fn stopping(mut self) -> Self {
        self.severity = Severity::Fatal;
        self
    }
}

impl From<&Refusal> for Fault {
    fn from(refusal: &Refusal) -> Self {
        let mut fault = Fault::new(refusal.code, refusal.message.clone());
        let rule = refusal.rule.clone().map(Value::String);
        let known = [("rule", rule), ("expected", refusal.expected.clone())];
        let details: serde_json::Map<String, Value> = known
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect();
        if !details.is_empty() {
            fault.details = Some(Value::Object(details));
        }
        fault
    }
}

/// How an attempt ended that did not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nothing was sent.
    Refused,
    /// The tool answered with an error.
    Failed,
    /// Nobody knows what happened.
    Unknown,
    /// It happened, but its output breaks the schema or the step's `expect`.
    Invalid,
}
