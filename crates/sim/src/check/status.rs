//! The status of an execution that has ended, from the words of the documentation and the ends of its steps.

use super::{Faults, Found};
use mandate_engine::event::{SkipReason, Timer};
use mandate_engine::{Body, Status, StepData, StepState};
use std::collections::BTreeMap;

const CHECK: &str = "the status follows from the ends of the steps";

pub(super) fn check(found: &Found, faults: &mut Faults) {
    let state = &found.state;
    let Some(ending) = &state.ending else { return };
    if (ending.status == Status::Success) != ending.error.is_none() {
        faults.push((CHECK, format!("{}: error and status disagree", found.id)));
    }
    let count = state.plan().steps().len();
    let steps: Vec<_> = state.every_step().take(count).collect();
    let mut clean: BTreeMap<usize, bool> = BTreeMap::new();
    for (number, (step, data)) in steps.iter().enumerate() {
        let met = |number: &usize| steps.get(*number).is_some_and(|(_, data)| usable(data));
        let is_clean = match data.state {
            StepState::Completed => !lost_items(data),
            StepState::Recovered => true,
            StepState::Skipped => match data.skipped {
                Some(SkipReason::If) => true,
                // It needs a step that was passed over by its own `if`, or needs one that was.
                Some(SkipReason::Need) => {
                    let unmet = step.needs.iter().filter(|group| !group.iter().any(met));
                    unmet
                        .flatten()
                        .all(|needed| clean.get(needed) == Some(&true))
                }
                Some(SkipReason::Finished) | None => false,
            },
            _ => false,
        };
        clean.insert(number, is_clean);
    }
    let all_clean = clean.values().all(|clean| *clean);
    let any_done = steps.iter().any(|(_, data)| usable(data));
    let stopped = stopped(found);
    let expected = match (stopped, all_clean, any_done) {
        (true, ..) => Status::Failure,
        (false, true, _) => Status::Success,
        (false, false, true) => Status::Partial,
        (false, false, false) => Status::Failure,
    };
    if ending.status != expected {
        let states: Vec<_> = { steps.iter() }
            .map(|(step, data)| format!("{} {}", step.step.id, data.state.as_str()))
            .collect();
        let what = format!(
            "{}: {:?} and not {expected:?}; stopped: {stopped}, steps: {}; error {:?}",
            found.id,
            ending.status,
            states.join(", "),
            ending.error,
        );
        faults.push((CHECK, what));
    }
}

fn usable(data: &StepData) -> bool {
    matches!(data.state, StepState::Completed | StepState::Recovered)
}

fn lost_items(data: &StepData) -> bool {
    data.items.is_some()
        && data
            .units
            .iter()
            .any(|unit| unit.state == StepState::Failed)
}

/// Whether something ended the plan before its end: a person, a time limit, a refusal, an invariant, or a step whose
/// failure halts it.
fn stopped(found: &Found) -> bool {
    // Up to where its end stands: what happens under `finally` changes nothing any more.
    let until = found.events.iter().take_while(|event| {
        !matches!(
            event.body,
            Body::FinallyStarted { .. } | Body::ExecutionFinished { .. }
        )
    });
    let mut answers: BTreeMap<&str, &mandate_engine::event::Request> = BTreeMap::new();
    let mut stopped = false;
    for event in until {
        match &event.body {
            Body::CancelRequested { .. }
            | Body::ApprovalRevoked { .. }
            | Body::StepBlocked { .. }
            | Body::CallRefused {
                admission: true, ..
            } => stopped = true,
            Body::TimerFired { timer } => {
                stopped |= matches!(timer, Timer::PlanTimeout | Timer::Deadline | Timer::Idle);
            }
            Body::RequestOpened(request) => {
                answers.insert(&request.request_id, request);
            }
            Body::RequestAnswered(answer) => {
                let kind =
                    { answers.get(answer.request_id.as_str()) }.map(|asked| asked.kind.as_str());
                stopped |= matches!(
                    (kind, answer.choice.as_str()),
                    (Some("plan" | "budget"), "reject") | (Some("failure" | "invariant"), "halt")
                );
            }
            Body::RequestExpired { request_id } => {
                let kind = { answers.get(request_id.as_str()) }.map(|asked| asked.kind.as_str());
                stopped |= matches!(
                    kind,
                    Some("plan" | "revision" | "budget" | "failure" | "invariant")
                );
            }
            Body::FallbackEnded { from: None, .. } => stopped = true,
            Body::InvariantChecked {
                invariant,
                holds: false,
                ..
            } => {
                let plan = found.state.plan();
                let mut invariants = plan.plan().invariants.iter();
                stopped |= invariants.any(|known| {
                    known.id == *invariant && known.on_violation == mandate_plan::OnViolation::Halt
                });
            }
            _ => {}
        }
    }
    stopped || halted(found)
}

/// Whether a step failed whose failure halts the plan; also one that ran in another's place.
fn halted(found: &Found) -> bool {
    use mandate_plan::FailureAction as Action;
    let state = &found.state;
    let finally = state.plan().plan().finally.len();
    let count = state.every_step().count().saturating_sub(finally);
    state.every_step().take(count).any(|(step, data)| {
        let Some(error) = data
            .error
            .as_ref()
            .filter(|_| data.state == StepState::Failed)
        else {
            return false;
        };
        match step.step.on_failure.action(error.code) {
            Action::Skip | Action::Replan { .. } | Action::Ask | Action::Fallback(_) => false,
            Action::Halt | Action::Retry => true,
        }
    })
}
