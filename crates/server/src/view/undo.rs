//! What is to be undone of an execution, or was.

use super::schemas;
use mandate_engine::{Fault, Phase, State, StepState, Undo};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that was done and is to be undone, and how far that is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Compensation)]
pub struct UndoView {
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// Where the undo call is.
    pub state: &'static str,
    /// Attempts begun.
    pub attempts: u32,
    /// Why it failed.
    #[schema(value_type = Option<schemas::Fault>)]
    pub error: Option<Fault>,
    /// What it gave.
    #[schema(value_type = Value)]
    pub output: Option<Value>,
}

/// What is to be undone, or was, newest effect first. Empty where nothing is.
pub fn undos(state: &State) -> Vec<Undo<'_>> {
    let undos = state.undos();
    let begun = undos.iter().any(|undo| undo.call.is_some());
    if begun || state.phase == Phase::Compensating {
        undos
    } else {
        Vec::new()
    }
}

/// The undo calls for programs.
pub(super) fn of(state: &State) -> Vec<UndoView> {
    let each = undos(state).into_iter().map(|undo| UndoView {
        step: undo.step.to_owned(),
        item: undo.item,
        state: undo
            .call
            .map_or(StepState::Pending, |call| call.state)
            .as_str(),
        attempts: undo.call.map_or(0, |call| call.attempt),
        error: undo.call.and_then(|call| call.error.clone()),
        output: undo.call.and_then(|call| call.output.clone()),
    });
    each.collect()
}
