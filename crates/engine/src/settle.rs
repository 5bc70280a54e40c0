//! What the outcome of a call means: the event that it becomes.

use crate::compensate::undone;
use crate::event::{Body, FailureKind, Fault};
use crate::life::StepState;
use crate::scope::View;
use crate::state::State;
use mandate_plan::{Digest, ErrorCode, canonical_json};
use mandate_policy::{Purpose, suspicions};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How a call ended, as the tool runner saw it.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// The tool answered.
    Completed(Value),
    /// Nothing was sent.
    Refused(Fault),
    /// The tool answered with an error.
    Failed(Fault),
    /// Nobody knows what happened.
    Unknown(Fault),
    /// It happened, but its output breaks the output schema.
    Invalid(Fault, Option<Value>),
}

/// The event that `outcome` becomes; none when the attempt is not under way (any more).
pub fn settle(
    state: &State,
    step: &str,
    item: Option<u32>,
    attempt: u32,
    purpose: Purpose,
    outcome: CallOutcome,
) -> Option<Body> {
    if purpose == Purpose::Compensate {
        return undone(state, (step, item, attempt), outcome);
    }
    let unit = state.unit(step, item)?;
    if unit.state != StepState::Running || unit.attempt != attempt || unit.orphaned {
        return None;
    }
    let facts = unit.facts();
    let failed = |outcome: FailureKind, error: Fault, output: Option<Value>| Body::StepFailed {
        step: step.to_owned(),
        item,
        attempt,
        outcome,
        error: error.at_step(step),
        output,
        reported: None,
    };
    Some(match outcome {
        CallOutcome::Completed(output) => match expectation(state, step, item, &output) {
            Ok(()) => Body::StepCompleted {
                step: step.to_owned(),
                item,
                attempt,
                output_digest: output_digest(step, item, attempt, &output),
                suspicions: match state.created.scan_outputs && facts.open_world {
                    true => suspicions(&output),
                    false => BTreeSet::new(),
                },
                output,
                reported: None,
            },
            Err(error) if facts.read_only() => failed(FailureKind::Failed, error, None),
            Err(error) => failed(FailureKind::Invalid, error, Some(output)),
        },
        CallOutcome::Refused(error) => failed(FailureKind::Refused, error, None),
        CallOutcome::Failed(error) => failed(FailureKind::Failed, error, None),
        CallOutcome::Unknown(error) if unit.can_be_repeated() => {
            failed(FailureKind::Unknown, error, None)
        }
        CallOutcome::Unknown(error) => Body::StepInDoubt {
            step: step.to_owned(),
            item,
            attempt,
            error: Fault {
                cause: Some(Box::new(error)),
                ..doubt()
            }
            .at_step(step),
            purpose: Purpose::Run,
        },
        CallOutcome::Invalid(error, output) => failed(FailureKind::Invalid, error, output),
    })
}

/// What `step_completed` holds beside the output: bound to the attempt, so that an answer cannot be moved to another.
pub(crate) fn output_digest(step: &str, item: Option<u32>, attempt: u32, output: &Value) -> Digest {
    let place = canonical_json(&json!([step, item, attempt]));
    let output = canonical_json(output);
    Digest::framed("mandate/output/v1", [place.as_slice(), output.as_slice()])
}

pub(crate) fn doubt() -> Fault {
    Fault::new(
        ErrorCode::InDoubt,
        "the call was made and nobody knows whether its effect happened",
    )
}

pub(crate) fn expectation(
    state: &State,
    step: &str,
    item: Option<u32>,
    output: &Value,
) -> Result<(), Fault> {
    let Some((checked, data)) = state.step(step) else {
        return Ok(());
    };
    let Some(expect) = &checked.expect else {
        return Ok(());
    };
    let args = state
        .unit(step, item)
        .and_then(|unit| unit.args.as_ref())
        .unwrap_or(&Value::Null);
    let item = item.map(|item| item as usize);
    let item = item.and_then(|at| Some((data.items.as_ref()?.get(at)?, at)));
    let view = View::of(state).with_item(item).with_answer(output, args);
    match expect.eval_bool(&view) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let message = format!(
                "the tool's answer does not fulfil `expect`: {}",
                expect.source()
            );
            Err(Fault::new(ErrorCode::ExpectationFailed, message))
        }
        Err(error) => Err(Fault::new(ErrorCode::ExpectationFailed, error.message)),
    }
}
