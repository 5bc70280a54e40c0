//! `gc`: what ended long ago is in a file that verifies, and the journal says so.

use crate::project::{Project, READ_ONLY, WRITES};

/// Calls nothing that sessions count.
const PLAN: &str = "version: 1
name: kept
steps:
  - {id: one, tool: data.value, args: {value: 1}}
";

#[test]
fn what_ended_long_ago_goes_to_a_file() {
    let project = Project::new();
    project.write("plan.yaml", PLAN);
    project.write("writes.yaml", WRITES);
    project.write("reads.yaml", READ_ONLY);
    let id = |json: serde_json::Value| json["execution_id"].as_str().unwrap().to_owned();
    let first = id(project.run(&["run", "plan.yaml", "--json"]).exits(0).json());
    let second = id(project.run(&["run", "plan.yaml", "--json"]).exits(0).json());
    // One waits for its approval, and the calls of one are counted by its session still.
    project.run(&["run", "writes.yaml", "--json"]).exits(4);
    project.run(&["run", "reads.yaml"]).exits(0);

    project.run(&["gc", "--older-than", "nonsense"]).exits(2);
    let none = project.run(&["gc", "--older-than", "1d"]).exits(0);
    assert!(
        none.stdout.starts_with("nothing to archive"),
        "{}",
        none.stdout
    );
    let dry = project.run(&["gc", "--older-than", "0s", "--dry-run", "--json"]);
    let dry = dry.exits(0).json();
    assert_eq!(
        (&dry["archivable"], &dry["archived"]),
        (&2.into(), &0.into())
    );
    assert_eq!(dry["kept"]["unfinished"], 1);
    assert_eq!(dry["kept"]["counted"], 1);
    assert!(!project.path(".mandate/archives").exists());

    let done = project.run(&["gc", "--older-than", "0s", "--vacuum", "--json"]);
    let done = done.exits(0).json();
    assert_eq!(done["archived"], 2);
    let file = done["archive"]["file"].as_str().unwrap();
    assert!(file.contains("/.mandate/archives/"), "{file}");
    let key = project
        .run(&["audit", "head", "--public-key"])
        .exits(0)
        .stdout;
    let proof = project.run(&[
        "audit",
        "verify",
        "--export",
        file,
        "--public-key",
        key.trim(),
    ]);
    let proof = proof.exits(0).stdout;
    assert!(
        proof.starts_with("intact: ") && proof.contains("archived executions, whole"),
        "{proof}"
    );
    let intact = project.run(&["audit", "verify"]).exits(0).stdout;
    assert!(intact.contains("archived 2 executions"), "{intact}");

    let shown = project
        .run(&["executions", "show", &first, "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["archived"]["file"], file);
    assert_eq!(shown["status"], "success");
    let shown = project
        .run(&["executions", "show", &second])
        .exits(0)
        .stdout;
    assert!(
        shown.contains("archived") && shown.contains(file),
        "{shown}"
    );
    for command in ["events", "replay", "rerun"] {
        let gone = project.run(&["executions", command, &first]);
        assert!(
            gone.code != 0 && gone.stderr.contains("was archived"),
            "{command}: {gone:#?}"
        );
    }
    // What comes later is as before: the same plan again, and a backtest of what is left.
    project.run(&["run", "plan.yaml"]).exits(0);
    project.run(&["policy", "backtest"]).exits(0);
    project.run(&["audit", "export"]).exits(0);
    project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn an_archive_that_is_there_is_gone_on_with_and_no_other_file_is() {
    let project = Project::new();
    project.write("plan.yaml", PLAN);
    project.run(&["run", "plan.yaml"]).exits(0);
    let gc = |to: &str| project.run(&["gc", "--older-than", "0s", "--to", to, "--json"]);
    project.write("other.jsonl", "no archive\n");
    let refused = gc("other.jsonl").exits(2);
    assert!(
        refused.stdout.contains("nothing was removed"),
        "{refused:?}"
    );
    let export = project.run(&["audit", "export"]).exits(0).stdout;
    project.write("export.jsonl", export);
    gc("export.jsonl").exits(2);
    assert_eq!(gc("archive.jsonl").exits(0).json()["archived"], 1);
    assert_eq!(gc("archive.jsonl").exits(0).json()["archived"], 0);
    project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn a_host_that_runs_removes_it() {
    let project = Project::new();
    project.write("plan.yaml", PLAN);
    project.run(&["run", "plan.yaml"]).exits(0);
    project.run(&["run", "plan.yaml", "--detach"]).exits(0);
    let done = project
        .run(&["gc", "--older-than", "0s", "--json"])
        .exits(0)
        .json();
    assert!(done["archived"].as_u64().unwrap() >= 1, "{done:#}");
    project.run(&["audit", "verify"]).exits(0);
}
