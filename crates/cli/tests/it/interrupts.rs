//! Signals and readers that go away.

use crate::project::{Project, READ_ONLY, finish, signal};
use rustix::process::Signal;
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

const SLOW: &str = "\
version: 1
name: Slow
steps:
  - id: nap
    tool: time.sleep
    args: { duration_ms: 60000 }
  - id: after
    tool: data.value
    args: { value: 1 }
";

#[test]
fn ctrl_c_cancels() {
    let project = Project::new();
    project.write("plan.yaml", SLOW);
    let child = project.start(&["run", "plan.yaml", "--json"]);
    project.await_step("nap", "waiting");
    signal(&child, Signal::INT);
    let ran = finish(child).exits(130);
    assert_eq!(ran.json()["state"], "cancelled");
    assert!(ran.stderr.contains("cancelling"), "{}", ran.stderr);
}

#[test]
fn sigterm_leaves_the_execution_to_be_continued() {
    let project = Project::new();
    project.write("plan.yaml", SLOW.replace("60000", "1500"));
    let child = project.start(&["run", "plan.yaml"]);
    project.await_step("nap", "waiting");
    signal(&child, Signal::TERM);
    let ran = finish(child).exits(130);
    assert!(ran.stderr.contains("left unfinished"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("mandate executions continue"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.last()["state"], "waiting");
    let result = project
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(result["status"], "success");
    project.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_stops_nothing() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    let mut child = project.start(&["run", "plan.yaml", "--json", "--stream"]);
    drop(child.stdout.take());
    let ran = finish(child).exits(0);
    assert_eq!(ran.stderr.matches("panicked").count(), 0, "{}", ran.stderr);
    assert_eq!(project.last()["status"], "success");

    // More than a pipe holds.
    let big = "x".repeat(300_000);
    project.write("big.txt", &big);
    project
        .run(&["tools", "call", "fs.read", "--arg", "path=big.txt"])
        .exits(0);
    let mut child = project
        .command(&["audit", "export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ran = finish(child).exits(0);
    assert_eq!(ran.stderr, "");
}
