//! One writer: the lock keeps a second one out, the lease makes void one that lost the lock.

use crate::{
    rebuild::assert_intact,
    support::{append, append_later, batch},
};
use mandate_store::{Journal as _, SqliteStore, StoreError};

#[test]
fn a_second_owner_is_refused_with_the_firsts_process_id() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let error = SqliteStore::open(dir.path()).unwrap_err();
    let ours = std::process::id().to_string();
    assert!(
        matches!(&error, StoreError::Locked { pid, .. } if *pid == ours),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&dir.path().display().to_string())
    );
    drop(store);
    drop(SqliteStore::open(dir.path()).unwrap());
}

#[test]
fn each_opening_has_a_lease_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    for expected in 1..4 {
        assert_eq!(SqliteStore::open(dir.path()).unwrap().lease().0, expected);
    }
}

#[test]
fn a_writer_that_lost_the_directory_writes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let old = SqliteStore::open(dir.path()).unwrap();
    append(&old, batch("a", 1, 1)).unwrap();
    // Someone moves the lock file away and back, so that the lock protects nothing and no look at it shows that.
    let (lock, away) = (dir.path().join("lock"), dir.path().join("lock.away"));
    std::fs::rename(&lock, &away).unwrap();
    let new = SqliteStore::open(dir.path()).unwrap();
    std::fs::rename(&lock, dir.path().join("lock.new")).unwrap();
    std::fs::rename(&away, &lock).unwrap();
    let error = append(&old, batch("a", 2, 1)).unwrap_err();
    assert!(
        matches!(error, StoreError::LeaseLost { ours: 1, theirs: 2 }),
        "{error}"
    );
    let again = append(&old, batch("c", 1, 1)).unwrap_err();
    assert!(matches!(again, StoreError::LeaseLost { .. }), "{again}");
    std::fs::rename(&lock, &away).unwrap();
    std::fs::rename(dir.path().join("lock.new"), &lock).unwrap();
    append(&new, batch("a", 2, 1)).unwrap();
    assert_eq!(new.read("a", 1, 10).unwrap().len(), 2);
    std::fs::remove_file(&away).unwrap();
    drop((old, new));
    assert_intact(dir.path());
}

#[test]
fn a_store_that_is_dropped_by_its_own_acknowledgement_closes() {
    let dir = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(SqliteStore::open(dir.path()).unwrap());
    let (done, finished) = std::sync::mpsc::channel();
    let last = std::sync::Arc::clone(&store);
    let ack = Box::new(move |_| {
        // Wait until this is the last reference.
        while std::sync::Arc::strong_count(&last) > 1 {
            std::thread::yield_now();
        }
        drop(last);
        done.send(()).unwrap();
    });
    store.append(batch("a", 1, 1), ack);
    drop(store);
    finished.recv().unwrap();
    // The writer lets go of the directory by itself, soon.
    let reopened = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        SqliteStore::open(dir.path()).is_ok()
    });
    assert!(reopened);
}

#[test]
fn an_acknowledgement_that_panics_does_not_stop_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    store.append(
        batch("a", 1, 1),
        Box::new(|_| panic!("an acknowledgement panics")),
    );
    append_later(&store, batch("a", 2, 1))
        .recv()
        .unwrap()
        .unwrap();
}
