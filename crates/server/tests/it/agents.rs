//! Calls that somebody outside makes: turns are taken and reports given over HTTP.

use crate::client::Answer;
use crate::rig::{As, Rig, Setup, reads};
use serde_json::{Value, json};

const ALL: &str = r#"
@id("reads") permit (principal, action == Action::"Call", resource) when { resource.effect == "read" };
@id("network") permit (principal, action == Action::"Call", resource) when { resource.effect == "network" };
@id("writes") @decision("require_approval") permit (principal, action == Action::"Call", resource)
when { resource.effect == "write" };
"#;

fn rig(dir: Option<tempfile::TempDir>) -> Rig {
    Rig::with(Setup {
        policy: Some(ALL),
        tools: vec![
            json!({ "name": "crm.charge", "kind": "external", "effect": "network",
                "input_schema": { "type": "object", "required": ["amount"] },
                "output_schema": { "type": "object", "required": ["receipt"] } }),
            json!({ "name": "crm.note", "kind": "external", "effect": "write" }),
        ],
        dir,
        ..Setup::default()
    })
}

fn charges() -> Value {
    json!({ "version": 1, "name": "Charge", "mode": "agent", "steps": [
        { "id": "charge", "tool": "crm.charge", "args": { "amount": 5 } },
        { "id": "note", "tool": "data.value", "args": { "value": "${steps.charge.output.receipt}" } },
    ] })
}

/// An execution that `who` asked for, and a token for it.
fn begun(who: &As<'_>, plan: &Value) -> (String, String) {
    let made = who.submit(plan).is(201).json();
    let id = made["execution_id"].as_str().unwrap().to_owned();
    let told = who
        .act(&format!("/v1/executions/{id}:token"))
        .is(200)
        .json();
    assert!(told["expires_ms"].as_i64().unwrap() > 0);
    (id, told["token"].as_str().unwrap().to_owned())
}

fn enforce(who: &As<'_>, plan: &str, token: &str, args: Value) -> Answer {
    who.and("x-governance-plan-id", plan)
        .and("x-governance-token", token)
        .post(
            "/v1/enforce",
            &json!({ "tool": "crm.charge", "args": args }),
        )
}

#[test]
fn a_turn_is_taken_and_its_report_ends_the_call_also_after_a_restart() {
    let first = rig(None);
    let root = first.key("root", &["admin"]);
    let key = first.key("bot", &["agent"]);
    let bot = first.with_key(&key);
    let (id, token) = begun(&bot, &charges());
    let taken = enforce(&bot, &id, &token, json!({ "amount": 5 }))
        .is(200)
        .json();
    assert_eq!(
        (
            &taken["step"],
            &taken["tool"],
            &taken["args"],
            &taken["attempt"]
        ),
        (
            &json!("charge"),
            &json!("crm.charge"),
            &json!({ "amount": 5 }),
            &json!(1)
        )
    );
    let call = taken["call_id"].as_str().unwrap().to_owned();
    let token = taken["next_token"]["token"].as_str().unwrap().to_owned();
    // Its start is on the disk: whoever comes after the server was killed finds it.
    let events = bot
        .get(&format!("/v1/executions/{id}/events"))
        .is(200)
        .json();
    let kinds: Vec<&str> = { events["events"].as_array().unwrap().iter() }
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"step_started"), "{kinds:?}");
    let refused = enforce(&bot, &id, &token, json!({ "amount": 5 }))
        .is(403)
        .json();
    assert_eq!(refused["code"], "SEQUENCE_VIOLATION");
    assert_eq!(
        refused["details"]["expected"]["under_way"][0]["call_id"],
        call
    );
    // Somebody else has it neither reported nor seen.
    let report = json!({ "output": { "receipt": "r-17" } });
    let path = format!("/v1/calls/{call}:complete");
    let other = first.as_a("other", &["agent"]);
    let stolen = other.and("x-governance-token", &token);
    assert_eq!(
        stolen.post(&path, &report).is(403).json()["code"],
        "TOKEN_INVALID"
    );
    let dir = first.stop();

    let second = rig(Some(dir));
    let bot = second.with_key(&key);
    let reports = bot.and("x-governance-token", &token);
    reports.post(&path, &json!({})).is(400);
    reports
        .post(&path, &json!({ "output": 1, "error": { "message": "x" } }))
        .is(400);
    bot.post(&path, &report).is(403);
    let told = reports.post(&path, &report).is(200).json();
    assert_eq!(
        (&told["ended"], &told["call_id"]),
        (&json!("completed"), &json!(call))
    );
    // The same again is answered as the first time, another one is refused.
    assert_eq!(
        reports.post(&path, &report).is(200).json()["ended"],
        "completed"
    );
    let other = json!({ "output": { "receipt": "r-18" } });
    reports.post(&path, &other).is(403);
    let mut told = second
        .with_key(&root)
        .stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    let shown = bot.execution(&id);
    assert_eq!(shown["status"], "success", "{shown:#}");
    reports.post("/v1/calls/nothing:complete", &report).is(404);
    let gone = enforce(&bot, &id, &token, json!({ "amount": 5 }))
        .is(403)
        .json();
    assert_eq!(gone["code"], "TOKEN_EXPIRED");
}

#[test]
fn what_does_not_fit_the_plan_or_the_token_is_refused_with_the_reason() {
    let rig = rig(None);
    rig.key("root", &["admin"]);
    let bot = rig.as_a("bot", &["agent"]);
    let (id, token) = begun(&bot, &charges());
    let code = |answer: Answer, status: u16| {
        answer.is(status).json()["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let args = || json!({ "amount": 5 });
    assert_eq!(
        code(enforce(&bot, &id, &token, json!({ "amount": 6 })), 403),
        "ARGUMENT_VIOLATION"
    );
    assert_eq!(code(enforce(&bot, &id, "x", args()), 403), "TOKEN_INVALID");
    assert_eq!(
        code(enforce(&bot, "another", &token, args()), 403),
        "TOKEN_INVALID"
    );
    // Whether there is an execution is nothing that somebody learns who has no token for it.
    assert_eq!(
        code(enforce(&bot, "another", "x", args()), 403),
        "TOKEN_INVALID"
    );
    let in_session = bot.and("x-governance-session-id", "another");
    assert_eq!(
        code(enforce(&in_session, &id, &token, args()), 403),
        "TOKEN_INVALID"
    );
    let twice = bot.and("x-governance-token", &token);
    enforce(&twice, &id, &token, args()).is(400);
    let asks = json!({ "tool": "crm.charge", "args": args() });
    bot.and("x-governance-token", &token)
        .post("/v1/enforce", &asks)
        .is(400);
    bot.and("x-governance-plan-id", &id)
        .post("/v1/enforce", &asks)
        .is(403);
    let headed = bot
        .and("x-governance-plan-id", &id)
        .and("x-governance-token", &token);
    headed
        .post("/v1/enforce", &json!({ "tool": "crm.charge", "x": 1 }))
        .is(400);
    headed
        .post("/v1/enforce", &json!({ "tool": "crm.charge", "args": [] }))
        .is(403);
    let unplanned = json!({ "tool": "fs.write", "args": { "path": "a" } });
    headed.post("/v1/enforce", &unplanned).is(403);
    // Neither does anybody else get a token, or one for what is driven here.
    let viewer = rig.as_a("viewer", &["viewer"]);
    viewer.act(&format!("/v1/executions/{id}:token")).is(403);
    let other = rig.as_a("other", &["agent"]);
    other.act(&format!("/v1/executions/{id}:token")).is(404);
    let operator = rig.as_a("operator", &["operator"]);
    operator.act(&format!("/v1/executions/{id}:token")).is(403);
    let plain = bot.run_id(&reads("plain", 1));
    bot.act(&format!("/v1/executions/{plain}:token")).is(409);
    // A token for other steps is good for no call of this one.
    let few = bot
        .post(
            &format!("/v1/executions/{id}:token"),
            &json!({ "steps": ["note"] }),
        )
        .is(200)
        .json();
    let few = few["token"].as_str().unwrap();
    assert_eq!(code(enforce(&bot, &id, few, args()), 403), "TOKEN_INVALID");
    enforce(&bot, &id, &token, args()).is(200);
}

#[test]
fn a_call_that_nobody_reports_is_in_doubt_until_somebody_says_what_became_of_it() {
    let rig = rig(None);
    rig.key("root", &["admin"]);
    let bot = rig.as_a("bot", &["agent"]);
    let mut plan = charges();
    plan["steps"][0]["timeout_ms"] = json!(150);
    let (id, token) = begun(&bot, &plan);
    enforce(&bot, &id, &token, json!({ "amount": 5 })).is(200);
    let mut told = bot.stream(&format!("/v1/executions/{id}/events"));
    while told.next().unwrap().data["kind"] != "step_in_doubt" {}
    let path = format!("/v1/executions/{id}/steps/charge:resolve");
    let done = json!({ "resolution": "done", "output": { "receipt": "r-9" } });
    rig.as_a("vic", &["viewer"]).post(&path, &done).is(403);
    rig.as_a("sue", &["submitter"]).post(&path, &done).is(404);
    rig.as_a("op", &["operator"]).post(&path, &done).is(200);
    let step = bot
        .get(&format!("/v1/executions/{id}/steps/charge"))
        .is(200)
        .json();
    let resolved = step.to_string();
    assert!(
        resolved.contains("\"op\"") && resolved.contains("r-9"),
        "{resolved}"
    );
    bot.post(&path, &done).is(409);
}

#[test]
fn a_call_that_wants_a_human_or_a_rate_is_told_so() {
    let rig = rig(None);
    rig.key("root", &["admin"]);
    let human = rig.as_a("ann", &["submitter"]);
    let bot = human.clone();
    let mut plan = charges();
    plan["steps"][0]["confirm"] = json!(true);
    let (id, token) = begun(&bot, &plan);
    let asked = enforce(&bot, &id, &token, json!({ "amount": 5 }))
        .is(202)
        .json();
    assert_eq!(asked["code"], "APPROVAL_REQUIRED");
    let request = asked["request_id"].as_str().unwrap();
    // Nobody answers for an agent but whom the policy names; its requester is a human here.
    human
        .post(
            &format!("/v1/inbox/{request}:answer"),
            &json!({ "choice": "approve" }),
        )
        .is(200);
    enforce(&bot, &id, &token, json!({ "amount": 5 })).is(200);

    // Whoever is refused too often waits.
    let (id, token) = begun(&bot, &charges());
    let limited = (0..200)
        .map(|n| enforce(&bot, &id, &token, json!({ "amount": n + 100 })))
        .find(|answer| answer.status != 403);
    let limited = limited.unwrap().is(429);
    let after: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
}
