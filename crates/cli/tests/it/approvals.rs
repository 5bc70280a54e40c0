//! Approval without a terminal: the run waits, somebody answers, another process carries on.

use crate::project::{Project, WRITES, step_of};

fn waiting() -> Project {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    let ran = project.run(&["run", "plan.yaml"]).exits(4);
    assert!(ran.stdout.contains("waits for approval"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("mandate approvals approve req-"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("mandate executions continue"),
        "{}",
        ran.stdout
    );
    project
}

#[test]
fn approving_causes_nothing_until_the_execution_is_continued() {
    let project = waiting();
    let before = project.last();
    assert_eq!(before["state"], "waiting");
    assert_eq!(before["status"], serde_json::Value::Null);
    assert_eq!(before["waiting_for"]["kind"], "plan");

    let shown = project.run(&["approvals", "show", "@last"]).exits(0).stdout;
    for part in [
        "note.txt",
        "text = hello",
        "fs.write",
        "It will have 1 effect",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let answered = project
        .run(&[
            "approvals",
            "approve",
            "@last",
            "--reason",
            "looks right",
            "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(answered["choice"], "approve");
    assert!(!project.path("note.txt").exists());
    assert_eq!(step_of(&project.last(), "look")["state"], "pending");

    let result = project
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(result["status"], "success");
    assert_eq!(project.read("note.txt"), "hello");
    let events = project
        .run(&["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(events.contains("over `cli`: looks right"), "{events}");
    let replayed = project
        .run(&["executions", "replay", "@last"])
        .exits(0)
        .stdout;
    assert!(replayed.starts_with("identical: "), "{replayed}");
    project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn a_rejected_plan_ends_and_nothing_of_it_ran() {
    let project = waiting();
    project
        .run(&["approvals", "reject", "@last", "--reason", "no"])
        .exits(0);
    let result = project
        .run(&["executions", "continue", "@last", "--json"])
        .exits(1)
        .json();
    assert_eq!(result["state"], "failed");
    assert_eq!(result["error"]["code"], "APPROVAL_REJECTED");
    assert!(!project.path("note.txt").exists());
    project.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn a_request_is_found_by_its_own_id_and_by_its_executions() {
    let project = waiting();
    let listed = project
        .run(&["approvals", "list", "--json"])
        .exits(0)
        .json();
    let row = &listed["approvals"][0];
    let (request, execution) = (
        row["request_id"].as_str().unwrap(),
        row["execution_id"].as_str().unwrap(),
    );
    for typed in [
        request,
        &request[..10],
        execution,
        &execution[..13],
        "@last",
    ] {
        let shown = project
            .run(&["approvals", "show", typed, "--json"])
            .exits(0)
            .json();
        assert_eq!(shown["request_id"], request, "{typed}");
    }
    project.run(&["approvals", "approve", "req-zzz"]).exits(2);
}

#[test]
fn an_answer_is_given_once() {
    let project = waiting();
    let id =
        project.run(&["approvals", "list", "--json"]).json()["approvals"][0]["request_id"].clone();
    let id = id.as_str().unwrap();
    project.run(&["approvals", "approve", id]).exits(0);
    let again = project.run(&["approvals", "reject", id]).exits(1);
    assert!(again.stderr.contains("is answered"), "{}", again.stderr);
    let listed = project.run(&["approvals", "list"]).exits(0);
    assert!(listed.stderr.contains("nothing waits"), "{}", listed.stderr);
    assert!(
        project
            .run(&["approvals", "list", "--all"])
            .exits(0)
            .stdout
            .contains(id)
    );
}
