//! Calls of a session that are set aside for a plan when it starts: others wait for them, a crash does not lose them, and
//! where a session has too few left somebody is asked.

use crate::fakes::World;
use mandate_engine::{Phase, State, Status};
use mandate_plan::ErrorCode;
use serde_json::Value;

const NOTHING: Value = Value::Null;
const HOUR_MS: i64 = 3_600_000;

/// Reads: so many, and a question after the first `before` of them.
fn plan(name: &str, before: usize, reads: usize) -> String {
    let mut plan = format!(
        "version: 1\nname: {name}\nconstraints: {{sequential: true, timeout_ms: 36000000}}\nsteps:\n"
    );
    for read in 0..reads {
        if read == before {
            plan.push_str(
                "  - {id: ask, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}\n",
            );
        }
        plan.push_str(&format!(
            "  - {{id: {name}{read}, tool: fs.read, args: {{path: a}}}}\n"
        ));
    }
    plan
}

fn submitted_as(world: &mut World, principal: &str, plan: &str) -> String {
    let answer = world.submit_as(principal, plan);
    world.run(500);
    answer.try_recv().unwrap().unwrap().execution_id
}

fn submitted(world: &mut World, plan: &str) -> String {
    submitted_as(world, "ann", plan)
}

fn status(world: &World, id: &str) -> (Status, Option<ErrorCode>) {
    let ending = world.ended(id).ending.unwrap();
    (ending.status, ending.error.map(|error| error.code))
}

fn waits_for(state: &State) -> String {
    state
        .waiting_for()
        .map_or_else(String::new, |waiting| waiting.kind)
}

#[test]
fn two_of_one_session_do_not_starve_each_other() {
    let mut world = World::limited(5);
    let first = submitted(&mut world, &plan("a", 1, 3));
    let second = submitted(&mut world, &plan("b", 9, 3));
    assert_eq!(world.ended(&first).reserved, Some(3));
    assert_eq!(world.ended(&first).set_aside(), 2);
    // One call was made, two are set aside: three are not left, and may be once the first gives them back.
    assert_eq!(world.journal.row(&second).state, "pending");
    assert_eq!(world.made_calls(), ["a0/1"]);
    // What it gives back by being cancelled lets the second start.
    assert!(world.cancel(&first));
    world.run_through();
    assert_eq!(world.made_calls(), ["a0/1", "b0/1", "b1/1", "b2/1"]);
    assert_eq!(status(&world, &second), (Status::Success, None));
}

#[test]
fn what_is_set_aside_is_there_when_its_time_comes() {
    let mut world = World::limited(5);
    let first = submitted(&mut world, &plan("a", 1, 3));
    let second = submitted(&mut world, &plan("b", 9, 2));
    // One was made, two are set aside, two are left: it fits exactly.
    assert_eq!(status(&world, &second), (Status::Success, None));
    let third = submitted(&mut world, &plan("c", 9, 1));
    assert_eq!(world.journal.row(&third).state, "pending");
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run_through();
    assert_eq!(status(&world, &first), (Status::Success, None));
    // Now nothing is left that could be given back: somebody is asked.
    assert_eq!(waits_for(&world.ended(&third)), "budget");
    assert_eq!(world.made_calls().len(), 5);
}

#[test]
fn a_crash_does_not_lose_what_is_set_aside() {
    let mut world = World::limited(5);
    let first = submitted(&mut world, &plan("a", 1, 3));
    let mut world = world.crash();
    // Before anybody has taken the first one up.
    let second = submitted(&mut world, &plan("b", 9, 3));
    assert_eq!(world.journal.row(&second).state, "pending");
    world.recover();
    world.run(500);
    assert_eq!(world.journal.row(&second).state, "pending");
    let mut world = world.crash();
    world.recover();
    world.run(500);
    assert_eq!(
        world.made_calls(),
        Vec::<String>::new(),
        "they wait as before"
    );
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run_through();
    assert_eq!(status(&world, &first), (Status::Success, None));
    assert_eq!(waits_for(&world.ended(&second)), "budget");
}

#[test]
fn steps_that_are_settled_give_back_what_they_did_not_use() {
    let mut world = World::limited(10);
    let retries = "
version: 1
name: retries
constraints: {sequential: true}
steps:
  - {id: r, tool: fs.read, retry: {max_attempts: 3}, args: {path: a}}
  - {id: e, tool: fs.read, for_each: {in: 'lists.range(2)', max_items: 5}, args: {path: a}}
  - {id: ask, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}
  - {id: last, tool: fs.read, args: {path: a}}
";
    let first = submitted(&mut world, retries);
    let state = world.ended(&first);
    assert_eq!((state.reserved, state.set_aside()), (Some(9), 1));
    let second = submitted(&mut world, &plan("b", 9, 6));
    assert_eq!(
        status(&world, &second),
        (Status::Success, None),
        "3 made, 1 set aside"
    );
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run_through();
    assert_eq!(status(&world, &first), (Status::Success, None));
}

#[test]
fn everybody_in_line_is_asked_when_nothing_more_can_be_given_back() {
    let mut world = World::limited(5);
    let first = submitted(&mut world, &plan("a", 1, 3));
    let others = ["b", "c", "d"].map(|name| submitted(&mut world, &plan(name, 9, 3)));
    for id in &others {
        assert_eq!(world.journal.row(id).state, "pending");
    }
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run_through();
    assert_eq!(status(&world, &first), (Status::Success, None));
    let asked = others.each_ref().map(|id| waits_for(&world.ended(id)));
    assert_eq!(asked, ["budget", "budget", "budget"]);
}

#[test]
fn who_stands_in_line_starts_when_the_session_counts_anew() {
    let mut world = World::limited(5);
    let asks_twice = "
version: 1
name: a
constraints: {sequential: true, timeout_ms: 36000000}
steps:
  - {id: a0, tool: fs.read, args: {path: a}}
  - {id: one, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}
  - {id: a1, tool: fs.read, args: {path: a}}
  - {id: two, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}
  - {id: a2, tool: fs.read, args: {path: a}}
";
    let first = submitted(&mut world, asks_twice);
    let second = submitted(&mut world, &plan("b", 9, 3));
    // A call in between: the hour begins anew.
    world.advance(HOUR_MS - 1);
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run(500);
    for _ in 0..2 {
        assert_eq!(world.made_calls(), ["a0/1", "a1/1"]);
        assert_eq!(world.journal.row(&second).state, "pending");
        world.advance(HOUR_MS / 2 + 1);
        world.run(500);
    }
    assert_eq!(status(&world, &second), (Status::Success, None));
    assert_eq!(world.ended(&first).set_aside(), 1, "it waits as before");
}

fn short() -> (World, String) {
    let mut world = World::limited(4);
    submitted(&mut world, &plan("a", 9, 3));
    let id = submitted(&mut world, &plan("b", 9, 3));
    let state = world.ended(&id);
    assert_eq!(
        (state.phase, waits_for(&state)),
        (Phase::Created, "budget".to_owned())
    );
    let request = &state.open_request().unwrap().request;
    assert_eq!(request.detail["left"], 1);
    assert_eq!(request.detail["needs"], 3);
    (world, id)
}

#[test]
fn with_too_few_left_somebody_is_asked_and_it_starts_with_those() {
    let (mut world, id) = short();
    world.answer(&id, "continue", NOTHING).unwrap();
    world.run(500);
    let state = world.ended(&id);
    assert_eq!(
        (state.reserved, waits_for(&state).as_str()),
        (Some(1), "rate_limit")
    );
    assert_eq!(world.made_calls().len(), 4);
    world.advance(HOUR_MS + 1);
    world.run_through();
    assert_eq!(status(&world, &id), (Status::Success, None));
}

#[test]
fn whoever_says_no_or_nothing_ends_it() {
    let (mut world, id) = short();
    world.answer(&id, "reject", NOTHING).unwrap();
    world.run_through();
    let over = (Status::Failure, Some(ErrorCode::BudgetExceeded));
    assert_eq!(status(&world, &id), over);
    assert_eq!(world.made_calls().len(), 3);
}

#[test]
fn it_starts_by_itself_once_the_session_counts_anew() {
    let (mut world, id) = short();
    let mut world = {
        world.run_through();
        world.crash()
    };
    world.recover();
    world.run(500);
    assert_eq!(
        waits_for(&world.ended(&id)),
        "budget",
        "a new host asks the same"
    );
    world.advance(HOUR_MS + 2);
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(status(&world, &id), (Status::Success, None));
    let closed = state.requests.values().map(|open| open.closed.as_deref());
    assert_eq!(closed.collect::<Vec<_>>(), [Some("withdrawn")]);
}

#[test]
fn more_than_any_session_has_takes_all_that_is_left() {
    let mut world = World::limited(4);
    let many = "
version: 1
name: many
constraints: {sequential: true}
steps:
  - {id: e, tool: fs.read, for_each: {in: 'lists.range(2)', max_items: 50}, args: {path: a}}
  - {id: ask, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}
  - {id: last, tool: fs.read, args: {path: a}}
";
    let first = submitted(&mut world, many);
    let state = world.ended(&first);
    assert_eq!(
        (state.reserved, state.set_aside()),
        (Some(4), 1),
        "items are known now"
    );
    let second = submitted(&mut world, many);
    assert_eq!(
        world.journal.row(&second).state,
        "pending",
        "not beside another one"
    );
    world.answer(&first, "yes", NOTHING).unwrap();
    world.run(500);
    assert_eq!(status(&world, &first), (Status::Success, None));
    assert_eq!(world.ended(&second).reserved, Some(1));
}

#[test]
fn the_first_in_line_goes_first() {
    let mut world = World::limited(6);
    let first = submitted(&mut world, &plan("a", 1, 4));
    let large = submitted(&mut world, &plan("b", 9, 5));
    assert_eq!(world.journal.row(&large).state, "pending");
    // It would fit, and does not overtake.
    let small = submitted(&mut world, &plan("c", 9, 1));
    assert_eq!(world.journal.row(&small).state, "pending");
    assert!(world.cancel(&large));
    world.run_through();
    assert_eq!(status(&world, &small), (Status::Success, None));
    assert_eq!(world.ended(&first).set_aside(), 3);
}

#[test]
fn a_principal_has_sessions_of_its_own() {
    let mut world = World::limited(3);
    let ann = submitted_as(&mut world, "ann", &plan("a", 1, 3));
    let bob = submitted_as(&mut world, "bob", &plan("b", 9, 3));
    assert_eq!(status(&world, &bob), (Status::Success, None));
    world.answer(&ann, "yes", NOTHING).unwrap();
    world.run_through();
    assert_eq!(status(&world, &ann), (Status::Success, None));
    let mut world = world.crash();
    let again = world.submit_as("bob", &plan("c", 9, 1));
    world.run(100);
    assert!(again.try_recv().unwrap().is_err(), "his own are used up");
    let other = submitted_as(&mut world, "eve", &plan("d", 9, 3));
    assert_eq!(status(&world, &other), (Status::Success, None));
}

#[test]
fn a_nested_plan_uses_what_is_set_aside_for_the_plan_that_holds_it() {
    let mut world = World::limited(5);
    let nested = "
version: 1
name: outer
steps:
  - id: inner
    tool: plan.run
    args:
      plan:
        version: 1
        name: inner
        constraints: {sequential: true}
        steps:
          - {id: a, tool: fs.read, args: {path: a}}
          - {id: ask, tool: human.ask, args: {question: Go on?, choices: [yes, no]}}
          - {id: b, tool: fs.read, args: {path: a}}
  - {id: c, tool: fs.read, depends_on: [inner], args: {path: a}}
";
    let (outer, _updates) = world.start(nested);
    world.run(500);
    assert_eq!(world.ended(&outer).set_aside(), 3);
    // One was made, two more are set aside: two are left.
    let fits = submitted(&mut world, &plan("x", 9, 2));
    assert_eq!(status(&world, &fits), (Status::Success, None));
    let mut world = world.crash();
    let waits = submitted(&mut world, &plan("y", 9, 1));
    assert_eq!(world.journal.row(&waits).state, "pending");
    world.recover();
    world.run(500);
    assert_eq!(world.journal.row(&waits).state, "pending");
    assert!(world.cancel(&outer));
    world.run_through();
    assert_eq!(status(&world, &waits), (Status::Success, None));
}
