//! What operators do: the switch, the tools, sessions, keys, and the journal as evidence.

use crate::rig::{Rig, Setup, reads, writes};
use serde_json::{Value, json};

/// A plan of so many calls that count for a session.
fn lists(steps: usize) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "fs.list", "args": { "path": "." } }))
        .collect();
    json!({ "version": 1, "name": "lists", "steps": steps })
}

#[test]
fn the_switch_holds_everything_up_until_it_is_thrown_back() {
    let rig = Rig::keyed();
    let operator = rig.as_a("op", &["operator"]);
    let ann = rig.as_a("ann", &["submitter"]);
    assert_eq!(ann.get("/v1/freeze").is(200).json()["freeze"], Value::Null);
    ann.act("/v1/freeze").is(403);
    let frozen = operator
        .post("/v1/freeze", &json!({ "reason": "look" }))
        .is(200)
        .json();
    assert_eq!(
        (&frozen["freeze"]["by"], &frozen["freeze"]["reason"]),
        (&json!("op"), &json!("look"))
    );
    operator.act("/v1/freeze").is(409);
    let id = ann.run_id(&reads("held", 1));
    let held = ann.execution(&id);
    assert_eq!(
        (&held["waiting_for"]["kind"], &held["freeze"]["by"]),
        (&json!("frozen"), &json!("op"))
    );
    let job = json!({ "plugin": "data.value", "payload": { "value": 1 } });
    let refused = ann.post("/v1/analyze-execution", &job);
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (400, &json!("FROZEN"))
    );
    ann.act("/v1/thaw").is(403);
    operator.act("/v1/thaw").is(200);
    operator.act("/v1/thaw").is(409);
    let mut told = ann.stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    assert_eq!(ann.execution(&id)["status"], "success");
}

#[test]
fn tools_are_shown_switched_off_and_on() {
    let rig = Rig::keyed();
    let operator = rig.as_a("op", &["operator"]);
    let ann = rig.as_a("ann", &["submitter"]);
    let listed = ann.get("/v1/tools").is(200).json();
    let names: Vec<&str> = { listed["tools"].as_array().unwrap().iter() }
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"fs.read") && names.is_sorted(), "{names:?}");
    let shown = ann.get("/v1/tools/fs.read").is(200).json();
    assert_eq!(shown["facts"]["effect"], "read", "{shown}");
    assert!(shown["input_schema"].is_object() && shown["lifecycle"].is_string());
    ann.get("/v1/tools/no.such").is(404);
    ann.act("/v1/tools/fs.read:disable").is(403);
    assert_eq!(
        operator.act("/v1/tools/fs.read:disable").is(200).json()["tools"],
        json!(["fs.read"])
    );
    let plan = json!({ "version": 1, "name": "x", "steps": [{ "id": "a", "tool": "fs.read", "args": { "path": "a" } }] });
    assert_eq!(ann.submit(&plan).is(422).json()["code"], "ACTION_NOT_FOUND");
    operator.act("/v1/tools/fs.read:enable").is(200);
    ann.submit(&plan).is(201);
    for verb in ["disable", "restart", "accept"] {
        operator.act(&format!("/v1/tools/no.such:{verb}")).is(404);
    }
    operator.act("/v1/tools/no.such:enable").is(409);
    operator.act("/v1/tools/fs.read:restart").is(409);
    operator
        .post("/v1/tools/fs.read:accept", &json!({ "effect": "odd" }))
        .is(400);
}

#[test]
fn sessions_have_counters_that_hold_and_only_their_own_see_them() {
    let rig = Rig::with(Setup {
        calls: Some(3),
        ..Setup::default()
    });
    rig.key("root", &["admin"]);
    let ann = rig.as_a("ann", &["submitter"]);
    let body = json!({ "plan": lists(3), "session": "s-1" });
    ann.and("prefer", "wait=20")
        .post("/v1/executions", &body)
        .is(201);
    let shown = ann.get("/v1/sessions/s-1").is(200).json();
    assert!(shown.to_string().contains('3'), "{shown}");
    assert_eq!(shown["session"], "s-1");
    rig.as_a("bob", &["submitter"])
        .get("/v1/sessions/s-1")
        .is(404);
    ann.get("/v1/sessions/none").is(404);
    let viewer = rig.as_a("vic", &["viewer"]);
    assert!(viewer.get("/v1/sessions").is(200).text().contains("s-1"));
    viewer.get("/v1/sessions/s-1").is(200);
    // What it may call is used up, and nothing more begins in it.
    let many = json!({ "plan": lists(1), "session": "s-1" });
    let limited = ann.post("/v1/executions", &many).is(429);
    assert!(
        limited
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );
    assert_eq!(
        limited.json()["details"]["decision"]["outcome"],
        "rate_limited"
    );
}

#[test]
fn who_stands_in_line_for_calls_says_how_many_it_lacks() {
    let rig = Rig::with(Setup {
        calls: Some(3),
        ..Setup::default()
    });
    rig.key("root", &["admin"]);
    let ann = rig.as_a("ann", &["submitter"]);
    let made = |plan: Value| {
        let body = json!({ "plan": plan, "session": "s-1" });
        let told = ann.post("/v1/executions", &body).json();
        format!("/v1/executions/{}", told["execution_id"].as_str().unwrap())
    };
    let mut holds = lists(2);
    let steps = holds["steps"].as_array_mut().unwrap();
    let nap = json!({ "id": "nap", "tool": "time.sleep", "args": { "duration_ms": 600_000 } });
    steps.insert(0, nap);
    let first = made(holds);
    let second = made(lists(2));
    let shown = ann.get(&second).is(200);
    assert_eq!(shown.json()["state"], "pending");
    let lacking = json!({ "needed": 2, "left": 1, "reserved": 2 });
    assert_eq!(shown.json()["awaited_calls"], lacking);
    assert_eq!(ann.get(&first).json()["awaited_calls"], Value::Null);
    let tag = shown.header("etag").unwrap().to_owned();
    assert_eq!(ann.and("if-none-match", &tag).get(&second).status, 304);
    ann.act(&format!("{first}:cancel")).is(200);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while ann.get(&second).json()["status"] != "success" {
        assert!(std::time::Instant::now() < until, "what was given back");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let after = ann.and("if-none-match", &tag).get(&second).is(200).json();
    assert_eq!(after["awaited_calls"], Value::Null);
}

#[test]
fn keys_are_made_listed_and_revoked_over_http() {
    let rig = Rig::keyed();
    let admin = rig.as_a("ada", &["admin"]);
    let made = admin
        .post(
            "/v1/keys",
            &json!({ "name": "new", "roles": ["submitter"] }),
        )
        .is(201)
        .json();
    let key = made["key"].as_str().unwrap();
    let new = rig.with_key(key);
    new.submit(&reads("works", 1)).is(201);
    let listed = admin.get("/v1/keys").is(200);
    assert!(!listed.text().contains(key));
    let id = made["key_id"].as_str().unwrap();
    assert!(listed.text().contains(id));
    admin.act(&format!("/v1/keys/{id}:revoke")).is(200);
    new.submit(&reads("not any more", 1)).is(401);
    assert!(!admin.get("/v1/keys").is(200).text().contains(id));
    assert!(admin.get("/v1/keys?all=true").is(200).text().contains(id));
    admin.act("/v1/keys/none:revoke").is(404);
    for wrong in [
        json!({ "name": "", "roles": ["admin"] }),
        json!({ "name": "x", "roles": [] }),
        json!({ "name": "local:0", "roles": ["admin"] }),
        json!({ "name": "x" }),
        json!({ "name": "x", "roles": "admin" }),
    ] {
        let status = admin.post("/v1/keys", &wrong).status;
        assert!(matches!(status, 400 | 403 | 422), "{wrong}: {status}");
    }
    // Nobody makes a key who is no administrator, and nobody takes their own part.
    new.post("/v1/keys", &json!({ "name": "x", "roles": ["admin"] }))
        .is(401);
}

#[test]
fn the_journal_is_verified_and_handed_out_as_evidence() {
    let rig = Rig::keyed();
    let auditor = rig.as_a("aud", &["auditor"]);
    let ann = rig.as_a("ann", &["submitter"]);
    ann.run_id(&reads("seen", 2));
    let head = auditor.get("/v1/audit/head").is(200).json();
    let report = auditor.act("/v1/audit:verify").is(200).json();
    assert!(report.to_string().contains("true"), "{report}");
    let kept = { &head["head"] }
        .as_object()
        .map_or_else(|| head.clone(), |head| json!(head));
    let named = format!(
        "{}:{}",
        kept["number"],
        kept["hash"].as_str().unwrap_or_default()
    );
    auditor
        .post("/v1/audit:verify", &json!({ "head": named }))
        .is(200);
    let other = format!("{}:{}", kept["number"], "0".repeat(64));
    let differs = auditor.post("/v1/audit:verify", &json!({ "head": other }));
    assert_ne!((differs.status, differs.text()), (200, report.to_string()));
    auditor
        .post("/v1/audit:verify", &json!({ "head": "x" }))
        .is(400);
    let export = auditor.get("/v1/audit/export").is(200).text();
    assert!(
        export.lines().count() > 5
            && export
                .lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    // Packed, it comes whole, too.
    let packed = auditor
        .and("accept-encoding", "gzip")
        .get("/v1/audit/export")
        .is(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
    for wrong in [
        "export?format=odd",
        "export?after=9223372036854775808",
        "events?after=9223372036854775808",
        "events?newest=true&after=1",
    ] {
        auditor.get(&format!("/v1/audit/{wrong}")).is(400);
    }
    ann.get("/v1/audit/export").is(403);
    ann.act("/v1/audit:verify").is(403);
}

#[test]
fn an_approval_is_taken_back_and_stands_for_further_runs() {
    let rig = Rig::keyed();
    let ann = rig.as_a("ann", &["submitter"]);
    let approver = rig.as_a("ok", &["approver"]);
    let mut plan = writes("again");
    plan["steps"][0] =
        json!({ "id": "look", "tool": "time.sleep", "args": { "duration_ms": 30_000 } });
    plan["steps"][1]["args"]["content"] = json!("x");
    plan["steps"][1]["depends_on"] = json!(["look"]);
    let made = ann.submit(&plan).is(202).json();
    let (id, request) = (
        made["execution_id"].as_str().unwrap(),
        made["request_id"].as_str().unwrap(),
    );
    ann.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    rig.as_a("vic", &["viewer"])
        .act(&format!("/v1/executions/{id}:revoke"))
        .is(403);
    let revoked = approver
        .post(
            &format!("/v1/executions/{id}:revoke"),
            &json!({ "reason": "wrong" }),
        )
        .is(200)
        .json();
    assert_ne!(revoked["state"], "completed", "{revoked}");
    let made = ann.submit(&writes("stands")).is(202).json();
    let request = made["request_id"].as_str().unwrap();
    ann.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    let until_ms = i64::MAX / 1_000_000;
    let stand = |who: &crate::rig::As<'_>, runs: u64| {
        who.post(
            &format!("/v1/inbox/{request}:stand"),
            &json!({ "runs": runs, "until_ms": until_ms }),
        )
    };
    stand(&rig.as_a("vic2", &["viewer"]), 1).is(403);
    stand(&approver, 1).is(409);
    let given = stand(&ann, 1);
    if given.status == 201 {
        let standing = given.json()["standing_id"].as_str().unwrap().to_owned();
        assert!(
            approver
                .get("/v1/approvals/standing")
                .is(200)
                .text()
                .contains(&standing)
        );
        ann.submit(&writes("stands")).is(201);
        ann.submit(&writes("stands")).is(202);
        let path = format!("/v1/approvals/standing/{standing}:revoke");
        let status = approver.act(&path).status;
        assert!(matches!(status, 200 | 409), "{status}");
    } else {
        given.assert_problem();
    }
    approver.act("/v1/approvals/standing/none:revoke").is(404);
}
