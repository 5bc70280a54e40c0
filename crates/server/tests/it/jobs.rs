//! The jobs facade: 200 with the job, or 400 with the envelope.

use crate::client::Answer;
use crate::rig::{As, Rig, Setup, reads};
use serde_json::{Value, json};

fn analyze(who: &As<'_>, plugin: &str, payload: Value, mode: &str) -> Answer {
    let body = json!({ "plugin": plugin, "payload": payload, "mode": mode });
    who.post("/v1/analyze-execution", &body)
}

#[track_caller]
fn envelope(answer: Answer) -> Value {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let error = answer.json()["error"].clone();
    for name in ["category", "code", "message", "timestamp"] {
        assert!(!error[name].as_str().unwrap().is_empty(), "{error}");
    }
    error
}

fn ended(who: &As<'_>, id: &str) -> Value {
    let mut told = who.stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    who.get(&format!("/v1/jobs/{id}")).is(200).json()
}

#[test]
fn a_tool_is_called_now_or_later_and_the_job_outlives_the_server() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    std::fs::write(rig.path("a.txt"), "hello").unwrap();
    let job = analyze(&me, "fs.read", json!({ "path": "a.txt" }), "sync")
        .is(200)
        .json();
    assert_eq!(
        (&job["state"], &job["plugin"]),
        (&json!("SUCCESS"), &json!("fs.read"))
    );
    assert_eq!(job["result"]["content"], "hello", "{job}");
    let shown = me.execution(job["job_id"].as_str().unwrap());
    assert_eq!(shown["status"], "success");
    // What looks like an expression is a value.
    let odd = json!({ "value": "${inputs.x}", "a \"b\"": 1 });
    let error = envelope(analyze(&me, "data.value", odd, "sync"));
    assert_eq!(error["code"], "INVALID_PAYLOAD", "{error}");
    let job = analyze(&me, "data.value", json!({ "value": "${inputs.x}" }), "sync")
        .is(200)
        .json();
    assert_eq!(job["result"], "${inputs.x}");

    let write = json!({ "path": "b.txt", "content": "x" });
    let error = envelope(analyze(&me, "fs.write", write.clone(), "sync"));
    assert_eq!(
        (&error["code"], &error["category"]),
        (&json!("APPROVAL_REQUIRED"), &json!("PolicyError"))
    );
    let cancelled = error["execution_id"].as_str().unwrap();
    assert_eq!(ended(&me, cancelled)["state"], "FAILED");
    let waits = analyze(&me, "fs.write", write, "async").is(200).json();
    assert_eq!(
        (&waits["state"], &waits["waiting_for"]["kind"]),
        (&json!("PENDING"), &json!("plan"))
    );
    let (id, request) = (
        waits["job_id"].as_str().unwrap().to_owned(),
        waits["request_id"].as_str().unwrap().to_owned(),
    );
    let dir = rig.stop();

    let rig = Rig::with(Setup {
        dir: Some(dir),
        ..Setup::default()
    });
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let path = format!("/v1/jobs/{id}");
    assert_eq!(me.get(&path).is(200).json()["state"], "PENDING");
    me.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    let done = ended(&me, &id);
    assert_eq!(
        (&done["state"], done["finished_ms"].is_i64()),
        (&json!("SUCCESS"), true),
        "{done}"
    );
    assert_eq!(std::fs::read_to_string(rig.path("b.txt")).unwrap(), "x");

    let sleeps = analyze(&me, "time.sleep", json!({ "duration_ms": 300 }), "async")
        .is(200)
        .json();
    let id = sleeps["job_id"].as_str().unwrap();
    assert!(
        ["PENDING", "RUNNING"].contains(&sleeps["state"].as_str().unwrap()),
        "{sleeps}"
    );
    assert_eq!(ended(&me, id)["state"], "SUCCESS");
    me.get("/v1/jobs/none").is(404);
    let plan = me.run_id(&reads("two", 2));
    me.get(&format!("/v1/jobs/{plan}")).is(404);
}

#[test]
fn whatever_is_wrong_is_a_400_with_the_envelope() {
    let rig = Rig::keyed();
    let bot = rig.as_a("bot", &["agent"]);
    let code = |answer: Answer| envelope(answer)["code"].as_str().unwrap().to_owned();
    assert_eq!(
        code(analyze(&bot, "no.such", json!({}), "sync")),
        "ACTION_NOT_FOUND"
    );
    assert_eq!(
        code(analyze(&bot, "", json!({}), "async")),
        "ACTION_NOT_FOUND"
    );
    assert_eq!(
        code(analyze(&bot, "fs.read", json!({}), "sync")),
        "INVALID_PAYLOAD"
    );
    assert_eq!(
        code(analyze(&bot, "fs.read", json!([]), "sync")),
        "INVALID_PAYLOAD"
    );
    assert_eq!(
        code(analyze(&bot, "fs.read", json!({ "path": "none" }), "sync")),
        "TOOL_FAILED"
    );
    assert_eq!(
        code(analyze(&bot, "fs.read", json!({ "path": "a" }), "perhaps")),
        "INVALID_PAYLOAD"
    );
    let path = "/v1/analyze-execution";
    let json_body = bot.and("content-type", "application/json");
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{\"plugin\": 1}",
        b"{\"plugin\": \"a.b\", \"x\": 1}",
    ] {
        envelope(json_body.send("POST", path, Some(body)));
    }
    let deep = format!(
        "{{\"plugin\": \"data.value\", \"payload\": {}1{}}}",
        "{\"value\":".repeat(5_000),
        "}".repeat(5_000)
    );
    envelope(json_body.send("POST", path, Some(deep.as_bytes())));
    envelope(bot.send("POST", path, Some(b"{}")));
    envelope(
        bot.and("idempotency-key", "a b")
            .post(path, &json!({ "plugin": "data.value" })),
    );
    // Who may not even ask is told so before.
    rig.anybody()
        .post(path, &json!({ "plugin": "data.value" }))
        .is(401);
    rig.as_a("viewer", &["viewer"])
        .post(path, &json!({ "plugin": "data.value" }))
        .is(403);
    let job = analyze(&bot, "data.value", json!({ "value": 1 }), "sync")
        .is(200)
        .json();
    let other = rig.as_a("other", &["agent"]);
    other
        .get(&format!("/v1/jobs/{}", job["job_id"].as_str().unwrap()))
        .is(404);
}

#[test]
fn the_same_key_is_the_same_job() {
    let rig = Rig::keyed();
    let bot = rig.as_a("bot", &["agent"]);
    let key = bot.and("idempotency-key", "j-1");
    let sleep = json!({ "duration_ms": 200 });
    let first = analyze(&key, "time.sleep", sleep.clone(), "async")
        .is(200)
        .json();
    let again = analyze(&key, "time.sleep", sleep.clone(), "async")
        .is(200)
        .json();
    assert_eq!(again["job_id"], first["job_id"]);
    // Another body is another request.
    let error = envelope(analyze(
        &key,
        "time.sleep",
        json!({ "duration_ms": 201 }),
        "async",
    ));
    assert_eq!(error["code"], "INVALID_PAYLOAD");
    ended(&bot, first["job_id"].as_str().unwrap());
    let again = analyze(&key, "time.sleep", sleep, "async").is(200).json();
    assert_eq!(
        (&again["job_id"], &again["state"]),
        (&first["job_id"], &json!("SUCCESS"))
    );
    // Several at once are one job, whose result all of them get.
    let key = bot.and("idempotency-key", "j-2");
    let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    analyze(&key, "time.sleep", json!({ "duration_ms": 100 }), "sync")
                        .is(200)
                        .json()
                })
            })
            .collect();
        all.into_iter()
            .map(|one| one.join().unwrap()["job_id"].as_str().unwrap().to_owned())
            .collect()
    });
    assert_eq!(ids.len(), 1);
    let listed = bot.get("/v1/executions").is(200).json();
    assert_eq!(listed["executions"].as_array().unwrap().len(), 2);
}
