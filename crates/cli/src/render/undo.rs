//! What was undone of an execution that did not do what it was for, and what was not.

use super::shown;
use crate::{
    output::{Look, Paint},
    step_path,
};
use mandate_engine::{Phase, State, StepState, Undo};
use mandate_server::view::undos;

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
