//! `apply` for the events of steps and timers.

use crate::apply::{SLEEP, fail_attempt, is_counted, resolve};
use crate::event::{Body, Event, Fault, Timer};
use crate::life::{Illegal, StepChange, StepState, next_step_state};
use crate::state::{State, StepData, Unit};
use mandate_plan::ErrorCode;

impl State {
    pub(crate) fn locate(&self, step: &str, item: Option<u32>) -> Result<(usize, usize), Illegal> {
        let index = self.plan.index_of(step).ok_or(Illegal)?;
        let data = self.steps.get(index).ok_or(Illegal)?;
        let unit = match (&data.items, item) {
            (Some(_), Some(item)) => item as usize,
            (None, None) => 0,
            _ => return Err(Illegal),
        };
        data.units.get(unit).map(|_| (index, unit)).ok_or(Illegal)
    }

    fn at(&self, place: (usize, usize)) -> Result<&Unit, Illegal> {
        self.steps
            .get(place.0)
            .and_then(|data| data.units.get(place.1))
            .ok_or(Illegal)
    }

    fn pending_step(&mut self, step: &str) -> Result<(usize, &mut StepData), Illegal> {
        let index = self.plan.index_of(step).ok_or(Illegal)?;
        let data = self.steps.get_mut(index).ok_or(Illegal)?;
        if data.state == StepState::Pending {
            Ok((index, data))
        } else {
            Err(Illegal)
        }
    }

    pub(crate) fn apply_step(&mut self, event: &Event) -> Result<(), Illegal> {
        match &event.body {
            Body::StepStarted {
                step,
                item,
                attempt,
                tool,
                facts,
                args,
                timeout_ms,
                ..
            } => {
                let place = self.locate(step, *item)?;
                if *attempt != self.at(place)?.attempt.saturating_add(1) {
                    return Err(Illegal);
                }
                let now_ms = self.at_ms;
                self.change(place.0, place.1, StepChange::Start, |unit| {
                    unit.attempt = *attempt;
                    unit.args = Some(args.clone());
                    unit.facts = Some(*facts);
                    unit.due_ms = None;
                    unit.orphaned = false;
                    unit.timeout_ms = *timeout_ms;
                    unit.started_ms = Some(now_ms);
                    unit.ended_ms = None;
                })?;
                if is_counted(tool) {
                    self.calls = self.calls.saturating_add(1);
                }
                Ok(())
            }
            Body::AttemptInterrupted {
                step,
                item,
                attempt,
            } => {
                let place = self.running_attempt(step, *item, *attempt)?;
                if !self.at(place)?.orphaned {
                    return Err(Illegal);
                }
                self.change(place.0, place.1, StepChange::Interrupt, |unit| {
                    unit.interrupted = unit.interrupted.saturating_add(1);
                })
            }
            Body::StepCompleted {
                step,
                item,
                attempt,
                output,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let unit = self.at(place)?;
                let asleep = unit.state == StepState::Waiting && self.is_sleep(place.0);
                if unit.attempt != *attempt || !(unit.state == StepState::Running || asleep) {
                    return Err(Illegal);
                }
                self.change(place.0, place.1, StepChange::Complete, |unit| {
                    unit.output = Some(output.clone());
                    unit.error = None;
                    unit.failure = None;
                    unit.due_ms = None;
                })
            }
            Body::StepFailed {
                step,
                item,
                attempt: 0,
                error,
                ..
            } => self.fail_uncalled(step, *item, error),
            Body::StepFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                output,
            } => {
                let place = self.running_attempt(step, *item, *attempt)?;
                fail_attempt(self, place, *outcome, error, output.as_ref())
            }
            Body::RetryScheduled {
                step,
                item,
                attempt,
                due_ms,
            } => {
                let (index, unit) = self.locate(step, *item)?;
                let slot = self
                    .steps
                    .get_mut(index)
                    .and_then(|data| data.units.get_mut(unit));
                let slot = slot.ok_or(Illegal)?;
                if slot.state != StepState::Waiting
                    || slot.due_ms.is_some()
                    || slot.orphaned
                    || *attempt != slot.attempt.saturating_add(1)
                {
                    return Err(Illegal);
                }
                slot.due_ms = Some(*due_ms);
                Ok(())
            }
            Body::ItemsBound { step, items } => {
                let (index, data) = self.pending_step(step)?;
                if data.items.is_some() || !data.units.is_empty() {
                    return Err(Illegal);
                }
                data.units = items.iter().map(|_| Unit::new()).collect();
                data.items = Some(items.clone());
                self.roll_up(index);
                Ok(())
            }
            Body::StepSkipped { step, reason } => {
                let (index, data) = self.pending_step(step)?;
                data.skipped = Some(*reason);
                if data.units.is_empty() {
                    data.state = next_step_state(data.state, StepChange::Skip)?;
                    return Ok(());
                }
                self.change(index, 0, StepChange::Skip, |_| {})
            }
            Body::StepBlocked {
                step,
                item,
                refusal,
            } => {
                let place = self.locate(step, *item)?;
                let fault = Fault::from(refusal);
                self.change(place.0, place.1, StepChange::Block, |unit| {
                    unit.error = Some(fault.clone());
                })?;
                let _ = self.stop(fault.at_step(step), false, false);
                Ok(())
            }
            Body::StepInDoubt {
                step,
                item,
                attempt,
                error,
            } => {
                let place = self.locate(step, *item)?;
                let unit = self.at(place)?;
                let lost = unit.state == StepState::Waiting && unit.orphaned;
                if unit.attempt != *attempt || !(unit.state == StepState::Running || lost) {
                    return Err(Illegal);
                }
                self.change(place.0, place.1, StepChange::Doubt, |unit| {
                    unit.error = Some(error.clone());
                    unit.orphaned = false;
                })
            }
            Body::StepResolved {
                step,
                item,
                by,
                resolution,
            } => {
                let place = self.locate(step, *item)?;
                resolve(self, place, by, resolution)
            }
            Body::BranchEvaluated { step, result } => {
                let (_, data) = self.pending_step(step)?;
                if data.condition.is_some() {
                    return Err(Illegal);
                }
                data.condition = Some(*result);
                Ok(())
            }
            _ => Err(Illegal),
        }
    }

    /// An expression erred before anything was called: the step, or the item, fails without retry.
    fn fail_uncalled(
        &mut self,
        step: &str,
        item: Option<u32>,
        error: &Fault,
    ) -> Result<(), Illegal> {
        let index = self.plan.index_of(step).ok_or(Illegal)?;
        let data = self.steps.get_mut(index).ok_or(Illegal)?;
        if data.units.is_empty() && data.items.is_none() {
            data.state = next_step_state(data.state, StepChange::Fail)?;
            data.error = Some(error.clone());
            self.note_failure(index);
            return Ok(());
        }
        let (index, unit) = self.locate(step, item)?;
        self.change(index, unit, StepChange::Fail, |unit| {
            unit.error = Some(error.clone());
            unit.failure = None;
        })
    }

    fn running_attempt(
        &self,
        step: &str,
        item: Option<u32>,
        attempt: u32,
    ) -> Result<(usize, usize), Illegal> {
        let place = self.locate(step, item)?;
        let unit = self.at(place)?;
        if unit.state == StepState::Running && unit.attempt == attempt {
            Ok(place)
        } else {
            Err(Illegal)
        }
    }

    pub(crate) fn is_sleep(&self, step: usize) -> bool {
        self.plan
            .steps()
            .get(step)
            .is_some_and(|step| step.step.tool == SLEEP)
    }

    pub(crate) fn apply_timer(&mut self, event: &Event) -> Result<(), Illegal> {
        match &event.body {
            Body::TimerSet {
                timer: Timer::Sleep { step, item },
                due_ms,
            } => {
                let place = self.locate(step, *item)?;
                if !self.is_sleep(place.0) {
                    return Err(Illegal);
                }
                self.change(place.0, place.1, StepChange::Sleep, |unit| {
                    unit.due_ms = Some(*due_ms)
                })
            }
            Body::TimerSet {
                timer: Timer::Grace,
                due_ms,
            } => {
                let stop = self.stop.as_mut().ok_or(Illegal)?;
                if stop.grace_due_ms.is_some() {
                    return Err(Illegal);
                }
                stop.grace_due_ms = Some(*due_ms);
                Ok(())
            }
            Body::TimerFired { timer } => match timer {
                Timer::Sleep { step, item } | Timer::Retry { step, item } => {
                    let unit = self.at(self.locate(step, *item)?)?;
                    let due = unit.due_ms.is_some_and(|due| due <= self.at_ms);
                    if unit.state == StepState::Waiting && due {
                        Ok(())
                    } else {
                        Err(Illegal)
                    }
                }
                Timer::Grace => {
                    let stop = self.stop.as_mut().ok_or(Illegal)?;
                    let due = stop.grace_due_ms.is_some_and(|due| due <= self.at_ms);
                    if stop.at_once || !due {
                        return Err(Illegal);
                    }
                    stop.at_once = true;
                    Ok(())
                }
                Timer::PlanTimeout => {
                    let message = format!(
                        "the plan used up its {} ms of active time",
                        self.plan.plan().constraints.timeout_ms
                    );
                    self.stop(Fault::new(ErrorCode::PlanTimeout, message), false, true)
                }
                Timer::Deadline => {
                    if self.created.deadline_ms.is_none_or(|due| due > self.at_ms) {
                        return Err(Illegal);
                    }
                    let message = "the execution's deadline passed";
                    self.stop(
                        Fault::new(ErrorCode::DeadlineExceeded, message),
                        false,
                        true,
                    )
                }
            },
            _ => Err(Illegal),
        }
    }
}
