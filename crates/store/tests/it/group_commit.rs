//! Group commit: what waits together is committed together, and a wrong batch takes no other down with it.

use crate::{
    rebuild::assert_intact,
    support::{append, append_later, batch, batch_with, batch_with_text, execution},
};
use mandate_store::{
    EXECUTION_LIMIT_BYTES, Journal as _, SqliteStore, StoreError, VALUE_LIMIT_BYTES,
};
use serde_json::json;
use std::sync::mpsc;

/// Holds the writer in an acknowledgement until the sender is dropped, so that a queue builds up behind it.
fn hold(store: &SqliteStore) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (held, holding) = mpsc::channel();
    let ack = Box::new(move |_| {
        held.send(()).unwrap();
        let _ = released.recv();
    });
    store.append(batch("holder", 1, 1), ack);
    holding.recv().unwrap();
    release
}

#[test]
fn batches_that_wait_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let release = hold(&store);
    let told: Vec<_> = (0..300_u64)
        .map(|n| append_later(&store, batch(&format!("e{}", n % 60), n / 60 * 2 + 1, 2)))
        .collect();
    drop(release);
    let heads: Vec<_> = told
        .into_iter()
        .map(|told| told.recv().unwrap().unwrap().head)
        .collect();
    assert!(
        heads.iter().all(|head| head.number == 2),
        "one commit for all"
    );
    // Five batches each, one row: the last.
    assert_eq!(store.execution("e7").unwrap().unwrap(), execution("e7", 10));
    drop(store);
    let report = assert_intact(dir.path());
    assert_eq!((report.commits, report.events), (2, 601));
}

#[test]
fn no_commit_takes_more_than_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let release = hold(&store);
    let told: Vec<_> = (1..=600)
        .map(|n| append_later(&store, batch("a", n, 1)))
        .collect();
    drop(release);
    let heads: Vec<_> = told
        .into_iter()
        .map(|told| told.recv().unwrap().unwrap().head.number)
        .collect();
    assert_eq!(heads.iter().filter(|n| **n == 2).count(), 512);
    assert_eq!(heads.iter().filter(|n| **n == 3).count(), 88);
}

#[test]
fn a_wrong_batch_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let release = hold(&store);
    let good = append_later(&store, batch("a", 1, 2));
    let gap = append_later(&store, batch("b", 5, 2));
    let divergent = append_later(&store, batch_with("a", 2, 1, &json!("other")));
    let repeat = append_later(&store, batch("c", 1, 2));
    let repeated = append_later(&store, batch("c", 1, 2));
    drop(release);
    assert_eq!(good.recv().unwrap().unwrap().head.number, 2);
    assert!(matches!(gap.recv().unwrap(), Err(StoreError::Gap { .. })));
    assert!(matches!(
        divergent.recv().unwrap(),
        Err(StoreError::Divergence { .. })
    ));
    // A repeat in the same commit as the first one is durable no earlier than it.
    assert_eq!(
        repeat.recv().unwrap().unwrap(),
        repeated.recv().unwrap().unwrap()
    );
    assert_intact(dir.path());
}

#[test]
fn an_execution_at_its_limit_can_still_be_ended() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let full = |seq| batch_with_text("a", seq, VALUE_LIMIT_BYTES - 2);
    // Blobs are stored once, but count each time: it is what a reader gets.
    let mut seq = 1;
    let refused = loop {
        match append(&store, full(seq)) {
            Ok(_) => seq += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            refused,
            StoreError::TooLarge {
                limit_bytes: EXECUTION_LIMIT_BYTES,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(seq, 16);
    append(&store, batch("a", seq, 2)).unwrap();
    drop(store);
    // The count survives.
    let store = SqliteStore::open(dir.path()).unwrap();
    let refused = append(&store, full(18)).unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { .. }), "{refused}");
    append(&store, batch("a", 18, 1)).unwrap();
    let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    let blobs: i64 = db
        .query_row("SELECT count(*) FROM blobs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(blobs, 1);
}
