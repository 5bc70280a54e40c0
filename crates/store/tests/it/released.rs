//! Journals of released schema versions: each is kept as SQL text and must open, verify and go on for ever.

use crate::{
    rebuild::assert_intact,
    support::{
        START_MS, append, batch, batch_of, batch_with_text, execution, request, system_batch,
    },
};
use mandate_store::{Journal as _, SqliteStore, schema};
use rusqlite::Connection;
use std::{fs, path::Path};

fn fixture(version: u32) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/journal-v{version}"))
}

/// Every version before the current one, and the current one once it is released.
fn released() -> std::ops::RangeInclusive<u32> {
    let current = schema::VERSION;
    1..=(current - u32::from(!fixture(current).exists()))
}

#[test]
fn every_released_version_opens_verifies_and_goes_on() {
    for version in released() {
        let dir = tempfile::tempdir().unwrap();
        let from = fixture(version);
        fs::create_dir(dir.path().join("keys")).unwrap();
        fs::copy(from.join("audit.key"), dir.path().join("keys/audit.key")).unwrap();
        fs::copy(from.join("audit-head"), dir.path().join("audit-head")).unwrap();
        let sql = fs::read_to_string(from.join("journal.sql")).unwrap();
        let db = Connection::open(dir.path().join("journal.db")).unwrap();
        db.execute_batch(&sql).unwrap();
        let found: u32 = db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(found, version);
        drop(db);
        if version < schema::VERSION {
            let error = SqliteStore::open_readonly(dir.path()).unwrap_err();
            assert!(error.to_string().contains("not migrated"), "{error}");
        }
        let store = SqliteStore::open(dir.path()).unwrap();
        let report = assert_intact(dir.path());
        assert_eq!(
            (report.events, report.executions, report.blobs, report.plans),
            (5, 2, 1, 1)
        );
        assert_eq!(
            store.read("a", 2, 1).unwrap()[0].payload.len(),
            batch_with_text("a", 2, 70_000).records[0].payload.len()
        );
        append(&store, batch("a", 3, 2)).unwrap();
        drop(store);
        assert_intact(dir.path());
    }
}

/// Run with `cargo test -p mandate-store -- --ignored` when a new schema version is about to be released, and only then:
/// a fixture, once committed, is not made again.
#[test]
#[ignore = "writes the fixture of the current schema version"]
fn write_the_fixture_of_this_version() {
    let to = fixture(schema::VERSION);
    assert!(!to.exists(), "`{}` is there already", to.display());
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    append(&store, batch("a", 1, 1)).unwrap();
    append(&store, batch_with_text("a", 2, 70_000)).unwrap();
    append(
        &store,
        batch_of(execution("b", 1), vec![request("r1", "b")]),
    )
    .unwrap();
    append(&store, system_batch("frozen", START_MS)).unwrap();
    append(&store, system_batch("thawed", START_MS + 1)).unwrap();
    drop(store);
    fs::create_dir_all(&to).unwrap();
    fs::copy(dir.path().join("keys/audit.key"), to.join("audit.key")).unwrap();
    fs::copy(dir.path().join("audit-head"), to.join("audit-head")).unwrap();
    fs::write(to.join("journal.sql"), dump(&dir.path().join("journal.db"))).unwrap();
}

/// The database as SQL that makes it again.
fn dump(path: &Path) -> String {
    let db = Connection::open(path).unwrap();
    let mut sql = String::new();
    for pragma in ["application_id", "user_version"] {
        let value: u32 = db
            .pragma_query_value(None, pragma, |row| row.get(0))
            .unwrap();
        sql += &format!("PRAGMA {pragma} = {value};\n");
    }
    let texts = |query: &str| -> Vec<String> {
        let mut query = db.prepare(query).unwrap();
        let texts = query.query_map([], |row| row.get(0)).unwrap();
        texts.map(Result::unwrap).collect()
    };
    for object in texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid") {
        sql += &format!("{object};\n");
    }
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
        let columns = texts(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let quoted: Vec<_> = columns
            .iter()
            .map(|column| format!("quote({column})"))
            .collect();
        for row in texts(&format!(
            "SELECT {} FROM {table}",
            quoted.join(" || ', ' || ")
        )) {
            sql += &format!(
                "INSERT INTO {table} ({}) VALUES ({row});\n",
                columns.join(", ")
            );
        }
    }
    // The one large value, shorter.
    let large = format!("X'22{}22'", "78".repeat(70_000));
    sql.replace(
        &large,
        "CAST('\"' || replace(hex(zeroblob(35000)), '0', 'x') || '\"' AS BLOB)",
    )
}
