//! Looking at executions and steering them.

use crate::project::{Project, READ_ONLY, WRITES, finish, signal, step_of};
use rustix::process::Signal;
use serde_json::json;

/// A step that takes long, and one behind it.
const SLEEPS: &str = "\
version: 1
name: Sleep a while
steps:
  - id: look
    tool: fs.list
    args: { path: \".\" }
  - id: nap
    tool: time.sleep
    args: { duration_ms: 60000 }
  - id: after
    tool: time.now
";

/// A program that is killed with its host.
const EXEC: &str = "\
version: 1
name: Pay
steps:
  - id: pay
    tool: process.exec
    args: { argv: [sh, -c, 'echo paid >> ledger; sleep 60'] }
  - id: thank
    tool: data.value
    args: { value: \"${steps.pay.output.receipt}\" }
";

#[test]
fn lists_are_filtered_and_paged() {
    let project = Project::new();
    assert_eq!(
        project
            .run(&["executions", "list", "--json"])
            .exits(0)
            .json()["executions"],
        json!([])
    );
    project.write("read.yaml", READ_ONLY);
    project.write("write.yaml", WRITES);
    project.run(&["run", "read.yaml"]).exits(0);
    project.run(&["run", "write.yaml"]).exits(4);
    let names = |args: &[&str]| -> Vec<String> {
        let all: Vec<&str> = ["executions", "list", "--json"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let listed = project.run(&all).exits(0).json();
        let rows = listed["executions"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["Write a note", "Look around"]);
    assert_eq!(names(&["--unfinished"]), ["Write a note"]);
    assert_eq!(names(&["--state", "completed"]), ["Look around"]);
    assert_eq!(names(&["--status", "success"]), ["Look around"]);
    assert_eq!(names(&["--waiting-for", "plan"]), ["Write a note"]);
    assert_eq!(names(&["--tool", "fs.write"]), ["Write a note"]);
    assert_eq!(names(&["--since", "1h"]).len(), 2);
    assert_eq!(names(&["--until", "1h"]).len(), 0);
    assert_eq!(names(&["--principal", "nobody"]).len(), 0);
    let first = project
        .run(&["executions", "list", "--limit", "1", "--json"])
        .exits(0)
        .json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(names(&["--limit", "1", "--after", next]), ["Look around"]);
    project
        .run(&["executions", "list", "--after", "x"])
        .exits(2);
    let text = project.run(&["executions", "list"]).exits(0);
    assert!(text.stdout.contains("waiting: plan"), "{}", text.stdout);
}

#[test]
fn ids_are_shortened_as_long_as_they_are_unique() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    project.run(&["run", "plan.yaml"]).exits(0);
    let id = project.last()["execution_id"].as_str().unwrap().to_owned();
    let shown = project
        .run(&["executions", "show", &id[..13], "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["execution_id"], id);
    let several = project.run(&["executions", "show", &id[..3]]).exits(2);
    assert!(
        several.stderr.contains("more than one execution"),
        "{}",
        several.stderr
    );
    let none = project
        .run(&["executions", "show", "ffff", "--json"])
        .exits(2)
        .json();
    assert_eq!(none["error"]["kind"], "not_found");
    let empty = Project::new()
        .run(&["executions", "show", "@last"])
        .exits(2);
    assert!(empty.stderr.contains("nothing has run"), "{}", empty.stderr);
}

#[test]
fn replay_says_identical_and_shows_the_state_at_an_event() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    let replayed = project
        .run(&["executions", "replay", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(replayed["identical"], true);
    assert!(replayed["decisions"].as_u64().unwrap() > 0);
    let first = project
        .run(&["executions", "replay", "@last", "--at", "1", "--json"])
        .exits(0)
        .json();
    assert_eq!(first["seq"], 1);
    assert_eq!(first["state"], "pending");
    project
        .run(&["executions", "replay", "@last", "--at", "999"])
        .exits(2);
}

#[test]
fn a_paused_execution_starts_nothing_until_it_is_resumed() {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    project.run(&["run", "plan.yaml"]).exits(4);
    project.run(&["executions", "pause", "@last"]).exits(0);
    project.run(&["approvals", "approve", "@last"]).exits(0);
    let paused = project
        .run(&["executions", "continue", "@last", "--json"])
        .exits(4)
        .json();
    assert_eq!(paused["state"], "paused");
    assert!(!project.path("note.txt").exists());
    project.run(&["executions", "pause", "@last"]).exits(1);
    project.run(&["executions", "resume", "@last"]).exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    assert!(project.path("note.txt").exists());
    project.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn an_execution_that_waits_is_cancelled() {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    project.run(&["run", "plan.yaml"]).exits(4);
    let result = project
        .run(&[
            "executions",
            "cancel",
            "@last",
            "--reason",
            "wrong",
            "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(result["state"], "cancelled");
    assert_eq!(result["error"]["code"], "CANCELLED");
    project.run(&["executions", "cancel", "@last"]).exits(1);
    project.run(&["executions", "continue", "@last"]).exits(1);
    project.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn others_look_on_and_are_told_who_drives() {
    let project = Project::new();
    project.write("plan.yaml", SLEEPS);
    let child = project.start(&["run", "plan.yaml"]);
    project.await_step("nap", "waiting");
    let shown = project.last();
    assert_eq!(shown["host_pid"], child.id());
    assert_eq!(shown["waiting_for"]["kind"], "timer");
    let watcher = project.start(&["executions", "watch", "@last", "--json"]);
    let follower = project.start(&["executions", "events", "@last", "--json", "--follow"]);
    signal(&child, Signal::INT);
    finish(child).exits(130);
    assert_eq!(finish(watcher).exits(130).json()["state"], "cancelled");
    let events = finish(follower).exits(0).stdout;
    assert!(
        events
            .lines()
            .last()
            .unwrap()
            .contains("execution_finished"),
        "{events}"
    );
}

#[test]
fn a_killed_effect_is_in_doubt_until_somebody_says_what_happened() {
    let project = Project::new();
    project.write("plan.yaml", EXEC);
    let mut child = project.start(&["run", "plan.yaml", "--yes"]);
    while !project.path("ledger").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    finish(child);

    let ran = project.run(&["executions", "continue", "@last"]).exits(4);
    assert!(
        ran.stdout
            .contains("nobody knows whether its effect happened"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("--not-done"), "{}", ran.stdout);
    assert_eq!(project.read("ledger"), "paid\n", "it is not repeated");
    let doubt = project.last();
    assert_eq!(step_of(&doubt, "pay")["state"], "in_doubt");
    assert_eq!(doubt["waiting_for"]["kind"], "in_doubt");

    let wrong = project
        .run(&["executions", "resolve", "@last", "thank", "--done"])
        .exits(1);
    assert!(wrong.stderr.contains("in doubt: pay"), "{}", wrong.stderr);
    project
        .run(&["executions", "resolve", "@last", "pay"])
        .exits(2);
    project
        .run(&["executions", "resolve", "@last", "pay", "--fail"])
        .exits(2);
    project.write("receipt.json", "{\"receipt\": 7}");
    project
        .run(&[
            "executions",
            "resolve",
            "@last",
            "pay",
            "--done",
            "--output",
            "receipt.json",
        ])
        .exits(0);
    let result = project
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(result["outputs"]["thank"], 7);
    assert_eq!(project.read("ledger"), "paid\n");
    project.run(&["executions", "replay", "@last"]).exits(0);
    project.run(&["audit", "verify"]).exits(0);
}
