//! Requests to humans and their answers.

use mandate_plan::{Digest, canonical_json};
use mandate_policy::{Principal, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What waits for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Approval of the plan.
    Plan,
    /// Approval of a revision.
    Revision,
    /// `confirm` of one step, or a call that the policy wants approved.
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
    /// The request's id, derived from the execution and from what it is about.
    pub request_id: String,
    /// What it is about.
    pub kind: RequestKind,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The item of that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The invariant it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invariant: Option<String>,
    /// What is asked, for people; empty for the approval of a plan, which shows the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub question: String,
    /// What is shown beside the question; placeholders in place of secrets.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
    /// The calls that a yes is bound to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<BoundCall>,
    /// Digest of everything that is shown; an answer is bound to it. Of a plan: the execution digest.
    pub subject: Digest,
    /// The answers that can be given.
    pub choices: Vec<String>,
    /// JSON Schema of the data that goes with an answer, where data does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Value>,
    /// What holds when nobody answers in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultAnswer>,
    /// Who may answer, such as `requester`.
    pub approvers: Vec<String>,
    /// Unix milliseconds; none = it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
    /// The refusal of the call that it was opened for, so that a replay can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// A call that is shown with its arguments, and that a yes is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCall {
    /// The item of a `for_each` step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Digest over its arguments.
    pub args_digest: Digest,
}

/// What holds when nobody answers in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefaultAnswer {
    /// One of the choices.
    pub choice: String,
    /// Data that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Whether data goes with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// It must not.
    Nothing,
    /// It may.
    MayHold,
    /// It must.
    MustHold,
}

impl Request {
    /// Whether data goes with that choice.
    pub fn takes(&self, choice: &str) -> Takes {
        match (self.kind, choice) {
            (RequestKind::Question, ANSWER) if self.answer_schema.is_some() => Takes::MustHold,
            (RequestKind::Failure, SUPPLY) => Takes::MustHold,
            (RequestKind::Budget, GRANT) | (RequestKind::InDoubt, DONE) => Takes::MayHold,
            _ => Takes::Nothing,
        }
    }
}

/// A yes.
pub const APPROVE: &str = "approve";
/// A no.
pub const REJECT: &str = "reject";
/// The choice of a question that has no choices of its own: the answer is the data.
pub const ANSWER: &str = "answer";
/// One more attempt.
pub const RETRY: &str = "retry";
/// The step is passed over.
pub const SKIP: &str = "skip";
/// The execution stops.
pub const HALT: &str = "halt";
/// The output is in the answer.
pub const SUPPLY: &str = "supply";
/// The execution goes on all the same.
pub const CONTINUE: &str = "continue";
/// More calls are allowed.
pub const GRANT: &str = "grant";
/// The effect happened.
pub const DONE: &str = "done";
/// The effect did not happen.
pub const NOT_DONE: &str = "not_done";
/// The step counts as failed.
pub const FAIL: &str = "fail";

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
    /// The id of the API key that showed who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The roles of that key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The subject that was shown to whoever answered, where they say so: it must be the request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// Digest over the answer, so that a replay sees whether it is the one that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_digest: Option<Digest>,
}

impl Answer {
    /// An answer with neither data nor reason.
    pub fn new(request_id: &str, choice: &str, by: &str, channel: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            choice: choice.to_owned(),
            data: None,
            reason: None,
            by: by.to_owned(),
            channel: channel.to_owned(),
            key: None,
            roles: Vec::new(),
            subject: None,
            answer_digest: None,
        }
    }

    /// The same, by somebody who showed who they are.
    #[must_use]
    pub fn given_by(mut self, principal: &Principal) -> Self {
        self.by.clone_from(&principal.name);
        self.key.clone_from(&principal.key);
        self.roles = principal.roles.iter().cloned().collect();
        self
    }

    /// The digest over everything else in it.
    pub(crate) fn digest(&self) -> Digest {
        let Self {
            request_id,
            choice,
            data,
            reason,
            by,
            channel,
            key,
            roles,
            subject,
            answer_digest: _,
        } = self;
        let mut all = json!([request_id, choice, data, reason, by, channel, subject]);
        // Answers without a key keep the digest that they had before there were keys.
        if let (Some(all), true) = (all.as_array_mut(), key.is_some() || !roles.is_empty()) {
            all.extend([json!(key), json!(roles)]);
        }
        Digest::framed("mandate/answer/v1", [canonical_json(&all).as_slice()])
    }
}
