//! The inbox: everything that waits for a human, answered by commands.

use crate::project::{Project, step_of};
use serde_json::{Value, json};

const ASKS: &str = r#"
version: 1
name: ask everything
invariants:
  - {id: short, check: "!succeeded('why') || size(steps.why.output) < 20", on_violation: ask}
steps:
  - id: region
    tool: human.ask
    args: {question: "Which region?", choices: [eu, "the us"], context: {note: "a\u202eb"}}
  - {id: why, tool: human.ask, args: {question: "Why?"}}
  - {id: note, tool: fs.write, confirm: true, args: {path: note.txt, content: "${steps.why.output}"}}
  - {id: look, tool: fs.read, on_failure: ask, args: {path: "${steps.region.output.choice}.txt"}}
outputs: {look: steps.look.output, why: steps.why.output}
"#;

fn begun() -> Project {
    let project = Project::new();
    project.write("plan.yaml", ASKS);
    project.run(&["run", "plan.yaml", "--yes"]).exits(4);
    project
}

/// The only open request.
fn open(project: &Project) -> Value {
    let listed = project.run(&["inbox", "list", "--json"]).exits(0).json();
    let requests = listed["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 1, "{listed}");
    requests[0].clone()
}

fn carried_on(project: &Project, code: i32) -> Value {
    let ran = project.run(&["executions", "continue", "@last", "--json"]);
    ran.exits(code).json()
}

#[test]
fn every_kind_is_listed_shown_and_answered() {
    let project = begun();
    let request = open(&project);
    assert_eq!(request["kind"], "question");
    assert_eq!(request["step"], "region");
    assert_eq!(request["detail"]["question"], "Which region?");
    let shown = project.run(&["inbox", "show", "@last"]).exits(0).stdout;
    assert!(shown.contains("Which region?"), "{shown}");
    assert!(shown.contains("'the us'"), "{shown}");
    assert!(!shown.contains('\u{202e}'), "what hides text is not shown");
    // Asking for approvals shows none, and does not answer others.
    let none = project.run(&["approvals", "list"]).exits(0);
    assert!(none.stderr.contains("nothing waits for approval"));
    let wrong = project.run(&["approvals", "approve", "@last"]).exits(2);
    assert!(
        wrong.stderr.contains("of kind `question`"),
        "{}",
        wrong.stderr
    );
    // What is no answer changes nothing.
    for args in [
        &["inbox", "answer", "@last"][..],
        &["inbox", "answer", "@last", "mars"],
        &["inbox", "answer", "@last", "eu", "--data", "1"],
    ] {
        project.run(args).exits(2);
    }
    assert_eq!(open(&project)["request_id"], request["request_id"]);
    let answered = project
        .run(&[
            "inbox", "answer", "@last", "eu", "--reason", "near", "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(answered["choice"], "eu");
    assert_eq!(answered["waiting_for"]["kind"], "host");
    project.run(&["inbox", "answer", "@last", "eu"]).exits(1);

    let state = carried_on(&project, 4);
    assert_eq!(step_of(&state, "region")["state"], "completed");
    assert_eq!(state["waiting_for"]["kind"], "question");
    assert_eq!(state["requests"][0]["question"], "Why?");
    // A text needs no quotes; where there is one choice, none need be named.
    project
        .run(&[
            "inbox",
            "answer",
            "@last",
            "--data",
            "because it is high time",
        ])
        .exits(0);

    let state = carried_on(&project, 4);
    assert_eq!(state["waiting_for"]["kind"], "invariant");
    project
        .run(&["inbox", "answer", "@last", "continue"])
        .exits(0);

    let state = carried_on(&project, 4);
    assert_eq!(state["waiting_for"]["kind"], "step");
    assert!(!project.path("note.txt").exists());
    let shown = project.run(&["approvals", "show", "@last"]).exits(0).stdout;
    assert!(
        shown.contains("content: because it is high time"),
        "{shown}"
    );
    project.run(&["approvals", "approve", "@last"]).exits(0);

    let state = carried_on(&project, 4);
    assert_eq!(project.read("note.txt"), "because it is high time");
    assert_eq!(state["waiting_for"]["kind"], "failure");
    project.write("eu.txt", "there now");
    project
        .run(&[
            "inbox",
            "answer",
            "@last",
            "--choice",
            "supply",
            "--data",
            "{\"x\": 1}",
        ])
        .exits(2);
    project.run(&["inbox", "answer", "@last", "retry"]).exits(0);

    let result = carried_on(&project, 0);
    assert_eq!(result["status"], "success");
    assert_eq!(result["outputs"]["look"]["content"], "there now");
    assert_eq!(result["outputs"]["why"], "because it is high time");
    assert_eq!(result["requests"], json!([]));
    let all = project
        .run(&["inbox", "list", "--all", "--json"])
        .exits(0)
        .json();
    let answers: Vec<&Value> = all["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["answer"]["choice"])
        .collect();
    assert_eq!(
        answers,
        ["retry", "approve", "continue", "answer", "eu", "approve"]
    );
    let replayed = project.run(&["executions", "replay", "@last"]).exits(0);
    assert!(
        replayed.stdout.starts_with("identical: "),
        "{}",
        replayed.stdout
    );
    project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn who_may_not_answer_is_told_who_may() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1\nname: asks\nsteps:\n  - {id: q, tool: human.ask, args: {question: Q, approvers: ['role:finance']}}\n",
    );
    project.run(&["run", "plan.yaml", "--yes"]).exits(4);
    let refused = project
        .run(&["inbox", "answer", "@last", "--data", "x"])
        .exits(3);
    assert!(
        refused.stderr.contains("role:finance"),
        "{}",
        refused.stderr
    );
    assert_eq!(open(&project)["state"], "open");
}

#[test]
fn yes_approves_confirmed_calls_and_answers_nothing_else() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1\nname: asks\nsteps:\n  - {id: note, tool: fs.write, confirm: true, args: {path: a.txt, content: a}}\n  - {id: q, tool: human.ask, args: {question: Q}}\n",
    );
    let ran = project.run(&["run", "plan.yaml", "--yes"]).exits(4);
    assert_eq!(project.read("a.txt"), "a");
    assert!(ran.stderr.contains("approved by `--yes`"), "{}", ran.stderr);
    assert_eq!(project.last()["waiting_for"]["kind"], "question");
    let events = project
        .run(&["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert_eq!(
        events.matches("over `flag`").count(),
        2,
        "plan and call: {events}"
    );
}

#[test]
fn a_request_of_a_nested_plan_is_answered_like_any_other() {
    let project = Project::new();
    project.write(
        "plan.yaml",
        "version: 1\nname: outer\nsteps:\n  - id: inner\n    tool: plan.run\n    args:\n      plan:\n        version: 1\n        name: inner\n        steps:\n          - {id: q, tool: human.ask, args: {question: Deep?, choices: [a, b]}}\n",
    );
    project.run(&["run", "plan.yaml", "--yes"]).exits(4);
    // The newest execution is the inner one.
    let listed = project
        .run(&["executions", "list", "--json"])
        .exits(0)
        .json();
    let executions = listed["executions"].as_array().unwrap();
    let outer = executions
        .iter()
        .find(|row| row["name"] == "outer")
        .unwrap();
    let outer = outer["execution_id"].as_str().unwrap().to_owned();
    let outer = project
        .run(&["executions", "show", &outer, "--json"])
        .exits(0)
        .json();
    assert_eq!(outer["waiting_for"]["step"], "inner/q");
    assert_eq!(open(&project)["detail"]["question"], "Deep?");
    project.run(&["inbox", "answer", "@last", "b"]).exits(0);
    let id = outer["execution_id"].as_str().unwrap();
    let result = project
        .run(&["executions", "continue", id, "--json"])
        .exits(0)
        .json();
    assert_eq!(result["status"], "success");
    assert_eq!(result["outputs"]["inner"]["outputs"]["q"]["choice"], "b");
}
