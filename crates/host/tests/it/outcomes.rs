//! What becomes of outcomes, through the whole host.

use crate::fakes::World;
use mandate_engine::{Status, StepState};
use mandate_plan::ErrorCode;
use mandate_tools::{Fault, Outcome};

fn failed(code: ErrorCode) -> Outcome {
    Outcome::Failed(Fault::new(code, "it did not work"))
}

#[test]
fn a_read_is_tried_again_and_an_effect_is_not() {
    let mut world = World::new();
    world.answer_with(
        "get",
        vec![failed(ErrorCode::ToolFailed), failed(ErrorCode::ToolFailed)],
    );
    world.answer_with("send", vec![failed(ErrorCode::ToolFailed)]);
    let (id, _updates) = world.start(
        "
version: 1
name: retries
retry: {max_attempts: 3, backoff_ms: 100}
steps:
  - {id: get, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, args: {to: bob}}
",
    );
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(world.made_calls(), ["get/1", "get/2", "get/3", "send/1"]);
    let ending = state.ending.unwrap();
    assert_eq!(ending.status, Status::Failure);
    let error = ending.error.unwrap();
    assert_eq!(
        (error.code, error.step.as_deref()),
        (ErrorCode::ToolFailed, Some("send"))
    );
}

#[test]
fn a_lost_effect_is_in_doubt_and_nothing_behind_it_runs() {
    let mut world = World::new();
    let lost = Outcome::Unknown(Fault::new(ErrorCode::ToolFailed, "the connection broke"));
    world.answer_with("send", vec![lost]);
    let (id, _updates) = world.start(
        "
version: 1
name: doubt
retry: {max_attempts: 5, backoff_ms: 1}
steps:
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: then, tool: fs.read, args: {path: a}}
  - {id: apart, tool: fs.read, after: [], args: {path: b}}
",
    );
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.shown_state(), "waiting");
    assert_eq!(state.steps[0].state, StepState::InDoubt);
    assert_eq!(state.steps[1].state, StepState::Pending);
    assert_eq!(state.steps[2].state, StepState::Completed);
    let waiting = state.waiting_for().unwrap();
    assert_eq!(
        (waiting.kind.as_str(), waiting.step.as_deref()),
        ("in_doubt", Some("send"))
    );
    assert_eq!(
        waiting.next_command,
        format!("mandate executions resolve {id} send --done")
    );
}

#[test]
fn partial_when_a_step_is_passed_over() {
    let mut world = World::new();
    world.answer_with("b", vec![failed(ErrorCode::ToolFailed)]);
    let (id, _updates) = world.start(
        "
version: 1
name: partial
steps:
  - {id: a, tool: fs.read, args: {path: a}}
  - {id: b, tool: fs.read, on_failure: skip, args: {path: b}}
  - {id: c, tool: fs.read, args: {path: \"${steps.b.output.path}\"}}
",
    );
    world.run_through();
    let state = world.ended(&id);
    let ending = state.ending.unwrap();
    assert_eq!(ending.status, Status::Partial);
    let error = ending.error.unwrap();
    assert_eq!(error.code, ErrorCode::StepSkipped);
    assert_eq!(error.cause.unwrap().step.as_deref(), Some("b"));
    assert_eq!(state.steps[2].state, StepState::Skipped);
    assert!(ending.outputs.contains_key("a") && !ending.outputs.contains_key("b"));
}
