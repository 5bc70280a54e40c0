//! Everything that waits for a human.

use crate::rig::{Rig, writes};
use serde_json::{Value, json};

#[test]
fn whoever_answers_sees_what_they_answer_to() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let made = me.submit(&writes("asks")).is(202).json();
    let request = made["request_id"].as_str().unwrap();
    let id = made["execution_id"].as_str().unwrap();
    let list = me.get("/v1/inbox").is(200).json();
    assert_eq!(list["inbox"][0]["request_id"], request);
    let shown = me.get(&format!("/v1/inbox/{request}")).is(200).json();
    assert_eq!(
        (&shown["kind"], &shown["state"], &shown["choices"]),
        (
            &json!("plan"),
            &json!("open"),
            &json!(["approve", "reject"])
        )
    );
    let about = &shown["about"];
    let effect = &about["effects"][0];
    assert_eq!(
        (&effect["step"], &effect["effect"], &effect["outcome"]),
        (&json!("put"), &json!("write"), &json!("require_approval"))
    );
    assert_eq!(effect["args"]["path"], "asks.txt");
    assert_eq!(about["reads"], json!(["look"]));
    assert_eq!(about["violations"][0]["outcome"], "require_approval");
    assert_eq!(
        (&about["approved_before"], &shown["may_answer"]),
        (&Value::Null, &json!(true))
    );
    let answer = format!("/v1/inbox/{request}:answer");
    let say = |body: Value| me.post(&answer, &body);
    say(json!({ "choice": "perhaps" })).is(400);
    say(json!({})).is(400);
    say(json!({ "choice": "approve", "data": 1 })).is(422);
    say(json!({ "choice": "approve", "subject": "x" })).is(400);
    let other = "0".repeat(64);
    let refused = say(json!({ "choice": "approve", "subject": other }))
        .is(409)
        .json();
    assert_eq!(refused["execution_id"], id);
    let done = say(json!({ "choice": "approve", "reason": "fine", "subject": shown["subject"] }))
        .is(200)
        .json();
    assert_eq!(
        (&done["choice"], &done["still_wanted"]),
        (&json!("approve"), &Value::Null)
    );
    say(json!({ "choice": "reject" })).is(409);
    let mut told = me.stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    assert_eq!(
        std::fs::read_to_string(rig.path("asks.txt")).unwrap(),
        "text"
    );
    let closed = me.get(&format!("/v1/inbox/{request}")).is(200).json();
    assert_eq!(
        (&closed["state"], &closed["may_answer"]),
        (&json!("answered"), &json!(false))
    );
    assert_eq!(
        (&closed["said"][0]["channel"], &closed["said"][0]["reason"]),
        (&json!("link"), &json!("fine"))
    );
    assert_eq!(me.get("/v1/inbox").is(200).json()["inbox"], json!([]));
    assert_eq!(
        me.get("/v1/inbox?state=all").is(200).json()["inbox"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for wrong in ["?state=x", "?kind=x", "?limit=0", "?after=x", "?foo=1"] {
        me.get(&format!("/v1/inbox{wrong}")).is(400);
    }
    me.get("/v1/inbox/none").is(404);

    // The next plan of that name is shown beside the one that was approved.
    let mut next = writes("asks");
    next["steps"][1]["args"]["path"] = json!("other.txt");
    let made = me.submit(&next).is(202).json();
    let second = made["request_id"].as_str().unwrap();
    let before =
        me.get(&format!("/v1/inbox/{second}")).is(200).json()["about"]["approved_before"].clone();
    assert_eq!(before["request_id"], request);
    let change = &before["diff"]["changed"][0]["changes"][0];
    assert_eq!(
        (&change["pointer"], &change["new"]),
        (&json!("/args/path"), &json!("other.txt"))
    );

    // A yes may stand for further ones, and be taken back.
    me.post(
        &format!("/v1/inbox/{second}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    let until = 4_102_444_800_000_i64;
    let stand = |runs: u64, until_ms: i64| {
        me.post(
            &format!("/v1/inbox/{second}:stand"),
            &json!({ "runs": runs, "until_ms": until_ms }),
        )
    };
    stand(0, until).is(400);
    stand(1, 1).is(400);
    let standing = stand(2, until).is(201).json();
    let standing = standing["standing_id"].as_str().unwrap();
    assert_eq!(
        me.get("/v1/approvals/standing").is(200).json()["standing"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let again = me.and("idempotency-key", "k");
    let once = again.submit(&next).is(201).json();
    assert_eq!(once["request_id"], Value::Null);
    assert_eq!(
        again.submit(&next).is(201).json(),
        once,
        "as it was answered then"
    );
    me.act(&format!("/v1/approvals/standing/{standing}:revoke"))
        .is(200);
    me.act(&format!("/v1/approvals/standing/{standing}:revoke"))
        .is(409);
    me.act("/v1/approvals/standing/none:revoke").is(404);
    me.submit(&next).is(202);
}

#[test]
fn questions_take_data_and_revisions_show_what_they_change() {
    let rig = Rig::new();
    let me = rig.logged_in(json!({ "link": rig.link() }));
    let plan = json!({ "version": 1, "name": "asks", "steps": [
        { "id": "ask", "tool": "human.ask", "args": { "question": "How many?", "schema": { "type": "integer" } } },
        { "id": "keep", "tool": "data.value", "args": { "value": "${steps.ask.output}" } },
    ] });
    let made = me.and("prefer", "wait=60").submit(&plan).is(202).json();
    let id = made["execution_id"].as_str().unwrap();
    let open = &made["execution"]["requests"][0];
    assert_eq!(open["kind"], "question", "{made}");
    let request = open["request_id"].as_str().unwrap();
    let answer = format!("/v1/inbox/{request}:answer");
    me.post(&answer, &json!({ "data": "many" })).is(422);
    // Another plan in the place of the one that runs.
    let mut revised = plan.clone();
    revised["steps"].as_array_mut().unwrap().push(json!(
        { "id": "put", "tool": "fs.write", "args": { "path": "n.txt", "content": "x" } }));
    let proposed = me.post(
        &format!("/v1/executions/{id}:replan"),
        &json!({ "plan": revised, "reason": "keep it" }),
    );
    let proposed = proposed.is(202).json();
    let revision = proposed["request_id"].as_str().unwrap();
    let about = me.get(&format!("/v1/inbox/{revision}")).is(200).json()["about"].clone();
    assert_eq!(
        (&about["diff"]["added"], &about["diff"]["against"]),
        (&json!(["put"]), &json!("revision 1"))
    );
    assert_eq!(about["effects"][0]["step"], "put");
    me.post(
        &format!("/v1/inbox/{revision}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    assert_eq!(me.execution(id)["revision"], 2);
    assert_eq!(
        me.get(&format!("/v1/executions/{id}/plan?at=1"))
            .is(200)
            .json()["revision"],
        1
    );
    assert_eq!(
        me.get(&format!("/v1/executions/{id}/plan")).is(200).json()["revision"],
        2
    );
    me.post(&answer, &json!({ "data": 7 })).is(200);
    let mut told = me.stream(&format!("/v1/executions/{id}/events"));
    while told.next().is_some() {}
    let detail = me
        .get(&format!("/v1/executions/{id}/steps/keep"))
        .is(200)
        .json();
    assert_eq!(detail["output"], 7);
    me.post(
        &format!("/v1/executions/{id}:replan"),
        &json!({ "plan": plan }),
    )
    .is(409);
    me.post(
        &format!("/v1/executions/{id}:replan"),
        &json!({ "plan": { "version": 1 } }),
    )
    .is(422);
}
