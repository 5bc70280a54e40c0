//! Requests to humans and their answers.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What waits for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Approval of the plan.
    Plan,
    /// Approval of a revision.
    Revision,
    /// `confirm` of one step.
    Step,
    /// A `human.ask` step.
    Question,
    /// `on_failure: ask`.
    Failure,
    /// A violated invariant with `on_violation: ask`.
    Invariant,
    /// A used-up budget.
    Budget,
    /// A step in doubt.
    InDoubt,
}

impl RequestKind {
    /// The kind as it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestKind::Plan => "plan",
            RequestKind::Revision => "revision",
            RequestKind::Step => "step",
            RequestKind::Question => "question",
            RequestKind::Failure => "failure",
            RequestKind::Invariant => "invariant",
            RequestKind::Budget => "budget",
            RequestKind::InDoubt => "in_doubt",
        }
    }
}

/// A request as it is opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The request's id, derived from the execution.
    pub request_id: String,
    /// What it is about.
    pub kind: RequestKind,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Digest of what is asked about; an answer is bound to it.
    pub subject: Digest,
    /// The answers that can be given.
    pub choices: Vec<String>,
    /// Who may answer, such as `requester`.
    pub approvers: Vec<String>,
    /// Unix milliseconds; none = it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request.
    pub request_id: String,
    /// One of its choices.
    pub choice: String,
    /// Data that goes with the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The reason that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answered.
    pub by: String,
    /// Over which channel, such as `terminal` or `flag`.
    pub channel: String,
}
