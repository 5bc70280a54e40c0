//! How undo calls change, as events come in. What is undone when is in `compensate.rs`.

use crate::event::{Body, FailureKind, Fault, RequestKind, Resolution, Timer};
use crate::life::{
    Illegal, Phase, PhaseChange, StepChange, StepState, next_phase, next_step_state,
};
use crate::retry::{After, after_failure};
use crate::state::{Hold, State, Unit};
use crate::units::Place;
use mandate_plan::ErrorCode;

impl State {
    pub(crate) fn apply_undo(&mut self, body: &Body) -> Result<(), Illegal> {
        match body {
            Body::CompensationStarted { .. } => self.start_undo(body),
            Body::CompensationCompleted {
                step,
                item,
                attempt,
                output,
                ..
            } => self.change_undo(
                self.running_undo(step, *item, *attempt)?,
                StepChange::Complete,
                |undo| undo.output = Some(output.clone()),
            ),
            Body::CompensationFailed {
                step,
                item,
                attempt: 0,
                error,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let next = self.undo_attempt(place)?;
                if self.not_the_turn_of(step, *item, next).is_some() {
                    return Err(Illegal);
                }
                self.begin_undo()?;
                self.change_undo(place, StepChange::Fail, |undo| {
                    undo.error = Some(error.clone())
                })
            }
            Body::CompensationFailed {
                step,
                item,
                attempt,
                outcome,
                error,
                ..
            } => self.fail_undo((step, *item, *attempt), *outcome, error),
            Body::AttemptInterrupted {
                step,
                item,
                attempt,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let undo = self.undo_at(place)?;
                let open = undo.state == StepState::Running && undo.attempt == *attempt;
                if !open || !undo.orphaned {
                    return Err(Illegal);
                }
                self.change_undo(place, StepChange::Interrupt, |undo| {
                    undo.interrupted = undo.interrupted.saturating_add(1);
                })
            }
            Body::StepInDoubt {
                step,
                item,
                attempt,
                error,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let undo = self.undo_at(place)?;
                let unknown = match undo.state {
                    StepState::Running => !undo.orphaned,
                    StepState::Waiting => undo.orphaned,
                    _ => false,
                };
                if undo.attempt != *attempt || !unknown || undo.facts().repeatable() {
                    return Err(Illegal);
                }
                self.change_undo(place, StepChange::Doubt, |undo| {
                    undo.error = Some(error.clone());
                    undo.orphaned = false;
                })
            }
            Body::RetryScheduled {
                step,
                item,
                attempt,
                due_ms,
                ..
            } => {
                let place = self.locate(step, *item)?;
                let given_up = self.gives_up();
                let undo = self.undo_mut(place)?;
                let waits = undo.state == StepState::Waiting && undo.due_ms.is_none();
                if !waits || undo.orphaned || given_up || *attempt != undo.attempt.saturating_add(1)
                {
                    return Err(Illegal);
                }
                undo.due_ms = Some(*due_ms);
                Ok(())
            }
            Body::StepHeld {
                step, item, due_ms, ..
            } => self.hold_undo(step, *item, *due_ms),
            _ => Err(Illegal),
        }
    }

    /// An undo call was refused and can wait.
    fn hold_undo(
        &mut self,
        step: &str,
        item: Option<u32>,
        due_ms: Option<i64>,
    ) -> Result<(), Illegal> {
        let place = self.locate(step, item)?;
        let next = self.undo_attempt(place)?;
        if self.gives_up() || self.not_the_turn_of(step, item, next).is_some() {
            return Err(Illegal);
        }
        self.begin_undo()?;
        let (hold, held_ms) = (Hold::until(due_ms), Some(self.at_ms));
        let wait = |undo: &mut Unit| {
            undo.hold = Some(hold);
            undo.held_ms = held_ms;
            undo.due_ms = due_ms;
        };
        let begun = self
            .undo_at(place)
            .is_ok_and(|undo| undo.state != StepState::Pending);
        if begun {
            wait(self.undo_mut(place)?);
            return Ok(());
        }
        self.change_undo(place, StepChange::Hold, wait)
    }

    /// What an undo call waited for is there: it may be made.
    pub(crate) fn release_undo(&mut self, place: Place) -> Result<(), Illegal> {
        let now_ms = self.at_ms;
        if self.undo_at(place)?.attempt == 0 {
            return self.change_undo(place, StepChange::Release, |undo| {
                undo.hold = None;
                undo.due_ms = None;
            });
        }
        let undo = self.undo_mut(place)?;
        undo.hold = None;
        undo.due_ms = Some(now_ms);
        Ok(())
    }

    fn start_undo(&mut self, body: &Body) -> Result<(), Illegal> {
        let Body::CompensationStarted {
            step,
            item,
            attempt,
            facts,
            args,
            timeout_ms,
            ..
        } = body
        else {
            return Err(Illegal);
        };
        let place = self.locate(step, *item)?;
        if self.gives_up() || self.not_the_turn_of(step, *item, *attempt).is_some() {
            return Err(Illegal);
        }
        self.begin_undo()?;
        let now_ms = self.at_ms;
        self.change_undo(place, StepChange::Start, |undo| {
            undo.attempt = *attempt;
            undo.args = Some(args.clone());
            undo.facts = Some(*facts);
            undo.due_ms = None;
            undo.hold = None;
            undo.orphaned = false;
            undo.timeout_ms = *timeout_ms;
            undo.started_ms = Some(now_ms);
            undo.ended_ms = None;
        })
    }

    /// The first undo call begins the phase.
    fn begin_undo(&mut self) -> Result<(), Illegal> {
        if self.phase == Phase::Compensating {
            return Ok(());
        }
        if !self.may_finish() || !self.owes_undo() {
            return Err(Illegal);
        }
        self.phase = next_phase(self.phase, PhaseChange::Undo)?;
        let first_finally = self.plan.first_finally();
        self.cancel_open_steps(first_finally);
        self.withdraw(|request| request.kind != RequestKind::InDoubt);
        Ok(())
    }

    fn fail_undo(
        &mut self,
        (step, item, attempt): (&str, Option<u32>, u32),
        outcome: FailureKind,
        error: &Fault,
    ) -> Result<(), Illegal> {
        let place = self.running_undo(step, item, attempt)?;
        let plan = self.plan.clone();
        let rules = plan.numbered(place.0).ok_or(Illegal)?;
        let undo = self.undo_at(place)?;
        let unknown = outcome == FailureKind::Unknown;
        if unknown && !undo.facts().repeatable() {
            return Err(Illegal); // that is a doubt
        }
        let again = !self.gives_up()
            && after_failure(&rules.retry, undo, outcome, error.code) == After::Again;
        let change = if again {
            StepChange::Retry
        } else {
            StepChange::Fail
        };
        self.change_undo(place, change, |undo| {
            undo.failure = Some(outcome);
            undo.error = Some(error.clone());
            undo.due_ms = None;
        })
    }

    /// Somebody said what became of an undo call in doubt.
    pub(crate) fn resolve_undo(
        &mut self,
        place: Place,
        (step, by): (&str, &str),
        resolution: &Resolution,
    ) -> Result<(), Illegal> {
        if self.undo_at(place)?.state != StepState::InDoubt {
            return Err(Illegal);
        }
        let now_ms = self.at_ms;
        match resolution {
            Resolution::Done { output } => self.change_undo(place, StepChange::Complete, |undo| {
                undo.output = Some(output.clone());
                undo.error = None;
            }),
            Resolution::NotDone => self.change_undo(place, StepChange::Retry, |undo| {
                undo.interrupted = undo.interrupted.saturating_add(1);
                undo.due_ms = Some(now_ms);
            }),
            Resolution::Fail { reason } => {
                let message = format!("`{by}` resolved the doubt as failed: {reason}");
                let error = Fault::new(ErrorCode::ToolFailed, message).at_step(step);
                self.change_undo(place, StepChange::Fail, |undo| undo.error = Some(error))
            }
        }
    }

    /// The timer of a back-off between undo calls is legal once.
    pub(crate) fn fire_undo_timer(&self, timer: &Timer, before_ms: i64) -> Result<(), Illegal> {
        let (step, item, hold) = match timer {
            Timer::Retry { step, item } => (step, item, None),
            Timer::Rate { step, item } => (step, item, Some(Hold::Rate)),
            Timer::Sleep { .. }
            | Timer::Grace
            | Timer::PlanTimeout
            | Timer::Deadline
            | Timer::Start
            | Timer::Report { .. }
            | Timer::Idle => {
                return Err(Illegal);
            }
        };
        let undo = self.undo_at(self.locate(step, *item)?)?;
        if undo.hold != hold {
            return Err(Illegal);
        }
        let due = undo
            .due_ms
            .filter(|due| *due <= self.at_ms && *due > before_ms);
        if undo.state == StepState::Waiting && due.is_some() {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    pub(crate) fn running_undo(
        &self,
        step: &str,
        item: Option<u32>,
        attempt: u32,
    ) -> Result<Place, Illegal> {
        let place = self.locate(step, item)?;
        let undo = self.undo_at(place)?;
        let open = undo.state == StepState::Running && undo.attempt == attempt && !undo.orphaned;
        if open { Ok(place) } else { Err(Illegal) }
    }

    pub(crate) fn undo_attempt(&self, place: Place) -> Result<u32, Illegal> {
        let undo = self.at(place)?.undo.as_deref();
        Ok(undo.map_or(0, |undo| undo.attempt).saturating_add(1))
    }

    pub(crate) fn undo_at(&self, place: Place) -> Result<&Unit, Illegal> {
        self.at(place)?.undo.as_deref().ok_or(Illegal)
    }

    fn undo_mut(&mut self, place: Place) -> Result<&mut Unit, Illegal> {
        let data = self.steps.get_mut(place.0).ok_or(Illegal)?;
        let unit = data.units.get_mut(place.1).ok_or(Illegal)?;
        unit.undo.as_deref_mut().ok_or(Illegal)
    }

    fn change_undo(
        &mut self,
        place: Place,
        change: StepChange,
        with: impl FnOnce(&mut Unit),
    ) -> Result<(), Illegal> {
        let at_ms = self.at_ms;
        let data = self.steps.get_mut(place.0).ok_or(Illegal)?;
        let unit = data.units.get_mut(place.1).ok_or(Illegal)?;
        let undo = unit.undo.get_or_insert_with(|| Box::new(Unit::new()));
        let before = undo.state;
        let next = next_step_state(before, change)?;
        if before == StepState::Running || next.settled() {
            undo.ended_ms = Some(at_ms);
        }
        undo.state = next;
        with(undo);
        self.count(before, next);
        Ok(())
    }

    /// Undo calls that will not be made any more.
    pub(crate) fn cancel_open_undos(&mut self) {
        for place in self.undo_places() {
            let open = self.at(place).ok().and_then(|unit| unit.undo.as_deref());
            if open.is_some_and(|undo| !undo.state.settled()) {
                let _ = self.change_undo(place, StepChange::Cancel, |_| {});
            }
        }
    }
}
