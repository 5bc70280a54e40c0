//! Tampering: whatever is changed behind the program's back, `verify` names it.

use crate::{
    rebuild::{FromPayloads, assert_found, assert_intact, verified},
    support::{
        START_MS, append, batch, batch_of, batch_with, execution, plan, request, system_batch,
    },
};
use mandate_plan::Digest;
use mandate_store::{
    FindingKind::{self, *},
    Head, SqliteStore, StoreError,
    chain::RowParts,
    verify,
};
use rusqlite::{Connection, params};
use serde_json::json;
use std::{fs, path::Path};

/// A journal with two executions of ten rows, one of three, system rows, two plans, two blobs and two requests.
pub(crate) fn journal(dir: &Path) -> Head {
    let store = SqliteStore::open(dir).unwrap();
    append(&store, system_batch("policy_activated", START_MS)).unwrap();
    for n in 0..5 {
        append(&store, batch("aaa", n * 2 + 1, 2)).unwrap();
        append(&store, batch("bbb", n * 2 + 1, 2)).unwrap();
    }
    let large = json!("large ".repeat(20_000));
    append(&store, batch_with("aaa", 11, 1, &large)).unwrap();
    append(
        &store,
        batch_with("bbb", 11, 1, &json!("other ".repeat(20_000))),
    )
    .unwrap();
    let mut row = execution("ccc", 1);
    row.state = "waiting".to_owned();
    row.waiting_for = Some(r#"{"kind":"plan"}"#.to_owned());
    row.plan_hash = plan("second").hash;
    let mut batch = batch_of(
        row.clone(),
        vec![request("r1", "ccc"), request("r2", "ccc")],
    );
    batch.plan = Some(plan("second"));
    append(&store, batch).unwrap();
    row.last_seq = 2;
    row.state = "completed".to_owned();
    row.status = Some("success".to_owned());
    row.waiting_for = None;
    row.finished_at_ms = Some(START_MS + 50);
    let mut answered = request("r1", "ccc");
    answered.state = "answered".to_owned();
    answered.answer = Some("{}".to_owned());
    answered.closed_at_ms = Some(START_MS + 40);
    append(&store, batch_of(row, vec![answered])).unwrap();
    append(&store, system_batch("frozen", START_MS))
        .unwrap()
        .head
}

pub(crate) fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("journal.db")).unwrap()
}

/// A journal to copy: making one takes longer than looking for what was changed in it.
pub(crate) struct Original(tempfile::TempDir);

impl Original {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        // Copies take the database alone; what a closed store leaves in its log must be in it.
        database(dir.path())
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        Self(dir)
    }

    /// A copy, changed by `sql`; verify must find `kind` with `text`.
    pub(crate) fn after(&self, sql: &str, kind: FindingKind, text: &str) {
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("keys")).unwrap();
        for file in ["journal.db", "audit-head", "keys/audit.key"] {
            fs::copy(self.0.path().join(file), copy.path().join(file)).unwrap();
        }
        let changed = database(copy.path()).execute(sql, []).unwrap();
        assert!(changed > 0, "{sql} changes nothing");
        let report = verified(copy.path());
        assert_found(&report, kind, text);
    }
}

#[test]
fn an_untouched_journal_is_intact_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let head = journal(dir.path());
    let report = verify(dir.path(), Some(head), &FromPayloads).unwrap();
    assert!(report.is_intact(), "{:#?}", report.findings);
    let counts = (
        report.events,
        report.executions,
        report.commits,
        report.blobs,
        report.plans,
    );
    assert_eq!(counts, (26, 3, 16, 2, 2));
    assert_eq!(report.head, head);
    // Also while it is open, and after it was opened again.
    let store = SqliteStore::open(dir.path()).unwrap();
    assert_intact(dir.path());
    append(&store, batch("aaa", 12, 1)).unwrap();
    assert_intact(dir.path());
}

#[test]
fn every_column_of_an_event() {
    let original = Original::new();
    let row = "stream = 'bbb' AND seq = 4";
    for (column, change) in [
        ("stream", "'bbc'"),
        ("seq", "seq + 100"),
        ("at_ms", "at_ms + 1"),
        ("kind", "'step_complete '"),
        ("payload", "replace(payload, 'small', 'smell')"),
        ("prev_hash", "substr(hash, 1, 31) || x'00'"),
        ("hash", "substr(hash, 1, 31) || x'00'"),
        ("hash", "x'00'"),
        ("payload", "payload || ' '"),
    ] {
        let (stream, seq) = match column {
            "stream" => ("bbc", 4),
            "seq" => ("bbb", 104),
            _ => ("bbb", 4),
        };
        original.after(
            &format!(
                "UPDATE events SET {column} = CAST({change} AS {}) WHERE {row}",
                affinity(column)
            ),
            RowChanged,
            &format!("stream `{stream}` seq {seq}"),
        );
    }
    original.after(
        &format!("UPDATE events SET gseq = 999 WHERE {row}"),
        RowInserted,
        "stream `bbb` seq 4 (gseq 999)",
    );
    original.after(
        &format!("UPDATE events SET gseq = 999 WHERE {row}"),
        RowMissing,
        "events: gseq 9:",
    );
}

fn affinity(column: &str) -> &'static str {
    match column {
        "prev_hash" | "hash" | "hmac" | "head_hash" | "row_hash" | "content" | "plan_hash"
        | "subject" => "BLOB",
        "stream" | "kind" | "payload" | "canonical" => "TEXT",
        _ => "INTEGER",
    }
}

#[test]
fn events_that_swap_places() {
    for sql in [
        "UPDATE events SET gseq = CASE gseq WHEN 2 THEN 3 ELSE 2 END WHERE gseq IN (2, 3)",
        "UPDATE events SET seq = CASE seq WHEN 1 THEN 2 ELSE 1 END WHERE stream = 'aaa' AND seq IN (1, 2)",
    ] {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        let db = database(dir.path());
        let column = if sql.contains("SET gseq") {
            "gseq"
        } else {
            "seq"
        };
        // Through a free place, for uniqueness is checked row by row.
        let (first, second) = if column == "gseq" { (2, 3) } else { (1, 2) };
        for (from, to) in [(first, 900), (second, first), (900, second)] {
            let sql = format!(
                "UPDATE events SET {column} = {to} WHERE {column} = {from} AND stream = 'aaa'"
            );
            assert_eq!(db.execute(&sql, []).unwrap(), 1);
        }
        let report = verified(dir.path());
        let kind = if column == "gseq" {
            ChainBroken
        } else {
            RowChanged
        };
        assert_found(&report, kind, "stream `aaa` seq");
    }
}

#[test]
fn an_inserted_event() {
    let original = Original::new();
    original.after(
        "INSERT INTO events SELECT 900, stream, 12, at_ms, kind, payload, hash, hash FROM events WHERE stream = 'aaa' AND seq = 11",
        RowInserted,
        "stream `aaa` seq 12 (gseq 900)",
    );
    original.after(
        "INSERT INTO events VALUES (900, 'ddd', 1, 0, 'execution_created', '{}', zeroblob(32), zeroblob(32))",
        RowInserted,
        "stream `ddd` seq 1",
    );
}

#[test]
fn removed_events() {
    let original = Original::new();
    original.after(
        "DELETE FROM events WHERE stream = 'bbb' AND seq = 4",
        RowMissing,
        "stream `bbb` seq 4",
    );
    original.after(
        "DELETE FROM events WHERE stream = 'bbb' AND seq = 4",
        RowMissing,
        "gseq 9",
    );
    original.after(
        "DELETE FROM events WHERE stream = 'bbb' AND seq BETWEEN 3 AND 6",
        RowMissing,
        "stream `bbb` seq 3 to 6",
    );
    // The last row of the journal, of an execution, the last ten.
    original.after("DELETE FROM events WHERE gseq = 26", RowMissing, "gseq 26");
    original.after(
        "DELETE FROM events WHERE stream = 'aaa' AND seq = 11",
        RowMissing,
        "gseq 22",
    );
    original.after(
        "DELETE FROM events WHERE stream = 'aaa' AND seq = 11",
        ProjectionChanged,
        "executions: `aaa`",
    );
    original.after("DELETE FROM events WHERE gseq > 16", RowMissing, "gseq 17");
    original.after(
        "DELETE FROM events WHERE stream = 'aaa'",
        ProjectionInserted,
        "executions: `aaa`",
    );
    original.after(
        "DELETE FROM events WHERE stream = 'ccc'",
        ProjectionInserted,
        "requests: `r1`",
    );
}

#[test]
fn a_removed_tail_with_its_commits() {
    for (rows, commits) in [(1, 1), (10, 8)] {
        let dir = tempfile::tempdir().unwrap();
        let head = journal(dir.path());
        let db = database(dir.path());
        let last: i64 = db
            .query_row(
                "SELECT last_gseq FROM commits WHERE number = ?1",
                [16 - commits],
                |r| r.get(0),
            )
            .unwrap();
        assert!(26 - last >= rows, "{last}");
        db.execute("DELETE FROM events WHERE gseq > ?1", [last])
            .unwrap();
        db.execute("DELETE FROM commits WHERE number > ?1", [16 - commits])
            .unwrap();
        let report = verified(dir.path());
        let text = format!(
            "names commit 16, but the journal ends at commit {}",
            16 - commits
        );
        assert_found(&report, HeadFileChanged, &text);
        // The program itself refuses to write over it.
        let refused = SqliteStore::open(dir.path()).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Damaged(why) if why.contains(&text)),
            "{refused}"
        );
        // With the head file made to match, a head kept elsewhere still finds it.
        let hash: [u8; 32] = db
            .query_row(
                "SELECT hash FROM commits WHERE number = ?1",
                [16 - commits],
                |r| r.get(0),
            )
            .unwrap();
        let line = format!("{:020} {}\n", 16 - commits, Digest::from_bytes(hash));
        fs::write(dir.path().join("audit-head"), line).unwrap();
        let report = verify(dir.path(), Some(head), &FromPayloads).unwrap();
        assert_found(&report, RolledBack, "before commit 16");
    }
}

#[test]
fn an_execution_removed_with_all_that_is_its() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let db = database(dir.path());
    for table in [
        "executions WHERE execution_id",
        "requests WHERE execution_id",
        "events WHERE stream",
    ] {
        assert!(
            db.execute(&format!("DELETE FROM {table} = 'ccc'"), [])
                .unwrap()
                > 0
        );
    }
    db.execute("DELETE FROM plans WHERE name = 'second'", [])
        .unwrap();
    let report = verified(dir.path());
    assert_found(&report, RowMissing, "events: gseq 24");
    assert_found(&report, CommitChanged, "commits: 14");
}

#[test]
fn a_journal_emptied() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    drop(SqliteStore::open(dir.path()).unwrap());
    let db = database(dir.path());
    for table in [
        "events",
        "commits",
        "plans",
        "blobs",
        "executions",
        "requests",
    ] {
        db.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    fs::remove_file(dir.path().join("audit-head")).unwrap();
    let report = verified(dir.path());
    assert_found(
        &report,
        LeaseChanged,
        "commit 16, the last one when the store was last opened",
    );
    assert_found(&report, HeadFileChanged, "`audit-head` is missing");
    assert!(SqliteStore::open(dir.path()).is_err());
    db.execute("DELETE FROM lease", []).unwrap();
}

#[test]
fn blobs() {
    let original = Original::new();
    let named = |dir: &Path| -> String {
        let hash: [u8; 32] = database(dir)
            .query_row("SELECT hash FROM blobs WHERE commit_number = 12", [], |r| {
                r.get(0)
            })
            .unwrap();
        Digest::from_bytes(hash).to_string()
    };
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let hash = named(dir.path());
    let at = "WHERE commit_number = 12";
    for (sql, kind) in [
        (
            format!(
                "UPDATE blobs SET content = CAST(replace(content, 'large l', 'larger ') AS BLOB) {at}"
            ),
            BlobChanged,
        ),
        (
            format!("UPDATE blobs SET size = size + 1 {at}"),
            BlobChanged,
        ),
        (
            format!("UPDATE blobs SET row_hash = zeroblob(32) {at}"),
            BlobChanged,
        ),
        (
            format!("UPDATE blobs SET commit_number = 11 {at}"),
            BlobChanged,
        ),
        (
            format!("UPDATE blobs SET commit_number = 99 {at}"),
            BlobInserted,
        ),
        (format!("DELETE FROM blobs {at}"), BlobMissing),
    ] {
        original.after(&sql, kind, &hash);
    }
    original.after(
        &format!("UPDATE blobs SET hash = zeroblob(32) {at}"),
        BlobChanged,
        &"0".repeat(64),
    );
    original.after(
        &format!("UPDATE blobs SET hash = zeroblob(32) {at}"),
        BlobMissing,
        &hash,
    );
    // The row that stands on it is named too.
    original.after(
        &format!("DELETE FROM blobs {at}"),
        BlobMissing,
        "stream `aaa` seq 11",
    );
    let forged = "INSERT INTO blobs VALUES (zeroblob(32), 1, 5, zeroblob(32), x'00')";
    original.after(forged, CommitChanged, "commits: 5");
}

#[test]
fn plans() {
    let original = Original::new();
    let hash = plan("second").hash.to_string();
    let at = "WHERE name = 'second'";
    for change in [
        "canonical = replace(canonical, '\"1\"', '\"2\"')",
        "name = 'sekond'",
        "at_ms = at_ms + 1",
        "commit_number = commit_number - 1",
        "row_hash = zeroblob(32)",
    ] {
        original.after(
            &format!("UPDATE plans SET {change} {at}"),
            PlanChanged,
            &hash,
        );
    }
    original.after(
        &format!("UPDATE plans SET hash = zeroblob(32) {at}"),
        PlanChanged,
        &"0".repeat(64),
    );
    original.after(
        &format!("DELETE FROM plans {at}"),
        RebuildFailed,
        "executions: `ccc`: its plan is missing",
    );
    original.after(
        &format!("DELETE FROM plans {at}"),
        CommitChanged,
        "commits: 14",
    );
}

#[test]
fn a_journal_that_is_being_written_is_intact_at_every_moment() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let path = dir.path().to_owned();
    let writer = std::thread::spawn(move || {
        // Opened again now and then, too: that moves the head at the last opening.
        for n in 0..10 {
            let store = SqliteStore::open(&path).unwrap();
            for m in 0..20 {
                append(&store, batch("zzz", n * 20 + m + 1, 1)).unwrap();
            }
        }
    });
    while !writer.is_finished() {
        assert_intact(dir.path());
    }
    writer.join().unwrap();
    assert_eq!(assert_intact(dir.path()).events, 226);
}

#[test]
fn a_row_taken_out_of_its_chain() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let db = database(dir.path());
    let columns = "at_ms, kind, payload FROM events WHERE stream = 'bbb' AND seq = 4";
    let (at_ms, kind, payload): (i64, String, String) = db
        .query_row(&format!("SELECT {columns}"), [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap();
    let prev_hash = [7; 32];
    let parts = RowParts {
        stream: "bbb",
        seq: 4,
        at_ms,
        kind: &kind,
        payload: payload.as_bytes(),
        prev_hash: &prev_hash,
    };
    let sql = "UPDATE events SET prev_hash = ?1, hash = ?2 WHERE stream = 'bbb' AND seq = 4";
    db.execute(sql, params![prev_hash, parts.hash().as_bytes()])
        .unwrap();
    let report = verified(dir.path());
    assert_found(&report, ChainBroken, "stream `bbb` seq 4");
    assert_found(&report, ChainBroken, "stream `bbb` seq 5");
    assert_found(&report, CommitChanged, "commits: 5");
}

#[test]
fn a_payload_altered_and_chained_again_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let db = database(dir.path());
    db.execute("UPDATE events SET payload = replace(payload, 'small', 'smell') WHERE stream = 'aaa' AND seq = 2", []).unwrap();
    let mut query = db
        .prepare(
            "SELECT gseq, seq, at_ms, kind, payload FROM events WHERE stream = 'aaa' ORDER BY seq",
        )
        .unwrap();
    let mut rows = query.query([]).unwrap();
    let mut before = [0_u8; 32];
    while let Some(row) = rows.next().unwrap() {
        let (gseq, kind, payload): (i64, String, String) = (
            row.get(0).unwrap(),
            row.get(3).unwrap(),
            row.get(4).unwrap(),
        );
        let parts = RowParts {
            stream: "aaa",
            seq: row.get(1).unwrap(),
            at_ms: row.get(2).unwrap(),
            kind: &kind,
            payload: payload.as_bytes(),
            prev_hash: &before,
        };
        let hash = *parts.hash().as_bytes();
        database(dir.path())
            .execute(
                "UPDATE events SET prev_hash = ?2, hash = ?3 WHERE gseq = ?1",
                params![gseq, before, hash],
            )
            .unwrap();
        before = hash;
    }
    // The rows agree among themselves; the commits, which need the key, do not.
    let report = verified(dir.path());
    assert!(
        report.findings.iter().all(|f| f.kind == CommitChanged),
        "{:#?}",
        report.findings
    );
    assert_found(&report, CommitChanged, "commits: 2");
}
