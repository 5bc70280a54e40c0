//! The largest plans run without work that grows with the square of what it copies: these tests take a blink, or for
//! ever.

use crate::world::{Begin, FakeGate, call_outcome, created, plan_of};
use mandate_engine::{Body, Phase, begin, replay, settle, turn};
use mandate_plan::ErrorCode;
use mandate_policy::Purpose;
use serde_json::json;

/// Runs a plan whose calls all complete, one after the other; how many events it took.
fn run(yaml: &str) -> usize {
    let plan = plan_of(yaml);
    let mut gate = FakeGate::default();
    let event = created(&plan, 0, &Begin::default());
    let (mut state, begun) = begin(plan.clone(), event, &mut gate).unwrap();
    let mut events = begun.events;
    let mut body = Some(Body::ExecutionStarted {
        approval: None,
        reserved: None,
    });
    let mut open = Vec::new();
    while let Some(input) = body {
        let turned = turn(&mut state, 0, input, &mut gate).expect("a legal input");
        for event in &turned.events {
            if let Body::StepStarted {
                step,
                item,
                attempt,
                ..
            } = &event.body
            {
                open.push((step.clone(), *item, *attempt));
            }
        }
        events.extend(turned.events);
        body = open.pop().and_then(|(step, item, attempt)| {
            let done = call_outcome(None, ErrorCode::UnknownError, Some(json!("x".repeat(200))));
            settle(&state, &step, item, attempt, Purpose::Run, done)
        });
    }
    assert_eq!(state.phase, Phase::Ended);
    assert_eq!(
        gate.asked,
        events
            .iter()
            .filter(|e| e.body.kind() == "step_started")
            .count()
    );
    replay(plan, &events).unwrap();
    events.len()
}

#[test]
fn a_thousand_steps_in_order() {
    let steps: Vec<String> = (0..1024)
        .map(|n| format!("- {{id: s{n}, tool: t.do}}"))
        .collect();
    let yaml = format!("version: 1\nname: x\nsteps:\n{}\n", steps.join("\n"));
    assert_eq!(run(&yaml), 2 + 2 * 1024 + 1);
}

#[test]
fn a_thousand_items() {
    let yaml = "version: 1\nname: x\nconstraints: {max_parallel: 50}\nsteps:\n\
                - {id: each, tool: t.do, for_each: {in: 'lists.range(1000)', max_items: 1000}}\n";
    assert_eq!(run(yaml), 3 + 2 * 1000 + 1);
}
