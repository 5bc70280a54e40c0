//! What follows for a step that has begun: interrupted attempts, back-offs, the begin and end of sleeps.

use crate::decide::Command;
use crate::doubt;
use crate::event::{Body, Fault, Timer};
use crate::life::StepState;
use crate::outside;
use crate::question;
use crate::retry::backoff_ms;
use crate::settle::output_digest;
use crate::sleep;
use crate::state::{State, StepData, Unit, item_of};
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::Purpose;

/// Interrupted attempts, back-offs and ends of sleeps: what follows whatever the phase.
pub(crate) fn follow_up(
    state: &State,
    index: usize,
    step: &CheckedStep,
    data: &StepData,
    out: &mut Vec<Command>,
) {
    let id = &step.step.id;
    for (number, unit) in data.units.iter().enumerate() {
        if !matches!(
            unit.state,
            StepState::Running | StepState::Waiting | StepState::InDoubt
        ) {
            continue;
        }
        let item = item_of(step, number);
        if state.is_question(index) && !unit.orphaned {
            question::follow_up(state, step, item, unit, out);
            continue;
        }
        let record = match unit.state {
            StepState::Running if unit.orphaned => Some(Body::AttemptInterrupted {
                step: id.clone(),
                item,
                attempt: unit.attempt,
                purpose: Purpose::Run,
            }),
            StepState::Running if unit.outside => outside::missed(state, id, item, unit),
            StepState::Running if state.is_sleep(index) => {
                // The arguments were looked at before the start, so that there is a time.
                let due_ms = sleep::due_ms(unit.args.as_ref(), state.at_ms);
                Some(Body::TimerSet {
                    timer: Timer::Sleep {
                        step: id.clone(),
                        item,
                    },
                    due_ms: due_ms.unwrap_or(state.at_ms),
                })
            }
            StepState::Waiting if unit.is_lost() => {
                let message = "the process that made the call ended before the answer came";
                Some(Body::StepInDoubt {
                    step: id.clone(),
                    item,
                    attempt: unit.attempt,
                    error: Fault::new(ErrorCode::InDoubt, message).at_step(id),
                    purpose: Purpose::Run,
                })
            }
            StepState::InDoubt => doubt::request(state, (id, item), &step.step.tool, unit),
            StepState::Waiting if unit.orphaned || unit.hold.is_some() => None,
            StepState::Waiting if state.is_sleep(index) => {
                let over = unit.due_ms.is_some_and(|due| due <= state.at_ms);
                over.then(|| {
                    let output = sleep::output(unit.started_ms, state.at_ms);
                    Body::StepCompleted {
                        step: id.clone(),
                        item,
                        attempt: unit.attempt,
                        output_digest: output_digest(id, item, unit.attempt, &output),
                        output,
                        suspicions: Default::default(),
                        reported: None,
                    }
                })
            }
            StepState::Waiting if unit.due_ms.is_none() && state.lives(index) => {
                Some(retry_scheduled(state, step, item, unit))
            }
            _ => None,
        };
        out.extend(record.map(Command::Record));
    }
}

fn retry_scheduled(state: &State, step: &CheckedStep, item: Option<u32>, unit: &Unit) -> Body {
    let failures = unit.used();
    let pause = backoff_ms(
        &step.retry,
        failures,
        state.created.seed,
        &step.step.id,
        item,
    );
    let due_ms = state
        .at_ms
        .saturating_add(i64::try_from(pause).unwrap_or(i64::MAX));
    Body::RetryScheduled {
        step: step.step.id.clone(),
        item,
        attempt: unit.attempt.saturating_add(1),
        due_ms,
        purpose: Purpose::Run,
    }
}
