//! When the log is brought into the database, and that everything is there whenever that stops.

use super::*;
use crate::{log::vfs, reader::database_path};
use rusqlite::OpenFlags;
use std::time::{Duration, Instant};

const AT: u32 = 40;

/// A writer's connection, as `sqlite.rs` opens it.
fn writer(dir: &Path) -> (Connection, Checkpoints) {
    let mut db = Connection::open_with_flags_and_vfs(
        database_path(dir),
        OpenFlags::default(),
        vfs().unwrap(),
    )
    .unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    let mut checkpoints = Checkpoints::open(dir, &mut db).unwrap();
    (checkpoints.at, checkpoints.due) = (AT, AT);
    db.execute_batch("CREATE TABLE IF NOT EXISTS t (x)")
        .unwrap();
    (db, checkpoints)
}

fn commit(db: &Connection) {
    db.execute("INSERT INTO t VALUES (randomblob(3000))", [])
        .unwrap();
}

fn rows(db: &Connection) -> i64 {
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap()
}

/// What whoever starts after a crash finds: a copy of the files as they are now.
fn after_crash(dir: &Path) -> i64 {
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
    }
    rows(&Connection::open(database_path(copy.path())).unwrap())
}

#[test]
fn commits_go_on_while_it_is_copied_and_then_it_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    let reader = Connection::open(database_path(dir.path())).unwrap();
    let (begun, mut anew, mut most, mut commits) = (Instant::now(), 0, 0, 0);
    while anew < 5 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{checkpoints:?}");
        let before = checkpoints.seen;
        commit(&db);
        commits += 1;
        checkpoints.after_commit(&db);
        anew += u32::from(checkpoints.seen < before);
        most = most.max(checkpoints.seen);
        if commits % 16 == 0 {
            assert_eq!(rows(&reader), commits);
        }
    }
    assert!(most >= AT, "{most}");
    assert_eq!(after_crash(dir.path()), commits);
    // The writer's connection is the last one, and leaves no log.
    drop(reader);
    drop(checkpoints);
    drop(db);
    assert!(!dir.path().join("journal.db-wal").exists());
    assert_eq!(
        rows(&Connection::open(database_path(dir.path())).unwrap()),
        commits
    );
}

#[test]
fn wherever_it_stops_everything_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    checkpoints.by_hand();
    let mut commits = 0;
    let mut commit = |checkpoints: &mut Checkpoints| {
        commit(&db);
        checkpoints.after_commit(&db);
        commits += 1;
        assert_eq!(after_crash(dir.path()), commits);
    };
    while !checkpoints.ordered {
        commit(&mut checkpoints);
    }
    // Not copied yet: what comes is for the log alone.
    let length = || std::fs::metadata(database_path(dir.path())).unwrap().len();
    let before = length();
    commit(&mut checkpoints);
    let mut reader = Connection::open(database_path(dir.path())).unwrap();
    let reads = reader.transaction().unwrap();
    rows(&reads);
    for _ in 0..3 {
        commit(&mut checkpoints);
    }
    assert_eq!(length(), before);
    assert!(checkpoints.copy_by_hand());
    assert!(!checkpoints.copy_by_hand(), "once for each order");
    assert!(
        length() > before,
        "it was copied as far as the reader lets it"
    );
    assert!(checkpoints.ordered, "the rest is the writer's");
    reads.rollback().unwrap();
    let pages = checkpoints.seen;
    commit(&mut checkpoints);
    assert!(!checkpoints.ordered);
    assert!(
        checkpoints.seen > pages,
        "the log goes on until all is copied"
    );
    commit(&mut checkpoints);
    assert!(
        checkpoints.seen < AT,
        "and begins anew then: {checkpoints:?}"
    );
}

#[test]
fn what_was_copied_as_a_whole_leaves_nothing_to_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    checkpoints.by_hand();
    while !checkpoints.ordered {
        commit(&db);
        checkpoints.after_commit(&db);
    }
    assert!(checkpoints.copy_by_hand());
    commit(&db);
    checkpoints.after_commit(&db);
    assert!(
        !checkpoints.ordered && checkpoints.seen < AT && checkpoints.due == AT,
        "{checkpoints:?}"
    );
}

#[test]
fn what_a_reader_still_reads_is_kept_and_tried_again_later() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    checkpoints.by_hand();
    commit(&db);
    let mut reader = Connection::open(database_path(dir.path())).unwrap();
    let reads = reader.transaction().unwrap();
    assert_eq!(rows(&reads), 1);
    let (mut orders, mut was) = (0, false);
    for _ in 0..3 * AT {
        commit(&db);
        checkpoints.after_commit(&db);
        orders += u32::from(checkpoints.ordered && !was);
        checkpoints.copy_by_hand();
        was = checkpoints.ordered;
    }
    assert_eq!(rows(&reads), 1, "what it began to read");
    assert!(checkpoints.seen > 2 * AT, "the log grows meanwhile");
    assert!((2..40).contains(&orders), "not at every commit: {orders}");
    reads.rollback().unwrap();
    let mut left = 100;
    while checkpoints.seen > AT {
        left -= 1;
        assert!(left > 0, "{checkpoints:?}");
        commit(&db);
        checkpoints.after_commit(&db);
        checkpoints.copy_by_hand();
    }
}

/// Commits until the log has begun anew.
fn until_anew(db: &Connection, checkpoints: &mut Checkpoints) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60), "{checkpoints:?}");
        let before = checkpoints.seen;
        commit(db);
        checkpoints.after_commit(db);
        if checkpoints.seen < before {
            return;
        }
    }
}

#[test]
fn where_nobody_else_can_copy_the_writer_does() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    // No database is there to be opened.
    checkpoints.beside.dir = dir.path().join("elsewhere");
    until_anew(&db, &mut checkpoints);
}

#[test]
fn a_thread_that_is_gone_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (db, mut checkpoints) = writer(dir.path());
    // It dies with the first order, before it has said anything.
    let (orders, ordered) = sync_channel(1);
    let thread = thread::spawn(move || {
        let _ = ordered.recv();
    });
    checkpoints.beside.hand = Hand::Thread {
        orders: Some(orders),
        thread: Some(thread),
    };
    for _ in 0..2 {
        until_anew(&db, &mut checkpoints);
    }
}
