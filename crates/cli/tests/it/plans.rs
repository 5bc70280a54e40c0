//! `plan …` and `evaluate`.

use crate::project::{Project, READ_ONLY, WRITES};
use serde_json::json;
use std::{io::Write as _, process::Stdio};

const WRONG: &str = "\
version: 1
nme: x
steps:
  - id: list
    tol: fs.list
  - id: b
    tool: fs.lst
    timeout_ms: soon
";

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let project = Project::new();
    project.write("plan.yaml", WRONG);
    let report = project.run(&["run", "plan.yaml", "--json"]).exits(2).json();
    let found: Vec<_> = report["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["code"].as_str().unwrap().to_owned(),
                one["line"].as_u64().unwrap(),
                one["column"].as_u64().unwrap(),
            )
        })
        .collect();
    for expected in [
        ("KEY_UNKNOWN", 2, 1),
        ("KEY_UNKNOWN", 5, 5),
        ("ACTION_NOT_FOUND", 7, 11),
        ("TYPE_MISMATCH", 8, 17),
    ] {
        assert!(
            found.contains(&(expected.0.to_owned(), expected.1, expected.2)),
            "{expected:?} in {found:?}"
        );
    }
    assert_eq!(report["error"]["code"], "INVALID_PAYLOAD");

    let ran = project.run(&["plan", "validate", "plan.yaml"]).exits(2);
    for part in [
        "plan.yaml:5:5",
        "did you mean `tool`?",
        "did you mean `fs.list`?",
        "tol: fs.list",
    ] {
        assert!(ran.stderr.contains(part), "{part} in {}", ran.stderr);
    }
    assert!(
        ran.stdout.contains("plan.yaml is not valid"),
        "{}",
        ran.stdout
    );
    assert!(
        !project.path(".mandate").exists(),
        "nothing was opened for it"
    );
}

#[test]
fn a_plan_may_come_from_standard_input() {
    let project = Project::new();
    let mut child = project
        .command(&["run", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(READ_ONLY.as_bytes())
        .unwrap();
    crate::project::finish(child).exits(0);
}

#[test]
fn validate_show_graph_diff_and_schema() {
    let project = Project::new();
    project.write("old.yaml", WRITES);
    project.write("new.yaml", WRITES.replace("note.txt", "other.txt"));
    let valid = project
        .run(&["plan", "validate", "old.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&valid["valid"], &valid["violations"]),
        (&json!(true), &json!([]))
    );
    let both = project
        .run(&["plan", "validate", "old.yaml", "new.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(both["plans"].as_array().unwrap().len(), 2);

    let shown = project.run(&["plan", "show", "old.yaml"]).exits(0).stdout;
    assert!(shown.contains("text  string, default hello"), "{shown}");
    let canonical = project
        .run(&["plan", "show", "old.yaml", "--canonical"])
        .exits(0)
        .stdout;
    assert!(canonical.starts_with("{\"inputs\":"), "{canonical}");
    assert!(
        project
            .run(&["plan", "graph", "old.yaml"])
            .exits(0)
            .stdout
            .starts_with("flowchart")
    );
    project.run(&["run", "old.yaml"]).exits(4);
    assert!(
        project
            .run(&["plan", "graph", "--execution", "@last"])
            .exits(0)
            .stdout
            .starts_with("flowchart")
    );

    let diff = project
        .run(&["plan", "diff", "old.yaml", "new.yaml"])
        .exits(0)
        .stdout;
    assert!(diff.contains("other.txt"), "{diff}");
    let same = project
        .run(&["plan", "diff", "old.yaml", "old.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(same["identical"], true);
    assert!(
        project.run(&["plan", "schema", "--json"]).exits(0).json()["properties"]["steps"]
            .is_object()
    );
}

#[test]
fn evaluate_says_what_would_happen_and_does_nothing() {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    let said = project
        .run(&["evaluate", "plan.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(said["decision"]["outcome"], "require_approval");
    let text = project.run(&["evaluate", "plan.yaml"]).exits(0).stdout;
    assert!(
        text.contains("needs approval") && text.contains("note.txt"),
        "{text}"
    );
    project.write("read.yaml", READ_ONLY);
    assert_eq!(
        project
            .run(&["evaluate", "read.yaml", "--json"])
            .exits(0)
            .json()["decision"]["outcome"],
        "allow"
    );
    assert!(!project.path(".mandate").exists());
}

#[test]
fn inputs_are_checked_before_anything_is_opened() {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    let wrong = project
        .run(&[
            "run",
            "plan.yaml",
            "--input",
            "txt=a",
            "--input",
            "text:=3",
            "--json",
        ])
        .exits(2)
        .json();
    let codes: Vec<_> = wrong["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert_eq!(codes, ["INPUT_INVALID", "INPUT_UNKNOWN"]);
    assert_eq!(wrong["error"]["kind"], "invalid_inputs");
    project.write("inputs.yaml", "text: from a file\n");
    project
        .run(&["run", "plan.yaml", "--inputs", "inputs.yaml", "--yes"])
        .exits(0);
    assert_eq!(project.read("note.txt"), "from a file");
    project
        .run(&["run", "plan.yaml", "--input", "text"])
        .exits(2);
    project
        .run(&["run", "plan.yaml", "--input", "text:={"])
        .exits(2);
}

#[test]
fn huge_and_broken_documents_are_clean_errors() {
    let project = Project::new();
    project.write("huge.yaml", "# x\n".repeat(2_000_000));
    std::fs::write(project.path("bytes.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    project.write("deep.json", "[".repeat(100_000));
    for name in ["huge.yaml", "bytes.yaml", "deep.json"] {
        let ran = project.run(&["plan", "validate", name, "--json"]).exits(2);
        assert_eq!(ran.json()["valid"], false, "{name}");
        project.run(&["run", name]).exits(2);
    }
    project.run(&["run", "."]).exits(2);
    project.run(&["run", "missing.yaml"]).exits(2);
}
