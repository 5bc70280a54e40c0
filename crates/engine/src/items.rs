//! What the items of a `for_each` step add up to.

use crate::event::Fault;
use crate::life::StepState;
use crate::state::StepData;
use serde_json::{Value, json};

/// Sets the step's state, output and error from its items. `keep_going`: `on_item_failure: continue`.
pub(crate) fn roll_up(data: &mut StepData, keep_going: bool) {
    let has = |state: StepState| data.units.iter().any(|unit| unit.state == state);
    let failed = has(StepState::Failed);
    let open = has(StepState::Running) || has(StepState::Waiting);
    data.state = if open {
        if has(StepState::Running) {
            StepState::Running
        } else {
            StepState::Waiting
        }
    } else if has(StepState::InDoubt) {
        StepState::InDoubt
    } else if has(StepState::Blocked) {
        StepState::Blocked
    } else if failed && !keep_going {
        StepState::Failed
    } else if has(StepState::Pending) {
        let begun = data
            .units
            .iter()
            .any(|unit| unit.state != StepState::Pending);
        if begun {
            StepState::Running
        } else {
            StepState::Pending
        }
    } else if has(StepState::Cancelled) {
        StepState::Cancelled
    } else if data.units.is_empty() || has(StepState::Completed) {
        StepState::Completed
    } else {
        StepState::Failed
    };
    match data.state {
        StepState::Completed => {
            let outputs = data.units.iter_mut();
            data.output = Some(
                outputs
                    .map(|unit| unit.output.take().unwrap_or(Value::Null))
                    .collect(),
            );
        }
        StepState::Failed | StepState::Blocked | StepState::InDoubt => {
            let culprit = data
                .units
                .iter()
                .enumerate()
                .find(|(_, unit)| unit.state == data.state && unit.error.is_some());
            if let Some((index, unit)) = culprit {
                data.error = unit.error.clone().map(|fault| in_item(fault, index));
            }
        }
        _ => {}
    }
}

fn in_item(mut fault: Fault, index: usize) -> Fault {
    fault.message = format!("item {index}: {}", fault.message);
    fault
}

/// `steps.id.errors`: what went wrong at which item.
pub(crate) fn errors(data: &StepData) -> Value {
    let failed = data
        .units
        .iter()
        .enumerate()
        .filter(|(_, unit)| unit.state == StepState::Failed);
    failed
        .filter_map(|(index, unit)| {
            let fault = unit.error.as_ref()?;
            Some(json!({ "index": index, "code": fault.code, "message": fault.message }))
        })
        .collect()
}

/// Whether any item failed.
pub(crate) fn any_failed(data: &StepData) -> bool {
    data.items.is_some()
        && data
            .units
            .iter()
            .any(|unit| unit.state == StepState::Failed)
}
