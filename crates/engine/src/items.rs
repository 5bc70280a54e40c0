//! What the items of a `for_each` step add up to.

use crate::event::Fault;
use crate::life::{StepChange, StepState, next_step_state};
use crate::state::{StepData, Unit};
use serde_json::{Value, json};

/// Sets the step's state, output and error from its items. `keep_going`: `on_item_failure: continue`.
pub(crate) fn roll_up(data: &mut StepData, keep_going: bool) {
    data.state = add_up(&data.units, keep_going);
    data.error = None;
    match data.state {
        StepState::Completed => {
            let outputs = data.units.iter_mut().map(|unit| match unit.state {
                StepState::Completed => unit.output.take().unwrap_or(Value::Null),
                // What a failed item gave is not an output.
                _ => Value::Null,
            });
            data.output = Some(outputs.collect());
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

fn add_up(units: &[Unit], keep_going: bool) -> StepState {
    use StepState as S;
    let mut seen = [false; StepState::ALL.len()];
    // A first call that is held has not begun.
    let is_held = |unit: &&Unit| unit.state == S::Waiting && unit.attempt == 0;
    let held = units.iter().any(|unit| is_held(&unit));
    for unit in units.iter().filter(|unit| !is_held(unit)) {
        if let Some(slot) = seen.get_mut(unit.state as usize) {
            *slot = true;
        }
    }
    let has = |state: S| seen.get(state as usize).copied().unwrap_or(false);
    let begun = || {
        let open = |unit: &Unit| unit.state == S::Pending || is_held(&unit);
        !units.iter().all(open)
    };
    match () {
        () if has(S::Running) => S::Running,
        () if has(S::Waiting) => S::Waiting,
        () if has(S::InDoubt) => S::InDoubt,
        () if has(S::Blocked) => S::Blocked,
        () if has(S::Failed) && !keep_going => S::Failed,
        () if held => S::Waiting,
        () if has(S::Pending) && begun() => S::Running,
        () if has(S::Pending) => S::Pending,
        () if has(S::Cancelled) => S::Cancelled,
        () if has(S::Failed) && !has(S::Completed) => S::Failed,
        () => S::Completed,
    }
}

/// Items whose first call is held never begin once the step is settled; how many were let go.
pub(crate) fn let_go(data: &mut StepData) -> u32 {
    let mut released = 0;
    for unit in &mut data.units {
        if unit.state == StepState::Waiting && unit.attempt == 0 {
            if let Ok(next) = next_step_state(unit.state, StepChange::Release) {
                unit.state = next;
            }
            unit.hold = None;
            unit.due_ms = None;
            released += 1;
        }
    }
    released
}

fn in_item(mut fault: Fault, index: usize) -> Fault {
    fault.message = format!("item {index}: {}", fault.message);
    fault
}

/// `steps.id.errors`: what went wrong at which item.
pub(crate) fn errors(data: &StepData) -> Value {
    if data.items.is_none() {
        return Value::Array(Vec::new());
    }
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

/// The error of the item that failed first, as far as its time tells.
pub(crate) fn first_error(data: &StepData) -> Option<Fault> {
    let failed = data.units.iter().enumerate();
    let failed = failed.filter(|(_, unit)| unit.state == StepState::Failed);
    let (index, unit) = failed.min_by_key(|(index, unit)| (unit.ended_ms, *index))?;
    unit.error.clone().map(|fault| in_item(fault, index))
}
