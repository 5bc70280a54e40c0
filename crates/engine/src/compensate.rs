//! Compensation: when an execution ends failed or cancelled, what its steps did is undone, the newest first, one at a
//! time. An undo call lives like an attempt of a step: it is enforced, retried, interrupted, in doubt.

use crate::call::undo_call;
use crate::decide::Command;
use crate::doubt;
use crate::event::{Body, FailureKind, Fault, Status};
use crate::life::{Illegal, Phase, StepState};
use crate::readiness::OwnWait;
use crate::retry::backoff_ms;
use crate::settle::output_digest;
use crate::state::{State, StepData, Unit, item_of};
use crate::status;
use crate::units::Place;
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::{Purpose, Refusal};
use serde_json::Value;

/// One thing that was done and is to be undone, and how far that is.
#[derive(Debug, Clone, Copy)]
pub struct Undo<'a> {
    /// The step.
    pub step: &'a str,
    /// Its item.
    pub item: Option<u32>,
    /// The undo call as it stands; none = not begun.
    pub call: Option<&'a Unit>,
}

/// What follows while effects are undone.
pub(crate) fn compensate(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    if state.gives_up() {
        abandon(state, &mut out);
        return out;
    }
    let Some((place, step, data)) = state.next_undo() else {
        out.push(Command::Record(crate::finally::end(state)));
        return out;
    };
    let item = item_of(step, place.1);
    let id = &step.step.id;
    let undo = data
        .units
        .get(place.1)
        .and_then(|unit| unit.undo.as_deref());
    match undo {
        Some(undo) if undo.state == StepState::Running && undo.orphaned => {
            out.push(Command::Record(Body::AttemptInterrupted {
                step: id.clone(),
                item,
                attempt: undo.attempt,
                purpose: Purpose::Compensate,
            }));
        }
        Some(undo) if undo.state == StepState::Waiting && undo.is_lost() => {
            let message = "the process that made the undo call ended before the answer came";
            out.push(Command::Record(Body::StepInDoubt {
                step: id.clone(),
                item,
                attempt: undo.attempt,
                error: Fault::new(ErrorCode::InDoubt, message).at_step(id),
                purpose: Purpose::Compensate,
            }));
        }
        Some(undo)
            if undo.state == StepState::Waiting
                && !undo.orphaned
                && undo.due_ms.is_none()
                && undo.hold.is_none() =>
        {
            out.push(Command::Record(retry_scheduled(state, step, item, undo)));
        }
        Some(undo) if undo.state == StepState::InDoubt => {
            let tool = step.compensate.as_ref().map_or("", |(tool, _)| tool);
            let asked = doubt::request(state, (id, item), tool, undo);
            out.extend(asked.map(Command::Record));
        }
        Some(undo) if !undo.may_start(state.at_ms, OwnWait::None) => {}
        _ => out.push(match undo_call(state, step, data, place.1) {
            Ok(call) => Command::Start(call),
            Err(error) => Command::Record(Body::CompensationFailed {
                step: id.clone(),
                item,
                attempt: 0,
                outcome: FailureKind::Failed,
                error: error.at_step(id),
                refusal: None,
            }),
        }),
    }
    out
}

/// Somebody gave up on undoing: the call under way is dropped, and then it ends.
fn abandon(state: &State, out: &mut Vec<Command>) {
    for (place, step, undo) in state.undo_calls() {
        if undo.state != StepState::Running {
            continue;
        }
        let (step, item) = (step.step.id.clone(), item_of(step, place.1));
        out.push(if undo.orphaned {
            Command::Record(Body::AttemptInterrupted {
                step,
                item,
                attempt: undo.attempt,
                purpose: Purpose::Compensate,
            })
        } else {
            Command::Abort {
                step,
                item,
                attempt: undo.attempt,
                purpose: Purpose::Compensate,
            }
        });
    }
    if out.is_empty() {
        out.push(Command::Record(crate::finally::end(state)));
    }
}

fn retry_scheduled(state: &State, step: &CheckedStep, item: Option<u32>, undo: &Unit) -> Body {
    let failures = undo.attempt.saturating_sub(undo.interrupted);
    // Another seed than the step's own, so that the two do not share their jitter.
    let seed = state.created.seed.wrapping_add(1);
    let pause = backoff_ms(&step.retry, failures, seed, &step.step.id, item);
    let pause = i64::try_from(pause).unwrap_or(i64::MAX);
    Body::RetryScheduled {
        step: step.step.id.clone(),
        item,
        attempt: undo.attempt.saturating_add(1),
        due_ms: state.at_ms.saturating_add(pause),
        purpose: Purpose::Compensate,
    }
}

impl StepData {
    /// What one unit gave, wherever it is kept.
    pub(crate) fn output_of(&self, unit: usize) -> Option<&Value> {
        let own = self.units.get(unit).and_then(|unit| unit.output.as_ref());
        own.or_else(|| match (&self.items, &self.output) {
            (Some(_), Some(Value::Array(outputs))) => outputs.get(unit),
            (None, output) => output.as_ref(),
            _ => None,
        })
    }
}

impl State {
    /// What compensation is about: everything that happened and can be undone, the newest first. Empty unless the
    /// execution ends, or as it stands would end, without having done what it was for.
    pub fn undos(&self) -> Vec<Undo<'_>> {
        let places = self.undo_places();
        let undos = places.into_iter().filter_map(|(step, unit)| {
            let (checked, data) = (self.plan.numbered(step)?, self.steps.get(step)?);
            Some(Undo {
                step: checked.step.id.as_str(),
                item: item_of(checked, unit),
                call: data.units.get(unit)?.undo.as_deref(),
            })
        });
        undos.collect()
    }

    /// Undo calls in doubt: step, item, attempt.
    pub fn undo_doubts(&self) -> Vec<(String, Option<u32>, u32)> {
        self.undo_calls_in(StepState::InDoubt)
    }

    /// Undo calls under way: step, item, attempt.
    pub fn open_undos(&self) -> Vec<(String, Option<u32>, u32)> {
        self.undo_calls_in(StepState::Running)
    }

    fn undo_calls_in(&self, state: StepState) -> Vec<(String, Option<u32>, u32)> {
        let calls = self.undo_calls().into_iter();
        let wanted = calls.filter(|(_, _, undo)| undo.state == state);
        wanted
            .map(|(place, step, undo)| (step.step.id.clone(), item_of(step, place.1), undo.attempt))
            .collect()
    }

    pub(crate) fn undo_places(&self) -> Vec<Place> {
        let mut found: Vec<(u64, Place)> = Vec::new();
        let first_finally = self.plan.first_finally();
        for (step, data) in self.plan.every_step().zip(&self.steps).take(first_finally) {
            if step.compensate.is_none() {
                continue;
            }
            // What happened did, whatever became of a further attempt that somebody asked for.
            let units = data.units.iter().enumerate();
            found.extend(
                units.filter_map(|(number, unit)| {
                    unit.done_seq.map(|seq| (seq, (step.index, number)))
                }),
            );
        }
        found.sort_unstable_by(|left, right| right.cmp(left));
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// Undo calls that have begun.
    fn undo_calls(&self) -> Vec<(Place, &CheckedStep, &Unit)> {
        let places = self.undo_places().into_iter();
        places
            .filter_map(|place| {
                let step = self.plan.numbered(place.0)?;
                let unit = self.steps.get(place.0)?.units.get(place.1)?;
                Some((place, step, unit.undo.as_deref()?))
            })
            .collect()
    }

    /// The undo whose turn it is.
    fn next_undo(&self) -> Option<(Place, &CheckedStep, &StepData)> {
        let place = self.undo_places().into_iter().find(|place| {
            let unit = self.at(*place).ok();
            let undo = unit.and_then(|unit| unit.undo.as_deref());
            !undo.is_some_and(|undo| undo.state.settled())
        })?;
        Some((
            place,
            self.plan.numbered(place.0)?,
            self.steps.get(place.0)?,
        ))
    }

    /// The undo call whose turn it is, if it has begun.
    pub(crate) fn current_undo(&self) -> Option<(&CheckedStep, Option<u32>, &Unit)> {
        let (place, step, data) = self.next_undo()?;
        let undo = data.units.get(place.1)?.undo.as_deref()?;
        Some((step, item_of(step, place.1), undo))
    }

    /// Whether effects are to be undone before anything else ends the execution: it stops, or it ran to an end at which
    /// nothing was achieved, and what happened nevertheless can be undone.
    pub(crate) fn owes_undo(&self) -> bool {
        let ends = match self.phase {
            Phase::Stopping => true,
            Phase::Active => status::conclude(self).0 == Status::Failure,
            _ => false,
        };
        ends && self.began && !self.gives_up() && self.next_undo().is_some()
    }

    /// Somebody gave up on doubts and compensations.
    pub fn gives_up(&self) -> bool {
        self.abandoned || self.stop.as_ref().is_some_and(|stop| stop.force)
    }

    /// Compensation is through, or given up.
    pub(crate) fn may_end_undo(&self) -> bool {
        self.gives_up() || self.next_undo().is_none()
    }

    /// Only force ends compensation before its time.
    pub(crate) fn force_undo(&mut self, force: bool) -> Result<(), Illegal> {
        if !force || self.gives_up() {
            return Err(Illegal);
        }
        self.abandoned = true;
        Ok(())
    }

    /// Why the undo call may not be made now; none when it may.
    pub(crate) fn not_the_turn_of(
        &self,
        step: &str,
        item: Option<u32>,
        attempt: u32,
    ) -> Option<&'static str> {
        let place = self.locate(step, item).ok();
        let Some((next, _, data)) = self.next_undo().filter(|(next, ..)| Some(*next) == place)
        else {
            return Some("another effect is to be undone before it, or it needs no undoing");
        };
        let undo = data.units.get(next.1).and_then(|unit| unit.undo.as_deref());
        let (begun, ready) = undo.map_or((0, true), |undo| {
            (undo.attempt, undo.may_start(self.at_ms, OwnWait::None))
        });
        if attempt != begun.saturating_add(1) {
            return Some("another attempt is the next one");
        }
        (!ready).then_some("its undo call is under way, in doubt or waits for its next attempt")
    }
}

/// The event that the outcome of an undo call becomes.
pub(crate) fn undone(
    state: &State,
    (step, item, attempt): (&str, Option<u32>, u32),
    outcome: crate::settle::CallOutcome,
) -> Option<Body> {
    use crate::settle::CallOutcome as O;
    let place = state.running_undo(step, item, attempt).ok()?;
    let repeatable = state.undo_at(place).ok()?.facts().repeatable();
    let failed = |outcome: FailureKind, error: Fault| Body::CompensationFailed {
        step: step.to_owned(),
        item,
        attempt,
        outcome,
        error: error.at_step(step),
        refusal: None,
    };
    Some(match outcome {
        O::Completed(output) => Body::CompensationCompleted {
            step: step.to_owned(),
            item,
            attempt,
            output_digest: output_digest(step, item, attempt, &output),
            output,
        },
        O::Refused(error) => failed(FailureKind::Refused, error),
        O::Failed(error) => failed(FailureKind::Failed, error),
        O::Unknown(error) if repeatable => failed(FailureKind::Unknown, error),
        O::Unknown(error) => Body::StepInDoubt {
            step: step.to_owned(),
            item,
            attempt,
            error: Fault {
                cause: Some(Box::new(error)),
                ..crate::settle::doubt()
            }
            .at_step(step),
            purpose: Purpose::Compensate,
        },
        O::Invalid(error, _) => failed(FailureKind::Invalid, error),
    })
}

/// What a refused undo call becomes: it is not made, and the others are.
pub(crate) fn refused(step: String, item: Option<u32>, refusal: Refusal) -> Body {
    let error = Fault::from(&refusal).at_step(&step);
    Body::CompensationFailed {
        step,
        item,
        attempt: 0,
        outcome: FailureKind::Refused,
        error,
        refusal: Some(refusal),
    }
}
