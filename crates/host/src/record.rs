//! Recording an input without driving the execution: approving, pausing or resolving while no host runs. Nothing follows
//! from it until the next host takes the execution up.

use crate::answering::input_of;
use crate::ask::HostError;
use crate::overriding::{self, Overriding};
use crate::projection::{execution_row, request_rows};
use crate::recovery::load;
use crate::refused::note_answer;
use mandate_engine::event::Answer;
use mandate_engine::{Applied, Body, Event, Phase, State};
use mandate_store::{Appended, Batch, Journal, NewRecord};
use std::sync::mpsc::channel;

/// Appends `body` to an execution that nobody drives, and returns the state after it, once the disk has it.
///
/// # Errors
/// When there is no such unfinished execution, the input does not fit its state, or the store fails.
pub fn record(
    journal: &dyn Journal,
    execution_id: &str,
    now_ms: i64,
    body: Body,
) -> Result<State, HostError> {
    record_with(journal, execution_id, now_ms, |_| Ok(body))
}

/// Appends an answer to a request of an execution that nobody drives, once it is sure that it fits and that whoever
/// gives it may. Returns the state after it, once the disk has it.
///
/// # Errors
/// As [`record`], and what does not fit.
pub fn record_answer(
    journal: &dyn Journal,
    execution_id: &str,
    now_ms: i64,
    answer: Answer,
) -> Result<State, HostError> {
    let recorded = record_with(journal, execution_id, now_ms, |state| {
        input_of(state, answer.clone(), now_ms)
    });
    if let Err(error) = &recorded {
        note_answer(journal, now_ms, execution_id, &answer, error);
    }
    recorded
}

/// Lets a step of an execution that nobody drives pass a policy deny once. Returns the state after it, once the disk has
/// it.
///
/// # Errors
/// As [`record`], and a step that has begun or whose arguments are not known yet.
pub fn record_override(
    journal: &dyn Journal,
    execution_id: &str,
    now_ms: i64,
    overriding: Overriding,
) -> Result<State, HostError> {
    record_with(journal, execution_id, now_ms, |state| {
        overriding::input_of(state, overriding)
    })
}

fn record_with(
    journal: &dyn Journal,
    execution_id: &str,
    now_ms: i64,
    body: impl FnOnce(&State) -> Result<Body, HostError>,
) -> Result<State, HostError> {
    let mut state = load(journal, execution_id)?;
    // What is wrong with the input says more than that it comes too late for any.
    let body = body(&state)?;
    if state.phase == Phase::Ended {
        let ended = format!(
            "execution `{execution_id}` has ended: it is {}",
            state.shown_state()
        );
        return Err(HostError::NotNow(ended));
    }
    let body = state.sealed(body);
    let kind = body.kind();
    let mut events = Vec::new();
    if state.driven {
        let reason = "the host that drove it is gone".to_owned();
        add(
            &mut state,
            now_ms,
            Body::HostStopped { reason },
            &mut events,
        );
    }
    if !add(&mut state, now_ms, body, &mut events) {
        let message = format!(
            "`{kind}` does not fit execution `{execution_id}` as it stands: it is {}",
            state.shown_state()
        );
        return Err(HostError::NotNow(message));
    }
    append(journal, &state, &events)?;
    Ok(state)
}

fn add(state: &mut State, now_ms: i64, body: Body, events: &mut Vec<Event>) -> bool {
    let event = Event {
        seq: state.seq.saturating_add(1),
        at_ms: state.at_ms.max(now_ms),
        body,
    };
    let changed = state.apply(&event) == Applied::Changed;
    if changed {
        events.push(event);
    }
    changed
}

fn append(journal: &dyn Journal, state: &State, events: &[Event]) -> Result<Appended, HostError> {
    let first_seq = events.first().map_or(0, |event| event.seq);
    let records = events.iter().map(|event| NewRecord {
        at_ms: event.at_ms,
        kind: event.body.kind(),
        payload: event.payload(),
    });
    let batch = Batch {
        stream: state.execution_id().to_owned(),
        first_seq,
        records: records.collect(),
        plan: None,
        stands_on: Vec::new(),
        execution: Some(execution_row(state)),
        requests: request_rows(state),
        calls: Vec::new(),
    };
    let (done, stored) = channel();
    journal.append(
        batch,
        Box::new(move |result| {
            let _ = done.send(result);
        }),
    );
    stored
        .recv()
        .map_err(|_| HostError::Stopped)?
        .map_err(HostError::Store)
}
