//! `process.exec` with real processes.

use crate::fixture::{Fixture, KEY, Setup, fixture, resolved};
use mandate_plan::ErrorCode;
use mandate_tools::{Outcome, Tools as _};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

#[tokio::test]
async fn argv_is_not_read_by_a_shell() {
    let f = fixture();
    let ended = f
        .output(
            "process.exec",
            json!({"argv": ["printf", "%s|", "$HOME", "a b", ";", "`x`"]}),
        )
        .await;
    assert_eq!(ended["stdout"], "$HOME|a b|;|`x`|");
    assert_eq!(
        (&ended["exit_code"], &ended["signal"], &ended["sandbox"]),
        (&json!(0), &json!(null), &ended["sandbox"])
    );
    let sandbox = ended["sandbox"].as_str().unwrap();
    assert!(
        sandbox.starts_with("landlock-abi") && sandbox.ends_with("+seccomp"),
        "{sandbox}"
    );
    let shell = f
        .output(
            "process.exec",
            json!({"shell": true, "command": "echo out; echo err >&2; cat", "stdin": "in"}),
        )
        .await;
    assert_eq!(
        (&shell["stdout"], &shell["stderr"]),
        (&json!("out\nin"), &json!("err\n"))
    );
    for args in [
        json!({"command": "echo"}),
        json!({"argv": ["echo"], "shell": true}),
        json!({"argv": ["echo"], "command": "echo"}),
        json!({"argv": []}),
        json!({}),
        json!({"argv": ["a\u{0}b"]}),
        json!({"argv": ["true"], "env": {"A=B": "c"}}),
    ] {
        assert_eq!(
            f.refusal("process.exec", args.clone()).await.code,
            ErrorCode::InvalidPayload,
            "{args}"
        );
    }
}

#[tokio::test]
async fn the_environment_is_an_allowlist() {
    let f = fixture();
    let ended = f
        .output(
            "process.exec",
            json!({"argv": ["env"], "env": {"GIVEN": "by plan"}}),
        )
        .await;
    let stdout = ended["stdout"].as_str().unwrap();
    let names: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"PATH") && names.contains(&"GIVEN"),
        "{names:?}"
    );
    // Cargo sets dozens of these for tests.
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO")),
        "{names:?}"
    );
    assert!(
        stdout.contains(&format!("MANDATE_IDEMPOTENCY_KEY={KEY}\n")),
        "{stdout}"
    );
}

#[tokio::test]
async fn it_starts_beneath_the_roots() {
    let f = fixture();
    fs::create_dir(f.project.join("sub")).unwrap();
    for (args, expected) in [
        (json!({"argv": ["pwd"]}), f.project.clone()),
        (
            json!({"argv": ["pwd"], "cwd": "sub"}),
            f.project.join("sub"),
        ),
    ] {
        let ended = f.output("process.exec", args).await;
        assert_eq!(
            ended["stdout"].as_str().unwrap().trim_end(),
            expected.to_str().unwrap()
        );
    }
    assert_eq!(
        f.refusal("process.exec", json!({"argv": ["pwd"], "cwd": ".."}))
            .await
            .code,
        ErrorCode::PolicyDenied
    );
    f.failure("process.exec", json!({"argv": ["pwd"], "cwd": "none"}))
        .await;
}

#[tokio::test]
async fn how_it_ends_decides_the_outcome() {
    let f = fixture();
    let fault = f
        .failure(
            "process.exec",
            json!({"shell": true, "command": "echo why >&2; exit 3"}),
        )
        .await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    assert_eq!(
        fault.details.unwrap(),
        json!({"exit_code": 3, "signal": null, "stdout": "", "stderr": "why\n"})
    );
    let taken = f
        .output(
            "process.exec",
            json!({"shell": true, "command": "exit 3", "ok_exit_codes": [0, 3]}),
        )
        .await;
    assert_eq!(taken["exit_code"], 3);
    let outcome = f
        .call(
            "process.exec",
            json!({"shell": true, "command": "kill -9 $$"}),
        )
        .await;
    assert!(
        matches!(&outcome, Outcome::Unknown(fault) if fault.details.as_ref().unwrap()["signal"] == 9),
        "{outcome:?}"
    );
    let fault = f
        .refusal("process.exec", json!({"argv": ["no-such-program-here"]}))
        .await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
}

#[tokio::test]
async fn output_is_capped_and_the_writer_not_held_up() {
    let f = fixture();
    let args = json!({"shell": true, "command": "head -c 3000000 /dev/zero | tr '\\0' x; echo done >&2", "max_output_bytes": 1000});
    let ended = f.output("process.exec", args).await;
    assert_eq!(ended["stdout"].as_str().unwrap().len(), 1000);
    assert_eq!(
        (&ended["truncated"], &ended["stderr"]),
        (&json!(true), &json!("done\n"))
    );
    let exact = f
        .output(
            "process.exec",
            json!({"argv": ["printf", "12345"], "max_output_bytes": 5}),
        )
        .await;
    assert_eq!(
        (&exact["stdout"], &exact["truncated"]),
        (&json!("12345"), &json!(false))
    );
    let binary = f
        .output(
            "process.exec",
            json!({"argv": ["printf", "\\377\\000\\001"]}),
        )
        .await;
    assert_eq!(
        (&binary["stdout"], &binary["stdout_encoding"]),
        (&json!("/wAB"), &json!("base64"))
    );
}

/// A shell that starts a child in the background, both of which write their process numbers; the child ticks.
const FAMILY: &str =
    "( while true; do echo tick >> ticks; sleep 0.02; done ) & echo $! > child; sleep 30";

fn child(f: &Fixture) -> u32 {
    f.text("child").trim().parse().unwrap()
}

fn runs(process: u32) -> bool {
    // A zombie whose parent has not looked yet does not run.
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
    })
}

async fn until(what: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        if what() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn at_the_time_limit_the_whole_group_is_killed() {
    let f = fixture();
    let outcome = f
        .call(
            "process.exec",
            json!({"shell": true, "command": FAMILY, "timeout_ms": 300}),
        )
        .await;
    assert!(
        matches!(&outcome, Outcome::Unknown(fault) if fault.code == ErrorCode::StepTimeout),
        "{outcome:?}"
    );
    let child = child(&f);
    assert!(
        until(|| !runs(child)).await,
        "the grandchild outlived the call"
    );
}

#[tokio::test]
async fn at_the_steps_time_limit_the_whole_group_is_killed() {
    let f = fixture();
    let mut call = resolved("process.exec", json!({"shell": true, "command": FAMILY}));
    call.timeout_ms = Some(300);
    let report = f.run(call).await;
    assert!(
        matches!(&report.outcome, Outcome::Unknown(fault) if fault.code == ErrorCode::StepTimeout),
        "{report:?}"
    );
    assert!(report.elapsed_ms >= 300 && report.elapsed_ms < 5000);
    let child = child(&f);
    assert!(
        until(|| !runs(child)).await,
        "the grandchild outlived the call"
    );
}

#[tokio::test]
async fn a_dropped_call_kills_the_whole_group() {
    let f = fixture();
    let call = resolved("process.exec", json!({"shell": true, "command": FAMILY}));
    let permit = f.permit(&call);
    let running = tokio::spawn(f.runner.run(permit, call));
    assert!(until(|| fs::read_to_string(f.project.join("child")).is_ok_and(|text| text.ends_with('\n'))).await);
    let child = child(&f);
    assert!(runs(child));
    running.abort();
    let _ = running.await;
    assert!(
        until(|| !runs(child)).await,
        "the grandchild outlived the call"
    );
    assert_eq!(
        f.runner
            .registry()
            .status("process.exec")
            .unwrap()
            .metrics
            .error_count,
        1
    );
}

#[tokio::test]
async fn what_the_leader_leaves_behind_is_killed_at_its_end() {
    let f = fixture();
    let begun = Instant::now();
    let ended = f
        .output(
            "process.exec",
            json!({"shell": true, "command": "sleep 30 & echo $! > child; echo done"}),
        )
        .await;
    assert_eq!(ended["stdout"], "done\n");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let child = child(&f);
    assert!(!runs(child), "the background process outlived the call");
}

#[tokio::test]
async fn what_moved_away_is_killed_too() {
    let f = fixture();
    // A new session, and a parent that ends: the usual way to become a daemon.
    let command = "setsid sh -c 'sh -c \"echo \\$\\$ > child; exec sleep 30\" & exit' & while ! test -s child; do sleep 0.01; done; echo done";
    let ended = f
        .output("process.exec", json!({"shell": true, "command": command}))
        .await;
    assert_eq!(ended["stdout"], "done\n");
    assert!(!runs(child(&f)), "the daemon outlived the call");
}

#[tokio::test]
async fn limits_are_set() {
    let mut setup = Setup::default();
    setup.config.process.limits.open_files = Some(77);
    setup.config.process.limits.file_bytes = Some(4096);
    let f = setup.build();
    let command = "ulimit -n; ulimit -c; head -c 100000 /dev/zero > big; true";
    let ended = f
        .output("process.exec", json!({"shell": true, "command": command}))
        .await;
    assert_eq!(ended["stdout"], "77\n0\n");
    assert_eq!(fs::metadata(f.project.join("big")).unwrap().len(), 4096);
}
