//! `apply` for the events of steps and timers.

use crate::apply::{SLEEP, is_counted};
use crate::event::{Body, Event, Fault, Resolution, Timer};
use crate::life::{Illegal, Phase, StepChange, StepState, next_step_state};
use crate::nested::RUN;
use crate::readiness::{OwnWait, is_closed};
use crate::state::{Hold, State, StepData, Unit};
use crate::units::Place;
use mandate_plan::ErrorCode;

impl State {
    pub(crate) fn locate(&self, step: &str, item: Option<u32>) -> Result<Place, Illegal> {
        let index = self.plan.number_of(step).ok_or(Illegal)?;
        let data = self.steps.get(index).ok_or(Illegal)?;
        let unit = match (&data.items, item) {
            (Some(_), Some(item)) => item as usize,
            (None, None) => 0,
            _ => return Err(Illegal),
        };
        data.units.get(unit).map(|_| (index, unit)).ok_or(Illegal)
    }

    pub(crate) fn at(&self, place: Place) -> Result<&Unit, Illegal> {
        self.steps
            .get(place.0)
            .and_then(|data| data.units.get(place.1))
            .ok_or(Illegal)
    }

    /// A step whose turn it may be, that has not begun and whose items, if it has any, are not bound yet.
    fn pending_step(&mut self, step: &str) -> Result<(usize, &mut StepData), Illegal> {
        let index = self.plan.number_of(step).ok_or(Illegal)?;
        self.starts(index)?;
        let data = self.steps.get_mut(index).ok_or(Illegal)?;
        if data.state == StepState::Pending && data.items.is_none() {
            Ok((index, data))
        } else {
            Err(Illegal)
        }
    }

    /// Whether the step of that number, or one more attempt or item of it, may begin in this execution at all.
    pub(crate) fn starts(&self, number: usize) -> Result<(), Illegal> {
        if self.lives(number) && self.paused.is_none() && !self.is_stalled() {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    pub(crate) fn apply_step(&mut self, event: &Event) -> Result<(), Illegal> {
        match &event.body {
            Body::StepStarted { .. } => self.start_attempt(&event.body),
            Body::AttemptInterrupted {
                step,
                item,
                attempt,
                ..
            } => {
                let place = self.open_attempt(step, *item, *attempt)?;
                if !self.at(place)?.orphaned {
                    return Err(Illegal);
                }
                self.uncount(place);
                self.change(place.0, place.1, StepChange::Interrupt, |unit| {
                    unit.interrupted = unit.interrupted.saturating_add(1);
                })
            }
            Body::StepCompleted {
                step,
                item,
                attempt,
                output,
                suspicions,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let unit = self.at(place)?;
                let own = self.own_wait(place.0) != OwnWait::None;
                let answered = unit.state == StepState::Running && !own;
                let slept = unit.state == StepState::Waiting
                    && self.is_sleep(place.0)
                    && unit.hold.is_none()
                    && unit.due_ms.is_some_and(|due| due <= self.at_ms);
                let told = self.told(place) == Some(output);
                if unit.attempt != *attempt || unit.orphaned || !(answered || slept || told) {
                    return Err(Illegal);
                }
                self.settle_child(place, Some(output))?;
                if !suspicions.is_empty() {
                    self.note_suspicious(place.0);
                }
                if self.may_be_called_again(place.0, self.at(place)?) {
                    return self.end_invocation(place, output);
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
            } => {
                self.starts(self.plan.number_of(step).ok_or(Illegal)?)?;
                self.fail_uncalled(step, *item, error)
            }
            Body::StepFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                output,
                ..
            } => {
                let place = self.locate(step, *item)?;
                if self.told(place).is_some() && self.at(place)?.attempt == *attempt {
                    return self.fail_told(place, error);
                }
                let place = self.running_attempt(step, *item, *attempt)?;
                self.settle_child(place, error.details.as_ref())?;
                self.fail_attempt(place, *outcome, error, output.as_ref())
            }
            Body::RetryScheduled {
                step,
                item,
                attempt,
                due_ms,
                ..
            } => {
                let (index, unit) = self.locate(step, *item)?;
                let lives = self.lives(index);
                let data = self.steps.get_mut(index).ok_or(Illegal)?;
                let slot = data.units.get_mut(unit).ok_or(Illegal)?;
                if !lives
                    || slot.state != StepState::Waiting
                    || slot.due_ms.is_some()
                    || slot.hold.is_some()
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
                if !data.is_unbound() {
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
                if data.is_unbound() {
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
                self.starts(place.0)?;
                if !self
                    .at(place)?
                    .may_start(self.at_ms, self.own_wait(place.0))
                {
                    return Err(Illegal);
                }
                let fault = Fault::from(refusal).at_step(step);
                self.change(place.0, place.1, StepChange::Block, |unit| {
                    unit.error = Some(fault.clone());
                    unit.hold = None;
                })?;
                if self.phase == Phase::Closing {
                    return Ok(()); // what happens under `finally` does not change how it ends
                }
                self.stop(fault, false, false)
            }
            Body::StepHeld {
                step, item, due_ms, ..
            } => self.hold_back(step, *item, *due_ms),
            Body::StepInDoubt {
                step,
                item,
                attempt,
                error,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let unit = self.at(place)?;
                let unknown = match unit.state {
                    StepState::Running => !unit.orphaned,
                    StepState::Waiting => unit.orphaned,
                    _ => false,
                };
                if unit.attempt != *attempt || !unknown || unit.can_be_repeated() {
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
                channel,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let undoes = self.phase == Phase::Compensating;
                self.resolve(place, (step, by), resolution)?;
                // A look-up's answer is the tool's own.
                let told = channel.as_deref() != Some("status");
                if told && !undoes && matches!(resolution, Resolution::Done { .. }) {
                    self.note_resolved(place.0);
                }
                self.close_doubt(step, *item, resolution, (by, channel.as_deref()));
                Ok(())
            }
            Body::BranchEvaluated { step, result } => {
                let (_, data) = self.pending_step(step)?;
                if data.condition.is_some() {
                    return Err(Illegal);
                }
                data.condition = Some(*result);
                Ok(())
            }
            Body::ChildWaiting {
                step,
                item,
                waiting,
            } => self.child_waits((step, *item), waiting.as_ref()),
            Body::FallbackEnded { step, from } => self.end_fallback(step, from.as_deref()),
            _ => Err(Illegal),
        }
    }

    fn start_attempt(&mut self, body: &Body) -> Result<(), Illegal> {
        let Body::StepStarted {
            step,
            item,
            attempt,
            tool,
            facts,
            args,
            timeout_ms,
            outside,
            ..
        } = body
        else {
            return Err(Illegal);
        };
        let place = self.locate(step, *item)?;
        self.starts(place.0)?;
        let unit = self.at(place)?;
        let (checked, data) = self.step(step).ok_or(Illegal)?;
        let closed = unit.attempt == 0 && is_closed(checked, data);
        if closed
            || *attempt != unit.attempt.saturating_add(1)
            || !unit.may_start(self.at_ms, self.own_wait(place.0))
            || !self.was_asked_for(step, *item)
            || (*outside && !self.is_agents_step(checked))
        {
            return Err(Illegal);
        }
        let now_ms = self.at_ms;
        self.change(place.0, place.1, StepChange::Start, |unit| {
            unit.attempt = *attempt;
            unit.args = Some(args.clone());
            unit.facts = Some(*facts);
            unit.due_ms = None;
            unit.hold = None;
            unit.orphaned = false;
            unit.outside = *outside;
            unit.timeout_ms = *timeout_ms;
            unit.started_ms = Some(now_ms);
            unit.ended_ms = None;
        })?;
        if *outside {
            self.begin_outside(body)?;
        }
        self.use_overrides(step, *item);
        if tool == RUN {
            self.reserve(place)?;
        } else if is_counted(tool) {
            self.calls = self.calls.saturating_add(1);
            self.made_calls(place.0, 1);
        }
        self.note_call(place.0, *facts);
        Ok(())
    }

    /// The attempt that is under way as far as the journal knows, whether its host is still there or not.
    fn open_attempt(&self, step: &str, item: Option<u32>, attempt: u32) -> Result<Place, Illegal> {
        let place = self.locate(step, item)?;
        let unit = self.at(place)?;
        if unit.state == StepState::Running && unit.attempt == attempt {
            Ok(place)
        } else {
            Err(Illegal)
        }
    }

    /// The attempt whose host is there to say how it ended.
    fn running_attempt(
        &self,
        step: &str,
        item: Option<u32>,
        attempt: u32,
    ) -> Result<Place, Illegal> {
        let place = self.open_attempt(step, item, attempt)?;
        if self.at(place)?.orphaned {
            return Err(Illegal);
        }
        Ok(place)
    }

    pub(crate) fn is_sleep(&self, step: usize) -> bool {
        self.plan
            .numbered(step)
            .is_some_and(|step| step.step.tool == SLEEP)
    }

    pub(crate) fn set_timer(&mut self, event: &Event) -> Result<(), Illegal> {
        match &event.body {
            Body::TimerSet {
                timer: Timer::Sleep { step, item },
                due_ms,
            } => {
                let place = self.locate(step, *item)?;
                if !self.is_sleep(place.0) || self.at(place)?.orphaned {
                    return Err(Illegal);
                }
                self.change(place.0, place.1, StepChange::Sleep, |unit| {
                    unit.due_ms = Some(*due_ms)
                })
            }
            Body::TimerSet {
                timer: Timer::Grace,
                due_ms,
            } if self.phase == Phase::Stopping && self.running > 0 => {
                let stop = self.stop.as_mut().ok_or(Illegal)?;
                if stop.grace_due_ms.is_some() || stop.at_once {
                    return Err(Illegal);
                }
                stop.grace_due_ms = Some(*due_ms);
                Ok(())
            }
            _ => Err(Illegal),
        }
    }

    /// A timer is legal once: when its time has come since the event before.
    pub(crate) fn fire_timer(&mut self, timer: &Timer, before_ms: i64) -> Result<(), Illegal> {
        let now_ms = self.at_ms;
        let is_due = |due_ms: Option<i64>| due_ms.is_some_and(|due| due <= now_ms);
        if self.phase == Phase::Compensating {
            return self.fire_undo_timer(timer, before_ms);
        }
        match timer {
            Timer::Sleep { step, item }
            | Timer::Retry { step, item }
            | Timer::Rate { step, item } => {
                let place = self.locate(step, *item)?;
                let unit = self.at(place)?;
                let meant = match timer {
                    Timer::Rate { .. } => unit.hold == Some(Hold::Rate),
                    Timer::Sleep { .. } => unit.hold.is_none() && self.is_sleep(place.0),
                    _ => unit.hold.is_none() && !self.is_sleep(place.0),
                };
                let just_due = is_due(unit.due_ms) && unit.due_ms > Some(before_ms);
                let waits = unit.state == StepState::Waiting && self.lives(place.0);
                if waits && just_due && meant {
                    Ok(())
                } else {
                    Err(Illegal)
                }
            }
            Timer::Grace => {
                let running = self.running > 0;
                let stop = self.stop.as_mut().ok_or(Illegal)?;
                if stop.at_once || !running || !is_due(stop.grace_due_ms) {
                    return Err(Illegal);
                }
                stop.at_once = true;
                Ok(())
            }
            Timer::PlanTimeout => {
                let limit_ms = self.timeout_ms();
                let active = self.was_active(before_ms);
                if self.phase != Phase::Active || !active || self.active_ms < limit_ms {
                    return Err(Illegal);
                }
                let message = format!("the plan used up its {limit_ms} ms of active time");
                self.stop(Fault::new(ErrorCode::PlanTimeout, message), false, true)
            }
            Timer::Start => self.fire_start(),
            Timer::Report { step, item } => self.miss_report(step, *item),
            Timer::Idle => {
                let idle_ms = self.agent_idle_ms();
                if !is_due(self.idle_due_ms()) {
                    return Err(Illegal);
                }
                let message = format!("the agent left the execution alone for {idle_ms} ms");
                self.stop(Fault::new(ErrorCode::PlanTimeout, message), false, true)
            }
            Timer::Deadline => {
                if !is_due(self.created.deadline_ms) {
                    return Err(Illegal);
                }
                let fault = Fault::new(
                    ErrorCode::DeadlineExceeded,
                    "the execution's deadline passed",
                );
                self.stop(fault, false, true)
            }
        }
    }
}
