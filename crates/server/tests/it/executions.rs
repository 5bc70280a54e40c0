//! Executions: made, listed, looked at and steered.

use crate::rig::{As, Rig, reads, sleeps, writes};
use serde_json::{Value, json};

fn ended(who: &As<'_>, id: &str) -> Value {
    let mut told = who.stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    who.execution(id)
}

fn ids(listed: &Value) -> Vec<String> {
    let rows = listed["executions"].as_array().unwrap().iter();
    rows.map(|row| row["execution_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_submitted_is_made_waits_or_is_refused_with_the_reason() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let made = me.submit(&reads("runs", 1)).is(201);
    let id = made.json()["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(
        made.header("location"),
        Some(format!("/v1/executions/{id}").as_str())
    );
    assert_eq!(made.json()["outcome"], "allow");
    let waits = me.submit(&writes("waits")).is(202).json();
    assert_eq!(waits["outcome"], "require_approval");
    assert!(
        waits["request_id"].as_str().unwrap().starts_with("req-"),
        "{waits}"
    );
    let reasons = waits["decision"]["reasons"].to_string();
    assert!(reasons.contains("starter/effects"), "{reasons}");
    // A wait ends when it rests, and not later.
    let begun = std::time::Instant::now();
    let waited = me
        .and("prefer", "respond-async, wait=20")
        .submit(&writes("rests"))
        .is(202);
    assert_eq!(waited.header("preference-applied"), Some("wait=20"));
    assert_eq!(waited.json()["execution"]["state"], "waiting");
    let done = me
        .and("prefer", "wait=20")
        .submit(&reads("ends", 3))
        .is(201)
        .json();
    assert_eq!(done["execution"]["status"], "success");
    assert!(begun.elapsed().as_secs() < 15);
    let late = me
        .and("prefer", "wait=0")
        .submit(&sleeps("naps", 400))
        .is(202)
        .json();
    assert_eq!(late["execution"]["status"], Value::Null, "{late}");
    me.and("prefer", "wait=soon").submit(&reads("x", 1)).is(400);

    let secret = json!({ "version": 1, "name": "x", "steps": [
        { "id": "a", "tool": "fs.read", "args": { "path": "/etc/shadow" } }] });
    let denied = me.submit(&secret).is(403).json();
    assert_eq!(
        (&denied["code"], &denied["details"]["decision"]["outcome"]),
        (&json!("POLICY_DENIED"), &json!("deny"))
    );
    let invalid = json!({ "version": 1, "name": "x", "steps": [{ "id": "a", "tool": "no.such" }] });
    let invalid = me.submit(&invalid).is(422).json();
    assert_eq!(invalid["kind"], "invalid_plan");
    assert_eq!(
        invalid["details"]["violations"][0]["code"],
        "ACTION_NOT_FOUND"
    );
    assert_eq!(
        invalid["details"]["violations"][0]["pointer"],
        "/steps/0/tool"
    );
    let typed = json!({ "version": 1, "name": "typed", "inputs": { "n": { "type": "integer", "required": true } },
        "steps": [{ "id": "a", "tool": "data.value", "args": { "value": "${inputs.n}" } }] });
    for (inputs, status) in [
        (json!({ "n": 1 }), 201),
        (json!({ "n": "x" }), 422),
        (json!({}), 422),
        (json!([]), 400),
    ] {
        let body = json!({ "plan": typed, "inputs": inputs });
        assert_eq!(me.post("/v1/executions", &body).status, status, "{inputs}");
    }
    // The same as text, and by its hash.
    let yaml = "version: 1\nname: text\nsteps: [{id: a, tool: data.value, args: {value: 1}}]";
    let text = me
        .post("/v1/executions", &json!({ "plan": yaml }))
        .is(201)
        .json();
    let hash = text["plan_hash"].as_str().unwrap();
    me.post("/v1/executions", &json!({ "plan_hash": hash }))
        .is(201);
    me.post("/v1/executions", &json!({ "plan_hash": "0".repeat(64) }))
        .is(404);
    me.post(
        "/v1/executions",
        &json!({ "plan_hash": hash, "plan": yaml }),
    )
    .is(400);
    me.post("/v1/executions", &json!({})).is(400);
    me.post("/v1/executions", &json!({ "plan": yaml, "inptus": {} }))
        .is(400);
    let past = json!({ "plan": yaml, "context": { "deadline_ms": 1 } });
    assert!(matches!(me.post("/v1/executions", &past).status, 400 | 422));
}

#[test]
fn lists_are_paged_without_a_gap_and_filtered() {
    let rig = Rig::keyed();
    let (ann, bob) = (
        rig.as_a("ann", &["submitter"]),
        rig.as_a("bob", &["submitter"]),
    );
    let all: Vec<String> = (0..7)
        .map(|n| ann.run_id(&reads(&format!("plan {n}"), 1)))
        .collect();
    let theirs = bob.run_id(&writes("bobs"));
    let viewer = rig.as_a("vic", &["viewer"]);
    // A page ends where the next one begins, also when something was made in between.
    let mut listed = Vec::new();
    let mut path = "/v1/executions?limit=3&principal=ann".to_owned();
    loop {
        let page = viewer.get(&path).is(200).json();
        listed.extend(ids(&page));
        if listed.len() == 3 {
            ann.run_id(&reads("later", 1));
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/executions?limit=3&principal=ann&after={next}");
    }
    let newest: Vec<String> = all.iter().rev().cloned().collect();
    assert_eq!(listed, newest);
    let oldest = viewer
        .get("/v1/executions?order=oldest&limit=2")
        .is(200)
        .json();
    assert_eq!(ids(&oldest), all[..2]);
    let only = |query: &str| {
        ids(&viewer
            .get(&format!("/v1/executions?{query}"))
            .is(200)
            .json())
    };
    assert_eq!(only("unfinished=true"), std::slice::from_ref(&theirs));
    assert_eq!(only("waiting_for=plan"), std::slice::from_ref(&theirs));
    assert_eq!(only("tool=fs.write"), std::slice::from_ref(&theirs));
    assert_eq!(only("q=plan%203"), [all[3].clone()]);
    assert_eq!(only("state=waiting,completed").len(), 9);
    assert_eq!(only("status=success&limit=500").len(), 8);
    assert!(only("older_than=1h").is_empty());
    assert_eq!(only("since=1h").len(), 9);
    // Each sees their own.
    assert_eq!(ids(&bob.get("/v1/executions").is(200).json()), [theirs]);
    for wrong in [
        "limit=0",
        "limit=501",
        "limit=x",
        "state=odd",
        "status=odd",
        "after=x",
        "order=odd",
        "since=odd",
        "plan=x",
        "nothing=1",
        "limit=1&limit=2",
        "q=%ff",
    ] {
        viewer.get(&format!("/v1/executions?{wrong}")).is(400);
    }
}

#[test]
fn an_execution_shows_everything_that_is_known_of_it() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let plan = json!({ "version": 1, "name": "whole", "inputs": { "n": { "type": "integer" } }, "steps": [
        { "id": "first", "tool": "data.value", "args": { "value": "${inputs.n}" } },
        { "id": "many", "tool": "data.value", "for_each": { "in": "[1, 2]" }, "args": { "value": "${item}" } },
        { "id": "bad", "tool": "fs.read", "args": { "path": "none.txt" }, "on_failure": "skip" },
    ], "outputs": { "n": "steps.first.output" } });
    let body = json!({ "plan": plan, "inputs": { "n": 7 } });
    let made = me
        .and("prefer", "wait=20")
        .post("/v1/executions", &body)
        .is(201)
        .json();
    let id = made["execution_id"].as_str().unwrap();
    let path = |rest: &str| format!("/v1/executions/{id}{rest}");
    let shown = me.get(&path("")).is(200);
    let tag = shown.header("etag").unwrap().to_owned();
    assert_eq!(me.and("if-none-match", &tag).get(&path("")).status, 304);
    let shown = shown.json();
    assert_eq!(
        (&shown["status"], &shown["state"]),
        (&json!("partial"), &json!("completed"))
    );
    let output = me.get(&path("/output")).is(200).json();
    assert_eq!(output["outputs"]["n"], 7, "{output}");
    let step = me.get(&path("/steps/first")).is(200).json();
    assert_eq!(step["attempts"][0]["output"], 7, "{step}");
    let item = me.get(&path("/steps/many%5B1%5D")).is(200).json();
    assert_eq!(item, me.get(&path("/steps/many?item=1")).is(200).json());
    let bad = me.get(&path("/steps/bad")).is(200).json();
    assert_eq!(bad["step"]["state"], "failed", "{bad}");
    for wrong in [
        "/steps/none",
        "/steps/first?item=0",
        "/steps/many?item=99",
        "/steps/first%5B0%5D/x",
        "/nothing",
    ] {
        me.get(&path(wrong)).is(404);
    }
    let context = me.get(&path("/context")).is(200).json();
    assert_eq!(context["steps"].as_array().unwrap().len(), 3);
    let drawn = me.get(&path("/plan")).is(200).json();
    assert_eq!(drawn["plan"]["name"], "whole", "{drawn}");
    assert_eq!(
        me.get(&path("/decision")).is(200).json()["decision"]["outcome"],
        "allow"
    );
    me.get(&path("/timeline")).is(200);
    // As it was: the same that a replay says.
    assert_eq!(me.get(&path("/replay")).is(200).json()["identical"], true);
    let events = me.get(&path("/events?limit=1000")).is(200).json();
    let last = events["events"].as_array().unwrap().len();
    for at in 1..=last {
        let then = me.get(&path(&format!("?at={at}"))).is(200).json();
        let replayed = me.get(&path(&format!("/replay?at={at}"))).is(200).json();
        assert_eq!(then["state"], replayed["state"], "{at}");
    }
    for wrong in [
        "?at=0",
        &format!("?at={}", last + 1),
        "?at=x",
        "?at=-1",
        "?foo=1",
    ] {
        me.get(&path(wrong)).is(400);
    }
    for other in ["none", "..%2f..", "%00", &"x".repeat(5_000), "system"] {
        let status = me.get(&format!("/v1/executions/{other}")).status;
        assert!(matches!(status, 400 | 404 | 414), "{other}: {status}");
    }
}

#[test]
fn executions_are_held_up_ended_run_again_and_revised() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let act = |id: &str, verb: &str| me.act(&format!("/v1/executions/{id}:{verb}"));
    // One that is paused starts nothing until it may.
    let naps = me.submit(&sleeps("naps", 100)).is(201).json();
    let naps = naps["execution_id"].as_str().unwrap();
    assert_eq!(
        act(naps, "pause").is(200).json()["waiting_for"]["kind"],
        "paused"
    );
    act(naps, "pause").is(409);
    act(naps, "resume").is(200);
    act(naps, "resume").is(409);
    act(naps, "continue").is(200);
    assert_eq!(ended(&me, naps)["status"], "success");
    for verb in ["pause", "resume", "cancel", "revoke"] {
        act(naps, verb).is(409);
    }
    // One that is cancelled ends so.
    let gone = me.submit(&sleeps("gone", 60_000)).is(201).json();
    let gone = gone["execution_id"].as_str().unwrap();
    let why = json!({ "reason": "not wanted" });
    me.post(&format!("/v1/executions/{gone}:cancel"), &why)
        .is(200);
    assert_eq!(ended(&me, gone)["state"], "cancelled");
    // One that ended runs again, from where it is told to.
    let again = act(naps, "rerun").is(201).json();
    let again = ended(&me, again["execution_id"].as_str().unwrap());
    assert_eq!(again["status"], "success");
    let from = json!({ "from": "nothing" });
    let status = me
        .post(&format!("/v1/executions/{naps}:rerun"), &from)
        .status;
    assert!(matches!(status, 400 | 404 | 409 | 422), "{status}");
    let waits = me.submit(&writes("waits")).is(202).json();
    act(waits["execution_id"].as_str().unwrap(), "rerun").is(409);
    // One that cannot go on goes on as another plan says; what has begun stays.
    let stuck = |more: Value| {
        let mut steps = vec![
            json!({ "id": "bad", "tool": "fs.read", "args": { "path": "none" }, "on_failure": "replan" }),
        ];
        steps.extend(more.as_array().unwrap().iter().cloned());
        json!({ "version": 1, "name": "stuck", "steps": steps })
    };
    let id = me.run_id(&stuck(
        json!([{ "id": "last", "tool": "data.value", "args": { "value": 1 } }]),
    ));
    let replan = |plan: &Value| {
        me.post(
            &format!("/v1/executions/{id}:replan"),
            &json!({ "plan": plan, "reason": "it was down" }),
        )
    };
    replan(&reads("other", 1)).is(409);
    replan(&json!({ "version": 1 })).is(422);
    let pass = |step: &str| {
        me.post(
            &format!("/v1/executions/{id}:override"),
            &json!({ "step": step, "reason": "known" }),
        )
    };
    pass("last").is(200);
    pass("bad").is(409);
    assert!(matches!(pass("none").status, 404 | 409));
    me.post(
        &format!("/v1/executions/{id}:override"),
        &json!({ "step": "last" }),
    )
    .is(400);
    let put =
        json!({ "id": "put", "tool": "fs.write", "args": { "path": "r.txt", "content": "x" } });
    let proposed = replan(&stuck(json!([put]))).is(202).json();
    let request = proposed["request_id"].as_str().unwrap();
    replan(&stuck(json!([]))).is(409);
    me.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    assert_eq!(ended(&me, &id)["status"], "partial");
    assert_eq!(std::fs::read_to_string(rig.path("r.txt")).unwrap(), "x");
    // What is not in doubt needs nobody to say what became of it.
    let resolve = |step: &str, body: Value| {
        me.post(&format!("/v1/executions/{id}/steps/{step}:resolve"), &body)
    };
    resolve("bad", json!({ "resolution": "not_done" })).is(409);
    resolve("none", json!({ "resolution": "done" })).is(404);
    resolve("bad", json!({ "resolution": "perhaps" })).is(400);
    resolve("bad", json!({ "resolution": "fail" })).is(400);
    resolve("bad", json!({ "resolution": "done", "reason": "x" })).is(400);
}
