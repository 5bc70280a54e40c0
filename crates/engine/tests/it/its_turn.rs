//! What `enforce` asks of the state before each call, with calls that nobody but a forger would make.

use crate::world::{Begin, World, call_outcome, plan_of};
use mandate_engine::{Body, idempotency_key};
use mandate_plan::ErrorCode;
use mandate_policy::{Purpose, ResolvedCall, Turn};
use serde_json::json;

fn world(constraints: &str, steps: &str) -> World {
    let yaml = format!("version: 1\nname: x\nconstraints: {constraints}\nsteps:\n{steps}");
    let (mut world, _) = World::begin(plan_of(&yaml), 0, &Begin::default());
    world
        .take(
            0,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    world
}

fn call(step: &str, item: Option<u32>, attempt: u32) -> ResolvedCall {
    ResolvedCall {
        execution_id: "e1".into(),
        step: step.into(),
        item,
        attempt,
        purpose: Purpose::Run,
        tool: "t.read".into(),
        args: json!({}),
        secrets: Vec::new(),
        idempotency_key: idempotency_key("e1", step, item, Purpose::Run),
        timeout_ms: None,
        sensitive: Vec::new(),
    }
}

fn refused(world: &World, call: &ResolvedCall) -> String {
    let refusal = world.state.turn(call).expect_err("it is not its turn");
    assert_eq!(refusal.code, ErrorCode::SequenceViolation);
    assert!(refusal.expected.is_some());
    refusal.message
}

#[test]
fn a_call_out_of_turn_is_refused_with_the_reason() {
    let steps = "- {id: a, tool: t.read, after: []}\n\
                 - {id: b, tool: t.read, after: [], if: 'steps.a.output == 2'}\n\
                 - {id: c, tool: t.read, after: [], for_each: {in: '[1, 2]'}}\n\
                 - {id: d, tool: t.read}\n";
    let mut world = world("{max_parallel: 8}", steps);
    for (call, reason) in [
        (call("nobody", None, 1), "the plan has no such step"),
        (call("a", Some(0), 1), "the step has no such item"),
        (call("c", None, 2), "the step has no such item"),
        (call("c", Some(2), 1), "the step has no such item"),
        (call("a", None, 1), "another attempt is the next one"),
        (call("a", None, 2), "it is running"),
        (call("b", None, 1), "a step before it is not settled"),
        (call("d", None, 1), "a step before it is not settled"),
    ] {
        assert!(refused(&world, &call).ends_with(reason), "{reason}");
    }
    let done = call_outcome(None, ErrorCode::UnknownError, Some(json!(1)));
    world.outcome(1, ("a", None, 1), done).unwrap();
    assert!(refused(&world, &call("b", None, 1)).ends_with("it is skipped"));
}

#[test]
fn one_at_a_time_holds_for_steps_and_items() {
    let steps = "- {id: a, tool: t.read, after: [], for_each: {in: '[1, 2]'}}\n\
                 - {id: b, tool: t.read, after: []}\n";
    let mut world = world("{sequential: true}", steps);
    let reason = refused(&world, &call("b", None, 1));
    assert!(
        reason.ends_with("a step before it is not settled"),
        "{reason}"
    );
    let reason = refused(&world, &call("a", Some(1), 1));
    assert!(
        reason.ends_with("an item before it is not settled"),
        "{reason}"
    );
    let failed = mandate_engine::event::FailureKind::Failed;
    let fails = call_outcome(Some(failed), ErrorCode::ToolFailed, None);
    world.outcome(1, ("a", Some(0), 1), fails).unwrap();
    // The step stops at its first failure, and with it the execution.
    assert!(refused(&world, &call("a", Some(1), 1)).contains("it is cancelled"));
    let refusal = world.state.running(Purpose::Run).unwrap_err();
    assert_eq!(
        refusal.message,
        "execution `e1` is failed: no run call may be made"
    );
}

#[test]
fn an_item_does_not_start_after_another_failed() {
    let steps = "- {id: a, tool: t.read, after: [], for_each: {in: '[1, 2, 3]'}}\n";
    let mut world = world("{max_parallel: 2}", steps);
    let failed = mandate_engine::event::FailureKind::Failed;
    let fails = call_outcome(Some(failed), ErrorCode::ToolFailed, None);
    world.outcome(1, ("a", Some(0), 1), fails).unwrap();
    let reason = refused(&world, &call("a", Some(2), 1));
    assert!(reason.ends_with("an item before it failed"), "{reason}");
}

#[test]
fn nothing_runs_while_paused() {
    let mut world = world("{}", "- {id: a, tool: t.read}\n- {id: b, tool: t.read}\n");
    assert!(world.state.running(Purpose::Run).is_ok());
    assert!(world.state.running(Purpose::Compensate).is_err());
    world
        .take(1, Body::ExecutionPaused { by: "ann".into() })
        .unwrap();
    assert!(world.state.running(Purpose::Run).is_err());
}

#[test]
fn nothing_runs_while_another_plan_is_awaited() {
    let begin = Begin {
        ask: true,
        ..Begin::default()
    };
    let steps = "steps: [{id: a, tool: t.read, after: []}, {id: b, tool: t.read, after: []}]}";
    let plan = plan_of(&format!("{{version: 1, name: x, {steps}"));
    let (mut world, _) = World::begin(plan, 0, &begin);
    let yes = crate::world::answer(&world.state, "approve", None);
    world.take(0, yes).unwrap();
    world
        .take(
            0,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    assert!(world.state.running(Purpose::Run).is_ok());
    let body = crate::script::propose(
        &world.state,
        "ask {steps: [{id: a, tool: t.read, after: []}, {id: b, tool: t.read, after: []}, {id: c, tool: t.do}]}",
    );
    world.take(1, body).unwrap();
    let refusal = world.state.running(Purpose::Run).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::SequenceViolation);
}
