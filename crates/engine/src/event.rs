//! The events of an execution: the only way that its state changes, and what the journal holds of it.
//!
//! A journal row is (`seq`, `at_ms`, `kind`, payload); [`Event::kind`] and [`Body`]'s serde form give the last two. These
//! types are the journal's and are never changed in meaning: a new need is a new field with a default or a new kind.

mod created;
mod fault;
mod inputs;
mod no_room;
mod passed_on;
mod refused_call;
mod reported;
mod request;
mod row;
mod step_words;
mod waiting_for;

pub use crate::narrowed::StandsOn;
pub use created::{ApprovedBefore, Asked, Carried, CarriedStep, Created, Parent};
pub use fault::{FailureKind, Fault};
pub use no_room::NoRoom;
pub use passed_on::{AskedDuring, PassedOn};
pub use refused_call::RefusedCall;
pub use reported::{Reported, report_digest};
pub use request::{
    ANSWER, APPROVE, Answer, BoundCall, CONTINUE, DONE, DefaultAnswer, FAIL, GRANT, HALT, NOT_DONE,
    REJECT, RETRY, Request, RequestKind, SKIP, SUPPLY, Takes,
};
use row::is_run;
pub use row::{Event, NotAnEvent};
pub use step_words::{Resolution, SkipReason, Status, Timer};
pub use waiting_for::WaitingFor;

use mandate_plan::{Digest, Facts};
use mandate_policy::{Decision, Purpose, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

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
            RequestOpened(Box<Request>),
            /// A human answered.
            #[serde(rename = "request_answered")]
            RequestAnswered(Answer),
            /// A human answered, and others must say the same before it holds.
            #[serde(rename = "answer_counted")]
            AnswerCounted(Answer),
            $($(#[$meta])* #[serde(rename = $kind)] $variant { $($(#[$fmeta])* $field: $type,)* },)*
        }

        impl Body {
            /// Every kind, for the documentation.
            pub const KINDS: &'static [&'static str] =
                &["execution_created", "request_opened", "request_answered", "answer_counted", $($kind,)*];

            /// The kind as the journal writes it.
            pub fn kind(&self) -> &'static str {
                match self {
                    Body::ExecutionCreated(_) => "execution_created",
                    Body::RequestOpened(_) => "request_opened",
                    Body::RequestAnswered(_) => "request_answered",
                    Body::AnswerCounted(_) => "answer_counted",
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
    /// The host is about to leave: calls under way may end, and none starts until the next `host_started`.
    HostLeaving = "host_leaving" {
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
        /// How many calls of its session were set aside for it; none where that was not done yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<u64>,
    }
    /// So many refusals were counted, and not written one by one: there were too many of them.
    RefusalsCounted = "refusals_counted" {
        /// Since when, Unix milliseconds.
        since_ms: i64,
        /// How many, by code.
        codes: BTreeMap<String, u64>,
    }
    /// The plan may need more calls than its session has left: somebody is asked before it starts.
    StartHeld = "start_held" {
        /// What was missing.
        room: NoRoom,
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
        /// Digest over place, facts, permit and isolation: what a replay cannot derive, and must see a change of.
        granted_digest: Digest,
        /// Hard stop of this attempt, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// The isolation that the call gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sandbox: Option<String>,
        /// The one who asked for the call makes it, and reports what came of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        outside: bool,
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
        /// Whether it ran the step or undid it.
        #[serde(default, skip_serializing_if = "is_run")]
        purpose: Purpose,
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
        /// Digest over the output and the attempt that it answers: a replay sees whether it is the one that came.
        output_digest: Digest,
        /// The output.
        output: Value,
        /// What in the output looks like words meant for a model, where outputs are looked through for that.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        suspicions: BTreeSet<String>,
        /// Who reported it, of a call that was made outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reported: Option<Box<Reported>>,
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
        /// Who reported it, of a call that was made outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reported: Option<Box<Reported>>,
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
        /// Whether it runs the step or undoes it.
        #[serde(default, skip_serializing_if = "is_run")]
        purpose: Purpose,
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
    /// The steps that ran in place of a failed one are settled.
    FallbackEnded = "fallback_ended" {
        /// The failed step.
        step: String,
        /// The fallback step whose output it takes; none = none of them completed, and the execution stops.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
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
    /// A call of the engine was refused and can wait: a rate is used up, or calls are frozen.
    StepHeld = "step_held" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        refusal: Refusal,
        /// When it is tried again, Unix milliseconds; none = once calls are no longer frozen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_ms: Option<i64>,
        /// Whether it would have run the step or undone it.
        #[serde(default, skip_serializing_if = "is_run")]
        purpose: Purpose,
    }
    /// Calls are no longer frozen: what was held back is tried again.
    Thawed = "thawed" {
        /// Who.
        by: String,
    }
    /// An agent asks for a call; what follows from that comes next.
    CallRequested = "call_requested" {
        /// The step that it is.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The tool.
        tool: String,
        /// The arguments: those of the plan, and what the agent chose.
        args: Value,
        /// Who.
        by: String,
        /// The key of the token that it came with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    }
    /// The agent has finished.
    FinishRequested = "finish_requested" {
        /// Who.
        by: String,
        /// With this step alone; none = with the whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    }
    /// A call of an agent was refused, or the admission of the plan itself.
    CallRefused = "call_refused" {
        /// Why.
        refusal: Refusal,
        /// The plan itself was refused: the execution ends.
        #[serde(default)]
        admission: bool,
        /// What was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<Box<RefusedCall>>,
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
        /// Whether it ran the step or undid it.
        #[serde(default, skip_serializing_if = "is_run")]
        purpose: Purpose,
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
        /// Over which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// Digest over all of it, so that a replay sees whether it is what was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_digest: Option<Digest>,
    }
    /// The child of a `plan.run` step began to wait for a human, or goes on.
    ChildWaiting = "child_waiting" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// What the child waits for; none = it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<WaitingFor>,
    }
    /// A step's `if` was evaluated.
    BranchEvaluated = "branch_evaluated" {
        /// The step.
        step: String,
        /// What it gave.
        result: bool,
    }
    /// An invariant began to be violated, or holds again.
    InvariantChecked = "invariant_checked" {
        /// The invariant's id.
        invariant: String,
        /// The step after which it was checked.
        step: String,
        /// Whether it holds.
        holds: bool,
        /// Why it could not be evaluated, which counts as a violation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
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
    /// Another plan is proposed in the place of the one that runs.
    RevisionProposed = "revision_proposed" {
        /// The number that it will have.
        revision: u32,
        /// The document.
        plan: Value,
        /// Its hash.
        plan_hash: Digest,
        /// What its approval binds to.
        execution_digest: Digest,
        /// Digest of each of its tools.
        tools: BTreeMap<String, Digest>,
        /// Those of them that somebody outside calls.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        external: BTreeSet<String>,
        /// What policy said of it.
        decision: Box<Decision>,
        /// What it changes.
        diff: Value,
        /// Who proposed it.
        by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// It only narrows what was approved, and that approval stands for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stands: Option<Box<StandsOn>>,
        /// In what it asks for more than was approved: what whoever is asked is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delta: Option<Value>,
        /// An agent asked for it, by a call that the plan does not hold: it adds that call.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asked_for: bool,
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
        /// The key that it was made with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The only steps that may be called with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<Vec<String>>,
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
    /// An undo call begins. Durable before the call.
    CompensationStarted = "compensation_started" {
        /// The step that is undone.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// The tool that undoes it.
        tool: String,
        /// Effect, idempotence, openness of this call.
        facts: Facts,
        /// The arguments, placeholders in place of secrets.
        args: Value,
        /// Digest over the arguments.
        args_digest: Digest,
        /// The same for every attempt to undo this step and item; another one than that of the step itself.
        idempotency_key: String,
        /// Digest of the permit.
        permit: Digest,
        /// As of `step_started`.
        granted_digest: Digest,
        /// Hard stop of this attempt, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// The isolation that the call gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sandbox: Option<String>,
    }
    /// An undo call completed.
    CompensationCompleted = "compensation_completed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Digest over the output and the attempt that it answers.
        output_digest: Digest,
        /// The output.
        output: Value,
    }
    /// An undo call failed. Whether another attempt follows is for the rules to say; the other undo calls are made.
    CompensationFailed = "compensation_failed" {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt; 0 = nothing was called.
        attempt: u32,
        /// How it ended.
        outcome: FailureKind,
        /// Why.
        error: Fault,
        /// Where the call was refused: what refused it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refusal: Option<Refusal>,
    }
    /// The approval no longer holds.
    ApprovalRevoked = "approval_revoked" {
        /// Who.
        by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
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
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    }
    /// Another policy is in force than before, and open requests and further calls are judged by it.
    PolicyChanged = "policy_changed" {
        /// Its version.
        policy_version: String,
        /// What it says of the plan.
        decision: Box<Decision>,
        /// What it says of the revision that is proposed; none: there is none, or what was decided of it stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<Box<Decision>>,
    }
    /// Something of a tool server was passed on to the agent, besides the output of a call.
    AgentTold = "agent_told" {
        /// What.
        what: Box<PassedOn>,
    }
    /// Something that people should look at.
    FindingRecorded = "finding_recorded" {
        /// What.
        finding: Value,
    }
    /// How the execution ends stands; the steps under `finally` run before it does.
    FinallyStarted = "finally_started" {
        /// The status by the rules.
        status: Status,
        /// None exactly when the status is success.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Fault>,
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
