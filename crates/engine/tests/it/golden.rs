//! Recorded journals, replayed for ever: a change of behaviour needs a new behaviour number, not a new recording.
//! `UPDATE_GOLDEN=1` records.

use crate::world::{Begin, World, answer, call_outcome, plan_of, resolve};
use mandate_engine::event::{Answer, FailureKind, RequestKind, Resolution};
use mandate_engine::{Body, Event, fold, replay};
use mandate_plan::ErrorCode;
use serde_json::{Value, json};

const PLAN: &str = include_str!("../golden/mixed.yaml");
const ASKING: &str = include_str!("../golden/asking.yaml");

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
        behaviour: Some(1),
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
                reserved: None,
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

/// Every kind of request, answered, taken by default, asked twice; a rate, a crash, an answer while nobody drives.
fn record_asking() -> World {
    let (mut world, _) = World::begin(plan_of(ASKING), 1_000, &Begin::default());
    let done = |value: Value| call_outcome(None, ErrorCode::UnknownError, Some(value));
    let bad = |kind: FailureKind| call_outcome(Some(kind), ErrorCode::ToolFailed, None);
    let say = |world: &mut World, at_ms: i64, kind: RequestKind, choice: &str, data: Value| {
        let open = world.state.open_requests();
        let asked = open
            .map(|open| &open.request)
            .find(|asked| asked.kind == kind);
        let answer = Answer {
            data: (!data.is_null()).then_some(data),
            reason: Some("golden".to_owned()),
            ..Answer::new(&asked.unwrap().request_id, choice, "ann", "terminal")
        };
        let body = world.state.given(answer, at_ms).unwrap();
        world.take(at_ms, body).unwrap();
    };
    let nothing = Value::Null;
    world
        .take(
            1_000,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    world.fire(1_500).unwrap();
    world
        .take(
            1_600,
            Body::HostStopped {
                reason: "asked to".into(),
            },
        )
        .unwrap();
    say(
        &mut world,
        1_700,
        RequestKind::Question,
        "eu",
        nothing.clone(),
    );
    let host = Body::HostStarted { host: "h2".into() };
    world.take(2_000, host).unwrap();
    say(
        &mut world,
        2_100,
        RequestKind::Step,
        "approve",
        nothing.clone(),
    );
    world.fire(2_900).unwrap();
    world
        .outcome(3_000, ("put", None, 1), done(json!(7)))
        .unwrap();
    say(
        &mut world,
        3_100,
        RequestKind::Invariant,
        "continue",
        nothing.clone(),
    );
    world
        .outcome(3_200, ("send", None, 1), bad(FailureKind::Unknown))
        .unwrap();
    say(
        &mut world,
        3_300,
        RequestKind::InDoubt,
        "fail",
        nothing.clone(),
    );
    say(
        &mut world,
        3_400,
        RequestKind::Failure,
        "supply",
        json!({ "id": 1 }),
    );
    say(&mut world, 3_500, RequestKind::Budget, "grant", json!(1));
    say(&mut world, 3_600, RequestKind::Step, "approve", nothing);
    world
        .outcome(3_700, ("more", None, 1), done(json!("Größe")))
        .unwrap();
    world
}

#[test]
fn the_recorded_journal_with_requests_replays() {
    let path = format!("{}/tests/golden/asking.jsonl", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN_ASKING").is_some() {
        let events = record_asking().events;
        let lines = events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap());
        std::fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    }
    let text =
        std::fs::read_to_string(&path).expect("the recording; UPDATE_GOLDEN_ASKING=1 makes it");
    let events: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (event, line) in events.iter().zip(text.lines()) {
        assert_eq!(serde_json::to_string(event).unwrap(), line);
    }
    let replayed = replay(plan_of(ASKING), &events).unwrap_or_else(|d| panic!("{d:#?}"));
    let ending = replayed.state.ending.unwrap();
    assert_eq!(ending.status.as_str(), "success");
    assert_eq!(ending.outputs["send"], json!({ "id": 1 }));
    assert_eq!(ending.outputs["more"], json!("Größe"));
    // What it was created with says how it is to be replayed, and the older recording has no requests about doubts.
    assert_eq!(replayed.state.created.behaviour, 2);
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
    assert_eq!(
        replayed.state.created.behaviour, 1,
        "it asks about nothing but its plan"
    );
    let fresh = record().events;
    assert_eq!(
        fresh, events,
        "this version still writes what that one wrote"
    );
    let ending = replayed.state.ending.unwrap();
    assert_eq!(ending.status.as_str(), "partial");
    assert_eq!(
        ending.outputs["sent"],
        json!([{ "id": 1, "ratio": 0.1 }, null, { "id": 3 }])
    );
}
