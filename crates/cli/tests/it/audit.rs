//! `audit …`.

use crate::project::{Project, READ_ONLY};
use serde_json::Value;

#[test]
fn an_untouched_journal_is_intact_and_its_head_is_found_again() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    let head = project.run(&["audit", "head"]).exits(0).stdout;
    project.run(&["run", "plan.yaml"]).exits(0);
    let text = project
        .run(&["audit", "verify", "--head", head.trim()])
        .exits(0)
        .stdout;
    assert!(
        text.starts_with("intact: ") && text.contains("2 executions"),
        "{text}"
    );
    let report = project.run(&["audit", "verify", "--json"]).exits(0).json();
    assert_eq!(report["intact"], true);
    let forged = format!("{}:{}", 1, "0".repeat(64));
    let report = project
        .run(&["audit", "verify", "--head", &forged, "--json"])
        .exits(1)
        .json();
    assert_eq!(report["intact"], false);
    project
        .run(&["audit", "verify", "--head", "nonsense"])
        .exits(2);
}

#[test]
fn a_changed_head_file_is_found() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    std::fs::remove_file(project.path(".mandate/audit-head")).unwrap();
    let ran = project.run(&["audit", "verify"]).exits(1);
    assert!(ran.stdout.starts_with("not intact: "), "{}", ran.stdout);
}

#[test]
fn exports_are_lines_that_end_with_the_head() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    for format in ["jsonl", "cloudevents"] {
        let text = project
            .run(&["audit", "export", "--format", format])
            .exits(0)
            .stdout;
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(lines.len() > 5);
    }
    let one = project
        .run(&["audit", "export", "--execution", "@last"])
        .exits(0)
        .stdout;
    assert!(one.lines().count() > 5);
}
