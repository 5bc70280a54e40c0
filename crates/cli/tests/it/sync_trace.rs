//! The disk has the start of every effect before the effect: seen from outside, in a trace of system calls.

use crate::site::Site;
use std::process::Command;

const PLAN: &str = r#"
version: 1
name: traced
steps:
  - {id: a, tool: process.exec, args: {argv: [sh, -c, "echo effect-a"]}}
  - {id: b, tool: process.exec, args: {argv: [sh, -c, "echo effect-b"]}}
  - {id: c, tool: process.exec, args: {argv: [sh, -c, "echo effect-c"]}}
"#;

/// What the trace says of one run: effects, and those that began while the journal held something unsynced.
#[derive(Debug, PartialEq)]
struct Traced {
    effects: usize,
    too_early: usize,
    syncs: usize,
}

fn trace(variables: &[(&str, &str)]) -> Option<Traced> {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed: the order of sync and effect is not looked at");
        return None;
    }
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    let mut command = Command::new("strace");
    site.prepare(&mut command);
    command.args([
        "-f",
        "-y",
        "-s",
        "96",
        "-o",
        "trace",
        "-e",
        "trace=pwrite64,write,fsync,fdatasync,execve",
    ]);
    command
        .arg(env!("CARGO_BIN_EXE_mandate"))
        .args(["run", "plan.yaml", "--yes"]);
    for (name, value) in variables {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("ptrace") {
        eprintln!(
            "this machine does not let strace look: the order of sync and effect is not looked at"
        );
        return None;
    }
    assert!(output.status.success(), "{output:#?}");
    let mut seen = Traced {
        effects: 0,
        too_early: 0,
        syncs: 0,
    };
    let mut unsynced = false;
    let mut syncing: Vec<String> = Vec::new();
    let mut ever_written = false;
    for line in site.content("trace").lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let wal = call.contains("journal.db-wal");
        if call.starts_with("pwrite64") && wal {
            unsynced = true;
            ever_written = true;
        } else if (call.starts_with("fsync") || call.starts_with("fdatasync")) && wal {
            if call.contains("unfinished") {
                syncing.push(thread.to_owned());
            } else {
                unsynced = false;
                seen.syncs += 1;
            }
        } else if call.contains("sync resumed") && syncing.contains(&thread.to_owned()) {
            syncing.retain(|waiting| waiting != thread);
            unsynced = false;
            seen.syncs += 1;
        } else if call.starts_with("execve")
            && call.contains("echo effect-")
            && names_a_program(call)
        {
            seen.effects += 1;
            if unsynced || !ever_written {
                seen.too_early += 1;
            }
        }
    }
    Some(seen)
}

/// A program is looked for along the path. The answer may stand on a later line of the trace, so it is not read there.
fn names_a_program(call: &str) -> bool {
    let path = call.split('"').nth(1);
    path.is_some_and(|path| std::path::Path::new(path).exists())
}

#[test]
fn the_journal_is_synced_before_each_effect() {
    let Some(seen) = trace(&[]) else { return };
    assert_eq!((seen.effects, seen.too_early), (3, 0), "{seen:?}");
    assert!(seen.syncs >= 4, "{seen:?}");
}

#[test]
fn without_syncing_the_trace_shows_it() {
    let Some(seen) = trace(&[("MANDATE_TEST_SYNCHRONOUS", "OFF")]) else {
        return;
    };
    assert_eq!(seen.effects, 3);
    assert!(
        seen.too_early > 0,
        "the trace cannot tell a disk that lies: {seen:?}"
    );
}
