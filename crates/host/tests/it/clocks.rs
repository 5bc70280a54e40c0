//! Time limits, pauses, and the grace that running effects get.

use crate::fakes::World;
use mandate_engine::{Status, StepState};
use mandate_host::{Ask, Input};
use mandate_plan::ErrorCode;
use std::sync::mpsc::channel;

#[test]
fn a_read_that_hangs_is_stopped_by_its_own_limit() {
    let mut world = World::new();
    world.tools.hang.lock().unwrap().push("fs.read".to_owned());
    let (id, _updates) = world.start(
        "
version: 1
name: hangs
steps:
  - {id: a, tool: fs.read, timeout_ms: 500, args: {path: a}}
",
    );
    world.run(100);
    assert_eq!(world.made_calls(), ["a/1"]);
    world.advance(499);
    world.run(100);
    assert!(world.host.state(&id).unwrap().is_running());
    world.advance(1);
    world.run(100);
    let error = world.ended(&id).ending.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::StepTimeout);
}

#[test]
fn an_effect_that_passes_its_limit_is_in_doubt() {
    let mut world = World::new();
    world
        .tools
        .hang
        .lock()
        .unwrap()
        .push("mail.send".to_owned());
    let (id, _updates) = world.start(
        "
version: 1
name: hangs
steps:
  - {id: a, tool: mail.send, timeout_ms: 500, args: {to: bob}}
",
    );
    world.run(100);
    world.advance(500);
    world.run(100);
    let state = world.ended(&id);
    assert_eq!(state.steps[0].state, StepState::InDoubt);
    let cause = state.steps[0].error.clone().unwrap().cause.unwrap();
    assert_eq!(cause.code, ErrorCode::StepTimeout);
}

#[test]
fn the_plan_timeout_counts_active_time_only() {
    let mut world = World::new();
    let (id, _updates) = world.start(
        "
version: 1
name: slow
constraints: {timeout_ms: 1000}
steps:
  - {id: nap, tool: time.sleep, args: {duration_ms: 700}}
  - {id: more, tool: time.sleep, args: {duration_ms: 700}}
",
    );
    world.run(100);
    world.advance(400);
    let (reply, _answer) = channel();
    world
        .host
        .handle(Input::Ask(Ask::Pause(id.clone(), "ann".to_owned(), reply)));
    world.run(100);
    world.advance(100_000);
    world.run(100);
    assert_eq!(world.host.state(&id).unwrap().shown_state(), "paused");
    let (reply, _answer) = channel();
    world
        .host
        .handle(Input::Ask(Ask::Resume(id.clone(), "ann".to_owned(), reply)));
    world.run_through();
    let state = world.ended(&id);
    let error = state.ending.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::PlanTimeout);
    assert_eq!(state.steps[0].state, StepState::Completed);
    assert_eq!(state.active_ms, 1_000);
}

#[test]
fn cancel_gives_an_effect_its_grace_and_drops_a_read() {
    let mut world = World::new();
    world
        .tools
        .hang
        .lock()
        .unwrap()
        .extend(["mail.send".to_owned(), "fs.read".to_owned()]);
    let (id, _updates) = world.start(
        "
version: 1
name: hangs
steps:
  - {id: read, tool: fs.read, after: [], args: {path: a}}
  - {id: send, tool: mail.send, after: [], args: {to: bob}}
  - {id: never, tool: fs.read, args: {path: b}}
",
    );
    world.run(100);
    let (reply, _answer) = channel();
    let ask = Ask::Cancel {
        execution_id: id.clone(),
        by: "ann".to_owned(),
        reason: None,
        force: false,
        reply,
    };
    world.host.handle(Input::Ask(ask));
    world.run(100);
    let state = world.host.state(&id).unwrap();
    assert_eq!(state.steps[0].state, StepState::Cancelled);
    assert_eq!(state.steps[1].state, StepState::Running);
    world.advance(mandate_engine::GRACE_MS);
    world.run(100);
    // Its outcome is not known: that outranks the wish to end.
    let state = world.ended(&id);
    assert_eq!(state.steps[1].state, StepState::InDoubt);
    assert_eq!(state.shown_state(), "waiting");
    let (reply, _answer) = channel();
    let ask = Ask::Cancel {
        execution_id: id.clone(),
        by: "ann".to_owned(),
        reason: None,
        force: true,
        reply,
    };
    world.host.handle(Input::Ask(ask));
    world.run(100);
    let state = world.ended(&id);
    assert_eq!(state.shown_state(), "cancelled");
    let ending = state.ending.unwrap();
    assert_eq!(
        (ending.status, ending.error.unwrap().code),
        (Status::Failure, ErrorCode::Cancelled)
    );
    assert_eq!(state.steps[1].state, StepState::InDoubt);
    assert_eq!(state.steps[2].state, StepState::Cancelled);
}
