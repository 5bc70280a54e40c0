//! The limit of executions that are active at a time, and who comes first.

use crate::fakes::World;
use mandate_engine::Status;

fn plan(name: &str, priority: i64, tool: &str) -> String {
    format!(
        "
version: 1
name: {name}
priority: {priority}
steps:
  - {{id: {name}, tool: {tool}, args: {{path: a}}}}
"
    )
}

fn submitted(world: &mut World, plan: &str) -> String {
    let answer = world.submit(plan);
    world.run(100);
    answer.try_recv().unwrap().unwrap().execution_id
}

/// A host with one place, which a read that hangs has taken.
fn full() -> (World, String) {
    let mut world = World::narrow(1);
    world.tools.hang.lock().unwrap().push("http.get".to_owned());
    let answer = world.submit(&plan("first", 0, "http.get"));
    world.run(100);
    let submitted = answer.try_recv().unwrap().unwrap();
    let id = submitted.execution_id;
    assert!(world.approve(&id, &submitted.request_id.unwrap(), "approve"));
    world.run(100);
    assert_eq!(world.made_calls(), ["first/1"]);
    (world, id)
}

#[test]
fn beyond_the_limit_the_highest_priority_starts_first_then_the_oldest() {
    let (mut world, first) = full();
    let ids = [("low", -1), ("old", 0), ("high", 5), ("new", 0)]
        .map(|(name, priority)| submitted(&mut world, &plan(name, priority, "fs.read")));
    for id in &ids {
        assert_eq!(world.journal.row(id).state, "pending");
        assert_eq!(world.host.state(id).unwrap().shown_state(), "pending");
    }
    assert_eq!(world.made_calls(), ["first/1"]);
    assert!(world.cancel(&first));
    world.run_through();
    assert_eq!(
        world.made_calls(),
        ["first/1", "high/1", "old/1", "new/1", "low/1"]
    );
    for id in &ids {
        assert_eq!(world.ended(id).ending.unwrap().status, Status::Success);
    }
}

#[test]
fn one_that_waits_for_its_turn_can_be_cancelled() {
    let (mut world, first) = full();
    let second = submitted(&mut world, &plan("second", 0, "fs.read"));
    let third = submitted(&mut world, &plan("third", 0, "fs.read"));
    assert!(world.cancel(&second));
    world.run(100);
    assert_eq!(world.ended(&second).shown_state(), "cancelled");
    assert!(world.cancel(&first));
    world.run_through();
    assert_eq!(world.made_calls(), ["first/1", "third/1"]);
    assert_eq!(world.ended(&third).ending.unwrap().status, Status::Success);
}

#[test]
fn one_that_sleeps_takes_no_place() {
    let mut world = World::narrow(1);
    let sleeps = "
version: 1
name: sleeps
steps:
  - {id: nap, tool: time.sleep, args: {duration_ms: 500}}
  - {id: last, tool: fs.read, args: {path: a}}
";
    let first = submitted(&mut world, sleeps);
    let second = submitted(&mut world, &plan("second", 0, "fs.read"));
    assert_eq!(world.made_calls(), ["second/1"]);
    world.run_through();
    assert_eq!(world.made_calls(), ["second/1", "last/1"]);
    for id in [first, second] {
        assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    }
}

#[test]
fn recovery_keeps_to_the_limit_and_the_order() {
    let (mut world, first) = full();
    let second = submitted(&mut world, &plan("second", 0, "fs.read"));
    let third = submitted(&mut world, &plan("third", 7, "fs.read"));
    let mut world = world.crash();
    world.recover();
    assert_eq!(world.made_calls(), ["third/1"], "one at a time");
    world.run_through();
    assert_eq!(world.made_calls(), ["third/1", "first/2", "second/1"]);
    for id in [first, second, third] {
        assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    }
}
