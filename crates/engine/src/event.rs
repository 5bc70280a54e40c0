//! The events of an execution: the only way that its state changes, and what the journal holds of it.
//!
//! A journal row is (`seq`, `at_ms`, `kind`, payload); [`Event::kind`] and [`Body`]'s serde form give the last two. These
//! types are the journal's and are never changed in meaning: a new need is a new field with a default or a new kind.

use mandate_plan::{Digest, ErrorCode, Facts, Severity};
use mandate_policy::{Decision, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One journal row of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the execution's stream, from 1.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

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
        if refusal.rule.is_some() || refusal.expected.is_some() {
            fault.details =
                Some(serde_json::json!({ "rule": refusal.rule, "expected": refusal.expected }));
        }
        fault
    }
}

/// What an execution begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The execution's id (UUID v7).
    pub execution_id: String,
    /// The plan's id (UUID v7).
    pub plan_id: String,
    /// The plan's revision, from 1.
    pub revision: u32,
    /// The plan's hash.
    pub plan_hash: Digest,
    /// The inputs, defaults filled in; a secret input holds the secret's name.
    pub inputs: Map<String, Value>,
    /// Secret input → name of the secret that was given.
    pub secrets: BTreeMap<String, String>,
    /// Digest of `inputs`.
    pub inputs_digest: Digest,
    /// Digest of each tool that the plan names, as it was when the plan was evaluated.
    pub tools: BTreeMap<String, Digest>,
    /// What an approval binds to.
    pub execution_digest: Digest,
    /// Who asked for it.
    pub principal: String,
    /// The session it belongs to.
    pub session: String,
    /// The execution that runs this one as a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Absolute deadline, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// When an unanswered approval of the plan expires, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_ms: Option<i64>,
    /// Feeds the jitter of back-off.
    pub seed: u64,
    /// Which behaviour the engine keeps for this execution, so that later versions replay it alike.
    pub behaviour: u32,
    /// The policy that decided.
    pub policy_version: String,
    /// What policy said of the plan, with its reasons.
    pub decision: Decision,
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

/// Why a step was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `if` was false.
    If,
    /// A step that it needs can no longer complete.
    Need,
}

/// What a timer is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "for")]
pub enum Timer {
    /// A step of the tool `time.sleep`.
    Sleep {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// The back-off before the next attempt.
    Retry {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// The time that running calls get to end by themselves once the execution stops.
    Grace,
    /// `constraints.timeout_ms` of active time.
    PlanTimeout,
    /// The absolute deadline.
    Deadline,
}

/// What a person found out about a step in doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Resolution {
    /// The effect happened; the step completes with this output.
    Done {
        /// The output.
        output: Value,
    },
    /// The effect did not happen; the step may be tried again.
    NotDone,
    /// The step counts as failed.
    Fail {
        /// Why.
        reason: String,
    },
}

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

/// `success`, `partial` or `failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything that the plan asked for happened.
    Success,
    /// The plan ran to its end, but not all of it happened.
    Partial,
    /// The plan did not do what it was for.
    Failure,
}

impl Status {
    /// The status as it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Partial => "partial",
            Status::Failure => "failure",
        }
    }
}

macro_rules! bodies {
    ($($(#[$meta:meta])* $variant:ident = $kind:literal { $($(#[$fmeta:meta])* $field:ident: $type:ty,)* })*) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "data")]
        pub enum Body {
            /// The execution exists.
            #[serde(rename = "execution_created")]
            ExecutionCreated(Box<Created>),
            /// Something waits for a human.
            #[serde(rename = "request_opened")]
            RequestOpened(Request),
            /// A human answered.
            #[serde(rename = "request_answered")]
            RequestAnswered(Answer),
            $($(#[$meta])* #[serde(rename = $kind)] $variant { $($(#[$fmeta])* $field: $type,)* },)*
        }

        impl Body {
            /// Every kind, for the documentation.
            pub const KINDS: &'static [&'static str] =
                &["execution_created", "request_opened", "request_answered", $($kind,)*];

            /// The kind as the journal writes it.
            pub fn kind(&self) -> &'static str {
                match self {
                    Body::ExecutionCreated(_) => "execution_created",
                    Body::RequestOpened(_) => "request_opened",
                    Body::RequestAnswered(_) => "request_answered",
                    $(Body::$variant { .. } => $kind,)*
                }
            }
        }
    };
}

bodies! {
    /// A host took the execution up; the time since the event before does not count as active.
    HostStarted = "host_started" {
        /// The host's instance id.
        host: String,
    }
    /// Nobody drives the execution until the next `host_started`: nothing follows from what is recorded meanwhile.
    HostStopped = "host_stopped" {
        /// Why.
        reason: String,
    }
    /// The plan is approved and admitted; steps may start.
    ExecutionStarted = "execution_started" {
        /// Who approved it, and over which channel; empty where policy allowed it.
        approval: Option<String>,
    }
    /// An attempt begins. Durable before the call, unless it is a closed-world read.
    StepStarted = "step_started" {
        /// The step.
        step: String,
        /// The item of a `for_each` step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// The tool.
        tool: String,
        /// Effect, idempotence, openness of this call.
        facts: Facts,
        /// The arguments, placeholders in place of secrets.
        args: Value,
        /// Digest over the arguments.
        args_digest: Digest,
        /// The same for every attempt of this step and item.
        idempotency_key: String,
        /// Digest of the permit.
        permit: Digest,
        /// Hard stop of this attempt, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// The isolation that the call gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sandbox: Option<String>,
    }
    /// The host that ran the attempt is gone.
    AttemptInterrupted = "attempt_interrupted" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
    }
    /// An attempt, or a sleep, completed.
    StepCompleted = "step_completed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Digest over the output, so that a replay sees whether the output is the one that came.
        output_digest: Digest,
        /// The output.
        output: Value,
    }
    /// An attempt did not complete. Whether another follows is for the rules to say.
    StepFailed = "step_failed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt; 0 = nothing was called, because the step itself could not be made out.
        attempt: u32,
        /// How it ended.
        outcome: FailureKind,
        /// Why.
        error: Fault,
        /// The output, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    }
    /// Another attempt follows at `due_ms`.
    RetryScheduled = "retry_scheduled" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt that follows.
        attempt: u32,
        /// Unix milliseconds.
        due_ms: i64,
    }
    /// A durable timer runs.
    TimerSet = "timer_set" {
        /// What it is for.
        timer: Timer,
        /// Unix milliseconds.
        due_ms: i64,
    }
    /// A timer ran out.
    TimerFired = "timer_fired" {
        /// What it is for.
        timer: Timer,
    }
    /// The items of a `for_each` step are fixed.
    ItemsBound = "items_bound" {
        /// The step.
        step: String,
        /// The items.
        items: Vec<Value>,
    }
    /// A step will not run.
    StepSkipped = "step_skipped" {
        /// The step.
        step: String,
        /// Why.
        reason: SkipReason,
    }
    /// A call of the engine was refused; the step is blocked and the execution stops.
    StepBlocked = "step_blocked" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        refusal: Refusal,
    }
    /// A call that no step asked for was refused, or the admission of the plan itself.
    CallRefused = "call_refused" {
        /// Why.
        refusal: Refusal,
        /// The plan itself was refused: the execution ends.
        #[serde(default)]
        admission: bool,
    }
    /// A call was made and nobody knows whether its effect happened.
    StepInDoubt = "step_in_doubt" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// What is known.
        error: Fault,
    }
    /// A person, or the tool itself, said what became of a step in doubt.
    StepResolved = "step_resolved" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Who.
        by: String,
        /// What.
        resolution: Resolution,
    }
    /// A step's `if` was evaluated.
    BranchEvaluated = "branch_evaluated" {
        /// The step.
        step: String,
        /// What it gave.
        result: bool,
    }
    /// An invariant was checked.
    InvariantChecked = "invariant_checked" {
        /// The invariant's id.
        invariant: String,
        /// The step after which it was checked.
        step: String,
        /// Whether it holds.
        holds: bool,
    }
    /// Nobody answered in time.
    RequestExpired = "request_expired" {
        /// The request.
        request_id: String,
    }
    /// A choice of the strategize phase.
    ChoiceRecorded = "choice_recorded" {
        /// The choice, as the strategist gave it.
        choice: Value,
    }
    /// The plan has a new revision.
    PlanRevised = "plan_revised" {
        /// The revision.
        revision: u32,
        /// Its hash.
        plan_hash: Digest,
        /// What changed.
        diff: Value,
    }
    /// A caller outside the process got a token.
    TokenIssued = "token_issued" {
        /// To whom.
        principal: String,
        /// Unix milliseconds.
        expires_ms: i64,
    }
    /// Model use was counted.
    UsageRecorded = "usage_recorded" {
        /// Tokens and cost.
        usage: Value,
    }
    /// No step starts until the execution is resumed.
    ExecutionPaused = "execution_paused" {
        /// Who.
        by: String,
    }
    /// Steps start again.
    ExecutionResumed = "execution_resumed" {
        /// Who.
        by: String,
    }
    /// The execution is to end.
    CancelRequested = "cancel_requested" {
        /// Who.
        by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Give up on doubts and compensations.
        #[serde(default)]
        force: bool,
    }
    /// An undo call begins.
    CompensationStarted = "compensation_started" {
        /// The step that is undone.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// The call.
        call: Value,
    }
    /// An undo call completed.
    CompensationCompleted = "compensation_completed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    }
    /// An undo call failed.
    CompensationFailed = "compensation_failed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        error: Fault,
    }
    /// The approval no longer holds.
    ApprovalRevoked = "approval_revoked" {
        /// Who.
        by: String,
    }
    /// One step may pass a policy deny once.
    OverrideGranted = "override_granted" {
        /// The step.
        step: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// The arguments it holds for.
        args_digest: Digest,
    }
    /// Something that people should look at.
    FindingRecorded = "finding_recorded" {
        /// What.
        finding: Value,
    }
    /// The execution has ended.
    ExecutionFinished = "execution_finished" {
        /// The status by the rules.
        status: Status,
        /// None exactly when the status is success.
        error: Option<Fault>,
        /// The result payload.
        outputs: Map<String, Value>,
        /// Outputs whose expression erred.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    }
}

impl Body {
    /// Whether the event comes from outside the engine (an outcome, a person, a clock, a host) rather than following
    /// from the state. A replay reads inputs and re-derives the rest.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Body::ExecutionCreated(_)
                | Body::HostStarted { .. }
                | Body::HostStopped { .. }
                | Body::ExecutionStarted { .. }
                | Body::TimerFired { .. }
                | Body::CallRefused {
                    admission: false,
                    ..
                }
                | Body::StepResolved { .. }
                | Body::RequestAnswered(_)
                | Body::RequestExpired { .. }
                | Body::ChoiceRecorded { .. }
                | Body::PlanRevised { .. }
                | Body::TokenIssued { .. }
                | Body::UsageRecorded { .. }
                | Body::ExecutionPaused { .. }
                | Body::ExecutionResumed { .. }
                | Body::CancelRequested { .. }
                | Body::ApprovalRevoked { .. }
                | Body::OverrideGranted { .. }
                | Body::FindingRecorded { .. }
        )
    }
}

/// A journal row that is not an event of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row at seq {seq} is not a `{kind}` event: {reason}")]
pub struct NotAnEvent {
    /// The row's `seq`.
    pub seq: u64,
    /// The row's kind.
    pub kind: String,
    /// What is wrong.
    pub reason: String,
}

impl Event {
    /// The event's data as the journal stores it: one JSON object.
    pub fn payload(&self) -> Vec<u8> {
        // `{"kind":K,"data":D}`: D is what stands between the fixed beginning and the last brace.
        let whole = serde_json::to_vec(&self.body).unwrap_or_default();
        let start = r#"{"kind":"","data":"#.len() + self.body.kind().len();
        let end = whole.len().saturating_sub(1);
        whole.get(start..end).unwrap_or_default().to_vec()
    }

    /// The event that a journal row holds.
    ///
    /// # Errors
    /// When the kind is unknown or the payload does not fit it.
    pub fn from_row(seq: u64, at_ms: i64, kind: &str, payload: &[u8]) -> Result<Self, NotAnEvent> {
        let bad = |reason: String| NotAnEvent {
            seq,
            kind: kind.to_owned(),
            reason,
        };
        if !Body::KINDS.contains(&kind) {
            return Err(bad("the kind is unknown".to_owned()));
        }
        let mut whole = format!(r#"{{"kind":"{kind}","data":"#).into_bytes();
        whole.extend_from_slice(payload);
        whole.push(b'}');
        let body = serde_json::from_slice(&whole).map_err(|error| bad(error.to_string()))?;
        Ok(Self { seq, at_ms, body })
    }
}
