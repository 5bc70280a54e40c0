//! Plans within plans: one approval, one life, and no effect twice wherever it crashes.

use crate::fakes::World;
use mandate_engine::event::Resolution;
use mandate_engine::{Phase, State, Status, StepState, child_execution_id};
use mandate_host::{Ask, Input};
use mandate_plan::ErrorCode;
use mandate_policy::Purpose;
use mandate_tools::{Fault, Outcome};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;

const PLAN: &str = r#"
version: 1
name: outer
steps:
  - {id: first, tool: mail.send, args: {to: ann}}
  - id: inner
    tool: plan.run
    args:
      inputs: {who: "${steps.first.output.to}"}
      plan:
        version: 1
        name: inner
        inputs: {who: {type: string}}
        steps:
          - {id: greet, tool: mail.send, args: {to: "${inputs.who}"}, compensate: {tool: mail.send, args: {sorry: "${args.to}"}}}
          - {id: note, tool: kv.put, args: {k: v}}
        outputs: {greeted: steps.greet.output.to}
  - {id: last, tool: mail.send, args: {to: "${steps.inner.output.outputs.greeted}"}}
"#;

fn inner(parent: &str) -> String {
    child_execution_id(parent, "inner", None, 1)
}

fn ask(
    world: &mut World,
    ask: impl FnOnce(std::sync::mpsc::Sender<Result<(), mandate_host::HostError>>) -> Ask,
) {
    let (reply, answer) = channel();
    world.host.handle(Input::Ask(ask(reply)));
    world.sync();
    answer.try_recv().unwrap().unwrap();
}

fn cancel(world: &mut World, id: &str, force: bool) {
    let execution_id = id.to_owned();
    ask(world, |reply| Ask::Cancel {
        execution_id,
        by: "ann".to_owned(),
        reason: None,
        force,
        reply,
    });
}

fn resolve(world: &mut World, id: &str, step: &str, resolution: Resolution) {
    let (execution_id, step) = (id.to_owned(), step.to_owned());
    ask(world, |reply| Ask::Resolve {
        execution_id,
        step,
        item: None,
        by: "ann".to_owned(),
        channel: "cli".to_owned(),
        resolution,
        reply,
    });
}

fn unit(state: &State, step: &str) -> StepState {
    state.step(step).unwrap().1.state
}

fn lost() -> Outcome {
    Outcome::Unknown(Fault::new(ErrorCode::ToolFailed, "the connection broke"))
}

#[test]
fn one_approval_covers_what_the_plan_holds() {
    let mut world = World::new();
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    let state = world.ended(&id);
    let ending = state.ending.as_ref().unwrap();
    assert_eq!(ending.status, Status::Success, "{ending:?}");
    assert_eq!(
        world.made_calls(),
        ["first/1", "greet/1", "note/1", "last/1"]
    );
    assert_eq!(ending.outputs["inner"]["outputs"]["greeted"], "ann");
    assert_eq!(ending.outputs["inner"]["execution_id"], inner(&id));
    // What the child called counts as the parent's.
    assert_eq!(state.calls, 4);
    let child = world.ended(&inner(&id));
    let parent = child.created.parent.as_ref().unwrap();
    assert_eq!(
        (parent.execution_id.as_str(), parent.step.as_str()),
        (id.as_str(), "inner")
    );
    assert!(
        parent.approval.as_ref().unwrap().contains("by ann"),
        "{parent:?}"
    );
    assert!(child.requests.is_empty());
}

#[test]
fn a_child_that_fails_undoes_its_own_and_fails_its_step() {
    let mut world = World::new();
    let failed = Outcome::Failed(Fault::new(ErrorCode::ToolFailed, "full"));
    world.answer_with("note", vec![failed]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    let state = world.ended(&id);
    let error = state.ending.as_ref().unwrap().error.clone().unwrap();
    assert_eq!(
        (error.code, error.step.as_deref()),
        (ErrorCode::ToolFailed, Some("inner"))
    );
    assert_eq!(error.cause.unwrap().step.as_deref(), Some("note"));
    // `greet/1` once more: to undo it.
    assert_eq!(
        world.made_calls(),
        ["first/1", "greet/1", "note/1", "greet/1"]
    );
    assert_eq!(state.calls, 3);
    assert_eq!(world.ended(&inner(&id)).undos().len(), 1);
}

#[test]
fn cancelling_the_parent_cancels_the_child_and_waits_for_it() {
    let mut world = World::new();
    world.tools.hang.lock().unwrap().push("kv.put".to_owned());
    let (id, _updates) = world.start(PLAN);
    world.run(10_000);
    cancel(&mut world, &id, false);
    // The child's call has its grace; the parent has not ended before it.
    assert_eq!(world.ended(&id).phase, Phase::Stopping);
    world.run_through();
    let (state, child) = (world.ended(&id), world.ended(&inner(&id)));
    assert_eq!(
        (state.shown_state(), child.shown_state()),
        ("cancelled", "cancelled")
    );
    assert_eq!(
        world.made_calls(),
        ["first/1", "greet/1", "note/1", "greet/1"]
    );
    assert_eq!(unit(&state, "last"), StepState::Cancelled);
}

#[test]
fn the_parent_rests_while_its_child_waits_for_somebody() {
    let mut world = World::new();
    world.answer_with("greet", vec![lost()]);
    let (id, _updates) = world.start(PLAN);
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.shown_state(), "waiting");
    let waiting = state.waiting_for().unwrap();
    assert_eq!(
        (waiting.kind.as_str(), waiting.step.as_deref()),
        ("in_doubt", Some("inner/greet"))
    );
    assert!(waiting.next_command.contains(&inner(&id)), "{waiting:?}");
    let active_ms = state.active_ms;
    // An hour in which only a human is awaited is no active time of either.
    world.advance(3_600_000);
    let output = json!({ "to": "ann" });
    resolve(
        &mut world,
        &inner(&id),
        "greet",
        Resolution::Done { output },
    );
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.ending.as_ref().unwrap().status, Status::Success);
    assert!(state.active_ms < active_ms + 1_000, "{}", state.active_ms);
}

#[test]
fn a_child_has_what_is_left_of_its_parents_calls() {
    let mut world = World::new();
    let plan = format!("{PLAN}constraints: {{max_tool_calls: 2}}\n");
    let (id, _updates) = world.start(&plan);
    world.run_through();
    assert_eq!(world.made_calls()[..2], ["first/1", "greet/1"]);
    let child = world.ended(&inner(&id));
    assert_eq!(unit(&child, "note"), StepState::Pending);
    // Somebody is asked whether the child may make more, and the parent says so.
    let waiting = world.ended(&id).waiting_for().unwrap();
    assert_eq!(
        (waiting.kind.as_str(), waiting.step.as_deref()),
        ("budget", Some("inner/note"))
    );
    world
        .answer(&inner(&id), "reject", serde_json::Value::Null)
        .unwrap();
    world.run_through();
    let error = world.ended(&id).ending.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::BudgetExceeded);
}

#[test]
fn the_time_of_the_step_is_the_time_of_the_child() {
    let mut world = World::new();
    world.tools.hang.lock().unwrap().push("kv.put".to_owned());
    let plan = PLAN.replace(
        "    tool: plan.run\n",
        "    tool: plan.run\n    timeout_ms: 500\n",
    );
    let (id, _updates) = world.start(&plan);
    world.run_through();
    let state = world.ended(&id);
    let error = state.ending.as_ref().unwrap().error.clone().unwrap();
    assert_eq!(error.step.as_deref(), Some("inner"), "{error:?}");
    assert_eq!(error.code, ErrorCode::StepTimeout);
    assert_eq!(world.ended(&inner(&id)).shown_state(), "cancelled");
}

#[test]
fn pausing_the_parent_pauses_the_child() {
    let mut world = World::new();
    world.tools.hang.lock().unwrap().push("nothing".to_owned());
    let (id, _updates) = world.start(&PLAN.replace(
        "          - {id: note,",
        "          - {id: nap, tool: time.sleep, args: {duration_ms: 1000}}\n          - {id: note,",
    ));
    world.run(10_000);
    let by = || "ann".to_owned();
    ask(&mut world, |reply| Ask::Pause(id.clone(), by(), reply));
    world.run_through();
    assert_eq!(world.made_calls(), ["first/1", "greet/1"]);
    assert_eq!(world.ended(&id).shown_state(), "paused");
    ask(&mut world, |reply| Ask::Resume(id.clone(), by(), reply));
    world.run_through();
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}

#[test]
fn items_and_plans_in_plans_in_plans() {
    let mut world = World::new();
    let plan = r#"
version: 1
name: three deep
steps:
  - id: each
    tool: plan.run
    for_each: {in: "['a', 'b']"}
    args:
      inputs: {who: "${item}"}
      plan:
        version: 1
        name: middle
        inputs: {who: {type: string}}
        steps:
          - id: inner
            tool: plan.run
            args:
              inputs: {who: "${inputs.who}"}
              plan:
                version: 1
                name: leaf
                inputs: {who: {type: string}}
                steps:
                  - {id: send, tool: mail.send, args: {to: "${inputs.who}"}}
"#;
    let (id, _updates) = world.start(plan);
    world.run_through();
    let ending = world.ended(&id).ending.unwrap();
    assert_eq!(ending.status, Status::Success, "{ending:?}");
    let mut sent = world.made_calls();
    sent.sort();
    assert_eq!(sent, ["send/1", "send/1"]);
    let keys: BTreeMap<_, _> = world
        .witnessed()
        .into_iter()
        .map(|(step, key)| (key, step))
        .collect();
    assert_eq!(keys.len(), 2, "each item has its own");
}

/// A crash after every single thing: nothing twice, and it ends.
#[test]
fn no_effect_twice_wherever_it_crashes() {
    for failing in [false, true] {
        for crash_after in 0..90 {
            let mut world = World::new();
            let answer = world.submit(PLAN);
            world.sync();
            let submitted = answer.try_recv().unwrap().unwrap();
            let id = submitted.execution_id;
            world.approve(&id, &submitted.request_id.unwrap(), "approve");
            let fail = |world: &World| {
                let failed = Outcome::Failed(Fault::new(ErrorCode::ToolFailed, "full"));
                world.answer_with("note", vec![failed; if failing { 3 } else { 0 }]);
            };
            fail(&world);
            for _ in 0..crash_after {
                world.handle_inputs();
                let _ = world.spawn.poll_one() || world.journal.sync_one();
            }
            let mut world = world.crash();
            fail(&world);
            world.take_up(&id);
            world.run_through();
            finish(&mut world, &id, crash_after);
            let seen = world.witnessed();
            let mail = |key: &(String, String)| key.0 != "note";
            for key in seen.iter().filter(|key| mail(key)) {
                let count = seen.iter().filter(|other| *other == key).count();
                assert_eq!(count, 1, "{key:?} after {crash_after} steps");
            }
            let state = world.ended(&id);
            assert_eq!(state.phase, Phase::Ended, "{:?}", state.waiting_for());
            let expected = if failing {
                Status::Failure
            } else {
                Status::Success
            };
            assert_eq!(
                state.ending.as_ref().unwrap().status,
                expected,
                "{crash_after}"
            );
            let child = inner(&id);
            let undo = mandate_engine::idempotency_key(&child, "greet", None, Purpose::Compensate);
            let undone = seen.iter().filter(|(_, key)| *key == undo).count();
            assert!(undone <= usize::from(failing), "{crash_after}");
            world.ended(&child);
        }
    }
}

/// Somebody says of each doubt that it was done.
fn finish(world: &mut World, id: &str, crash_after: usize) {
    for _ in 0..6 {
        for id in [id.to_owned(), inner(id)] {
            // What waits for a human may be parked: its journal tells.
            if world.journal.kinds(&id).is_empty() {
                continue;
            }
            let state = world.ended(&id);
            let doubts = state.doubts().into_iter().chain(state.undo_doubts());
            for (step, ..) in doubts.collect::<Vec<_>>() {
                let output = json!({ "to": "ann" });
                resolve(world, &id, &step, Resolution::Done { output });
            }
        }
        world.run_through();
        if world.ended(id).phase == Phase::Ended {
            return;
        }
    }
    panic!(
        "it does not end after {crash_after} steps: {:?}",
        world.ended(id).waiting_for()
    );
}
