//! How an execution ends: status, error and outputs, by rules and never by severity.

use crate::event::{Body, Fault, SkipReason, Status};
use crate::items::{any_failed, first_error};
use crate::life::StepState;
use crate::scope::View;
use crate::state::State;
use mandate_plan::ErrorCode;
use serde_json::{Map, Value};

/// The event that ends the execution as it stands.
pub(crate) fn finish(state: &State) -> Body {
    let (status, error) = match &state.conclusion {
        Some(conclusion) => (conclusion.status, conclusion.error.clone()),
        None => conclude(state),
    };
    let (outputs, warnings) = outputs(state);
    Body::ExecutionFinished {
        status,
        error,
        outputs,
        warnings,
    }
}

/// The status rules. A stop is a failure. A plan that ran to its end is a success when every step is completed,
/// recovered or skipped by its own `if` (or because it needs a step so skipped); partial when at least one completed;
/// else a failure.
pub(crate) fn conclude(state: &State) -> (Status, Option<Fault>) {
    if let Some(stop) = &state.stop {
        return (Status::Failure, Some(stop.fault.clone()));
    }
    let clean = clean_steps(state);
    if clean.iter().all(|clean| *clean) {
        return (Status::Success, None);
    }
    let first = first_failure(state);
    let halted = state.agent.as_ref().and_then(|agent| agent.halted.clone());
    let mut steps = state.steps.iter().take(state.plan().steps().len());
    let completed = steps.any(|data| data.state.usable());
    if let Some(mut halted) = halted {
        halted.cause = first.map(Box::new);
        return match completed {
            true => (Status::Partial, Some(halted)),
            false => (Status::Failure, Some(halted.stopping())),
        };
    }
    if !completed {
        let fault =
            first.unwrap_or_else(|| Fault::new(ErrorCode::UnknownError, "no step completed"));
        return (Status::Failure, Some(fault.stopping()));
    }
    let left_out = clean.iter().filter(|clean| !**clean).count();
    let message = match left_out {
        1 => "one step failed, lost items or was skipped because of a failure".to_owned(),
        many => format!("{many} steps failed, lost items or were skipped because of a failure"),
    };
    let mut error = Fault::new(ErrorCode::StepSkipped, message);
    error.cause = first.map(Box::new);
    (Status::Partial, Some(error))
}

/// For each step, whether it is as the plan meant it to be.
fn clean_steps(state: &State) -> Vec<bool> {
    let mut clean: Vec<bool> = Vec::with_capacity(state.plan().steps().len());
    for (step, data) in state.plan().steps().iter().zip(&state.steps) {
        let is_clean = match data.state {
            StepState::Completed => !any_failed(data),
            StepState::Recovered => true,
            StepState::Skipped if data.skipped == Some(SkipReason::If) => true,
            StepState::Skipped if data.skipped == Some(SkipReason::Finished) => false,
            StepState::Skipped => step
                .needs
                .iter()
                .filter(|group| !state.need_met(group))
                .flatten()
                .all(|needed| clean.get(*needed).copied().unwrap_or(false)),
            _ => false,
        };
        clean.push(is_clean);
    }
    clean
}

/// The failure that came first: of a step, or of an item of a step that went on without it.
fn first_failure(state: &State) -> Option<Fault> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    let failed = steps.filter(|(_, data)| data.state != StepState::Recovered);
    let failed = failed.filter_map(|(step, data)| Some((data.failed_seq?, step, data)));
    let (_, step, data) = failed.min_by_key(|(seq, ..)| *seq)?;
    let error = data.error.clone().or_else(|| first_error(data));
    Some(error?.at_step(&step.step.id))
}

fn outputs(state: &State) -> (Map<String, Value>, Vec<String>) {
    let mut outputs = Map::new();
    let mut warnings = Vec::new();
    match state.plan().outputs() {
        Some(named) => {
            for (name, expression) in named {
                let value = expression.eval(&View::of(state)).unwrap_or_else(|error| {
                    warnings.push(format!("output `{name}`: {}", error.message));
                    Value::Null
                });
                outputs.insert(name.clone(), value);
            }
        }
        None => {
            for (step, data) in state.plan().steps().iter().zip(&state.steps) {
                if data.state.usable() {
                    let output = data.output.clone().unwrap_or(Value::Null);
                    outputs.insert(step.step.id.clone(), output);
                }
            }
        }
    }
    outputs.sort_keys();
    (outputs, warnings)
}
