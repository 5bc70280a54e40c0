//! `finally`: once it stands how an execution ends, and whatever that is, these steps run, one after the other.

use crate::decide::{Command, carry_on};
use crate::event::{Body, Fault, Status};
use crate::follow_up::follow_up;
use crate::life::{Illegal, Phase, PhaseChange, StepState, next_phase};
use crate::state::{Conclusion, State, StepData, Unit};
use crate::status;
use mandate_plan::CheckedStep;
use mandate_policy::Purpose;
use serde_json::json;

/// What follows when nothing is left to do but to end: `finally` begins, or the execution has ended.
pub(crate) fn end(state: &State) -> Body {
    if state.owes_finally() {
        let (status, error) = status::conclude(state);
        return Body::FinallyStarted { status, error };
    }
    status::finish(state)
}

/// What follows while the steps under `finally` run.
pub(crate) fn close_down(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    let plan = state.plan().clone();
    let most = plan.plan().constraints.max_parallel;
    let mut places = most.saturating_sub(state.running);
    for step in plan.finally() {
        let Some(data) = state.steps.get(step.index) else {
            continue;
        };
        if data.state.settled() {
            continue;
        }
        if state.is_forced() {
            follow_up(state, step.index, step, data, &mut out);
        } else {
            carry_on(state, step.index, step, data, &mut places, &mut out);
        }
    }
    if state.is_forced() && out.is_empty() {
        let open = state.units_where(|unit| unit.state == StepState::Running);
        out.extend(
            open.into_iter()
                .map(|(step, item, attempt)| Command::Abort {
                    step,
                    item,
                    attempt,
                    purpose: Purpose::Run,
                }),
        );
    }
    if out.is_empty() && state.may_finish() {
        out.push(Command::Record(status::finish(state)));
    }
    out
}

impl State {
    /// Steps under `finally` are to run before it ends.
    fn owes_finally(&self) -> bool {
        let through = matches!(
            self.phase,
            Phase::Active | Phase::Stopping | Phase::Compensating
        );
        through && self.began && !self.gives_up() && !self.plan.finally().is_empty()
    }

    /// Somebody gave up on the steps under `finally`.
    pub(crate) fn is_forced(&self) -> bool {
        self.conclusion
            .as_ref()
            .is_some_and(|conclusion| conclusion.force)
    }

    /// They run in their order; a doubt is settled by a person, and keeps none of the others waiting.
    pub(crate) fn finally_in_order(&self, step: &CheckedStep) -> bool {
        let is_done = |data: &StepData| data.state.settled() || data.state == StepState::InDoubt;
        let done = |number: usize| self.steps.get(number).is_some_and(is_done);
        let settled = |number: usize| self.steps.get(number).is_some_and(StepData::is_settled);
        let first = self.plan.first_finally();
        (first..step.index).all(done)
            && step
                .order
                .iter()
                .all(|number| *number < first || settled(*number))
    }

    /// Nothing under `finally` is open any more.
    pub(crate) fn may_end_finally(&self) -> bool {
        let lost = |unit: &Unit| unit.state == StepState::Waiting && unit.is_lost();
        let steps = self.steps.iter().skip(self.plan.first_finally());
        let mut units = self.steps.iter().flat_map(|data| &data.units);
        !units.any(lost) && (self.is_forced() || { steps }.all(|data| data.state.settled()))
    }

    /// `finally` begins.
    pub(crate) fn close(&mut self, status: Status, error: Option<&Fault>) -> Result<(), Illegal> {
        if !self.owes_finally() || !self.may_finish() || self.owes_undo() {
            return Err(Illegal);
        }
        self.phase = next_phase(self.phase, PhaseChange::Close)?;
        self.cancel_open_steps(self.plan.first_finally());
        self.withdraw(|_| true);
        let shown = error.map(
            |fault| json!({ "code": fault.code, "message": fault.message, "step": fault.step }),
        );
        self.about = json!({
            "id": self.created.execution_id, "status": status.as_str(), "error": shown,
        });
        self.conclusion = Some(Conclusion {
            status,
            error: error.cloned(),
            force: false,
        });
        Ok(())
    }

    /// Only force ends `finally` before its time.
    pub(crate) fn force_end(&mut self, force: bool) -> Result<(), Illegal> {
        let conclusion = self.conclusion.as_mut().ok_or(Illegal)?;
        if !force || conclusion.force {
            return Err(Illegal);
        }
        conclusion.force = true;
        self.withdraw(|_| true);
        Ok(())
    }
}
