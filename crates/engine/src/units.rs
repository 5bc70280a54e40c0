//! How one unit changes, and what its step and the execution become by it.

use crate::event::{FailureKind, Fault, RequestKind, Resolution};
use crate::fallback::fallback_of;
use crate::items;
use crate::life::{Illegal, Phase, StepChange, StepState, next_step_state};
use crate::retry::{After, after_failure};
use crate::state::{State, Unit};
use mandate_plan::{
    ErrorCode,
    model::{FailureAction, OnItemFailure},
};
use serde_json::Value;

/// A unit's place: the step's index and the unit's within it.
pub(crate) type Place = (usize, usize);

impl State {
    /// Changes one unit, keeps the counters, and works out what the step has become.
    pub(crate) fn change(
        &mut self,
        step: usize,
        unit: usize,
        change: StepChange,
        with: impl FnOnce(&mut Unit),
    ) -> Result<(), Illegal> {
        let (at_ms, seq) = (self.at_ms, self.seq.saturating_add(1));
        let data = self.steps.get_mut(step).ok_or(Illegal)?;
        let slot = data.units.get_mut(unit).ok_or(Illegal)?;
        let next = next_step_state(slot.state, change)?;
        let before = slot.state;
        slot.state = next;
        if next.settled() || (before == StepState::Running && change != StepChange::Sleep) {
            slot.ended_ms = Some(at_ms);
        }
        with(slot);
        let invalid = next == StepState::Failed && slot.failure == Some(FailureKind::Invalid);
        if next == StepState::Completed || invalid {
            slot.done_seq = Some(seq);
        }
        if next == StepState::Failed {
            data.failed_seq.get_or_insert(seq);
        }
        self.count(before, next);
        self.roll_up(step);
        Ok(())
    }

    /// Keeps the counters, as a call goes from one state to another.
    pub(crate) fn count(&mut self, before: StepState, next: StepState) {
        for (state, counter) in [
            (StepState::Running, &mut self.running),
            (StepState::Waiting, &mut self.waiting),
            (StepState::InDoubt, &mut self.doubtful),
        ] {
            if before == state {
                *counter = counter.saturating_sub(1);
            }
            if next == state {
                *counter = counter.saturating_add(1);
            }
        }
    }

    /// The step's own state from its units', and what follows from a failure.
    pub(crate) fn roll_up(&mut self, index: usize) {
        let plan = self.plan.clone();
        let (Some(step), Some(data)) = (plan.numbered(index), self.steps.get_mut(index)) else {
            return;
        };
        if data.state == StepState::Recovered {
            return; // items that never began end with the execution, and change nothing any more
        }
        let before = data.state;
        let mut released = 0;
        match (&step.step.for_each, &data.items) {
            (Some(each), Some(_)) => {
                items::roll_up(data, each.on_item_failure == OnItemFailure::Continue);
                if data.state.settled() {
                    released = items::let_go(data);
                }
            }
            (Some(_), None) => {}
            (None, _) => {
                if let Some(unit) = data.units.first_mut() {
                    data.state = unit.state;
                    if unit.state.usable() {
                        data.output = unit.output.take();
                    }
                    data.error.clone_from(&unit.error);
                }
            }
        }
        let failed = data.state != before && data.state == StepState::Failed;
        if released > 0 {
            self.waiting = self.waiting.saturating_sub(released);
            let id = step.step.id.as_str();
            self.withdraw(|request| {
                request.kind == RequestKind::Step && request.step.as_deref() == Some(id)
            });
        }
        if failed {
            self.failed_for_good(index);
        }
    }

    /// A step has just failed for good: its fallback takes over, or the plan goes on without it, or the execution stops.
    fn failed_for_good(&mut self, index: usize) {
        let plan = self.plan.clone();
        let (Some(step), Some(data)) = (plan.numbered(index), self.steps.get_mut(index)) else {
            return;
        };
        let fault = data.failed_with();
        if self.phase != Phase::Active {
            return;
        }
        match step.step.on_failure.action(fault.code) {
            FailureAction::Skip => {}
            FailureAction::Ask => data.asking = true,
            FailureAction::Fallback(_) => data.fallback = fallback_of(step, fault.code),
            FailureAction::Replan { .. } => {
                data.replan = true;
                self.replans = self.replans.saturating_add(1);
            }
            FailureAction::Halt | FailureAction::Retry => {
                let _ = self.stop(fault.at_step(&step.step.id), false, false);
            }
        }
    }

    /// An expression erred before anything was called: the step, or the item, fails without retry.
    pub(crate) fn fail_uncalled(
        &mut self,
        step: &str,
        item: Option<u32>,
        error: &Fault,
    ) -> Result<(), Illegal> {
        let (at_ms, seq) = (self.at_ms, self.seq.saturating_add(1));
        let index = self.plan.number_of(step).ok_or(Illegal)?;
        let data = self.steps.get_mut(index).ok_or(Illegal)?;
        if data.is_unbound() && item.is_none() {
            data.state = next_step_state(data.state, StepChange::Fail)?;
            data.error = Some(error.clone());
            data.failed_seq = Some(seq);
            self.failed_for_good(index);
            return Ok(());
        }
        let place = self.locate(step, item)?;
        if !self.at(place)?.may_start(at_ms, self.own_wait(index)) {
            return Err(Illegal);
        }
        self.change(place.0, place.1, StepChange::Fail, |unit| {
            unit.error = Some(error.clone());
            unit.failure = None;
            unit.hold = None;
            unit.due_ms = None;
        })
    }

    /// The answer to a question is not what the step expects: it fails, and is not asked again by itself.
    pub(crate) fn fail_told(&mut self, place: Place, error: &Fault) -> Result<(), Illegal> {
        self.change(place.0, place.1, StepChange::Fail, |unit| {
            unit.failure = Some(FailureKind::Failed);
            unit.error = Some(error.clone());
            unit.output = None;
        })
    }

    /// A call has completed, and the plan allows another one of the step.
    pub(crate) fn end_invocation(&mut self, place: Place, output: &Value) -> Result<(), Illegal> {
        let now_ms = self.at_ms;
        self.change(place.0, place.1, StepChange::Retry, |unit| {
            unit.output = Some(output.clone());
            unit.error = None;
            unit.failure = None;
            unit.due_ms = Some(now_ms);
            unit.invocations = unit.invocations.saturating_add(1);
            unit.earlier = unit.attempt.saturating_sub(unit.interrupted);
        })
    }

    /// An attempt that was under way did not complete.
    pub(crate) fn fail_attempt(
        &mut self,
        place: Place,
        outcome: FailureKind,
        error: &Fault,
        output: Option<&Value>,
    ) -> Result<(), Illegal> {
        let plan = self.plan.clone();
        let rules = plan.numbered(place.0).ok_or(Illegal)?;
        let unit = self.at(place)?;
        let unknown = outcome == FailureKind::Unknown;
        if unknown && !unit.can_be_repeated() {
            return Err(Illegal); // that is a doubt, not a failure
        }
        let change = if self.phase == Phase::Stopping || self.is_forced() {
            // A call that was dropped with its execution, before it was sent or where that does no harm, did not fail.
            if unknown || outcome == FailureKind::Refused {
                StepChange::Cancel
            } else {
                StepChange::Fail
            }
        } else {
            match after_failure(&rules.retry, unit, outcome, error.code) {
                After::Again => StepChange::Retry,
                After::Never => StepChange::Fail,
            }
        };
        self.change(place.0, place.1, change, |unit| {
            unit.failure = Some(outcome);
            unit.error = Some(error.clone());
            unit.output = output.cloned();
            unit.due_ms = None;
        })
    }

    /// Somebody said what became of a unit in doubt.
    pub(crate) fn resolve(
        &mut self,
        place: Place,
        (step, by): (&str, &str),
        resolution: &Resolution,
    ) -> Result<(), Illegal> {
        if self.phase == Phase::Compensating {
            return self.resolve_undo(place, (step, by), resolution);
        }
        if self.at(place)?.state != StepState::InDoubt {
            return Err(Illegal);
        }
        let now_ms = self.at_ms;
        match resolution {
            Resolution::Done { output } => {
                self.change(place.0, place.1, StepChange::Complete, |unit| {
                    unit.output = Some(output.clone());
                    unit.error = None;
                    unit.failure = None;
                })
            }
            Resolution::NotDone => {
                // Nothing happened, so that the attempt does not count.
                self.uncount(place);
                self.change(place.0, place.1, StepChange::Retry, |unit| {
                    unit.interrupted = unit.interrupted.saturating_add(1);
                    unit.due_ms = Some(now_ms);
                })
            }
            Resolution::Fail { reason } => {
                let message = format!("`{by}` resolved the doubt as failed: {reason}");
                let error = Fault::new(ErrorCode::ToolFailed, message).at_step(step);
                self.change(place.0, place.1, StepChange::Fail, |unit| {
                    unit.failure = Some(FailureKind::Failed);
                    unit.error = Some(error);
                })
            }
        }
    }

    /// The unit's last attempt does not count against `max_tool_calls`: the static worst case has no place for it.
    pub(crate) fn uncount(&mut self, place: Place) {
        if self.is_counted_step(place.0) {
            self.calls = self.calls.saturating_sub(1);
            self.unmade_call(place.0);
        }
    }
}
