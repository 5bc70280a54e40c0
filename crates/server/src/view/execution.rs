//! An execution: its result, what it waits for, its steps.

use super::schemas;
use super::session::AwaitedCalls;
use super::step::{self, StepView};
use super::undo::{self, UndoView};
use mandate_engine::event::Request;
use mandate_engine::{Fault, Parent, State, WaitingFor, call_id};
use mandate_host::Freeze;
use mandate_plan::Digest;
use mandate_store::Head;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where an execution is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Execution)]
pub struct ExecutionView {
    /// Its id.
    pub execution_id: String,
    /// The plan's name.
    pub name: String,
    /// The plan's hash.
    #[schema(value_type = String)]
    pub plan_hash: Digest,
    /// Who asked for it.
    pub principal: String,
    /// `pending`, `waiting`, `running`, `paused`, `replanning`, `compensating`, `completed`, `failed` or `cancelled`.
    pub state: &'static str,
    /// `success`, `partial` or `failure`, once it has ended.
    pub status: Option<&'static str>,
    /// Its steps, in document order.
    pub steps: Vec<StepView>,
    /// The steps that a fallback took the place of.
    pub recovered: Vec<String>,
    /// What is to be undone, or was.
    pub compensations: Vec<UndoView>,
    /// The execution that runs it as a step.
    #[schema(value_type = Option<Object>)]
    pub parent: Option<Parent>,
    /// The execution whose work it took over.
    pub rerun_of: Option<String>,
    /// The executions that its steps stand for.
    pub children: Vec<ChildView>,
    /// The calls that are under way outside.
    pub outside: Vec<OutsideView>,
    /// The steps under `finally`.
    pub finally: Vec<StepView>,
    /// What it gave.
    #[schema(value_type = Option<Object>)]
    pub outputs: Option<Map<String, Value>>,
    /// Outputs whose expression erred.
    pub warnings: Vec<String>,
    /// Why it is no success.
    #[schema(value_type = Option<schemas::Fault>)]
    pub error: Option<Fault>,
    /// Why nothing runs.
    #[schema(value_type = Option<schemas::WaitingFor>)]
    pub waiting_for: Option<WaitingFor>,
    /// What people are asked.
    pub requests: Vec<OpenRequestView>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub finished_at_ms: Option<i64>,
    /// The time in between.
    pub elapsed_ms: Option<i64>,
    /// The journal's head.
    #[schema(value_type = Option<schemas::Head>)]
    pub head: Option<Head>,
}

/// An execution that a step stands for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Child)]
pub struct ChildView {
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// The execution.
    pub execution_id: String,
}

/// A call that somebody outside makes, and has not reported on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OutsideCall)]
pub struct OutsideView {
    /// What its report names it by.
    pub call_id: String,
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// The tool.
    pub tool: String,
    /// Who makes it.
    pub by: String,
    /// Until when it is to be reported, Unix milliseconds.
    pub due_ms: i64,
}

/// A request of an execution that is open.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OpenRequest)]
pub struct OpenRequestView {
    /// Its id.
    pub request_id: String,
    /// `plan`, `revision`, `step`, `question`, `failure`, `invariant`, `budget` or `in_doubt`.
    pub kind: &'static str,
    /// The step that it is about.
    pub step: Option<String>,
    /// The item of that step.
    pub item: Option<u32>,
    /// What is asked; empty for a plan.
    pub question: String,
    /// What can be answered.
    pub choices: Vec<String>,
    /// Who may answer.
    pub approvers: Vec<String>,
    /// Unix milliseconds; none = it does not expire.
    pub expires_at_ms: Option<i64>,
}

impl OpenRequestView {
    fn of(request: &Request) -> Self {
        Self {
            request_id: request.request_id.clone(),
            kind: request.kind.as_str(),
            step: request.step.clone(),
            item: request.item,
            question: request.question.clone(),
            choices: request.choices.clone(),
            approvers: request.approvers.clone(),
            expires_at_ms: request.expires_ms,
        }
    }
}

/// Where an execution is, for programs.
pub fn execution(
    state: &State,
    waiting: Option<&WaitingFor>,
    head: Option<&Head>,
) -> ExecutionView {
    let ending = state.ending.as_ref();
    let children = state.children().into_iter().map(|child| ChildView {
        step: child.step,
        item: child.item,
        execution_id: child.execution_id,
    });
    let outside = state.outside_calls().map(|(seq, call)| OutsideView {
        call_id: call_id(state.execution_id(), seq),
        step: call.step.clone(),
        item: call.item,
        tool: call.tool.clone(),
        by: call.by.clone(),
        due_ms: state.outside_due_ms(call),
    });
    let requests = state.open_requests();
    let recovered = step::recovered(state).into_iter();
    ExecutionView {
        execution_id: state.execution_id().to_owned(),
        name: state.plan().plan().name.clone(),
        plan_hash: state.created.plan_hash,
        principal: state.created.principal.clone(),
        state: state.shown_state(),
        status: ending.map(|ending| ending.status.as_str()),
        steps: step::steps(state),
        recovered: recovered.map(str::to_owned).collect(),
        compensations: undo::of(state),
        parent: state.created.parent.clone(),
        rerun_of: { state.created.carried.as_ref() }.map(|carried| carried.from.clone()),
        children: children.collect(),
        outside: outside.collect(),
        finally: step::finally(state)
            .map(|(checked, data)| step::step(checked, data))
            .collect(),
        outputs: ending.map(|ending| ending.outputs.clone()),
        warnings: ending.map_or_else(Vec::new, |ending| ending.warnings.clone()),
        error: ending.and_then(|ending| ending.error.clone()),
        waiting_for: waiting.cloned(),
        requests: requests
            .map(|open| OpenRequestView::of(&open.request))
            .collect(),
        created_at_ms: state.created_ms,
        finished_at_ms: state.finished_ms,
        elapsed_ms: state
            .finished_ms
            .map(|end| end.saturating_sub(state.created_ms)),
        head: head.copied(),
    }
}

/// The same over HTTP, where nobody has the process or the plan at hand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Execution {
    /// Where it is.
    #[serde(flatten)]
    pub shown: ExecutionView,
    /// The `seq` of its last event, as far as this answer goes.
    pub seq: u64,
    /// The revision of the plan that runs, from 1.
    pub revision: u32,
    /// The session that it belongs to.
    pub session: String,
    /// The inputs; a secret one holds the secret's name.
    #[schema(value_type = Object)]
    pub inputs: Map<String, Value>,
    /// Absolute deadline, Unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// Calls are frozen, so that nothing starts.
    #[schema(value_type = Option<schemas::Freeze>)]
    pub freeze: Option<Freeze>,
    /// What it lacks to start, while others of its session have set calls aside.
    pub awaited_calls: Option<AwaitedCalls>,
    /// The process that drives it; none = nobody.
    pub host_pid: Option<u32>,
    /// With `at`: the event after which it stood like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// With `at`: the `seq` of the last event there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
}

impl Execution {
    /// As it is now.
    pub fn now(
        state: &State,
        head: Option<&Head>,
        freeze: Option<Freeze>,
        awaited_calls: Option<AwaitedCalls>,
    ) -> Self {
        let waiting = state.waiting_for();
        let shown = execution(state, waiting.as_ref(), head);
        Self {
            awaited_calls,
            ..Self::with(state, shown, freeze.filter(|_| state.ending.is_none()))
        }
    }

    /// As it was after event `state.seq`, when `last_seq` is the last.
    pub fn back_then(state: &State, last_seq: u64) -> Self {
        let waiting = state.waiting_for();
        let shown = execution(state, waiting.as_ref(), None);
        Self {
            at: Some(state.seq),
            last_seq: Some(last_seq),
            ..Self::with(state, shown, None)
        }
    }

    fn with(state: &State, shown: ExecutionView, freeze: Option<Freeze>) -> Self {
        let ended = state.ending.is_some();
        Self {
            shown,
            seq: state.seq,
            revision: state.created.revision,
            session: state.created.session.clone(),
            inputs: state.created.inputs.clone(),
            deadline_ms: state.created.deadline_ms,
            freeze,
            awaited_calls: None,
            host_pid: (!ended).then(std::process::id),
            at: None,
            last_seq: None,
        }
    }
}
