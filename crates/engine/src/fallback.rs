//! Fallback: other steps run in the place of one that failed, one after the other, and the last that completes gives
//! its output.

use crate::decide::{Command, carry_on};
use crate::event::{Body, Fault};
use crate::life::{Illegal, Phase, StepChange, StepState, next_step_state};
use crate::state::{Fallback, State, StepData};
use mandate_plan::{CheckedStep, ErrorCode};

/// The steps that take over after an error of this code.
pub(crate) fn fallback_of(step: &CheckedStep, code: ErrorCode) -> Option<Fallback> {
    let steps = step.fallback_for(code);
    let (first, last) = (steps.first()?, steps.last()?);
    Some(Fallback {
        first: first.index,
        end: last.index.saturating_add(1),
    })
}

/// What follows for a failed step whose fallback runs.
pub(crate) fn recover(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    places: &mut u32,
    out: &mut Vec<Command>,
) {
    let Some(fallback) = data.fallback else {
        return;
    };
    let mut open = false;
    let steps = state.plan().numbers(fallback.first..fallback.end);
    for step in steps {
        let Some(data) = state.steps.get(step.index) else {
            continue;
        };
        if !data.is_settled() {
            open = true;
            carry_on(state, step.index, step, data, places, out);
        }
    }
    if !open {
        out.push(Command::Record(Body::FallbackEnded {
            step: step.step.id.clone(),
            from: state.stand_in(fallback),
        }));
    }
}

impl StepData {
    /// It failed, and its fallback runs.
    pub(crate) fn is_recovering(&self) -> bool {
        self.state == StepState::Failed && self.fallback.is_some()
    }
}

impl State {
    /// Whether the step of that number belongs to what goes on now, so that attempts of it may begin.
    pub(crate) fn lives(&self, number: usize) -> bool {
        if number >= self.plan.first_finally() {
            return self.phase == Phase::Closing && !self.is_forced();
        }
        self.phase == Phase::Active
            && (number < self.plan.steps().len() || self.stands_in_for(number).is_some())
    }

    /// The failed step in whose place the fallback step of that number runs.
    pub(crate) fn stands_in_for(&self, number: usize) -> Option<usize> {
        let steps = self.steps.iter().take(self.plan.steps().len());
        let holds = |data: &StepData| data.fallback.is_some_and(|steps| steps.holds(number));
        let mut recovering = steps
            .enumerate()
            .filter(|(_, data)| data.is_recovering() && holds(data));
        recovering.next().map(|(owner, _)| owner)
    }

    /// A fallback step that nothing needed: the step that it belongs to did not fail, or another fallback took over.
    pub(crate) fn is_idle_fallback(&self, number: usize) -> bool {
        let holds = |data: &StepData| data.fallback.is_some_and(|steps| steps.holds(number));
        let fallback = self.plan.steps().len()..self.plan.first_finally();
        fallback.contains(&number) && !self.steps.iter().any(holds)
    }

    /// The steps of one fallback run one after the other.
    pub(crate) fn fallback_in_order(&self, step: &CheckedStep) -> bool {
        let Some(owner) = self.stands_in_for(step.index) else {
            return false;
        };
        let settled = |number: usize| self.steps.get(number).is_some_and(StepData::is_settled);
        let fallback = self.steps.get(owner).and_then(|data| data.fallback);
        let first = fallback.map_or(step.index, |fallback| fallback.first);
        (first..step.index).all(settled)
            && step
                .order
                .iter()
                .all(|number| *number == owner || settled(*number))
    }

    /// The last of these steps that completed.
    fn stand_in(&self, fallback: Fallback) -> Option<String> {
        let mut steps = self.plan.numbers(fallback.first..fallback.end).rev();
        let completed = |step: &&CheckedStep| {
            let data = self.steps.get(step.index);
            data.is_some_and(|data| data.state.usable())
        };
        steps.find(completed).map(|step| step.step.id.clone())
    }

    /// All steps of the fallback are settled: the failed step takes the output of the last that completed.
    pub(crate) fn end_fallback(&mut self, step: &str, from: Option<&str>) -> Result<(), Illegal> {
        let number = self.plan.number_of(step).ok_or(Illegal)?;
        let data = self.steps.get(number).ok_or(Illegal)?;
        let fallback = data
            .fallback
            .filter(|_| data.is_recovering())
            .ok_or(Illegal)?;
        let mut steps = self.steps.iter().take(fallback.end).skip(fallback.first);
        let settled = steps.all(StepData::is_settled);
        if self.phase != Phase::Active || !settled || self.stand_in(fallback).as_deref() != from {
            return Err(Illegal);
        }
        let Some(from) = from else {
            let fault = data.error.clone().unwrap_or_else(|| {
                let message = "the step failed, and so did its fallback";
                Fault::new(ErrorCode::UnknownError, message)
            });
            return self.stop(fault.at_step(step), false, false);
        };
        let output = self.step(from).and_then(|(_, data)| data.output.clone());
        let data = self.steps.get_mut(number).ok_or(Illegal)?;
        data.state = next_step_state(data.state, StepChange::Recover)?;
        data.output = output;
        self.note_taken_over(number, from);
        Ok(())
    }
}
