//! Plans and policies: looked at, judged, tried out.

use crate::rig::{Rig, reads, writes};
use serde_json::{Value, json};

#[test]
fn plans_are_checked_judged_and_found_again() {
    let rig = Rig::keyed();
    let ann = rig.as_a("ann", &["submitter"]);
    let check = |plan: Value| {
        ann.post("/v1/plans:validate", &json!({ "plan": plan }))
            .is(200)
            .json()
    };
    let good = check(reads("fine", 2));
    assert_eq!(
        (&good["valid"], &good["violations"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        good["plan"]["graph"]["nodes"].as_array().unwrap().len(),
        2,
        "{good}"
    );
    let text = "version: 1\nname: x\nsteps:\n  - id: a\n    tool: no.such\n";
    let bad = check(json!(text));
    assert_eq!((&bad["valid"], &bad["plan"]), (&json!(false), &Value::Null));
    let found = &bad["violations"][0];
    assert_eq!(
        (&found["code"], &found["line"]),
        (&json!("ACTION_NOT_FOUND"), &json!(5)),
        "{found}"
    );
    assert_eq!(check(json!("a: [b"))["valid"], false);
    for wrong in [json!(1), json!([]), json!(null), json!(true)] {
        ann.post("/v1/plans:validate", &json!({ "plan": wrong }))
            .is(400);
    }
    ann.post("/v1/plans:validate", &json!({})).is(400);

    let judge = |body: Value| ann.post("/v1/plans:evaluate", &body);
    let judged = judge(json!({ "plan": writes("asks") })).is(200).json();
    assert_eq!(judged["decision"]["outcome"], "require_approval");
    assert_eq!(judged["decision"]["principal"], "ann");
    // Nothing runs of it, and nothing is kept.
    assert_eq!(
        ann.get("/v1/executions").is(200).json()["executions"],
        json!([])
    );
    let all = "@id(\"all\") permit (principal, action == Action::\"Call\", resource);";
    let tried = judge(json!({ "plan": writes("asks"), "policy": all }))
        .is(200)
        .json();
    assert_eq!(tried["decision"]["outcome"], "allow");
    judge(json!({ "plan": writes("asks"), "policy": "permit (" })).is(422);
    judge(json!({ "plan": writes("asks"), "definitions": "" })).is(400);
    judge(json!({ "plan": { "version": 1 } })).is(422);
    judge(json!({})).is(400);

    let id = ann.run_id(&reads("kept", 1));
    let hash = ann.execution(&id)["plan_hash"].as_str().unwrap().to_owned();
    let path = format!("/v1/plans/{hash}");
    assert_eq!(ann.get(&path).is(200).json()["plan"]["name"], "kept");
    judge(json!({ "plan_hash": hash })).is(200);
    // A plan that nobody of theirs ran is not there for somebody who sees their own only.
    let bob = rig.as_a("bob", &["submitter"]);
    bob.get(&path).is(404);
    bob.post("/v1/plans:evaluate", &json!({ "plan_hash": hash }))
        .is(404);
    bob.post("/v1/executions", &json!({ "plan_hash": hash }))
        .is(404);
    bob.get("/v1/plans").is(403);
    let viewer = rig.as_a("vic", &["viewer"]);
    viewer.get(&path).is(200);
    let listed = viewer.get("/v1/plans?limit=1").is(200).json();
    assert_eq!(listed["plans"][0]["plan_hash"], hash.as_str());
    for wrong in ["x", &"0".repeat(64), "..", "%2e%2e"] {
        viewer.get(&format!("/v1/plans/{wrong}")).is(404);
    }
}

#[test]
fn policies_are_shown_checked_and_held_against_what_happened() {
    let rig = Rig::keyed();
    let viewer = rig.as_a("vic", &["viewer"]);
    rig.as_a("ann", &["submitter"])
        .run_id(&reads("happened", 1));
    let shown = viewer.get("/v1/policies").is(200).text();
    assert!(shown.contains("starter/effects"), "{shown}");
    let none = "@id(\"none\") forbid (principal, action == Action::\"Call\", resource);";
    viewer
        .post("/v1/policies:check", &json!({ "policy": none }))
        .is(200);
    let bad = viewer.post("/v1/policies:check", &json!({ "policy": "permit (x" }));
    assert!(matches!(bad.status, 200 | 422), "{}", bad.text());
    assert!(bad.text().contains("line"), "{}", bad.text());
    let tested = viewer
        .post("/v1/policies:backtest", &json!({ "policy": none }))
        .is(200)
        .json();
    assert!(tested.to_string().contains("deny"), "{tested}");
    viewer
        .post("/v1/policies:backtest", &json!({ "policy": 1 }))
        .is(400);
    viewer
        .post("/v1/policies:backtest", &json!({ "since_ms": "x" }))
        .is(400);
    rig.as_a("bob", &["submitter"]).get("/v1/policies").is(403);
}
