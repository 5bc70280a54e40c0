//! Recorded journals, replayed for ever: a change of behaviour needs a new behaviour number, not a new recording.
//! `UPDATE_GOLDEN=1` records.

use crate::world::{Begin, World, answer, call_outcome, plan_of, resolve};
use mandate_engine::event::{FailureKind, Resolution};
use mandate_engine::{Body, Event, fold, replay};
use mandate_plan::ErrorCode;
use serde_json::{Value, json};

const PLAN: &str = include_str!("../golden/mixed.yaml");

fn path() -> String {
    format!("{}/tests/golden/mixed.jsonl", env!("CARGO_MANIFEST_DIR"))
}

/// Approval, a crash, a doubt, retries with jitter, items, a sleep, conditions, a failure that is passed over.
fn record() -> World {
    let how = Begin {
        ask: true,
        deadline_ms: Some(1_000_000),
        expires_ms: Some(86_400_000),
        inputs: json!({ "who": "ann", "token": "MAIL_TOKEN" })
            .as_object()
            .unwrap()
            .clone(),
        seed: 4_711,
        ..Begin::default()
    };
    let (mut world, _) = World::begin(plan_of(PLAN), 1_000, &how);
    let done = |value: Value| call_outcome(None, ErrorCode::UnknownError, Some(value));
    let bad = |kind: FailureKind, code| call_outcome(Some(kind), code, None);
    let yes = answer(&world.state, "approve", None);
    world.take(2_000, yes).unwrap();
    world
        .take(
            2_000,
            Body::ExecutionStarted {
                approval: Some("ann over terminal".into()),
            },
        )
        .unwrap();
    world
        .outcome(
            2_010,
            ("list", None, 1),
            bad(FailureKind::Failed, ErrorCode::ToolFailed),
        )
        .unwrap();
    world
        .outcome(
            2_020,
            ("probe", None, 1),
            bad(FailureKind::Failed, ErrorCode::ToolFailed),
        )
        .unwrap();
    while world.state.open_attempts().is_empty() {
        let (due_ms, _) = world.state.next_due().unwrap();
        world.fire(due_ms).unwrap();
    }
    world
        .outcome(2_400, ("list", None, 2), done(json!(["a", "b", "c"])))
        .unwrap();
    world
        .outcome(
            2_410,
            ("send", Some(0), 1),
            done(json!({ "id": 1, "ratio": 0.1 })),
        )
        .unwrap();
    world
        .take(
            2_500,
            Body::HostStarted {
                host: "second".into(),
            },
        )
        .unwrap();
    let found = Resolution::Done {
        output: json!({ "id": 3 }),
    };
    world.take(8_000, resolve("send", Some(2), found)).unwrap();
    world
        .take(9_000, resolve("send", Some(1), Resolution::NotDone))
        .unwrap();
    world
        .outcome(
            9_010,
            ("send", Some(1), 2),
            bad(FailureKind::Invalid, ErrorCode::OutputInvalid),
        )
        .unwrap();
    world.fire(9_500).unwrap();
    world
        .outcome(9_600, ("report", None, 1), done(json!("Größe: ok")))
        .unwrap();
    world
}

#[test]
fn the_recorded_journal_replays() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: Vec<String> = record()
            .events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap())
            .collect();
        std::fs::write(path(), lines.join("\n") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(path()).expect("the recording; UPDATE_GOLDEN=1 makes it");
    let events: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (event, line) in events.iter().zip(text.lines()) {
        assert_eq!(
            serde_json::to_string(event).unwrap(),
            line,
            "a row keeps its bytes"
        );
    }
    let plan = plan_of(PLAN);
    let replayed = replay(plan.clone(), &events).unwrap_or_else(|d| panic!("{d:#?}"));
    assert_eq!(replayed.state, fold(plan, &events).unwrap());
    assert_eq!(replayed.state.shown_state(), "completed");
    let ending = replayed.state.ending.unwrap();
    assert_eq!(ending.status.as_str(), "partial");
    assert_eq!(
        ending.outputs["sent"],
        json!([{ "id": 1, "ratio": 0.1 }, null, { "id": 3 }])
    );
}
