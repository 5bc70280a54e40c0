//! Executions that are not in memory: parked and woken on time, left by a host and taken up by the next.

use crate::fakes::World;
use mandate_engine::Status;
use mandate_host::{Ask, Input, Notice};
use mandate_plan::ErrorCode;
use std::sync::mpsc::channel;

const SENDS: &str = "
version: 1
name: sends
steps:
  - {id: send, tool: mail.send, args: {to: bob}}
";

const HOUR_MS: i64 = 3_600_000;

fn naps(priority: i64) -> String {
    format!(
        "
version: 1
name: naps
priority: {priority}
constraints: {{timeout_ms: 86400000}}
steps:
  - {{id: nap, tool: time.sleep, args: {{duration_ms: {HOUR_MS}}}}}
  - {{id: look, tool: fs.read, args: {{path: a}}}}
"
    )
}

/// Submits, without looking on.
fn submitted(world: &mut World, plan: &str) -> (String, Option<String>) {
    let answer = world.submit(plan);
    world.run(100);
    let submitted = answer.try_recv().unwrap().unwrap();
    (submitted.execution_id, submitted.request_id)
}

#[test]
fn what_waits_for_a_human_leaves_memory_and_an_answer_brings_it_back() {
    let mut world = World::new();
    let (id, request_id) = submitted(&mut world, SENDS);
    assert!(world.host.is_parked(&id) && world.host.state(&id).is_none());
    assert!(!world.approve(&id, "req-of-another", "approve"));
    assert!(world.approve(&id, &request_id.unwrap(), "approve"));
    world.run(100);
    assert_eq!(world.made_calls(), ["send/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    let kinds = world.journal.kinds(&id);
    assert!(
        !kinds.iter().any(|kind| kind.starts_with("host_")),
        "{kinds:?}"
    );
}

#[test]
fn a_parked_sleeper_wakes_on_time() {
    let mut world = World::new();
    let (id, _) = submitted(&mut world, &naps(0));
    assert!(world.host.is_parked(&id));
    world.advance(HOUR_MS - 1);
    world.run(100);
    assert!(world.host.is_parked(&id));
    assert_eq!(world.made_calls(), Vec::<String>::new());
    world.advance(1);
    world.run(100);
    assert_eq!(world.made_calls(), ["look/1"]);
    let state = world.ended(&id);
    assert_eq!(state.ending.unwrap().status, Status::Success);
    assert_eq!(state.active_ms, HOUR_MS);
}

#[test]
fn a_parked_request_expires_on_time() {
    let mut world = World::new();
    let (id, _) = submitted(&mut world, SENDS);
    world.advance(mandate_host::APPROVAL_EXPIRES_MS - 1);
    assert!(world.host.is_parked(&id));
    world.advance(1);
    world.run(100);
    let error = world.ended(&id).ending.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::ApprovalExpired);
}

#[test]
fn pausing_resuming_and_cancelling_reach_what_is_parked() {
    let mut world = World::new();
    let (id, _) = submitted(&mut world, &naps(0));
    let (reply, _answer) = channel();
    world
        .host
        .handle(Input::Ask(Ask::Pause(id.clone(), "ann".to_owned(), reply)));
    world.run(100);
    assert!(world.host.is_parked(&id));
    world.advance(2 * HOUR_MS);
    world.run(100);
    assert_eq!(world.journal.row(&id).state, "paused");
    let (reply, _answer) = channel();
    world
        .host
        .handle(Input::Ask(Ask::Resume(id.clone(), "ann".to_owned(), reply)));
    world.run(100);
    assert_eq!(world.made_calls(), ["look/1"]);
    let (other, _) = submitted(&mut world, &naps(0));
    assert!(world.cancel(&other));
    world.run(100);
    assert_eq!(world.ended(&other).shown_state(), "cancelled");
}

#[test]
fn who_looks_on_keeps_it_in_memory_until_they_go() {
    let mut world = World::new();
    let (id, _) = submitted(&mut world, SENDS);
    let (follower, notices) = tokio::sync::watch::channel(Notice::default());
    let (reply, answer) = channel();
    let ask = Ask::Follow(id.clone(), follower, reply);
    world.host.handle(Input::Ask(ask));
    answer.try_recv().unwrap().unwrap();
    assert!(!world.host.is_parked(&id));
    assert_eq!(notices.borrow().rest.as_ref().unwrap().seq, 2);
    drop(notices);
    world.host.handle(Input::Ask(Ask::Unfollow(id.clone())));
    assert!(world.host.is_parked(&id));
}

#[test]
fn the_next_host_takes_up_what_goes_on_and_notes_what_waits_for_a_human() {
    let mut world = World::new();
    let (waits, request_id) = submitted(&mut world, SENDS);
    let (sleeps, _) = submitted(&mut world, &naps(0));
    let mut world = world.crash();
    world.recover();
    world.run(100);
    // Nothing of it was folded, and nothing written.
    assert!(
        !world
            .journal
            .kinds(&waits)
            .contains(&"host_started".to_owned())
    );
    assert!(
        world
            .journal
            .kinds(&sleeps)
            .contains(&"host_started".to_owned())
    );
    assert!(world.host.is_parked(&sleeps));
    assert!(world.approve(&waits, &request_id.unwrap(), "approve"));
    world.run(100);
    assert_eq!(world.made_calls(), ["send/1"]);
    assert_eq!(world.ended(&waits).ending.unwrap().status, Status::Success);
    world.advance(HOUR_MS);
    world.run(100);
    assert_eq!(world.ended(&sleeps).ending.unwrap().status, Status::Success);
}

#[test]
fn what_was_noted_ends_when_its_time_comes() {
    let mut world = World::new();
    let (id, _) = submitted(&mut world, SENDS);
    let mut world = world.crash();
    world.recover();
    world.advance(mandate_host::APPROVAL_EXPIRES_MS);
    world.run(100);
    let error = world.ended(&id).ending.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::ApprovalExpired);
}

#[test]
fn one_that_cannot_be_taken_up_is_told_of_and_stops_no_other() {
    let mut world = World::new();
    let (lost, _) = submitted(&mut world, &naps(9));
    let (sound, _) = submitted(&mut world, &naps(0));
    let mut world = world.crash();
    world.journal.lose_plan_of(&lost);
    world.recover();
    world.run(100);
    let reports = world.reports.lock().unwrap().clone();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains(&lost) && reports[0].contains("is not stored"),
        "{reports:?}"
    );
    world.advance(HOUR_MS);
    world.run(100);
    assert_eq!(world.ended(&sound).ending.unwrap().status, Status::Success);
}
