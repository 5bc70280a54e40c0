//! When the disk fails, the store stops: nobody is told that something lasts which does not, and nothing is added on top.

use crate::{
    rebuild::assert_intact,
    support::{append, append_later, batch, batch_with},
};
use mandate_store::{Journal as _, SqliteStore, StoreError};
use serde_json::json;
use std::{path::Path, process::Command};

const DIR: &str = "MANDATE_STORE_FULL_DIR";

/// Not a test of its own: what the child runs, whose files may not grow beyond 2 MiB.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&dir)).unwrap();
    let mut durable = 0;
    let error = loop {
        match append(&store, batch("a", durable + 1, 1)) {
            Ok(_) => durable += 1,
            Err(error) => break error,
        }
        let large = json!(format!("{durable} {}", "x".repeat(100_000)));
        if let Err(error) = append(&store, batch_with("b", durable, 1, &large)) {
            break error;
        }
        assert!(durable < 1000, "the limit was not met");
    };
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
    let told: Vec<_> = ["a", "b", "c"]
        .map(|id| append_later(&store, batch(id, 1, 1)))
        .into();
    for told in told {
        let later = told.recv().unwrap().unwrap_err();
        assert_eq!(
            later.to_string(),
            error.to_string(),
            "every later batch gets the same error"
        );
    }
    // What was acknowledged can be read still.
    assert_eq!(store.read("a", 1, 1000).unwrap().len() as u64, durable);
    std::fs::write(Path::new(&dir).join("durable"), durable.to_string()).unwrap();
}

#[test]
fn a_full_disk_stops_the_store_until_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        // Units of 512 bytes; without the trap the signal would kill instead of failing the write.
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 4096; exec \"$0\" --exact fail_stop::child --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(DIR, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let durable: u64 = std::fs::read_to_string(dir.path().join("durable"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(durable > 3, "{durable}");
    assert_intact(dir.path());
    let store = SqliteStore::open(dir.path()).unwrap();
    let last = store.reader().last_seq("a").unwrap();
    assert!(last >= durable);
    append(&store, batch("a", last + 1, 1)).unwrap();
    assert_intact(dir.path());
}
