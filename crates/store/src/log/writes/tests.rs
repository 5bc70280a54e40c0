//! What is kept and written when, and what others see of a database whose log is written so.

use super::*;
use proptest::prelude::*;
use rusqlite::{Connection, OpenFlags};
use std::convert::Infallible;

fn put(file: &mut Vec<u8>, at: i64, bytes: &[u8]) {
    let at = usize::try_from(at).unwrap();
    file.resize(file.len().max(at + bytes.len()), 0);
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

proptest! {
    /// Whatever is written where, and whenever it has to be there, the file is the one that it would be without keeping.
    #[test]
    fn what_is_kept_makes_the_same_file(
        acts in proptest::collection::vec((0_i64..4096, 1_usize..20_000, any::<bool>(), any::<u8>(), any::<bool>()), 1..60)
    ) {
        let (mut kept, mut file, mut plain, mut end) = (Kept::on(ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE), Vec::new(), Vec::new(), 0);
        for (at, length, goes_on, byte, due) in acts {
            let at = if goes_on { end } else { at };
            let bytes = vec![byte; length];
            put(&mut plain, at, &bytes);
            end = at + i64::try_from(length).unwrap();
            let write = |at: i64, bytes: &[u8]| {
                put(&mut file, at, bytes);
                Ok::<_, Infallible>(())
            };
            kept.take(at, &bytes, write).unwrap();
            prop_assert!(kept.bytes.len() < MOST);
            if due {
                kept.give(|at, bytes| { put(&mut file, at, bytes); Ok::<_, Infallible>(()) }).unwrap();
                prop_assert_eq!(&file, &plain);
            }
        }
        kept.give(|at, bytes| { put(&mut file, at, bytes); Ok::<_, Infallible>(()) }).unwrap();
        prop_assert_eq!(file, plain);
    }
}

#[test]
fn a_commit_of_many_pages_is_one_write() {
    let (mut kept, mut writes, mut at) = (Kept::on(ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE), 0, 32);
    let mut write = |_: i64, _: &[u8]| {
        writes += 1;
        Ok::<_, Infallible>(())
    };
    for _ in 0..10 {
        for piece in [&[1_u8; 24][..], &[2; 4096]] {
            kept.take(at, piece, &mut write).unwrap();
            at += i64::try_from(piece.len()).unwrap();
        }
    }
    kept.give(&mut write).unwrap();
    assert_eq!(writes, 1);
}

#[test]
fn where_a_write_may_harm_its_neighbours_nothing_is_kept() {
    let mut kept = Kept::on(0);
    let mut writes = 0;
    for at in 0..3 {
        kept.take(at, b"x", |_, _| {
            writes += 1;
            Ok::<_, Infallible>(())
        })
        .unwrap();
    }
    assert_eq!(writes, 3);
}

#[test]
fn what_cannot_be_written_is_told_and_not_written_later() {
    let mut kept = Kept::on(ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    kept.take(0, b"lost", |_, _| Ok::<_, &str>(())).unwrap();
    assert_eq!(kept.give(|_, _| Err("full")), Err("full"));
    kept.give(|_, _| Err("there is nothing to write")).unwrap();
    // The next one begins where it likes.
    kept.take(2, b"kept", |_, _| Ok::<_, &str>(())).unwrap();
    let mut file = Vec::new();
    kept.give(|at, bytes| {
        put(&mut file, at, bytes);
        Ok::<_, &str>(())
    })
    .unwrap();
    assert_eq!(file, b"\0\0kept");
}

fn database(dir: &std::path::Path) -> Connection {
    let db = Connection::open_with_flags_and_vfs(
        dir.join("journal.db"),
        OpenFlags::default(),
        vfs().unwrap(),
    )
    .unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db
}

const COUNT: &str = "SELECT count(*), coalesce(sum(length(x)), 0) FROM t";

fn counted(db: &Connection) -> (i64, i64) {
    db.query_row(COUNT, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

/// Others see each commit, one that outgrew the cache and was read back half-way, and nothing of what was taken back; the log
/// is begun anew in between; and what a crash would leave at any of these moments is the same.
#[test]
fn others_and_a_copy_see_what_is_committed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let db = database(dir.path());
    db.pragma_update(None, "wal_autocheckpoint", 40).unwrap();
    db.pragma_update(None, "cache_size", 10).unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB); CREATE INDEX i ON t (x)")
        .unwrap();
    let other = Connection::open(dir.path().join("journal.db")).unwrap();
    let (mut rows, mut bytes) = (0, 0);
    for round in 0..60_i64 {
        let size = 1 + (round * 7919) % 9000;
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..1 + round % 30 {
            db.execute("INSERT INTO t (x) VALUES (randomblob(?1))", [size])
                .unwrap();
        }
        let within = counted(&db);
        assert_eq!(counted(&other), (rows, bytes), "before the commit");
        if round % 5 == 4 {
            db.execute_batch("ROLLBACK").unwrap();
        } else {
            db.execute_batch("COMMIT").unwrap();
            (rows, bytes) = within;
        }
        assert_eq!(counted(&db), (rows, bytes));
        assert_eq!(counted(&other), (rows, bytes));
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let copy = Connection::open(copy.path().join("journal.db")).unwrap();
        assert_eq!(counted(&copy), (rows, bytes));
        let fine: String =
            { copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)) }.unwrap();
        assert_eq!(fine, "ok");
    }
}
