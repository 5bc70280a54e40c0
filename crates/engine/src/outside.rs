//! Calls that somebody outside makes: they take the turn, make the call, and report what came of it.
//!
//! Such a call is under way wherever its caller is, so that the end of a host does not interrupt it: it stays open until it
//! is reported, or until its time is over. Then nobody knows what became of it, and what follows is as for any other call.

use crate::call::invocation_key;
use crate::event::{Body, FailureKind, Fault, Timer};
use crate::life::{Illegal, StepState};
use crate::settle::{CallOutcome, settle};
use crate::state::{State, Unit};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::Purpose;
use serde::Serialize;

/// A call that somebody outside makes, and has not reported on yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutsideCall {
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
    /// The tool.
    pub tool: String,
    /// Who makes it.
    pub by: String,
    /// Since when its time runs, Unix milliseconds: since it began, or since there is a host again.
    pub since_ms: i64,
    /// Its time is over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

/// Such a call that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverCall {
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// Who made it.
    pub by: String,
    /// How it ended.
    pub end: CallEnd,
    /// The digest of the report that ended it; none where nobody reported in time.
    pub report: Option<Digest>,
    /// The error, where it did not complete.
    pub error: Option<Fault>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// It completed.
    Completed,
    /// It did not.
    Failed(FailureKind),
    /// Nobody knows, and a human has to say.
    InDoubt,
}

impl CallEnd {
    /// The end as it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            CallEnd::Completed => "completed",
            CallEnd::Failed(FailureKind::Refused) => "refused",
            CallEnd::Failed(FailureKind::Failed) => "failed",
            CallEnd::Failed(FailureKind::Unknown) => "unknown",
            CallEnd::Failed(FailureKind::Invalid) => "invalid",
            CallEnd::InDoubt => "in_doubt",
        }
    }
}

/// The id of a call that somebody outside makes: the execution, and the `seq` of the `step_started` that it began with.
pub fn call_id(execution_id: &str, seq: u64) -> String {
    format!("{execution_id}.{seq}")
}

/// The parts of [`call_id`]. None: the text is no such id.
pub fn parse_call_id(text: &str) -> Option<(&str, u64)> {
    let (execution_id, number) = text.rsplit_once('.')?;
    let seq = number.parse().ok()?;
    // One call has one id.
    (!execution_id.is_empty() && call_id(execution_id, seq) == text).then_some((execution_id, seq))
}

impl State {
    /// Whether somebody outside calls this tool of the plan.
    pub fn is_external(&self, tool: &str) -> bool {
        self.created.external.contains(tool)
    }

    /// The calls that are under way outside, by the `seq` that they began with.
    pub fn outside_calls(&self) -> impl Iterator<Item = (u64, &OutsideCall)> {
        let agent = self.agent.iter();
        agent.flat_map(|agent| agent.outside.iter().map(|(seq, call)| (*seq, call)))
    }

    /// How many calls are under way outside.
    pub(crate) fn awaited_reports(&self) -> u32 {
        let open = self.agent.as_ref().map_or(0, |agent| agent.outside.len());
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    /// The call under way outside that began with that event.
    pub fn outside_call(&self, seq: u64) -> Option<&OutsideCall> {
        self.agent.as_ref()?.outside.get(&seq)
    }

    /// The call that began with that event, was made outside, and is over.
    pub fn over_call(&self, seq: u64) -> Option<&OverCall> {
        self.agent.as_ref()?.over.get(&seq)
    }

    /// When the time of a call that is under way outside is over, Unix milliseconds: the step's limit, else that of an agent
    /// that leaves the execution alone.
    pub fn outside_due_ms(&self, call: &OutsideCall) -> i64 {
        call.since_ms.saturating_add(self.outside_limit_ms(call))
    }

    /// The idempotency key of the call that a step, or an item of it, makes now or makes next.
    pub fn key_of_call(&self, step: &str, item: Option<u32>) -> String {
        let made = self.unit(step, item).map_or(0, |unit| unit.invocations);
        let (id, purpose) = (self.execution_id(), Purpose::Run);
        invocation_key(id, step, item, purpose, made.saturating_add(1))
    }

    fn outside_limit_ms(&self, call: &OutsideCall) -> i64 {
        let unit = self.unit(&call.step, call.item);
        let own = unit.and_then(|unit| unit.timeout_ms);
        own.map_or_else(
            || self.agent_idle_ms(),
            |limit_ms| i64::try_from(limit_ms).unwrap_or(i64::MAX),
        )
    }

    /// When the time of the first of them is over, and the input that this is.
    pub(crate) fn next_outside_due(&self) -> Option<(i64, Body)> {
        let open = self.outside_calls().filter(|(_, call)| !call.overdue);
        let due = open.map(|(_, call)| (self.outside_due_ms(call), call));
        let (due_ms, call) = due.min_by_key(|(due_ms, _)| *due_ms)?;
        let timer = Timer::Report {
            step: call.step.clone(),
            item: call.item,
        };
        Some((due_ms, Body::TimerFired { timer }))
    }

    /// A call begins that the agent makes which asked for it.
    pub(crate) fn begin_outside(&mut self, body: &Body) -> Result<(), Illegal> {
        let Body::StepStarted {
            step,
            item,
            attempt,
            tool,
            ..
        } = body
        else {
            return Err(Illegal);
        };
        let (seq, since_ms) = (self.seq.saturating_add(1), self.at_ms);
        let agent = self.agent.as_mut().ok_or(Illegal)?;
        let by = agent.asked.as_ref().ok_or(Illegal)?.by.clone();
        let call = OutsideCall {
            step: step.clone(),
            item: *item,
            attempt: *attempt,
            tool: tool.clone(),
            by,
            since_ms,
            overdue: false,
        };
        agent.outside.insert(seq, call);
        Ok(())
    }

    /// There is a host again: nobody could report while there was none.
    pub(crate) fn await_reports_anew(&mut self) {
        let now_ms = self.at_ms;
        let agent = self.agent.iter_mut();
        for call in agent.flat_map(|agent| agent.outside.values_mut()) {
            call.since_ms = now_ms;
        }
    }

    /// Nobody has reported in time.
    pub(crate) fn miss_report(&mut self, step: &str, item: Option<u32>) -> Result<(), Illegal> {
        let now_ms = self.at_ms;
        let of_step = |call: &OutsideCall| call.step == step && call.item == item;
        let open = self.outside_calls().find(|(_, call)| of_step(call));
        let (seq, call) = open.ok_or(Illegal)?;
        if call.overdue || self.outside_due_ms(call) > now_ms {
            return Err(Illegal);
        }
        let agent = self.agent.as_mut().ok_or(Illegal)?;
        agent.outside.get_mut(&seq).ok_or(Illegal)?.overdue = true;
        Ok(())
    }

    /// Notes that a call is over that was made outside.
    pub(crate) fn end_outside(&mut self, body: &Body) {
        let (step, item, attempt, end, error) = match body {
            Body::StepCompleted {
                step,
                item,
                attempt,
                ..
            } => (step, item, attempt, CallEnd::Completed, None),
            Body::StepFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                ..
            } => (step, item, attempt, CallEnd::Failed(*outcome), Some(error)),
            Body::StepInDoubt {
                step,
                item,
                attempt,
                error,
                ..
            } => (step, item, attempt, CallEnd::InDoubt, Some(error)),
            _ => return,
        };
        let Some(agent) = self.agent.as_mut().filter(|it| !it.outside.is_empty()) else {
            return;
        };
        let is_it = |call: &OutsideCall| {
            call.step == *step && call.item == *item && call.attempt == *attempt
        };
        let seq = { agent.outside.iter() }.find_map(|(seq, call)| is_it(call).then_some(*seq));
        let Some((seq, call)) = seq.and_then(|seq| Some((seq, agent.outside.remove(&seq)?))) else {
            return;
        };
        let over = OverCall {
            step: call.step,
            item: call.item,
            by: call.by,
            end,
            report: body.reported().map(|reported| reported.digest),
            error: error.cloned(),
        };
        agent.over.insert(seq, over);
    }
}

/// What follows for a call that is made outside: once its time is over, nobody knows what became of it.
pub(crate) fn missed(state: &State, id: &str, item: Option<u32>, unit: &Unit) -> Option<Body> {
    if unit.state != StepState::Running {
        return None;
    }
    let of_unit = |call: &OutsideCall| {
        call.step == id && call.item == item && call.attempt == unit.attempt && call.overdue
    };
    let (_, call) = state.outside_calls().find(|(_, call)| of_unit(call))?;
    let limit_ms = state.outside_limit_ms(call);
    let message = format!("nobody reported within {limit_ms} ms what became of the call");
    let unknown = CallOutcome::Unknown(Fault::new(ErrorCode::StepTimeout, message));
    settle(state, id, item, unit.attempt, Purpose::Run, unknown)
}

#[cfg(test)]
mod tests {
    use super::{call_id, parse_call_id};

    #[test]
    fn an_id_names_execution_and_event_in_one_way_only() {
        let id = call_id("0197a1b2-c3d4", 17);
        assert_eq!(parse_call_id(&id), Some(("0197a1b2-c3d4", 17)));
        for other in [
            "", "17", ".17", "e.", "e.x", "e.017", "e.+17", "e.-1", "e. 17",
        ] {
            assert_eq!(parse_call_id(other), None, "{other}");
        }
    }
}
