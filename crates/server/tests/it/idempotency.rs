//! The same request again.

use crate::rig::{Rig, Setup, reads, sleeps, writes};
use serde_json::json;

#[test]
fn the_same_key_and_body_is_the_same_execution_also_after_a_restart() {
    let rig = Rig::keyed();
    let (ann, bob) = (
        rig.key("ann", &["submitter"]),
        rig.key("bob", &["submitter"]),
    );
    let body = json!({ "plan": reads("once", 2), "inputs": {} });
    let first = rig
        .with_key(&ann)
        .and("idempotency-key", "order-17")
        .post("/v1/executions", &body)
        .is(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = rig
        .with_key(&ann)
        .and("idempotency-key", "order-17")
        .post("/v1/executions", &body)
        .is(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("location"), first.header("location"));
    // However it is written.
    let spaced =
        serde_json::to_string_pretty(&json!({ "inputs": {}, "plan": reads("once", 2) })).unwrap();
    let asks = rig
        .with_key(&ann)
        .and("idempotency-key", "order-17")
        .and("content-type", "application/json");
    assert_eq!(
        asks.send("POST", "/v1/executions", Some(spaced.as_bytes()))
            .is(201)
            .json(),
        first.json()
    );
    // Another body is another request, and the key is nobody else's.
    let other = json!({ "plan": reads("other", 2) });
    let refused = rig
        .with_key(&ann)
        .and("idempotency-key", "order-17")
        .post("/v1/executions", &other)
        .is(422);
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("Idempotency-Key")
    );
    let theirs = rig
        .with_key(&bob)
        .and("idempotency-key", "order-17")
        .post("/v1/executions", &body)
        .is(201);
    assert_ne!(theirs.json()["execution_id"], first.json()["execution_id"]);
    let waits = json!({ "plan": writes("asks") });
    let asked = rig
        .with_key(&ann)
        .and("idempotency-key", "k2")
        .post("/v1/executions", &waits)
        .is(202);
    let dir = rig.stop();

    let rig = Rig::with(Setup {
        dir: Some(dir),
        ..Setup::default()
    });
    let key = |name: &str| rig.with_key(&ann).and("idempotency-key", name);
    let again = key("order-17").post("/v1/executions", &body).is(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    key("order-17").post("/v1/executions", &other).is(422);
    let again = key("k2").post("/v1/executions", &waits).is(202);
    assert_eq!(again.json(), asked.json());
    let listed = rig.with_key(&ann).get("/v1/executions").is(200).json();
    assert_eq!(listed["executions"].as_array().unwrap().len(), 2);
    // The path is part of the request: running it once more is another one.
    let id = first.json()["execution_id"].as_str().unwrap().to_owned();
    let rerun = format!("/v1/executions/{id}:rerun");
    key("order-17").act(&rerun).is(422);
    let once = key("rerun").act(&rerun).is(201).json();
    assert_eq!(key("rerun").act(&rerun).is(201).json(), once);
    key("rerun").post(&rerun, &json!({ "from": "s1" })).is(422);
}

#[test]
fn while_one_is_under_way_the_same_is_refused() {
    let rig = Rig::new();
    let body = json!({ "plan": sleeps("waits", 1_500) });
    let asks = rig.anybody().and("idempotency-key", "k");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    asks.and("prefer", "wait=30")
                        .post("/v1/executions", &body)
                        .status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // One waits to its end; whoever came meanwhile was told so.
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        3,
        "{statuses:?}"
    );
    asks.post("/v1/executions", &body).is(201);
}

#[test]
fn an_id_of_the_callers_own_is_given_once() {
    let rig = Rig::new();
    let id = "0198c2f0-7a53-7e1c-8d21-5a0c6e2f9b11";
    let body = |plan: serde_json::Value| {
        json!({ "plan": plan, "context": {
        "execution_id": id, "request_id": "r-1", "correlation": { "order": "17" }, "parent_execution_id": "p" } })
    };
    let asks = rig.anybody();
    let first = asks.post("/v1/executions", &body(reads("mine", 1))).is(201);
    assert_eq!(first.json()["execution_id"], id);
    assert_eq!(
        asks.post("/v1/executions", &body(reads("mine", 1)))
            .is(201)
            .json(),
        first.json()
    );
    asks.post("/v1/executions", &body(reads("other", 1)))
        .is(409);
    let events = asks
        .get(&format!("/v1/executions/{id}/events?limit=1"))
        .is(200)
        .json();
    let asked = &events["events"][0]["data"]["asked"];
    assert_eq!(asked["correlation"], json!({ "order": "17" }));
    assert_eq!(
        (&asked["request_id"], &asked["parent_execution_id"]),
        (&json!("r-1"), &json!("p"))
    );
    for wrong in [
        "x",
        "",
        "0198C2F0-7A53-7E1C-8D21-5A0C6E2F9B11",
        "00000000-0000-0000-0000-000000000000",
        "system",
    ] {
        let body = json!({ "plan": reads("x", 1), "context": { "execution_id": wrong } });
        asks.post("/v1/executions", &body).is(400);
    }
    let both = asks.and("idempotency-key", "k");
    both.post("/v1/executions", &body(reads("mine", 1))).is(400);
    for wrong in ["", "a b", "ä", &"x".repeat(256)] {
        let key = asks.and("idempotency-key", wrong);
        key.submit(&reads("x", 1)).is(400);
    }
    // What is denied, or no plan, is not kept.
    let key = asks.and("idempotency-key", "later");
    key.submit(&json!({ "version": 1 })).is(422);
    key.submit(&reads("now", 1)).is(201);
}
