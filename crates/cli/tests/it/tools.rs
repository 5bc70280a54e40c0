//! `tools …`.

use crate::project::Project;
use serde_json::json;

#[test]
fn tools_are_listed_with_their_effects() {
    let project = Project::new();
    let listed = project.run(&["tools", "list", "--json"]).exits(0).json();
    let names: Vec<_> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    for name in [
        "fs.read",
        "http.request",
        "process.exec",
        "time.sleep",
        "data.value",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let shown = project.run(&["tools", "show", "fs.write"]).exits(0).stdout;
    assert!(
        shown.contains("content") && shown.contains("required"),
        "{shown}"
    );
    let near = project.run(&["tools", "show", "fs.wrte"]).exits(2);
    assert!(
        near.stderr.contains("did you mean `fs.write`?"),
        "{}",
        near.stderr
    );
}

#[test]
fn a_call_is_a_plan_of_one_step() {
    let project = Project::new();
    let read = project
        .run(&["tools", "call", "data.value", "--arg", "value:=[1,2]"])
        .exits(0);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&read.stdout).unwrap(),
        json!([1, 2])
    );
    assert_eq!(project.last()["name"], "Call data.value");

    let args = [
        "tools",
        "call",
        "fs.write",
        "--args",
        "{\"path\": \"a.txt\"}",
        "--arg",
        "content=hi",
    ];
    project.run(&args).exits(4);
    assert!(!project.path("a.txt").exists());
    project.run(&[&args[..], &["--yes"]].concat()).exits(0);
    assert_eq!(project.read("a.txt"), "hi");
    let wrong = project
        .run(&["tools", "call", "fs.read", "--arg", "pth=a", "--json"])
        .exits(2)
        .json();
    assert_eq!(wrong["error"]["kind"], "invalid_plan");
    let failed = project
        .run(&["tools", "call", "fs.read", "--arg", "path=gone", "--json"])
        .exits(1)
        .json();
    assert_eq!(failed["status"], "failure");
}

#[test]
fn the_journal_and_the_configuration_are_out_of_reach() {
    let project = Project::new();
    project.run(&["tools", "call", "time.now"]).exits(0);
    for path in [".mandate/journal.db", "mandate.toml"] {
        let arg = format!("path={path}");
        let ran = project.run(&[
            "tools",
            "call",
            "fs.append",
            "--arg",
            &arg,
            "--arg",
            "content=x",
            "--yes",
        ]);
        assert_eq!(ran.code, 3, "{path}: {} {}", ran.stdout, ran.stderr);
    }
    project.run(&["audit", "verify"]).exits(0);
}
