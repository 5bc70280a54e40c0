//! The examples run as their files say, from the repository's root.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

#[test]
fn the_main_example_runs_on_this_repository() {
    let data = tempfile::tempdir().unwrap();
    let report = format!("target/repo-report/test-{}.md", std::process::id());
    let mandate = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        command
            .current_dir(root())
            .arg("--data-dir")
            .arg(data.path())
            .args(args);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let input = format!("report={report}");
    let ran = mandate(&[
        "run",
        "examples/repo-report/plan.yaml",
        "--yes",
        "--json",
        "--input",
        &input,
    ]);
    assert_eq!(ran.0, Some(0), "{ran:#?}");
    let result: serde_json::Value = serde_json::from_str(&ran.1).unwrap();
    assert_eq!(result["status"], "success");
    let steps = result["steps"].as_array().unwrap();
    assert!(steps.len() >= 8);
    let sums = steps.iter().find(|step| step["id"] == "sums").unwrap();
    assert!(
        sums["attempts"].as_u64().unwrap() > 1,
        "the retry really happens: {sums}"
    );
    let written = std::fs::read_to_string(root().join(&report)).unwrap();
    std::fs::remove_file(root().join(&report)).unwrap();
    assert!(
        written.starts_with("# Report on `.`") && written.contains("| rs |"),
        "{written}"
    );
    // One output is over 64 KiB, and lies beside the journal.
    let verified = mandate(&["audit", "verify", "--json"]);
    assert_eq!(verified.0, Some(0), "{verified:#?}");
    let verified: serde_json::Value = serde_json::from_str(&verified.1).unwrap();
    assert!(
        verified["report"]["blobs"].as_u64().unwrap() >= 1,
        "{verified}"
    );
    let replayed = mandate(&["executions", "replay", "@last"]);
    assert!(replayed.1.contains("identical"), "{replayed:#?}");
}

#[test]
fn the_crash_example_pays_everything_once() {
    let output = Command::new(root().join("examples/crash-recovery/run.sh"))
        .arg("1.2")
        .env("MANDATE", env!("CARGO_BIN_EXE_mandate"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("identical") && said.contains("intact"),
        "{said}"
    );
}

#[test]
fn the_release_example_asks_falls_back_and_takes_back() {
    let output = Command::new(root().join("examples/release/run.sh"))
        .env("MANDATE", env!("CARGO_BIN_EXE_mandate"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{wrong}");
    for expected in [
        r#"argv: ["cp","demo-1.1.0.tar","demo-published/"]"#,
        "recovered: publish failed",
        "undone: publish, pack, tag",
        "1.1.0 success\n2.0.0 success\n1.0.1 failure\n",
        "intact: ",
    ] {
        assert!(
            said.contains(expected),
            "no `{expected}` in\n{said}\n{wrong}"
        );
    }
    assert!(!said.contains("v1.0.1"), "the tag is gone again:\n{said}");
}

/// In both languages at once: a client is generated from the API's description, and drives a server with it.
#[test]
fn generated_clients_submit_approve_and_follow() {
    let started = ["python", "typescript"].map(|language| {
        let run = Command::new(root().join("examples/clients/run.sh"))
            .arg(language)
            .env("MANDATE", env!("CARGO_BIN_EXE_mandate"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        (language, run)
    });
    for (language, run) in started {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{language}: {said}\n{wrong}");
        let who = if language == "python" {
            "Python"
        } else {
            "TypeScript"
        };
        for expected in [
            "require_approval: req-",
            "greet: fs.write (write)",
            "1 execution_created",
            "request_answered",
            "execution_finished",
            &format!("success: Hello {who}!"),
        ] {
            assert!(
                said.contains(expected),
                "{language}: no `{expected}` in\n{said}\n{wrong}"
            );
        }
    }
}
