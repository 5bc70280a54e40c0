//! What was undone of an execution that did not do what it was for, and what was not.

use super::shown;
use crate::{
    output::{Look, Paint},
    step_path,
};
use mandate_engine::{Phase, State, StepState, Undo};
use serde_json::{Value, json};

/// What is to be undone, or was, newest effect first. Empty where nothing is.
fn undos(state: &State) -> Vec<Undo<'_>> {
    let undos = state.undos();
    let begun = undos.iter().any(|undo| undo.call.is_some());
    if begun || state.phase == Phase::Compensating {
        undos
    } else {
        Vec::new()
    }
}

/// The undo calls for programs.
pub(crate) fn to_json(state: &State) -> Value {
    let each = undos(state).into_iter().map(|undo| {
        json!({
            "step": undo.step,
            "item": undo.item,
            "state": word(&undo),
            "attempts": undo.call.map_or(0, |call| call.attempt),
            "error": undo.call.and_then(|call| call.error.as_ref()),
            "output": undo.call.and_then(|call| call.output.as_ref()),
        })
    });
    each.collect()
}

fn word(undo: &Undo<'_>) -> &'static str {
    undo.call
        .map_or(StepState::Pending, |call| call.state)
        .as_str()
}

/// A line for what was undone, and one for each effect that stays.
pub(crate) fn lines(state: &State, paint: Paint) -> Vec<String> {
    let undos = undos(state);
    let done = |undo: &&Undo<'_>| {
        undo.call
            .is_some_and(|call| call.state == StepState::Completed)
    };
    let names: Vec<String> = undos.iter().filter(done).map(place).collect();
    let mut out = Vec::new();
    if !names.is_empty() {
        let names = paint.bold(&names.join(", "));
        out.push(format!("{} {names}", paint.look(Look::Good, "undone:")));
    }
    for undo in undos.iter().filter(|undo| !done(undo)) {
        let error = undo.call.and_then(|call| call.error.as_ref());
        let why = match (undo.call.map(|call| call.state), error) {
            (Some(StepState::Running), _) => "its undo call is under way".to_owned(),
            (_, Some(error)) => format!("{}: {}", error.code, shown::line(&error.message)),
            (_, None) if state.phase == Phase::Ended => "somebody gave up on it".to_owned(),
            (_, None) => "not begun".to_owned(),
        };
        out.push(format!(
            "{} {}: {why}",
            paint.look(Look::Warn, "not undone:"),
            paint.bold(&place(undo))
        ));
    }
    out
}

/// The names of what a failure now would undo, in that order.
pub(crate) fn would_undo(state: &State) -> Vec<String> {
    let undos = state.undos();
    let open = |undo: &&Undo<'_>| !undo.call.is_some_and(|call| call.state.settled());
    undos.iter().filter(open).map(place).collect()
}

fn place(undo: &Undo<'_>) -> String {
    step_path::show(undo.step, undo.item)
}
