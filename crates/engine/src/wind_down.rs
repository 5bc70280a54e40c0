//! What follows once an execution stops before its plan is through.

use crate::compensate::compensate;
use crate::decide::Command;
use crate::event::{Body, Timer};
use crate::finally::end;
use crate::follow_up::follow_up;
use crate::life::StepState;
use crate::readiness::OwnWait;
use crate::state::{GRACE_MS, State, Unit};
use mandate_policy::Purpose;

/// No step starts any more: calls under way come to an end, doubts wait for their answer, then the execution ends.
pub(crate) fn wind_down(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    let plan = state.plan().clone();
    for (index, (step, data)) in plan.every_step().zip(&state.steps).enumerate() {
        let own = state.own_wait(index) != OwnWait::None;
        let asleep = |unit: &Unit| own && unit.state == StepState::Running;
        let outside = |unit: &Unit| unit.outside && unit.state == StepState::Running;
        let unclear = |unit: &Unit| {
            unit.orphaned || unit.state == StepState::InDoubt || asleep(unit) || outside(unit)
        };
        if data.units.iter().any(unclear) {
            follow_up(state, index, step, data, &mut out);
        }
    }
    let Some(stop) = &state.stop else { return out };
    if !out.is_empty() {
        return out;
    }
    if state.running > 0 {
        let running = |unit: &Unit| unit.state == StepState::Running;
        let harmless = |unit: &Unit| unit.facts().read_only();
        let ends_itself = |unit: &Unit| harmless(unit) || unit.nested;
        let open = state.units_where(|unit| running(unit) && (stop.at_once || ends_itself(unit)));
        let mut units = state.steps.iter().flat_map(|data| &data.units);
        let grace = !stop.at_once && units.any(|unit| running(unit) && !ends_itself(unit));
        if grace && stop.grace_due_ms.is_none() {
            let due_ms = state.at_ms.saturating_add(GRACE_MS);
            out.push(Command::Record(Body::TimerSet {
                timer: Timer::Grace,
                due_ms,
            }));
        }
        let aborts = open
            .into_iter()
            .map(|(step, item, attempt)| Command::Abort {
                step,
                item,
                attempt,
                purpose: Purpose::Run,
            });
        out.extend(aborts);
        return out;
    }
    if state.owes_undo() && state.may_finish() {
        out.extend(compensate(state));
    } else if state.doubtful == 0 || stop.force {
        out.push(Command::Record(end(state)));
    }
    out
}
