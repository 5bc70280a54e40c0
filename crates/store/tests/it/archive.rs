//! Archives: what went to a file is out of the journal, the journal stays provable, and nothing is lost on the way.

use crate::{
    rebuild::{assert_found, assert_intact, verified},
    support::{append, batch_of, batch_with, execution, plan, record, request},
};
use mandate_plan::Digest;
use mandate_store::{
    ArchiveFile, Batch, FindingKind, Journal as _, Known, Removal, SigningKey, SqliteStore,
    StoreError, export, read_archive, verify_export, write_archive,
};
use rusqlite::Connection;
use serde_json::json;
use std::{path::Path, sync::mpsc};

/// A batch with which an execution ends; it has two events before.
fn ending(id: &str, seq: u64) -> Batch {
    let mut row = execution(id, seq);
    row.state = "completed".to_owned();
    row.status = Some("success".to_owned());
    row.finished_at_ms = Some(row.updated_at_ms);
    let mut batch = batch_of(row.clone(), Vec::new());
    batch.records = vec![record(seq, &json!(null), &row, &[])];
    batch
}

/// `a` and `b` are over and share a large value with `c`, which goes on.
pub fn fill(store: &SqliteStore) {
    let large = json!("shared ".repeat(12_000));
    for id in ["a", "b", "c"] {
        let mut asked = request(&format!("r-{id}"), id);
        asked.state = "answered".to_owned();
        append(store, batch_of(execution(id, 1), vec![asked])).unwrap();
        append(store, batch_with(id, 2, 1, &large)).unwrap();
    }
    append(store, ending("a", 3)).unwrap();
    append(store, ending("b", 3)).unwrap();
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

pub fn write(store: &SqliteStore, executions: &[&str], path: &Path) -> ArchiveFile {
    let key = SigningKey::of_directory(store.reader().dir()).unwrap();
    write_archive(store.reader(), ids(executions), &key, path).unwrap();
    read(store, path)
}

pub fn read(store: &SqliteStore, path: &Path) -> ArchiveFile {
    let key = SigningKey::of_directory(store.reader().dir()).unwrap();
    let known = Known {
        public_key: Some(key.public_key()),
        dir: Some(store.reader().dir()),
        ..Known::default()
    };
    let archive = read_archive(path, &known).unwrap();
    let report = archive.report;
    assert!(report.is_intact() && report.hmac_checked, "{report:#?}");
    archive.file
}

pub fn remove(
    store: &SqliteStore,
    executions: &[(&str, u64)],
    archive: &ArchiveFile,
) -> Result<(), StoreError> {
    let (tell, told) = mpsc::channel();
    let removal = Removal {
        at_ms: 7,
        by: "local:1000".to_owned(),
        archive: archive.clone(),
        executions: executions
            .iter()
            .map(|(id, seq)| ((*id).to_owned(), *seq))
            .collect(),
    };
    store.remove_archived(removal, Box::new(move |result| tell.send(result).unwrap()));
    told.recv().unwrap().map(|_| ())
}

/// The journal of `fill`, with `a` and `b` archived.
fn archived(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir).unwrap();
    fill(&store);
    let archive = write(&store, &["a", "b"], &dir.join("archive.jsonl"));
    remove(&store, &[("a", 3), ("b", 3)], &archive).unwrap();
    store
}

fn count(dir: &Path, sql: &str) -> i64 {
    let db = Connection::open(dir.join("journal.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_archived_is_gone_and_the_chain_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = archived(dir.path());
    let report = assert_intact(dir.path());
    assert_eq!((report.executions, report.archived), (1, 2));
    let reader = store.reader();
    assert!(reader.execution("a").unwrap().is_none());
    assert!(reader.request("r-a").unwrap().is_none());
    assert!(reader.read("a", 1, 9).unwrap().is_empty());
    let (gone, tombstone, at_ms) = reader.archived("a").unwrap().unwrap();
    assert_eq!((gone.last_seq, at_ms), (3, 7));
    assert!(tombstone.archive.file.ends_with("archive.jsonl"));
    assert!(reader.archived("c").unwrap().is_none());
    assert_eq!(reader.resolve_archived("").unwrap(), ["a", "b"]);
    // `c` stands on the plan and the value still.
    assert_eq!(reader.read("c", 1, 9).unwrap().len(), 2);
    assert_eq!((report.plans, report.blobs), (1, 1));

    // The last that stands on them takes them along; who needs them again brings them along.
    append(&store, ending("c", 3)).unwrap();
    let archive = write(&store, &["c"], &dir.path().join("second.jsonl"));
    remove(&store, &[("c", 3)], &archive).unwrap();
    let report = assert_intact(dir.path());
    assert_eq!((report.plans, report.blobs, report.archived), (0, 0, 3));
    append(&store, batch_of(execution("d", 1), Vec::new())).unwrap();
    assert_eq!(assert_intact(dir.path()).plans, 1);
    drop(store);
    // And after another opening.
    let store = SqliteStore::open(dir.path()).unwrap();
    append(&store, batch_with("d", 2, 1, &json!(1))).unwrap();
    assert_intact(dir.path());
}

#[test]
fn an_export_of_the_rest_is_whole_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = archived(dir.path());
    let key = SigningKey::of_directory(dir.path()).unwrap();
    let mut text = Vec::new();
    export(store.reader(), &Default::default(), &key, &mut text).unwrap();
    let report = verify_export(&mut text.as_slice(), &Known::default()).unwrap();
    assert!(report.is_intact(), "{:#?}", report.findings);
    assert_eq!(report.left_out, 6);
    // It says how much is not there, and one row more is found.
    let text = String::from_utf8(text).unwrap();
    let changed = text.replace(r#""archived":{"rows":6"#, r#""archived":{"rows":7"#);
    assert_ne!(text, changed);
    let report = verify_export(&mut changed.as_bytes(), &Known::default()).unwrap();
    assert!(
        report
            .findings
            .iter()
            .any(|f| f.kind == FindingKind::RowMissing)
    );
}

#[test]
fn only_what_is_over_and_as_it_is_in_the_archive_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    fill(&store);
    let archive = write(&store, &["a", "b"], &dir.path().join("archive.jsonl"));
    for wrong in [("a", 2), ("c", 2), ("nobody", 1)] {
        let error = remove(&store, &[("b", 3), wrong], &archive).unwrap_err();
        assert!(matches!(error, StoreError::Failed(_)), "{error}");
    }
    assert_eq!(assert_intact(dir.path()).executions, 3);
    remove(&store, &[("a", 3)], &archive).unwrap();
    // As after a crash between two transactions.
    remove(&store, &[("a", 3), ("b", 3), ("b", 3)], &archive).unwrap();
    remove(&store, &[("a", 3), ("b", 3)], &archive).unwrap();
    assert_eq!(assert_intact(dir.path()).archived, 2);
    assert_eq!(
        count(
            dir.path(),
            "SELECT count(*) FROM events WHERE kind = 'archived'"
        ),
        2
    );
}

#[test]
fn an_archive_takes_no_other_files_place_and_is_not_believed_when_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    fill(&store);
    let path = dir.path().join("archive.jsonl");
    write(&store, &["a"], &path);
    let key = SigningKey::of_directory(dir.path()).unwrap();
    let again = write_archive(store.reader(), ids(&["b"]), &key, &path);
    assert!(again.unwrap_err().to_string().contains("archive.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let whole = |text: &str| {
        let report = verify_export(&mut text.as_bytes(), &Known::default()).unwrap();
        report.is_intact()
    };
    assert!(whole(&text));
    for (from, to) in [
        ("\"executions\":1", "\"executions\":2"),
        ("{\"skip_to\":{\"number\":6", "{\"skip_to\":{\"number\":5"),
        ("shared shared", "shared Shared"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert!(changed != text && !whole(&changed), "{from}");
    }
    // Without a line of the middle: commits cannot be left out where an execution is.
    let fewer: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(n, _)| *n != 2)
        .map(|(_, l)| l)
        .collect();
    assert!(!whole(&(fewer.join("\n") + "\n")));
}

/// Somebody who can write the database, and has no key.
fn tamper(sql: &str) -> mandate_store::VerifyReport {
    let dir = tempfile::tempdir().unwrap();
    drop(archived(dir.path()));
    let db = Connection::open(dir.path().join("journal.db")).unwrap();
    db.execute_batch(sql).unwrap();
    drop(db);
    verified(dir.path())
}

#[test]
fn a_removed_execution_without_a_tombstone_is_found() {
    let gone = "DELETE FROM events WHERE stream = 'c'; DELETE FROM executions WHERE execution_id = 'c'; \
                DELETE FROM requests WHERE execution_id = 'c'; DELETE FROM content_uses WHERE stream = 'c';";
    assert_found(
        &tamper(gone),
        FindingKind::RowMissing,
        "removed, though commit",
    );
    // Its hashes put where those of archived rows are: under a tombstone that says nothing of it, or under none.
    for (seq, kind) in [
        (1, FindingKind::TombstoneWrong),
        (9, FindingKind::TombstoneMissing),
    ] {
        let hidden = format!(
            "INSERT INTO removed_rows SELECT gseq, hash, {seq} FROM events WHERE stream = 'c'; {gone}"
        );
        assert_found(&tamper(&hidden), kind, "removed");
    }
    let contents = "INSERT INTO removed_contents SELECT commit_number, 'blob', hash, row_hash, 1 FROM blobs; DELETE FROM blobs";
    assert_found(
        &tamper(contents),
        FindingKind::TombstoneWrong,
        "plans and values",
    );
}

#[test]
fn a_tombstone_that_is_forged_changed_or_denied_is_found() {
    let forged = "INSERT INTO events SELECT gseq + 1, stream, seq + 1, at_ms, kind, payload, hash, hash FROM events \
                  WHERE kind = 'archived'";
    assert_found(&tamper(forged), FindingKind::RowInserted, "no commit");
    let changed = "UPDATE events SET payload = replace(payload, 'local:1000', 'local:1001') WHERE kind = 'archived'";
    assert_found(&tamper(changed), FindingKind::RowChanged, "changed");
    assert_found(
        &tamper("DELETE FROM events WHERE kind = 'archived'"),
        FindingKind::TombstoneMissing,
        "no tombstone",
    );
    for sql in [
        "DELETE FROM archived WHERE execution_id = 'a'",
        "UPDATE archived SET tombstone = 4 WHERE execution_id = 'a'",
    ] {
        assert_found(&tamper(sql), FindingKind::ProjectionMissing, "archived");
    }
    assert_found(
        &tamper("INSERT INTO archived VALUES ('z', 1)"),
        FindingKind::ProjectionInserted,
        "3 executions",
    );
    assert_found(
        &tamper("DELETE FROM removed_rows WHERE gseq = 1"),
        FindingKind::RowMissing,
        "gseq 1",
    );
    assert_found(
        &tamper("UPDATE removed_rows SET hash = zeroblob(32) WHERE gseq = 1"),
        FindingKind::CommitChanged,
        "commits",
    );
    assert_found(
        &tamper("DELETE FROM content_uses WHERE stream = 'c'"),
        FindingKind::ProjectionMissing,
        "stands on",
    );
    assert_found(
        &tamper("INSERT INTO content_uses VALUES (zeroblob(32), 'nobody')"),
        FindingKind::ProjectionInserted,
        "no stream",
    );
}

#[test]
fn a_plan_that_another_execution_was_created_with_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    fill(&store);
    let before = Digest::of(br#"{"name":"sample","steps":[],"version":"1"}"#);
    // `c` runs another revision now: its row does not name the first plan any more.
    let mut row = execution("c", 3);
    row.plan_hash = crate::support::plan("other").hash;
    row.revision = 2;
    let mut batch = batch_of(row, Vec::new());
    batch.plan = Some(crate::support::plan("other"));
    append(&store, batch).unwrap();
    let archive = write(&store, &["a", "b"], &dir.path().join("archive.jsonl"));
    remove(&store, &[("a", 3), ("b", 3)], &archive).unwrap();
    assert!(store.reader().plan(&before).unwrap().is_some());
    assert_intact(dir.path());
}

#[test]
fn a_plan_stays_as_long_as_another_stream_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let mut other = batch_of(execution("d", 1), Vec::new());
    other.plan = Some(plan("second"));
    other.stands_on = vec![plan("sample").hash];
    append(&store, batch_of(execution("a", 1), Vec::new())).unwrap();
    append(&store, ending("a", 2)).unwrap();
    append(&store, other).unwrap();
    let archive = write(&store, &["a"], &dir.path().join("archive.jsonl"));
    remove(&store, &[("a", 2)], &archive).unwrap();
    assert!(store.plan(&plan("sample").hash).unwrap().is_some());
}

#[test]
fn sessions_are_what_their_executions_give() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let of =
        |session: &str, id: &str, seq: u64, created_at_ms: i64, finished_at_ms: Option<i64>| {
            let mut row = execution(id, seq);
            (row.session, row.created_at_ms) = (session.to_owned(), created_at_ms);
            (row.updated_at_ms, row.finished_at_ms) =
                (finished_at_ms.unwrap_or(created_at_ms), finished_at_ms);
            append(&store, batch_of(row, Vec::new())).unwrap();
        };
    of("s", "a", 1, 10, None);
    of("s", "a", 2, 10, Some(30));
    of("t", "b", 1, 20, None);
    of("s", "c", 1, 15, Some(25));
    let listed = || -> Vec<(String, u64, i64, i64)> {
        let sessions = store.reader().sessions(10).unwrap();
        let of =
            |s: mandate_store::SessionSummary| (s.session, s.executions, s.first_ms, s.last_ms);
        sessions.into_iter().map(of).collect()
    };
    assert_eq!(
        listed(),
        [("s".to_owned(), 2, 10, 30), ("t".to_owned(), 1, 20, 20)]
    );
    assert_intact(dir.path());
    for (n, (id, last_seq, left)) in [("c", 1, (1, 10, 30)), ("a", 2, (0, 0, 0))]
        .into_iter()
        .enumerate()
    {
        let archive = write(&store, &[id], &dir.path().join(format!("{n}.jsonl")));
        remove(&store, &[(id, last_seq)], &archive).unwrap();
        let s = listed().into_iter().find(|row| row.0 == "s");
        assert_eq!(s.map_or((0, 0, 0), |row| (row.1, row.2, row.3)), left);
        assert_intact(dir.path());
    }
}
