//! `execute`: waits while Mandate runs a plan, with progress.

use super::propose::{Proposed, read, submitted};
use super::{Act, no};
use crate::handles::Handle;
use crate::told::Told;
use crate::under::Spot;
use mandate_engine::{Body, State};
use mandate_host::{HostError, Update};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// How often it looks whether anybody still waits for the answer.
const LOOK: Duration = Duration::from_millis(100);

/// Follows an execution to its end, or until a human is awaited.
pub(super) fn execute(act: &Act<'_>, arguments: &str) -> Result<Told, Box<Told>> {
    let asked: Proposed<'_> = read(arguments)?;
    let named = match asked.plan {
        Some(_) if asked.execution_id.is_some() => {
            return Err(Box::new(Told::wrong(
                "give one of `plan` and `execution_id`",
            )));
        }
        Some(plan) => Some(submitted(act, plan, asked.inputs)?.0),
        None => asked.execution_id,
    };
    let (bound, state) = act.driven(named.as_deref())?;
    if state.is_agents() {
        return Err(Box::new(Told::wrong(
            "this plan is of `mode: agent`: call its tools yourself, `status` says which",
        )));
    }
    let handle = Handle::Run {
        execution_id: bound.execution_id.clone(),
        revision: state.created.revision,
    };
    act.at(|| Spot::At(handle.clone()));
    let state = match state.ending {
        Some(_) => state,
        None => follow(act, &bound.execution_id, state).map_err(|error| no(&error))?,
    };
    let shown = act.shown(&state, &bound);
    let failed = state
        .ending
        .as_ref()
        .is_some_and(|ending| ending.error.is_some());
    let waits = state.ending.is_none() && state.shown_state() != "replanning";
    Ok(Told {
        handle: waits.then_some(handle),
        is_error: failed,
        ..Told::value(shown)
    })
}

fn follow(act: &Act<'_>, execution_id: &str, mut state: State) -> Result<State, HostError> {
    let desk = act.visitor.desk.as_ref();
    let steps = state.plan().steps().len();
    let mut settled = 0;
    'again: loop {
        let updates = desk.watch(execution_id)?;
        loop {
            match updates.recv_timeout(LOOK) {
                Ok(Update::Now(now)) => {
                    settled = count(&now);
                    (act.progress)(settled, steps, "");
                }
                Ok(Update::Event(event)) => {
                    if let Some(step) = settles(&event.body) {
                        settled = settled.saturating_add(1).min(steps);
                        (act.progress)(settled, steps, step);
                    }
                }
                Ok(Update::Rest(rest)) => {
                    act.noticed(&rest.state);
                    if rest.state.ending.is_some() || !rest.state.goes_on() {
                        return Ok(rest.state);
                    }
                }
                Ok(Update::Lost(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) if (act.abandoned)() => {
                    state = desk.state(execution_id)?;
                    return Ok(state);
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The host is gone; whoever takes its place goes on.
                Err(RecvTimeoutError::Disconnected) => continue 'again,
            }
        }
    }
}

fn count(state: &State) -> usize {
    let steps = state.plan().steps().len();
    let settled = state
        .every_step()
        .take(steps)
        .filter(|(_, data)| data.state.settled());
    settled.count()
}

/// The step that an event settles, roughly: items are not told apart.
fn settles(body: &Body) -> Option<&str> {
    match body {
        Body::StepCompleted {
            step, item: None, ..
        }
        | Body::StepSkipped { step, .. }
        | Body::StepBlocked { step, .. } => Some(step),
        _ => None,
    }
}
