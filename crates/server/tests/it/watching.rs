//! What changes at all.

use crate::rig::{Rig, reads, writes};
use serde_json::{Value, json};

#[test]
fn lists_are_told_what_changed_and_only_of_what_may_be_seen() {
    let rig = Rig::keyed();
    let (one, two) = (
        rig.as_a("one", &["submitter"]),
        rig.as_a("two", &["submitter"]),
    );
    let viewer = rig.as_a("looks", &["viewer"]);
    let mut all = viewer.stream("/v1/executions:watch");
    let mut other = two.stream("/v1/executions:watch");
    let hello = all.named("hello");
    other.named("hello");
    let id = one.run_id(&reads("mine", 2));
    loop {
        let row = all.named("execution").data;
        assert_eq!(
            (&row["execution_id"], &row["name"]),
            (&json!(id), &json!("mine"))
        );
        if row["status"] == "success" {
            break;
        }
    }
    let made = one.submit(&writes("asks")).is(202).json();
    let asked = all.named("request").data;
    assert_eq!(asked["request_id"], made["request_id"]);
    assert_eq!(
        (&asked["state"], &asked["kind"]),
        (&json!("open"), &json!("plan"))
    );
    let request = made["request_id"].as_str().unwrap();
    one.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "reject" }),
    )
    .is(200);
    let last = loop {
        let told = all.named("request");
        if told.data["state"] == "answered" {
            break told;
        }
    };
    let operator = rig.as_a("ops", &["operator"]);
    operator
        .post("/v1/freeze", &json!({ "reason": "look" }))
        .is(200);
    loop {
        let freeze = all.named("freeze").data;
        if freeze != Value::Null {
            assert_eq!(
                (&freeze["by"], &freeze["reason"]),
                (&json!("ops"), &json!("look"))
            );
            break;
        }
    }
    // The other one saw none of it: what comes first is their own.
    let own = two.submit(&reads("theirs", 1)).is(201).json();
    assert_eq!(
        other.named("execution").data["execution_id"],
        own["execution_id"]
    );

    // Whoever comes again hears what is new since, each once and at its newest.
    let from = |id: &str| {
        viewer
            .and("last-event-id", id)
            .stream("/v1/executions:watch")
    };
    let mut again = from(&last.id.unwrap());
    assert_eq!(again.named("hello").data, hello.data);
    again.named("freeze");
    // From another run of the server nothing can be gone on from.
    let mut anew = from("0.7");
    assert_eq!(anew.named("hello").data, hello.data);
    viewer.get("/v1/executions:watch?state=running").is(400);
}
