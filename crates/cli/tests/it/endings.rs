//! How a run ends, and with which exit code.

use crate::project::{Project, READ_ONLY, WRITES, step_of};
use serde_json::{Value, json};

#[test]
fn a_plan_of_reads_runs_without_approval() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    let ran = project.run(&["run", "plan.yaml", "--json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["state"], "completed");
    assert_eq!(result["status"], "success");
    assert_eq!(result["error"], Value::Null);
    assert_eq!(result["waiting_for"], Value::Null);
    assert_eq!(result["outputs"], json!({ "entries": 1 }));
    assert_eq!(step_of(&result, "list")["state"], "completed");
    assert_eq!(step_of(&result, "list")["attempts"], 1);
    assert!(result["head"]["number"].as_u64().unwrap() > 0);
    assert!(project.path(".mandate/.gitignore").exists());
}

#[test]
fn people_get_a_result_on_stdout_and_progress_on_stderr() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    let ran = project.run(&["run", "plan.yaml"]).exits(0);
    assert!(
        ran.stdout.starts_with("✓ success  Look around"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("entries  1"), "{}", ran.stdout);
    assert!(ran.stdout.contains("execution 0"), "{}", ran.stdout);
    assert!(ran.stderr.contains("✓ list   completed"), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
}

#[test]
fn yes_approves_as_the_requester() {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    let ran = project
        .run(&["run", "plan.yaml", "--yes", "--input", "text=from a flag"])
        .exits(0);
    assert_eq!(project.read("note.txt"), "from a flag");
    assert!(
        ran.stderr.contains("write  fs.write"),
        "the effects are shown: {}",
        ran.stderr
    );
    let events = project
        .run(&["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(
        events.contains("approve by local:") && events.contains("over `flag`"),
        "{events}"
    );
}

#[test]
fn a_failed_step_that_is_passed_over_makes_it_partial() {
    let project = Project::new();
    let plan = "\
version: 1
name: Partial
steps:
  - { id: gone, tool: fs.read, args: { path: gone.txt }, on_failure: skip }
  - { id: there, tool: fs.list, args: { path: . } }
";
    project.write("plan.yaml", plan);
    let result = project.run(&["run", "plan.yaml", "--json"]).exits(5).json();
    assert_eq!(result["status"], "partial");
    assert_eq!(result["error"]["code"], "STEP_SKIPPED");
    assert_eq!(result["error"]["cause"]["code"], "TOOL_FAILED");
    assert_eq!(step_of(&result, "gone")["error"]["code"], "TOOL_FAILED");

    project.write("halt.yaml", plan.replace("skip", "halt"));
    let ran = project.run(&["run", "halt.yaml"]).exits(1);
    assert!(ran.stdout.contains("✗ failure"), "{}", ran.stdout);
    assert!(ran.stdout.contains("at gone"), "where: {}", ran.stdout);
    assert!(ran.stdout.contains("try:"), "what to do: {}", ran.stdout);
}

#[test]
fn a_call_outside_of_the_plans_own_limits_is_blocked() {
    let project = Project::new();
    project.write("secret.txt", "x");
    project.write(
        "plan.yaml",
        "version: 1\nname: Blocked\nconstraints: { forbidden_paths: [\"**/secret.txt\"] }\nsteps:\n  \
         - { id: read, tool: fs.read, args: { path: secret.txt } }\n",
    );
    let result = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(step_of(&result, "read")["state"], "blocked");
    assert_eq!(result["error"]["code"], "ARGUMENT_VIOLATION");
}

#[test]
fn events_are_streamed_and_the_result_is_the_last_line() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    let ran = project
        .run(&["run", "plan.yaml", "--json", "--stream"])
        .exits(0);
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (result, events) = lines.split_last().unwrap();
    assert_eq!(result["status"], "success");
    assert_eq!(events.first().unwrap()["kind"], "execution_created");
    assert_eq!(events.last().unwrap()["kind"], "execution_finished");
    let seqs: Vec<u64> = events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_deadline_is_relative_or_absolute_and_in_the_future() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project
        .run(&["run", "plan.yaml", "--deadline", "10m"])
        .exits(0);
    let ran = project
        .run(&["run", "plan.yaml", "--deadline", "2020-01-01T00:00:00Z"])
        .exits(2);
    assert!(ran.stderr.contains("has passed already"), "{}", ran.stderr);
    project
        .run(&["run", "plan.yaml", "--deadline", "soon"])
        .exits(2);
}

#[test]
fn what_cannot_be_run_yet_is_refused_before_anything_runs() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1\nname: Often\nsteps:\n  - { id: a, tool: time.now, max_invocations: 2 }\n",
    );
    let error = project.run(&["run", "plan.yaml", "--json"]).exits(2).json();
    assert_eq!(error["error"]["code"], "NOT_SUPPORTED");
    assert!(
        project
            .run(&["executions", "list", "--json"])
            .exits(0)
            .json()["executions"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_step_that_its_fallback_stood_in_for_is_named() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1
name: Stands in
steps:
  - id: read
    tool: fs.read
    args: { path: nowhere.txt }
    on_failure:
      fallback:
        - { id: other, tool: data.value, args: { value: \"after ${steps.read.error.code}\" } }
  - { id: use, tool: data.value, args: { value: \"${steps.read.output}\" } }
",
    );
    let result = project.run(&["run", "plan.yaml", "--json"]).exits(0).json();
    assert_eq!(result["status"], "success");
    assert_eq!(result["recovered"], json!(["read"]));
    assert_eq!(result["outputs"]["use"], "after TOOL_FAILED");
    let read = step_of(&result, "read");
    assert_eq!(read["state"], "recovered");
    assert_eq!(read["error"]["code"], "TOOL_FAILED");
    assert_eq!(read["fallback"][0]["id"], "other");
    let shown = project
        .run(&["executions", "show", "@last"])
        .exits(0)
        .stdout;
    assert!(shown.contains("recovered: read failed"), "{shown}");
    let replayed = project.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replayed.stdout.contains("identical"), "{}", replayed.stdout);
}

#[test]
fn finally_runs_whatever_the_status_and_does_not_change_it() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1
name: Ends
steps:
  - { id: read, tool: fs.read, args: { path: nowhere.txt } }
finally:
  - { id: note, tool: data.value, args: { value: \"${execution.status} ${execution.error.code}\" } }
  - { id: again, tool: fs.read, args: { path: nowhere.txt } }
",
    );
    let ran = project.run(&["run", "plan.yaml", "--json"]).exits(1);
    let result = ran.json();
    assert_eq!(result["status"], "failure");
    assert_eq!(result["error"]["step"], "read");
    assert_eq!(result["finally"][0]["state"], "completed");
    assert_eq!(result["finally"][1]["state"], "failed");
    let events = project.run(&["executions", "events", "@last"]).exits(0);
    assert!(
        events.stdout.contains("note = \"failure TOOL_FAILED\""),
        "{}",
        events.stdout
    );
    let shown = project.run(&["executions", "show", "@last"]).exits(0);
    assert!(
        shown.stdout.contains("finally: again did not complete"),
        "{}",
        shown.stdout
    );
    let replayed = project.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replayed.stdout.contains("identical"), "{}", replayed.stdout);
}
