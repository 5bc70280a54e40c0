//! Attempts under way, so that the end of one is told with its beginning.

use mandate_engine::event::{FailureKind, Fault};
use mandate_engine::{Body, Event, State};
use mandate_policy::Purpose;
use std::collections::{BTreeMap, HashMap};

/// Executions whose attempts are kept in mind. Beyond, and for what another host began, the state is asked: it knows the
/// last attempt of each step.
const MOST: usize = 16_384;

/// An attempt that has ended, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) step: String,
    pub(super) item: Option<u32>,
    pub(super) attempt: u32,
    pub(super) purpose: Purpose,
    pub(super) tool: String,
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
    /// The `seq` of the event that it began with, where that is known.
    pub(super) begun_seq: Option<u64>,
    /// `completed`, `failed`, `refused`, `unknown`, `invalid` or `interrupted`.
    pub(super) outcome: &'static str,
    /// The error's code.
    pub(super) code: Option<&'static str>,
}

struct Begun {
    attempt: u32,
    tool: String,
    at_ms: i64,
    seq: Option<u64>,
}

type Place = (String, Option<u32>, Purpose);

/// Attempts under way, by execution.
#[derive(Default)]
pub(super) struct Attempts {
    by_execution: HashMap<String, BTreeMap<Place, Begun>>,
}

impl Attempts {
    /// Takes an event, and gives the attempt that it ends.
    pub(super) fn follow(&mut self, state: &State, event: &Event) -> Option<Ended> {
        let at_ms = event.at_ms;
        match &event.body {
            Body::StepStarted {
                step,
                item,
                attempt,
                tool,
                ..
            } => self.begin(
                state,
                step,
                *item,
                Purpose::Run,
                begun(*attempt, tool, event),
            ),
            Body::CompensationStarted {
                step,
                item,
                attempt,
                tool,
                ..
            } => self.begin(
                state,
                step,
                *item,
                Purpose::Compensate,
                begun(*attempt, tool, event),
            ),
            Body::StepCompleted {
                step,
                item,
                attempt,
                ..
            } => {
                let place = (step.clone(), *item, Purpose::Run);
                return self.end(state, place, *attempt, at_ms, "completed", None);
            }
            Body::CompensationCompleted {
                step,
                item,
                attempt,
                ..
            } => {
                let place = (step.clone(), *item, Purpose::Compensate);
                return self.end(state, place, *attempt, at_ms, "completed", None);
            }
            Body::StepFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                ..
            } => {
                let place = (step.clone(), *item, Purpose::Run);
                let outcome = failure(*outcome);
                return self.end(state, place, *attempt, at_ms, outcome, Some(error));
            }
            Body::CompensationFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                ..
            } => {
                let place = (step.clone(), *item, Purpose::Compensate);
                let outcome = failure(*outcome);
                return self.end(state, place, *attempt, at_ms, outcome, Some(error));
            }
            Body::StepInDoubt {
                step,
                item,
                attempt,
                error,
                purpose,
            } => {
                let place = (step.clone(), *item, *purpose);
                return self.end(state, place, *attempt, at_ms, "unknown", Some(error));
            }
            Body::AttemptInterrupted {
                step,
                item,
                attempt,
                purpose,
            } => {
                let place = (step.clone(), *item, *purpose);
                return self.end(state, place, *attempt, at_ms, "interrupted", None);
            }
            Body::ExecutionFinished { .. } => {
                self.by_execution.remove(state.execution_id());
            }
            _ => {}
        }
        None
    }

    fn begin(
        &mut self,
        state: &State,
        step: &str,
        item: Option<u32>,
        purpose: Purpose,
        begun: Begun,
    ) {
        let id = state.execution_id();
        let full = self.by_execution.len() >= MOST && !self.by_execution.contains_key(id);
        if !full {
            let open = self.by_execution.entry(id.to_owned()).or_default();
            open.insert((step.to_owned(), item, purpose), begun);
        }
    }

    fn end(
        &mut self,
        state: &State,
        place: Place,
        attempt: u32,
        until_ms: i64,
        outcome: &'static str,
        fault: Option<&Fault>,
    ) -> Option<Ended> {
        // What could not even be made out is no attempt.
        if attempt == 0 {
            return None;
        }
        let open = self.by_execution.get_mut(state.execution_id());
        let begun = open.and_then(|open| open.remove(&place));
        let begun = begun.filter(|begun| begun.attempt == attempt);
        let begun = begun.or_else(|| known(state, &place, attempt))?;
        let (step, item, purpose) = place;
        Some(Ended {
            step,
            item,
            attempt,
            purpose,
            tool: begun.tool,
            from_ms: begun.at_ms,
            until_ms: until_ms.max(begun.at_ms),
            begun_seq: begun.seq,
            outcome,
            code: fault.map(|fault| fault.code.as_str()),
        })
    }
}

fn begun(attempt: u32, tool: &str, event: &Event) -> Begun {
    Begun {
        attempt,
        tool: tool.to_owned(),
        at_ms: event.at_ms,
        seq: Some(event.seq),
    }
}

/// What the state knows of an attempt that began under another host.
fn known(state: &State, (step, item, purpose): &Place, attempt: u32) -> Option<Begun> {
    let (checked, data) = state.step(step)?;
    let unit = data.units.get(item.map_or(0, |item| item as usize))?;
    let (unit, tool) = match purpose {
        Purpose::Run => (unit, checked.step.tool.as_str()),
        // Which tool undoes it was said when it began.
        Purpose::Compensate => (unit.undo.as_deref()?, ""),
    };
    let at_ms = unit.started_ms.filter(|_| unit.attempt == attempt)?;
    Some(Begun {
        attempt,
        tool: tool.to_owned(),
        at_ms,
        seq: None,
    })
}

fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Refused => "refused",
        FailureKind::Failed => "failed",
        FailureKind::Unknown => "unknown",
        FailureKind::Invalid => "invalid",
    }
}
