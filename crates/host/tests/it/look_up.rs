//! Doubts that the tool's own status look-up settles, through the whole host.

use crate::fakes::World;
use mandate_engine::event::Resolution;
use mandate_engine::{Body, Status, StepState, idempotency_key};
use mandate_host::{Ask, Input, Update};
use mandate_plan::ErrorCode;
use mandate_policy::Purpose;
use mandate_tools::{Fault, Outcome, Told};
use serde_json::json;
use std::sync::mpsc::channel;

const PLAN: &str = "
version: 1
name: doubt
steps:
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: then, tool: data.value, args: {value: '${steps.send.output}'}}
";

fn lost() -> Outcome {
    Outcome::Unknown(Fault::new(ErrorCode::ToolFailed, "the connection broke"))
}

fn unknown() -> Told {
    Told::Unknown("it says `unknown`".to_owned())
}

/// Who resolved what, and how.
fn resolutions(world: &World, id: &str) -> Vec<(String, Resolution)> {
    let events = mandate_host::recovery::events(world.journal.as_ref(), id).unwrap();
    let all = events.into_iter().filter_map(|event| match event.body {
        Body::StepResolved { by, resolution, .. } => Some((by, resolution)),
        _ => None,
    });
    all.collect()
}

#[test]
fn what_the_tool_says_is_done_needs_no_human() {
    let mut world = World::new();
    world.answer_with("send", vec![lost()]);
    world.tell("send", vec![Told::Done(json!("m-1"))]);
    let (id, updates) = world.start(PLAN);
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.ending.unwrap().status, Status::Success);
    assert_eq!(world.made_calls(), ["send/1", "then/1"]);
    let done = Resolution::Done {
        output: json!("m-1"),
    };
    assert_eq!(
        resolutions(&world, &id),
        [("tool:mail.send".to_owned(), done)]
    );
    assert_eq!(
        *world.tools.asked.lock().unwrap(),
        [(
            "send".to_owned(),
            idempotency_key(&id, "send", None, Purpose::Run)
        )]
    );
    // Nobody was told meanwhile that a human is awaited.
    let rests = updates
        .try_iter()
        .filter_map(|update| match update {
            Update::Rest(rest) => rest.waiting_for,
            _ => None,
        })
        .filter(|waiting| waiting.kind == "in_doubt")
        .count();
    assert_eq!(rests, 0);
}

#[test]
fn what_did_not_happen_is_done_again_and_what_failed_has_failed() {
    let mut world = World::new();
    world.answer_with("send", vec![lost()]);
    world.tell("send", vec![Told::NotDone]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    assert_eq!(world.made_calls(), ["send/1", "send/2", "then/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);

    let mut world = World::new();
    world.answer_with("send", vec![lost()]);
    world.tell("send", vec![Told::Failed("no such address".to_owned())]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    let error = world.ended(&id).ending.unwrap().error.unwrap();
    assert!(error.message.contains("no such address"), "{error:?}");
    assert_eq!(world.made_calls(), ["send/1"]);
}

#[test]
fn a_tool_that_does_not_know_leaves_the_doubt_and_the_next_host_asks_again() {
    let mut world = World::new();
    world.answer_with("send", vec![lost()]);
    world.tell("send", vec![unknown()]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.steps[0].state, StepState::InDoubt);
    assert_eq!(state.waiting_for().unwrap().kind, "in_doubt");
    assert!(world.host.is_idle());
    assert!(
        world
            .journal
            .kinds(&id)
            .contains(&"finding_recorded".to_owned())
    );

    let mut next = world.crash();
    next.tell("send", vec![Told::Done(json!("m-1"))]);
    next.take_up(&id);
    next.run_through();
    assert_eq!(next.ended(&id).ending.unwrap().status, Status::Success);
    assert_eq!(next.made_calls(), ["then/1"]);
}

#[test]
fn a_crash_in_mid_call_is_settled_by_the_next_host() {
    let mut world = World::new();
    world
        .tools
        .hang
        .lock()
        .unwrap()
        .push("mail.send".to_owned());
    let (id, _updates) = world.start(PLAN);
    world.run(50);
    assert_eq!(world.made_calls(), ["send/1"]);

    let mut next = world.crash();
    next.tell("send", vec![Told::Done(json!("m-1"))]);
    next.take_up(&id);
    next.run_through();
    assert_eq!(next.ended(&id).ending.unwrap().status, Status::Success);
    assert_eq!(next.witnessed().len(), 1);
}

#[test]
fn a_tool_that_is_lost_each_time_is_not_called_for_ever() {
    let mut world = World::new();
    world.answer_with("send", vec![lost(); 9]);
    world.tell("send", vec![Told::NotDone; 9]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    assert_eq!(world.asked("send"), 3);
    assert_eq!(world.made_calls().len(), 4);
    assert_eq!(world.ended(&id).steps[0].state, StepState::InDoubt);
}

#[test]
fn a_human_may_be_faster() {
    let mut world = World::new();
    world.answer_with("send", vec![lost()]);
    world.tell("send", vec![Told::NotDone]);
    let (id, _updates) = world.start(PLAN);
    // The call, its doubt on the disk; the question is not polled yet.
    while world.asked("send") == 0 {
        assert!(world.run(1) > 0);
    }
    let (reply, answer) = channel();
    world.host.handle(Input::Ask(Ask::Resolve {
        execution_id: id.clone(),
        step: "send".to_owned(),
        item: None,
        by: "ann".to_owned(),
        channel: "cli".to_owned(),
        resolution: Resolution::Done {
            output: json!("by hand"),
        },
        reply,
    }));
    world.run_through();
    assert!(answer.try_recv().unwrap().is_ok());
    let by: Vec<String> = resolutions(&world, &id)
        .into_iter()
        .map(|(by, _)| by)
        .collect();
    assert_eq!(by, ["ann"]);
    assert_eq!(world.made_calls(), ["send/1", "then/1"]);
}

#[test]
fn an_undo_call_in_doubt_is_asked_about_by_its_own_key() {
    let mut world = World::new();
    // The first answer is that of the step, the second that of its undo call.
    let sent = Outcome::Completed { output: json!(1) };
    world.answer_with("send", vec![sent, lost()]);
    let failed = Fault::new(ErrorCode::ToolFailed, "it did not work");
    world.answer_with("then", vec![Outcome::Failed(failed)]);
    world.tell("send", vec![Told::Done(json!(null))]);
    let (id, _updates) = world.start(
        "
version: 1
name: undo
steps:
  - {id: send, tool: mail.send, args: {to: bob}, compensate: {tool: mail.send, args: {sorry: bob}}}
  - {id: then, tool: mail.send, args: {to: ann}}
",
    );
    world.run_through();
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Failure);
    let key = idempotency_key(&id, "send", None, Purpose::Compensate);
    assert_eq!(
        *world.tools.asked.lock().unwrap(),
        [("send".to_owned(), key)]
    );
    assert_eq!(world.made_calls(), ["send/1", "then/1", "send/1"]);
}
