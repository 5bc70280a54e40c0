//! A crash before write-ahead logging was switched on leaves a rollback journal: who only reads must get past it.

use mandate_store::{Reader, SqliteStore};
use rusqlite::Connection;

#[test]
fn a_reader_comes_after_a_crash_that_left_work_to_undo() {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path()).unwrap());
    let db = Connection::open(dir.path().join("journal.db")).unwrap();
    db.pragma_update(None, "journal_mode", "DELETE").unwrap();
    db.pragma_update(None, "cache_size", 2).unwrap();
    // Pages leave the cache before the end, so that the journal beside the database is one to roll back.
    db.execute_batch("BEGIN; CREATE TABLE half(x); INSERT INTO half WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT hex(randomblob(200)) FROM n;")
        .unwrap();
    let crashed = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-journal"] {
        std::fs::copy(dir.path().join(file), crashed.path().join(file)).unwrap();
    }
    let reader = Reader::open(crashed.path()).unwrap();
    assert_eq!(reader.unfinished().unwrap(), Vec::<String>::new());
    let db = Connection::open(crashed.path().join("journal.db")).unwrap();
    let half: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'half'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(half, 0, "what was not committed is gone");
}
