//! The rules of order, need and status once more: slow, obvious, from the generated plan and not from the checked one.

use crate::generate::{Condition, OnFailure, PlanDraft, id};
use crate::world::World;
use mandate_engine::event::{FailureKind, Request, RequestKind, Resolution, SkipReason, Status};
use mandate_engine::{Body, Event, State, StepState};
use std::collections::BTreeSet;

fn state_of(state: &State, index: usize) -> StepState {
    state.step(&id(index)).unwrap().1.state
}

/// Somebody is asked what comes of it, or is about to be.
fn asking(state: &State, index: usize) -> bool {
    state.step(&id(index)).unwrap().1.asking
}

fn settled(state: &State, index: usize) -> bool {
    use StepState as S;
    if state_of(state, index) == S::Failed && asking(state, index) {
        return false;
    }
    !matches!(
        state_of(state, index),
        S::Pending | S::Running | S::Waiting | S::InDoubt
    )
}

/// The steps that must have completed for this one to run: `depends_on`, and those whose output it reads, unless `if`
/// relaxes the edge.
fn needs(draft: &PlanDraft, at: usize) -> Vec<usize> {
    let step = &draft.steps[at];
    let mut needs = step.depends_on.clone();
    needs.extend(step.reads);
    match step.condition {
        Condition::Output(on) => needs.push(on),
        Condition::Succeeded(on) => needs.retain(|need| *need != on),
        Condition::Settled => needs.clear(),
        Condition::None | Condition::Is(_) => {}
    }
    needs
}

/// The steps that must be settled before this one is looked at.
fn order(draft: &PlanDraft, at: usize) -> Vec<usize> {
    let step = &draft.steps[at];
    let mut order = match &step.after {
        None => (0..at).collect(),
        Some(after) => after.clone(),
    };
    order.extend(&step.depends_on);
    order.extend(step.reads);
    match step.condition {
        Condition::Output(on) | Condition::Succeeded(on) => order.push(on),
        Condition::None | Condition::Is(_) | Condition::Settled => {}
    }
    if draft.sequential {
        order.extend(0..at);
    }
    order
}

fn in_order(draft: &PlanDraft, state: &State, at: usize) -> bool {
    order(draft, at)
        .iter()
        .all(|before| settled(state, *before))
}

fn done(state: &State, index: usize) -> bool {
    use StepState as S;
    matches!(state_of(state, index), S::Completed | S::Recovered)
}

/// The violation of the plan's invariant that nobody has accepted yet, from the journal: it began after the last yes.
fn violated(draft: &PlanDraft, world: &World, seq: u64) -> bool {
    let mut open = false;
    for event in world.events.iter().filter(|event| event.seq <= seq) {
        match &event.body {
            Body::InvariantChecked { holds: false, .. } => open = true,
            Body::RequestAnswered(answer) if answer.choice == "continue" => open = false,
            _ => {}
        }
    }
    open && draft.never.is_some()
}

/// Whether a human said yes to the calls of a step that asks for that: to each, and before it began.
fn yes_before(draft: &PlanDraft, world: &World, at: usize, seq: u64) -> bool {
    let before = || world.events.iter().filter(|event| event.seq < seq);
    let about = |request: &Request| {
        request.kind == RequestKind::Step && request.step.as_deref() == Some(&id(at))
    };
    let asked: Vec<&str> = before()
        .filter_map(|event| match &event.body {
            Body::RequestOpened(request) if about(request) => Some(request.request_id.as_str()),
            _ => None,
        })
        .collect();
    let yes = |event: &Event| match &event.body {
        Body::RequestAnswered(answer) => {
            answer.choice == "approve" && asked.contains(&answer.request_id.as_str())
        }
        _ => false,
    };
    let asks = draft.steps[at].confirm
        || draft.steps[at]
            .gate
            .is_some_and(|gate| gate.0 == "approver")
            && draft.steps[at].tool.starts_with("t.");
    !asks || before().any(yes)
}

fn needs_met(draft: &PlanDraft, state: &State, at: usize) -> bool {
    needs(draft, at).iter().all(|need| done(state, *need))
}

/// Whether each event of the journal came at its time, judged on the state before it.
pub(crate) fn judge_order(draft: &PlanDraft, world: &World) {
    let mut state = State::begin(world.plan.clone(), &world.events[0]).unwrap();
    for event in &world.events[1..] {
        let index = |step: &String| world.plan.index_of(step).unwrap();
        match &event.body {
            Body::StepStarted { step, .. } | Body::StepBlocked { step, .. } => {
                let at = index(step);
                assert!(in_order(draft, &state, at), "{event:?} out of order");
                assert!(
                    needs_met(draft, &state, at),
                    "{event:?} without what it needs"
                );
                let most = if draft.sequential {
                    1
                } else {
                    draft.max_parallel
                };
                assert!(state.running < most, "{event:?} is one too many");
                let stalled = violated(draft, world, event.seq);
                assert!(!stalled, "{event:?} while an invariant is violated");
                let blocked = matches!(event.body, Body::StepBlocked { .. });
                let yes = blocked || yes_before(draft, world, at, event.seq);
                assert!(yes, "{event:?} without a yes");
                assert!(
                    state.paused.is_none() && state.stop.is_none(),
                    "{event:?} when nothing starts"
                );
                let late = draft
                    .deadline_ms
                    .is_some_and(|deadline| event.at_ms >= deadline);
                assert!(!late, "{event:?} after the deadline");
            }
            Body::StepSkipped { step, reason } => {
                let at = index(step);
                assert!(in_order(draft, &state, at), "{event:?} out of order");
                let need = !needs_met(draft, &state, at);
                assert_eq!(need, *reason == SkipReason::Need, "{event:?}");
            }
            _ => {}
        }
        state.apply(event);
        judge_idle(draft, &state, world, event.seq);
    }
}

/// At the end of a turn, a step that could begin has begun, unless there was no place.
fn judge_idle(draft: &PlanDraft, state: &State, world: &World, seq: u64) {
    let turn_over = world.turns.contains(&(seq as usize));
    let overdue = state
        .next_due()
        .is_some_and(|(due_ms, _)| due_ms <= state.at_ms);
    let goes_on = state.phase == mandate_engine::Phase::Active
        && state.paused.is_none()
        && !violated(draft, world, seq)
        && !state
            .open_requests()
            .any(|open| open.request.kind == RequestKind::Budget);
    let most = if draft.sequential {
        1
    } else {
        draft.max_parallel
    };
    let hosted = state.driven && !state.leaving;
    if !turn_over || overdue || !goes_on || !hosted || state.running >= most {
        return;
    }
    for at in 0..draft.steps.len() {
        let idle = state_of(state, at) == StepState::Pending;
        assert!(
            !(idle && in_order(draft, state, at)),
            "{} could begin after seq {seq}",
            id(at)
        );
    }
}

/// The status by the rules, from the states of the steps and the events that stop an execution.
pub(crate) fn status(draft: &PlanDraft, world: &World) -> Status {
    let state = &world.state;
    let stops = world.events.iter().any(|event| match &event.body {
        Body::CancelRequested { .. } | Body::ApprovalRevoked { .. } | Body::StepBlocked { .. } => {
            true
        }
        Body::RequestExpired { request_id } => stops_at(kind_of(world, request_id), "expired"),
        Body::RequestAnswered(answer) => {
            stops_at(kind_of(world, &answer.request_id), &answer.choice)
        }
        Body::InvariantChecked { holds: false, .. } => {
            draft.never.as_ref().is_some_and(|never| !never.asks)
        }
        Body::TimerFired { timer } => {
            use mandate_engine::event::Timer;
            matches!(timer, Timer::Deadline | Timer::PlanTimeout)
        }
        _ => false,
    });
    let all = 0..draft.steps.len();
    let failed = |at: &usize| state_of(state, *at) == StepState::Failed;
    let halted = all
        .clone()
        .filter(failed)
        .any(|at| draft.steps[at].on_failure == OnFailure::Halt);
    if stops || halted {
        return Status::Failure;
    }
    if all.clone().all(|at| clean(draft, state, at)) {
        Status::Success
    } else if all.clone().any(|at| done(state, at)) {
        Status::Partial
    } else {
        Status::Failure
    }
}

fn kind_of(world: &World, request_id: &str) -> RequestKind {
    world.state.requests[request_id].request.kind
}

/// Whether an execution stops because of what was, or was not, said to a request.
fn stops_at(kind: RequestKind, said: &str) -> bool {
    use RequestKind as K;
    match kind {
        K::Plan | K::Budget => said == "reject" || said == "expired",
        K::Failure | K::Invariant => said == "halt" || said == "expired",
        K::Step | K::Question | K::InDoubt | K::Revision => false,
    }
}

fn clean(draft: &PlanDraft, state: &State, at: usize) -> bool {
    let (_, data) = state.step(&id(at)).unwrap();
    match data.state {
        StepState::Completed => data
            .units
            .iter()
            .all(|unit| unit.state == StepState::Completed),
        StepState::Recovered => true,
        StepState::Skipped if data.skipped == Some(SkipReason::If) => true,
        StepState::Skipped => {
            let unmet = |need: &usize| !done(state, *need);
            needs(draft, at)
                .into_iter()
                .filter(unmet)
                .all(|need| clean(draft, state, need))
        }
        _ => false,
    }
}

/// What happened and can be undone is, when nothing else came of the execution: the newest first, each once.
pub(crate) fn judge_undoing(draft: &PlanDraft, world: &World) {
    let (mut happened, mut undone, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    for event in &world.events {
        match &event.body {
            Body::StepCompleted { step, item, .. }
            | Body::StepFailed {
                step,
                item,
                outcome: FailureKind::Invalid,
                ..
            }
            | Body::StepResolved {
                step,
                item,
                resolution: Resolution::Done { .. },
                ..
            } if begun.is_empty() => happened.push((step.clone(), *item)),
            Body::CompensationStarted { step, item, .. }
            | Body::CompensationFailed {
                step,
                item,
                attempt: 0,
                ..
            } => {
                let place = (step.clone(), *item);
                if !begun.contains(&place) {
                    begun.push(place);
                }
            }
            Body::CompensationCompleted { step, item, .. } => {
                let place = (step.clone(), *item);
                assert!(!undone.contains(&place), "{place:?} undone twice");
                undone.push(place);
            }
            _ => {}
        }
    }
    let undoable = |(step, _): &(String, Option<u32>)| {
        let at = world.plan.index_of(step).unwrap();
        draft.steps[at].undo.is_some()
    };
    happened.retain(undoable);
    happened.reverse();
    // What somebody had tried again may have happened twice: it is undone once, for the last time.
    let mut once = BTreeSet::new();
    happened.retain(|place| once.insert(place.clone()));
    let state = &world.state;
    let forced = state.abandoned || state.stop.as_ref().is_some_and(|stop| stop.force);
    let failed = state
        .ending
        .as_ref()
        .is_some_and(|ending| ending.status == Status::Failure);
    if forced {
        assert!(happened.starts_with(&begun), "{begun:?} of {happened:?}");
    } else if failed {
        assert_eq!(begun, happened);
    } else {
        assert!(begun.is_empty(), "{begun:?} although it did not fail");
    }
}
