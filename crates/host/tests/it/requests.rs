//! Requests to people: what is asked, who may answer, what comes of it, and that it outlives the process.

use crate::fakes::World;
use mandate_engine::event::{Answer, RequestKind};
use mandate_engine::{NotAnAnswer, State, Status, StepState};
use mandate_host::projection::request_rows;
use mandate_host::record::record_answer;
use mandate_host::{HostError, Switch};
use mandate_plan::ErrorCode;
use mandate_policy::Principal;
use serde_json::{Value, json};

const NOTHING: Value = Value::Null;
const DAY_MS: i64 = 24 * 3_600_000;

fn started(plan: &str) -> (World, String) {
    let mut world = World::new();
    let (id, _updates) = world.start(&format!("version: 1\nname: asks\n{plan}"));
    world.run_through();
    (world, id)
}

fn open_id(world: &World, id: &str) -> String {
    let state = world.ended(id);
    state.open_request().unwrap().request.request_id.clone()
}

fn waits_for(state: &State) -> (String, Option<String>) {
    let waiting = state.waiting_for().unwrap();
    (waiting.kind, waiting.step)
}

fn error(world: &World, id: &str) -> ErrorCode {
    let ending = world.ended(id).ending.unwrap();
    ending.error.unwrap().code
}

const ASKS: &str = "steps:
  - {id: which, tool: human.ask, args: {question: Which?, choices: [eu, us]}}
  - {id: put, tool: kv.put, args: {region: '${steps.which.output.choice}'}}
";

#[test]
fn a_question_is_answered_once_and_by_who_may() {
    let (mut world, id) = started(ASKS);
    assert_eq!(world.made_calls(), Vec::<String>::new());
    let state = world.ended(&id);
    assert_eq!(waits_for(&state), ("question".into(), Some("which".into())));
    let request_id = open_id(&world, &id);
    let answer =
        |choice: &str, by: &str, channel: &str| Answer::new(&request_id, choice, by, channel);

    for (by, channel) in [("bob", "terminal"), ("ann", "agent"), ("ann", "")] {
        let refused = world.give(&id, answer("eu", by, channel)).unwrap_err();
        assert!(
            matches!(refused, HostError::NotTheApprover { .. }),
            "{refused}"
        );
        assert_eq!(refused.code(), ErrorCode::ApproverMismatch);
    }
    let refused = world.give(&id, answer("mars", "ann", "flag")).unwrap_err();
    let expected = NotAnAnswer::NoSuchChoice {
        choice: "mars".into(),
        choices: vec!["eu".into(), "us".into()],
    };
    assert!(matches!(refused, HostError::Answer(found) if found == expected));
    let other = Answer {
        subject: Some(mandate_plan::Digest::of(b"something else")),
        ..answer("eu", "ann", "terminal")
    };
    let refused = world.give(&id, other).unwrap_err();
    assert!(matches!(
        refused,
        HostError::Answer(NotAnAnswer::OtherSubject(_))
    ));

    let shown = state.open_request().unwrap().request.subject;
    let right = Answer {
        subject: Some(shown),
        ..answer("eu", "ann", "terminal")
    };
    world.give(&id, right).unwrap();
    let refused = world
        .give(&id, answer("us", "ann", "terminal"))
        .unwrap_err();
    let how = "eu".to_owned();
    assert!(
        matches!(&refused, HostError::Answer(NotAnAnswer::Closed { how: found, .. }) if *found == how),
        "{refused}"
    );
    world.run_through();
    assert_eq!(world.made_calls(), ["put/1"]);
    let outputs = world.ended(&id).ending.unwrap().outputs;
    assert_eq!(outputs["put"], json!({ "region": "eu" }));
}

#[test]
fn several_who_showed_who_they_are_answer_together() {
    let (mut world, id) = started(
        "steps:
  - {id: q, tool: human.ask, args: {question: Q, approvers: ['2 of role:sre', requester], choices: [go, stop]}}
  - {id: put, tool: kv.put, args: {a: '${steps.q.output.choice}'}}
",
    );
    let request_id = open_id(&world, &id);
    let by = |name: &str, roles: &[&str], choice: &str| {
        let principal = Principal {
            name: name.to_owned(),
            key: (!roles.is_empty()).then(|| format!("key-{name}")),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        Answer::new(&request_id, choice, "", "cli").given_by(&principal)
    };
    let mismatch = |refused: HostError| assert_eq!(refused.code(), ErrorCode::ApproverMismatch);
    mismatch(world.give(&id, by("bob", &[], "go")).unwrap_err());
    mismatch(
        world
            .give(&id, by("bot", &["agent", "sre"], "go"))
            .unwrap_err(),
    );
    world.give(&id, by("bob", &["sre"], "go")).unwrap();
    let again = world.give(&id, by("bob", &["sre"], "go")).unwrap_err();
    assert!(
        matches!(&again, HostError::Again { still, .. } if still.len() == 2),
        "{again}"
    );
    mismatch(again);
    // The requester counts as who asked, and not as one of the others, whatever the key.
    world.give(&id, by("ann", &["sre"], "go")).unwrap();
    world.give(&id, by("eve", &["sre"], "stop")).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), Vec::<String>::new());
    let rows = request_rows(&world.ended(&id));
    let detail: Value = serde_json::from_str(&rows[1].detail).unwrap();
    assert_eq!(detail["answers"].as_array().unwrap().len(), 3, "{detail}");
    // Somebody who changes their mind is counted for the last thing they said.
    world.give(&id, by("eve", &["sre"], "go")).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), ["put/1"]);
    let state = world.ended(&id);
    let open = &state.requests[&request_id];
    let names: Vec<_> = open.assents().into_iter().map(|assent| assent.by).collect();
    assert_eq!(names, ["bob", "ann", "eve"]);
}

#[test]
fn others_than_the_requester_are_told_what_they_need() {
    for who in ["other", "role:finance"] {
        let (mut world, id) = started(&format!(
            "steps:\n  - {{id: q, tool: human.ask, args: {{question: Q, approvers: ['{who}'], choices: [a]}}}}\n"
        ));
        let refused = world.answer(&id, "a", NOTHING).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ApproverMismatch);
        let message = refused.to_string();
        assert!(
            message.contains(who) && message.contains("API key"),
            "{message}"
        );
    }
}

const CONFIRMS: &str = "steps:
  - {id: look, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, confirm: true, args: {to: '${steps.look.output.path}'}}
";

#[test]
fn a_confirmed_call_is_made_with_what_was_shown_and_a_rejected_one_is_not() {
    let (mut world, id) = started(CONFIRMS);
    assert_eq!(world.made_calls(), ["look/1"]);
    let state = world.ended(&id);
    assert_eq!(waits_for(&state), ("step".into(), Some("send".into())));
    let request = &state.open_request().unwrap().request;
    assert_eq!(
        request.detail,
        json!({
            "tool": "mail.send",
            "calls": [{ "args": { "to": "a" } }],
            "flow": { "labels": { "/to": ["tool:fs.read"] }, "untrusted_sinks": {}, "untrusted_control": false },
        })
    );
    world.answer(&id, "approve", NOTHING).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), ["look/1", "send/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);

    let (mut world, id) = started(CONFIRMS);
    world.answer(&id, "reject", NOTHING).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), ["look/1"]);
    assert_eq!(error(&world, &id), ErrorCode::ApprovalRejected);
}

#[test]
fn a_day_without_an_answer_is_a_no() {
    let (mut world, id) = started(CONFIRMS);
    let late = Answer::new(&open_id(&world, &id), "approve", "ann", "terminal");
    world.clock_forward(DAY_MS);
    let refused = world.give(&id, late).unwrap_err();
    assert!(
        matches!(refused, HostError::Answer(NotAnAnswer::TooLate(_))),
        "{refused}"
    );
    world.advance(0);
    world.run_through();
    assert_eq!(error(&world, &id), ErrorCode::ApprovalExpired);
    assert_eq!(world.made_calls(), ["look/1"]);
}

#[test]
fn requests_outlive_the_process_and_so_do_answers() {
    for plan in [ASKS, CONFIRMS] {
        let (world, id) = started(plan);
        let request_id = open_id(&world, &id);
        let mut world = world.crash();
        world.take_up(&id);
        world.run_through();
        assert_eq!(open_id(&world, &id), request_id);
        let choice = if plan == ASKS { "us" } else { "approve" };
        world.answer(&id, choice, NOTHING).unwrap();
        // The call that follows from it may have been made: then it is in doubt, and the yes still holds for the next.
        let mut world = world.crash();
        world.take_up(&id);
        world.run_through();
        if plan == CONFIRMS {
            assert_eq!(waits_for(&world.ended(&id)).0, "in_doubt");
            world.answer(&id, "not_done", NOTHING).unwrap();
            world.run_through();
            assert_eq!(world.made_calls(), ["send/2"]);
        }
        assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    }
}

#[test]
fn an_answer_while_nobody_drives_is_checked_like_any_other() {
    let (world, id) = started(ASKS);
    let request_id = open_id(&world, &id);
    let mut world = world.crash();
    let journal = world.journal.clone();
    let said = |choice: &str, by: &str| {
        let (store, id) = (journal.clone(), id.clone());
        let answer = Answer::new(&request_id, choice, by, "cli");
        let saying =
            std::thread::spawn(move || record_answer(store.as_ref(), &id, 2_000_000, answer));
        while !saying.is_finished() {
            journal.sync_one();
            std::thread::yield_now();
        }
        saying.join().unwrap()
    };
    assert!(matches!(said("mars", "ann"), Err(HostError::Answer(_))));
    assert!(matches!(
        said("eu", "bob"),
        Err(HostError::NotTheApprover { .. })
    ));
    let state = said("eu", "ann").unwrap();
    assert_eq!(waits_for(&state).0, "host");
    assert!(matches!(said("us", "ann"), Err(HostError::Answer(_))));
    world.take_up(&id);
    world.run_through();
    assert_eq!(world.made_calls(), ["put/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}

const COUNTS: &str = "steps:
  - {id: up, tool: count.up, on_failure: ask}
  - {id: then, tool: kv.put, args: {n: '${steps.up.output}'}}
";

fn failed() -> mandate_tools::Outcome {
    mandate_tools::Outcome::Failed(mandate_tools::Fault::new(ErrorCode::ToolFailed, "broken"))
}

#[test]
fn a_failed_step_is_tried_again_or_its_output_supplied_if_it_fits_the_tool() {
    let mut world = World::new();
    world.answer_with("up", vec![failed(), failed()]);
    let (id, _updates) = world.start(&format!("version: 1\nname: asks\n{COUNTS}"));
    world.run_through();
    assert_eq!(
        waits_for(&world.ended(&id)),
        ("failure".into(), Some("up".into()))
    );
    world.answer(&id, "retry", NOTHING).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), ["up/1", "up/2"]);
    let refused = world.answer(&id, "supply", json!("seven")).unwrap_err();
    assert!(refused.to_string().contains("integer"), "{refused}");
    world.answer(&id, "supply", json!(7)).unwrap();
    world.run_through();
    let state = world.ended(&id);
    assert_eq!(state.step("up").unwrap().1.state, StepState::Recovered);
    assert_eq!(state.ending.unwrap().outputs["then"], json!({ "n": 7 }));
}

#[test]
fn more_calls_are_granted_or_not() {
    let plan = "constraints: {max_tool_calls: 1}
steps:
  - {id: a, tool: fs.read, args: {path: a}}
  - {id: b, tool: fs.read, args: {path: b}}
  - {id: c, tool: fs.read, args: {path: c}}
";
    let (mut world, id) = started(plan);
    assert_eq!(
        waits_for(&world.ended(&id)),
        ("budget".into(), Some("b".into()))
    );
    assert!(world.answer(&id, "grant", json!(0)).is_err());
    assert!(world.answer(&id, "grant", json!(10_001)).is_err());
    world.answer(&id, "grant", NOTHING).unwrap();
    world.run_through();
    // The plan's own number more, and it is asked again.
    assert_eq!(world.made_calls(), ["a/1", "b/1"]);
    world.answer(&id, "reject", NOTHING).unwrap();
    world.run_through();
    assert_eq!(error(&world, &id), ErrorCode::BudgetExceeded);
}

#[test]
fn a_violated_invariant_stops_new_calls_until_somebody_accepts_it() {
    let plan = "invariants:
  - {id: in_a, check: \"!succeeded('look') || steps.look.output.path != 'b'\", on_violation: ask}
steps:
  - {id: look, tool: fs.read, args: {path: b}}
  - {id: put, tool: kv.put, args: {k: v}}
";
    let (mut world, id) = started(plan);
    assert_eq!(waits_for(&world.ended(&id)).0, "invariant");
    assert_eq!(world.made_calls(), ["look/1"]);
    world.answer(&id, "continue", NOTHING).unwrap();
    world.run_through();
    assert_eq!(world.made_calls(), ["look/1", "put/1"]);

    let halts = plan.replace("ask", "halt");
    let (world, id) = started(&halts);
    assert_eq!(error(&world, &id), ErrorCode::InvariantViolated);
    assert_eq!(world.made_calls(), ["look/1"]);
}

#[test]
fn an_answer_about_a_doubt_resolves_it() {
    let mut world = World::new();
    let lost = mandate_tools::Fault::new(ErrorCode::ToolFailed, "the connection broke");
    world.answer_with("send", vec![mandate_tools::Outcome::Unknown(lost)]);
    let plan =
        "version: 1\nname: doubt\nsteps:\n  - {id: send, tool: mail.send, args: {to: bob}}\n";
    let (id, _updates) = world.start(plan);
    world.run_through();
    assert_eq!(waits_for(&world.ended(&id)).0, "in_doubt");
    world.answer(&id, "done", json!({ "id": 3 })).unwrap();
    world.run_through();
    let kinds = world.journal.kinds(&id);
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "step_resolved").count(),
        1
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "request_answered")
            .count(),
        1,
        "that of the plan"
    );
    let state = world.ended(&id);
    assert_eq!(
        state.ending.as_ref().unwrap().outputs["send"],
        json!({ "id": 3 })
    );
    let rows = request_rows(&state);
    let row = rows.iter().find(|row| row.kind == "in_doubt").unwrap();
    let answer: Value = serde_json::from_str(row.answer.as_ref().unwrap()).unwrap();
    assert_eq!(
        answer,
        json!({ "choice": "done", "by": "ann", "channel": "terminal", "data": { "id": 3 } })
    );
}

#[test]
fn frozen_calls_wait_and_go_on_when_they_are_thawed() {
    let mut world = World::new();
    world.throw(Switch::Freeze { reason: None });
    let (id, _updates) = world.start(
        "version: 1\nname: cold\nsteps:\n  - {id: look, tool: fs.read, args: {path: a}}\n  - {id: put, tool: kv.put}\n",
    );
    world.run_through();
    assert_eq!(waits_for(&world.ended(&id)).0, "frozen");
    assert_eq!(world.made_calls(), Vec::<String>::new());
    // Waiting for the thaw is no active time.
    world.advance(3_600_000);
    let active_ms = world.ended(&id).active_ms;
    assert_eq!(active_ms, 0);
    world.throw(Switch::Thaw { reason: None });
    world.run_through();
    assert_eq!(world.made_calls(), ["look/1", "put/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}

#[test]
fn a_row_of_the_inbox_shows_what_is_asked() {
    let (world, id) = started(CONFIRMS);
    let state = world.ended(&id);
    let rows = request_rows(&state);
    let open: Vec<_> = rows.iter().filter(|row| row.state == "open").collect();
    assert_eq!(open.len(), 1);
    let asked = state.requests.values();
    let asked = asked
        .map(|open| &open.request)
        .find(|request| request.kind == RequestKind::Step)
        .unwrap();
    assert_eq!(open[0].subject, asked.subject);
    assert_eq!(open[0].expires_at_ms, asked.expires_ms);
    let detail: Value = serde_json::from_str(&open[0].detail).unwrap();
    assert_eq!(detail["question"], json!(asked.question));
    assert_eq!(detail["detail"], asked.detail);
    assert_eq!(detail["choices"], json!(["approve", "reject"]));
    assert_eq!(detail["approvers"], json!(["requester"]));
}
