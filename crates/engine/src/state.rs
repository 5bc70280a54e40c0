//! The state of an execution: a fold over its events, and nothing else.

mod unit;

pub use unit::Unit;

use crate::agent::AgentData;
use crate::budget::{Start, StepCalls};
use crate::event::{Body, Created, Event, Fault, Request, Status};
use crate::labels::StepLabels;
use crate::life::{Phase, StepState};
use crate::overriding::Override;
use crate::progress::Progress;
use crate::revision::Proposed;
use mandate_plan::{CheckedPlan, CheckedStep};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long effects that are under way may go on once an execution stops, in milliseconds.
pub const GRACE_MS: i64 = 10_000;

/// The behaviour that executions created by this version keep; journaled, so that later versions replay them alike.
/// 1: nothing but plans is asked about. 2: doubts and calls that are refused and can wait are, and answers are sealed.
pub const BEHAVIOUR: u32 = 2;

/// What a unit waits for before its next attempt may begin, beside time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The answer to the request of that id.
    Request(String),
    /// The end of a freeze.
    Frozen,
    /// A rate that was used up; `due_ms` says until when.
    Rate,
}

impl Hold {
    /// What a refused call waits for: a rate has a time, a freeze has none.
    pub(crate) fn until(due_ms: Option<i64>) -> Self {
        match due_ms {
            Some(_) => Hold::Rate,
            None => Hold::Frozen,
        }
    }
}

/// A human said yes to a unit's arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// The request that was answered.
    pub request_id: String,
    /// Digest over the arguments.
    pub args_digest: mandate_plan::Digest,
}

/// A step as the execution sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepData {
    /// Where it is; of a `for_each` step, what its items add up to.
    pub state: StepState,
    /// One without `for_each`; with it, one per item once the items are bound.
    pub units: Vec<Unit>,
    /// The items, once they are bound.
    pub items: Option<Vec<Value>>,
    /// What its `if` gave.
    pub condition: Option<bool>,
    /// Its output: the tool's, or the list of the items' outputs.
    pub output: Option<Value>,
    /// Why it failed or was blocked.
    pub error: Option<Fault>,
    /// Why it was skipped.
    pub skipped: Option<crate::event::SkipReason>,
    /// Another execution did it; its output was taken over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
    /// When it, or an item of it, first failed for good: the event's `seq`.
    pub failed_seq: Option<u64>,
    /// The steps that run, or ran, in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// It failed, and a human is asked what comes of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asking: bool,
    /// A revision is awaited that makes up for its failure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replan: bool,
    /// Where its values come from, once it was called or its output was taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<StepLabels>,
    /// The calls that it made and may still make.
    #[serde(skip)]
    pub(crate) calls: StepCalls,
}

impl StepData {
    /// A step that has not begun.
    pub(crate) fn new(step: &CheckedStep) -> Self {
        Self {
            state: StepState::Pending,
            units: if step.for_each.is_some() {
                Vec::new()
            } else {
                vec![Unit::new()]
            },
            items: None,
            condition: None,
            output: None,
            error: None,
            skipped: None,
            carried: false,
            failed_seq: None,
            fallback: None,
            asking: false,
            replan: false,
            labels: None,
            calls: StepCalls::default(),
        }
    }
}

/// The steps that run in the place of a failed one, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// The number of the first.
    pub first: usize,
    /// The number behind the last.
    pub end: usize,
}

impl Fallback {
    /// Whether the step of that number is one of them.
    pub fn holds(self, number: usize) -> bool {
        (self.first..self.end).contains(&number)
    }
}

/// Why an execution stops before its plan is through.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stop {
    /// What made it stop; becomes the execution's error.
    pub fault: Fault,
    /// Somebody asked for it, so that it ends `cancelled`.
    pub cancelled: bool,
    /// Calls under way are dropped at once.
    pub at_once: bool,
    /// Doubts and compensations are given up.
    pub force: bool,
    /// When, Unix milliseconds.
    pub since_ms: i64,
    /// Until when calls with effects may end by themselves, Unix milliseconds.
    pub grace_due_ms: Option<i64>,
}

/// An invariant of the plan as the execution sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvariantData {
    /// What the journal says of it.
    pub holds: bool,
    /// What it gave when the last step settled.
    pub now: bool,
    /// Why it could not be evaluated.
    pub reason: Option<String>,
    /// It was violated, and nobody has said yet what is to come of it.
    pub unresolved: bool,
}

/// A request to a human that was opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenRequest {
    /// As it was opened.
    pub request: Request,
    /// When, Unix milliseconds.
    pub opened_ms: i64,
    /// The answer's choice, once there is one; `expired` when nobody answered.
    pub closed: Option<String>,
    /// Who answered, over which channel.
    pub by: Option<(String, String)>,
    /// The data that came with the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The reason that came with the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was closed, Unix milliseconds.
    pub closed_ms: Option<i64>,
    /// What each of those who answered said last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<crate::assent::Said>,
}

/// How an execution will end, once the steps under `finally` are through.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conclusion {
    /// By the status rules.
    pub status: Status,
    /// None exactly when the status is success.
    pub error: Option<Fault>,
    /// Somebody gave up on the steps under `finally`.
    pub force: bool,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ending {
    /// By the status rules.
    pub status: Status,
    /// None exactly when the status is success.
    pub error: Option<Fault>,
    /// The result payload.
    pub outputs: Map<String, Value>,
    /// Outputs whose expression erred.
    pub warnings: Vec<String>,
}

/// The state of one execution.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    #[serde(skip)]
    pub(crate) plan: Arc<CheckedPlan>,
    /// What it began with.
    pub created: Created,
    /// `created.inputs` as one value, for expressions.
    #[serde(skip)]
    pub(crate) inputs: Value,
    #[serde(skip)]
    pub(crate) about: Value,
    /// The `seq` of the last event.
    pub seq: u64,
    /// The last event's time: the engine's clock, Unix milliseconds.
    pub at_ms: i64,
    /// When it was created, Unix milliseconds.
    pub created_ms: i64,
    /// Where it is in its life.
    pub phase: Phase,
    /// Its steps by number: those of the plan in document order, then fallback steps, then those under `finally`.
    pub steps: Vec<StepData>,
    /// Calls under way: what `max_parallel` bounds.
    pub running: u32,
    /// Of these, children of which each waits for a human.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub resting: u32,
    /// Units that wait for a sleep, a back-off or their next attempt.
    pub waiting: u32,
    /// Units in doubt.
    pub doubtful: u32,
    /// Calls that count against `max_tool_calls`.
    pub calls: u64,
    /// Of these, calls that are set aside for nested plans which have not ended.
    #[serde(skip)]
    pub(crate) lent: u64,
    /// Calls that its steps may still make at most.
    #[serde(skip)]
    pub(crate) open_calls: u64,
    /// Calls of its session that were set aside for it when it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved: Option<u64>,
    /// Its session has too few calls left for it to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Active time so far, in milliseconds.
    pub active_ms: i64,
    /// A host drives it, as far as the journal knows.
    pub driven: bool,
    /// The host that drives it is about to leave: no call starts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Somebody paused it, and when.
    pub paused: Option<(String, i64)>,
    /// Why it stops.
    pub stop: Option<Stop>,
    /// What it asked people, by request id.
    pub requests: BTreeMap<String, OpenRequest>,
    /// The requests that wait for an answer, by id, the longest open first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// Calls beyond the plan's number that people granted.
    #[serde(skip_serializing_if = "is_zero")]
    pub granted_calls: u64,
    /// The plan's invariants, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantData>,
    /// The step that settled last, as far as invariants look.
    #[serde(skip)]
    pub(crate) settled_last: String,
    /// How many steps were settled when the invariants were last evaluated.
    #[serde(skip)]
    pub(crate) settled_steps: usize,
    /// How it will end, while the steps under `finally` run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Conclusion>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When it ended, Unix milliseconds.
    pub finished_ms: Option<i64>,
    /// The first step that is not settled: everything before needs no look.
    #[serde(skip)]
    pub(crate) frontier: usize,
    /// How far the steps have come.
    #[serde(skip)]
    pub(crate) progress: Progress,
    /// What was submitted, once a revision has taken its place: how it began, and the plan.
    #[serde(skip)]
    pub(crate) submitted: Option<(Box<Created>, Arc<CheckedPlan>)>,
    /// The plan that was approved in the place of the one that runs, which narrows it.
    #[serde(skip)]
    pub(crate) narrowed_from: Option<crate::narrowed::Basis>,
    /// A revision of the plan that is not in force yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Proposed>,
    /// Execution digests whose tokens are good still: what was added since is what their holders asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens_of: Vec<mandate_plan::Digest>,
    /// Steps that failed and wait for a revision that makes up for it.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub replans: u32,
    /// A call was handed something untrusted, and may have written it to a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub files_untrusted: bool,
    /// The approval no longer holds.
    pub revoked: bool,
    /// The policy that took the place of the one that it began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Policy denies that single calls may pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Somebody gave up on undoing what was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// In agent mode: what the agent asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<AgentData>>,
    /// Its plan was admitted, so that steps may have run.
    #[serde(skip)]
    pub(crate) began: bool,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.snapshot() == other.snapshot()
    }
}

/// The first event is not one that an execution can begin with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStart {
    /// Not `execution_created`, or not seq 1.
    #[error(
        "an execution begins with `execution_created` at seq 1, not with `{kind}` at seq {seq}"
    )]
    NotCreated {
        /// The kind found.
        kind: &'static str,
        /// The seq found.
        seq: u64,
    },
    /// The plan is another one.
    #[error("the execution was created for plan {expected}, not {found}")]
    OtherPlan {
        /// The hash in the event.
        expected: String,
        /// The hash of the plan given.
        found: String,
    },
}

impl State {
    /// The state after `execution_created`.
    ///
    /// # Errors
    /// When the event is another one, or the plan is not the one that it names.
    pub fn begin(plan: Arc<CheckedPlan>, event: &Event) -> Result<Self, BadStart> {
        let (Body::ExecutionCreated(created), 1) = (&event.body, event.seq) else {
            return Err(BadStart::NotCreated {
                kind: event.body.kind(),
                seq: event.seq,
            });
        };
        if *plan.hash() != created.plan_hash {
            return Err(BadStart::OtherPlan {
                expected: created.plan_hash.to_string(),
                found: plan.hash().to_string(),
            });
        }
        let mut steps: Vec<StepData> = plan.every_step().map(StepData::new).collect();
        for (id, carried) in created.carried.iter().flat_map(|carried| &carried.steps) {
            let number = plan.index_of(id);
            if let Some(data) = number.and_then(|number| steps.get_mut(number)) {
                data.take_over(carried);
            }
        }
        let invariants = crate::invariant::at_first(&plan);
        let progress = Progress::of(&plan, &steps);
        let agent = AgentData::at_first(plan.plan().mode, event.at_ms);
        let mut state = Self {
            open: Vec::new(),
            granted_calls: 0,
            invariants,
            settled_last: String::new(),
            settled_steps: 0,
            inputs: Value::Object(created.inputs.clone()),
            about: serde_json::json!({ "id": created.execution_id }),
            created: (**created).clone(),
            plan,
            seq: 1,
            at_ms: event.at_ms,
            created_ms: event.at_ms,
            phase: Phase::Created,
            steps,
            running: 0,
            resting: 0,
            waiting: 0,
            doubtful: 0,
            calls: 0,
            lent: 0,
            open_calls: 0,
            reserved: None,
            start: None,
            active_ms: 0,
            driven: true,
            leaving: false,
            paused: None,
            stop: None,
            requests: BTreeMap::new(),
            conclusion: None,
            ending: None,
            began: false,
            agent,
            finished_ms: None,
            frontier: 0,
            progress,
            submitted: None,
            narrowed_from: None,
            proposed: None,
            tokens_of: Vec::new(),
            replans: 0,
            files_untrusted: created
                .parent
                .as_ref()
                .is_some_and(|parent| parent.files_untrusted),
            revoked: false,
            policy: None,
            overrides: Vec::new(),
            abandoned: false,
        };
        state.count_open_calls();
        Ok(state)
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Arc<CheckedPlan> {
        &self.plan
    }

    /// What was submitted, whatever revisions have made of it since: how it began, and the plan.
    pub fn submitted(&self) -> (&Created, &Arc<CheckedPlan>) {
        let first = self.submitted.as_ref();
        first.map_or((&self.created, &self.plan), |(created, plan)| {
            (created, plan)
        })
    }

    /// The execution's id.
    pub fn execution_id(&self) -> &str {
        &self.created.execution_id
    }

    /// The state as one JSON value: what `replay --at` shows, and what two states are compared by.
    pub fn snapshot(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// A step of the plan, fallback and finally steps included, and its data, by id.
    pub fn step(&self, id: &str) -> Option<(&CheckedStep, &StepData)> {
        let number = self.plan.number_of(id)?;
        Some((self.plan.numbered(number)?, self.steps.get(number)?))
    }

    /// Every step with its data, by number.
    pub fn every_step(&self) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
        self.plan.every_step().zip(&self.steps)
    }

    pub(crate) fn unit(&self, id: &str, item: Option<u32>) -> Option<&Unit> {
        let (_, data) = self.step(id)?;
        unit_of(data, item)
    }

    /// Whether anything runs: a call is under way, and it is not a child that waits for a human.
    pub fn is_running(&self) -> bool {
        self.busy() > 0
    }

    /// Every unit that a call is under way for: step, item, attempt.
    pub fn open_attempts(&self) -> Vec<(String, Option<u32>, u32)> {
        self.units_where(|unit| unit.state == StepState::Running)
    }

    /// Every unit in doubt: step, item, attempt.
    pub fn doubts(&self) -> Vec<(String, Option<u32>, u32)> {
        self.units_where(|unit| unit.state == StepState::InDoubt)
    }

    pub(crate) fn units_where(
        &self,
        wanted: impl Fn(&Unit) -> bool,
    ) -> Vec<(String, Option<u32>, u32)> {
        let mut found = Vec::new();
        for (step, data) in self.every_step() {
            for (index, unit) in data.units.iter().enumerate() {
                if wanted(unit) {
                    found.push((step.step.id.clone(), item_of(step, index), unit.attempt));
                }
            }
        }
        found
    }

    /// The request that has been open for the longest.
    pub fn open_request(&self) -> Option<&OpenRequest> {
        self.open_requests().next()
    }

    /// The requests that wait for an answer, the longest open first.
    pub fn open_requests(&self) -> impl Iterator<Item = &OpenRequest> {
        self.open.iter().filter_map(|id| self.requests.get(id))
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

pub(crate) fn unit_of(data: &StepData, item: Option<u32>) -> Option<&Unit> {
    match (data.items.is_some(), item) {
        (true, Some(item)) => data.units.get(item as usize),
        (false, None) => data.units.first(),
        _ => None,
    }
}

pub(crate) fn item_of(step: &CheckedStep, index: usize) -> Option<u32> {
    step.for_each
        .as_ref()
        .map(|_| u32::try_from(index).unwrap_or(u32::MAX))
}
