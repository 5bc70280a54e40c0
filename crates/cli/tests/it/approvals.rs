//! Approval without a terminal: the run waits, somebody answers, another process carries on.

use crate::project::{Project, WRITES, step_of};
use serde_json::{Value, json};

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

#[test]
fn a_plan_is_compared_with_the_one_of_its_name_that_was_approved_last() {
    let project = Project::new();
    let write = |content: &str, more: &str| {
        let step =
            format!("{{id: note, tool: fs.write, args: {{path: a.txt, content: {content}}}}}");
        project.write(
            "plan.yaml",
            format!("version: 1\nname: notes\nsteps:\n  - {step}\n{more}"),
        );
    };
    let shown = |args: &[&str]| project.run(args).exits(0).stdout;
    let before = || {
        project
            .run(&["inbox", "show", "@last", "--json"])
            .exits(0)
            .json()["approved_before"]
            .clone()
    };
    write("one", "");
    let first = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(0)
        .json();
    let first = first["execution_id"].as_str().unwrap();
    // What was never answered, was refused, or has another name, is nothing to compare with.
    write("never", "");
    project.run(&["run", "plan.yaml"]).exits(4);
    assert_eq!(before()["diff"]["changed"][0]["changes"][0]["old"], "one");
    project.run(&["approvals", "reject", "@last"]).exits(0);
    project.write("other.yaml", WRITES);
    project.run(&["run", "other.yaml"]).exits(4);
    assert_eq!(before(), Value::Null);

    write(
        "two",
        "  - {id: more, tool: fs.delete, args: {path: b.txt}}\n",
    );
    let asked = project.run(&["run", "plan.yaml"]).exits(4);
    assert!(
        asked.stderr.contains("Beside the plan that local:"),
        "{}",
        asked.stderr
    );
    for command in [["approvals", "show", "@last"], ["inbox", "show", "@last"]] {
        let text = shown(&command);
        for part in [
            "Beside the plan that local:",
            "+ step more",
            "~ step note",
            "~ /args/content: \"one\" → \"two\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let said = before();
    assert_eq!(said["execution_id"], first);
    assert_eq!(said["diff"]["added"], json!(["more"]));
    let listed = project
        .run(&["approvals", "list", "--json"])
        .exits(0)
        .json();
    let detail = &listed["approvals"][0]["detail"]["approved_before"];
    assert_eq!(detail["plan_hash"], said["plan_hash"]);

    // It is in the journal: what it was compared with may be archived, and the plan stays as long as it is named.
    let gone = project
        .run(&["gc", "--older-than", "0s", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        gone["kept"]["counted"], 1,
        "calls that sessions count stay: {gone}"
    );
    project.run(&["approvals", "approve", "@last"]).exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    project.run(&["executions", "replay", "@last"]).exits(0);
    project.run(&["audit", "verify"]).exits(0);

    let asked = project.run(&["run", "plan.yaml"]).exits(4);
    assert!(
        asked.stderr.contains("It is the plan that local:"),
        "{}",
        asked.stderr
    );
    // Whoever takes an approval back does not stand by it any more.
    project.run(&["approvals", "approve", "@last"]).exits(0);
    project
        .run(&["approvals", "revoke", "@last", "--reason", "no"])
        .exits(0);
    write("three", "");
    project.run(&["run", "plan.yaml"]).exits(4);
    assert_eq!(before()["diff"]["removed"], json!(["more"]));
    project.run(&["audit", "verify"]).exits(0);
}
