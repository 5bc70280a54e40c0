//! Crashes while executions are archived: at every failpoint nothing is lost, and doing it again ends it.

use crate::{
    archive::{fill, remove, write},
    rebuild::assert_intact,
};
use mandate_store::SqliteStore;
use std::{
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
};

const DIR: &str = "MANDATE_STORE_ARCHIVE_DIR";

/// Not a test of its own: what the child runs. Without its variable it does nothing.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    archive_all(&SqliteStore::open(dir).unwrap(), dir);
}

fn archive_all(store: &SqliteStore, dir: &Path) {
    let path = dir.join("archive.jsonl");
    let archive = match path.exists() {
        true => crate::archive::read(store, &path),
        false => write(store, &["a", "b"], &path),
    };
    for id in ["a", "b"] {
        remove(store, &[(id, 3)], &archive).unwrap();
    }
}

#[test]
fn killed_at_any_point_nothing_is_lost_and_the_next_time_ends_it() {
    let passed = [
        ("archive.written", 1),
        ("archive.named", 1),
        ("journal.after_begin", 1),
        ("archive.removed", 1),
        ("journal.before_commit", 1),
        ("journal.after_commit", 1),
        ("journal.before_commit", 2),
        ("journal.after_head", 2),
    ];
    for (name, hit) in passed {
        let dir = tempfile::tempdir().unwrap();
        fill(&SqliteStore::open(dir.path()).unwrap());
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "archive_crash::child", "--nocapture"])
            .env(DIR, dir.path())
            .env("MANDATE_FAILPOINT", format!("{name}:{hit}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9), "{name}:{hit} was not reached");
        let report = assert_intact(dir.path());
        // Each is here, or the archive is whole and has it.
        if report.archived > 0 {
            assert!(dir.path().join("archive.jsonl").exists(), "{name}:{hit}");
        }
        assert_eq!(report.executions + report.archived, 3, "{name}:{hit}");
        archive_all(&SqliteStore::open(dir.path()).unwrap(), dir.path());
        let report = assert_intact(dir.path());
        assert_eq!((report.executions, report.archived), (1, 2), "{name}:{hit}");
    }
}
