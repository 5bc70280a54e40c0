//! Crashes: a child process is killed at each failpoint, at the first and at later passes; what it leaves must be a
//! prefix of what it was given, whole batches only, with everything that was acknowledged, and intact.

use crate::{
    rebuild::assert_intact,
    support::{START_MS, append, append_later, batch, batch_with, execution, system_batch},
};
use mandate_store::{Batch, Journal as _, SYSTEM, SqliteStore, failpoint};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

const DIR: &str = "MANDATE_STORE_CRASH_DIR";

/// What the child appends: three executions in turn, large values, plans and the system stream among it.
fn script() -> &'static [Batch] {
    static SCRIPT: OnceLock<Vec<Batch>> = OnceLock::new();
    SCRIPT.get_or_init(make_script)
}

fn make_script() -> Vec<Batch> {
    let mut batches = Vec::new();
    for n in 0..8_u64 {
        for id in ["a", "b", "c"] {
            let output = match (id, n) {
                ("b", 3 | 5) => json!("large ".repeat(12_000)),
                _ => json!(n),
            };
            batches.push(batch_with(id, n * 2 + 1, 2, &output));
        }
        batches.push(system_batch("frozen", START_MS + n as i64));
    }
    batches
}

/// Not a test of its own: what the child runs. Without its variable it does nothing.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let store = SqliteStore::open(dir).unwrap();
    // Acknowledged batches are told before the next is offered or, in every second group, while others wait.
    let mut told = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("told"))
        .unwrap();
    for (n, group) in script().chunks(5).enumerate() {
        let waiting: Vec<_> = group
            .iter()
            .map(|batch| {
                let answer = append_later(&store, batch.clone());
                if n % 2 == 0 {
                    answer.recv().unwrap().unwrap();
                    told.write_all(b".").unwrap();
                }
                answer
            })
            .collect();
        if n % 2 == 1 {
            for answer in waiting {
                answer.recv().unwrap().unwrap();
                told.write_all(b".").unwrap();
            }
        }
    }
}

fn run_child(dir: &Path, failpoint: &str) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(DIR, dir)
        .env("MANDATE_FAILPOINT", failpoint)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// How many of the script's batches are there: each whole, and none after one that is not.
fn prefix(store: &SqliteStore) -> usize {
    let there = |batch: &Batch, system_seq: u64| {
        let first = if batch.stream == SYSTEM {
            system_seq
        } else {
            batch.first_seq
        };
        let records = store
            .read(&batch.stream, first, batch.records.len())
            .unwrap();
        assert!(
            records.is_empty() || records.len() == batch.records.len(),
            "half a batch"
        );
        for (record, offered) in records.iter().zip(&batch.records) {
            assert!(record.payload == offered.payload, "another payload");
        }
        !records.is_empty()
    };
    let mut systems = 0;
    let present: Vec<bool> = script()
        .iter()
        .map(|batch| {
            systems += u64::from(batch.stream == SYSTEM);
            there(batch, systems)
        })
        .collect();
    let count = present.iter().take_while(|there| **there).count();
    assert!(
        !present[count..].contains(&true),
        "not a prefix: {present:?}"
    );
    count
}

fn crash_at(name: &str, hit: u32) {
    let dir = tempfile::tempdir().unwrap();
    let status = run_child(dir.path(), &format!("{name}:{hit}"));
    assert_eq!(
        status.signal(),
        Some(9),
        "{name}:{hit} was not reached: {status}"
    );
    // What an auditor sees who looks before anyone opens it again.
    assert_intact(dir.path());
    let told = std::fs::read(dir.path().join("told"))
        .unwrap_or_default()
        .len();
    let store = SqliteStore::open(dir.path()).unwrap();
    let durable = prefix(&store);
    assert!(
        durable >= told,
        "{name}:{hit}: {told} acknowledged, {durable} there"
    );
    for id in ["a", "b", "c"] {
        let last = store.reader().last_seq(id).unwrap();
        let row = store.execution(id).unwrap();
        assert_eq!(row, (last > 0).then(|| execution(id, last)), "{name}:{hit}");
    }
    // Whoever does not know how far it came begins again: repeats are recognised, the rest is added.
    let again = script()
        .iter()
        .enumerate()
        .filter(|(n, batch)| batch.stream != SYSTEM || *n >= durable);
    let told: Vec<_> = again
        .map(|(_, batch)| append_later(&store, batch.clone()))
        .collect();
    for told in told {
        told.recv().unwrap().unwrap();
    }
    assert_eq!(prefix(&store), script().len());
    drop(store);
    let report = assert_intact(dir.path());
    assert_eq!(report.events, 3 * 16 + 8);
}

/// Each failpoint at its first, its second and a later pass; one test each, so that they run side by side.
macro_rules! at_each_failpoint {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                for hit in [1, 2, 7] {
                    crash_at($name, hit);
                }
            }
        )*

        #[test]
        fn no_failpoint_is_forgotten() {
            assert_eq!(failpoint::NAMES, [$($name),*]);
        }
    };
}

at_each_failpoint! {
    before_begin: "journal.before_begin",
    after_begin: "journal.after_begin",
    after_insert: "journal.after_insert",
    before_commit: "journal.before_commit",
    after_commit: "journal.after_commit",
    after_head: "journal.after_head",
    before_ack: "journal.before_ack",
    after_ack: "journal.after_ack",
}

#[test]
fn inside_a_commit_of_many_rows() {
    for hit in 3..30 {
        if hit % 4 == 1 {
            crash_at("journal.after_insert", hit);
        }
    }
}

#[test]
fn at_the_very_first_opening() {
    // The first commit of all, twice: the second opening finds what the first one left.
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let status = run_child(dir.path(), "journal.before_commit:1");
        assert_eq!(status.signal(), Some(9));
        assert_intact(dir.path());
    }
    assert!(run_child(dir.path(), "none:1").success());
    assert_intact(dir.path());
}

#[test]
fn whatever_a_crash_while_opening_leaves_is_opened() {
    // Made by hand: each state between the steps of the first opening.
    let made = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(made.path()).unwrap());
    let copy = |files: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("keys")).unwrap();
        for file in files {
            std::fs::copy(made.path().join(file), dir.path().join(file)).unwrap();
        }
        dir
    };
    let empty_database = copy(&[]);
    File::create(empty_database.path().join("journal.db")).unwrap();
    let half_a_key = copy(&[]);
    std::fs::write(half_a_key.path().join("keys/audit.new"), "12").unwrap();
    let only_a_key = copy(&["keys/audit.key"]);
    let empty_head = copy(&["keys/audit.key"]);
    File::create(empty_head.path().join("audit-head")).unwrap();
    for dir in [empty_database, half_a_key, only_a_key, empty_head] {
        let store = SqliteStore::open(dir.path()).unwrap();
        append(&store, batch("a", 1, 1)).unwrap();
        assert_intact(dir.path());
    }
}
