//! Approval of the plan: nothing runs before it, nothing after a no.

use crate::fakes::World;
use mandate_engine::event::Answer;
use mandate_engine::{Body, Status};
use mandate_host::record::record;
use mandate_plan::ErrorCode;

const SENDS: &str = "
version: 1
name: sends
steps:
  - {id: send, tool: mail.send, args: {to: bob}}
";

fn waiting() -> (World, String, String) {
    let mut world = World::new();
    let answer = world.submit(SENDS);
    world.run(100);
    let submitted = answer.try_recv().unwrap().unwrap();
    (world, submitted.execution_id, submitted.request_id.unwrap())
}

#[test]
fn nothing_runs_before_the_approval() {
    let (mut world, id, request_id) = waiting();
    assert_eq!(world.made_calls(), Vec::<String>::new());
    assert_eq!(world.ended(&id).shown_state(), "waiting");
    assert!(!world.approve(&id, "req-of-another", "approve"));
    assert!(!world.approve(&id, &request_id, "perhaps"));
    assert!(world.approve(&id, &request_id, "approve"));
    world.run(100);
    assert_eq!(world.made_calls(), ["send/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}

#[test]
fn a_no_ends_it() {
    let (mut world, id, request_id) = waiting();
    assert!(world.approve(&id, &request_id, "reject"));
    world.run(100);
    let state = world.ended(&id);
    assert_eq!(
        state.ending.unwrap().error.unwrap().code,
        ErrorCode::ApprovalRejected
    );
    assert_eq!(world.made_calls(), Vec::<String>::new());
}

#[test]
fn silence_ends_it() {
    let (mut world, id, _) = waiting();
    world.advance(mandate_host::APPROVAL_EXPIRES_MS);
    world.run(100);
    let state = world.ended(&id);
    assert_eq!(
        state.ending.unwrap().error.unwrap().code,
        ErrorCode::ApprovalExpired
    );
}

#[test]
fn an_approval_recorded_while_no_host_runs_carries_on_later() {
    let (world, id, request_id) = waiting();
    let mut world = world.crash();
    let answer = Answer::new(&request_id, "approve", "ann", "cli");
    let journal = world.journal.clone();
    let now_ms = 2_000_000;
    let recording = {
        let (journal, id) = (journal.clone(), id.clone());
        std::thread::spawn(move || {
            record(journal.as_ref(), &id, now_ms, Body::RequestAnswered(answer))
        })
    };
    while journal.waiting() == 0 {
        std::thread::yield_now();
    }
    journal.sync_one();
    let state = recording.join().unwrap().unwrap();
    assert_eq!(state.shown_state(), "waiting");
    assert_eq!(state.waiting_for().unwrap().kind, "host");
    assert_eq!(
        world.made_calls(),
        Vec::<String>::new(),
        "approving causes no effect by itself"
    );
    world.take_up(&id);
    world.run(100);
    assert_eq!(world.made_calls(), ["send/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}
