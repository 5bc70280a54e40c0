//! Tampering with what is not an event: projections, commits, the head file, the lease, the key, the schema.

use crate::{
    rebuild::{FromPayloads, assert_found, assert_intact, verified},
    support::{append, batch, plan},
    tamper::{Original, database, journal},
};
use mandate_plan::Digest;
use mandate_store::{FindingKind::*, Head, SqliteStore, StoreError, verify};
use std::fs;

#[test]
fn every_column_of_a_projection() {
    let original = Original::new();
    for (column, change) in [
        ("plan_id", "'x'"),
        ("revision", "2"),
        ("plan_hash", "zeroblob(32)"),
        ("name", "'x'"),
        ("principal", "'x'"),
        ("session", "'x'"),
        ("state", "'running'"),
        ("status", "NULL"),
        ("error_code", "'CANCELLED'"),
        ("waiting_for", "'{}'"),
        ("priority", "1"),
        ("created_at_ms", "created_at_ms + 1"),
        ("updated_at_ms", "updated_at_ms + 1"),
        ("finished_at_ms", "NULL"),
        ("last_seq", "3"),
        ("steps_total", "8"),
        ("steps_settled", "8"),
        ("tools", "' fs.read '"),
        ("parent", "'other'"),
    ] {
        let sql = format!("UPDATE executions SET {column} = {change} WHERE execution_id = 'ccc'");
        original.after(
            &sql,
            ProjectionChanged,
            &format!("executions: `ccc`: not what its stream gives: {column}"),
        );
    }
    for (column, change) in [
        ("kind", "'step'"),
        ("step", "'fetch'"),
        ("state", "'open'"),
        ("subject", "zeroblob(32)"),
        ("detail", "'{}'"),
        ("answer", "'{\"choice\":\"approve\"}'"),
        ("opened_at_ms", "1"),
        ("expires_at_ms", "NULL"),
        ("closed_at_ms", "NULL"),
    ] {
        let sql = format!("UPDATE requests SET {column} = {change} WHERE request_id = 'r1'");
        original.after(
            &sql,
            ProjectionChanged,
            &format!("requests: `r1`: not what its stream gives: {column}"),
        );
    }
    for change in [
        "executions = 9",
        "first_ms = 1",
        "last_ms = 1",
        "session = 'x'",
    ] {
        let sql = format!("UPDATE sessions SET {change} WHERE session = 's-1'");
        original.after(
            &sql,
            ProjectionChanged,
            "of `local:1000`: not what its executions give",
        );
    }
    let sql = "DELETE FROM sessions WHERE session = 's-1'";
    original.after(sql, ProjectionMissing, "sessions: `s-1`");
    original.after(
        "UPDATE executions SET execution_id = 'cce' WHERE execution_id = 'ccc'",
        ProjectionMissing,
        "`ccc`",
    );
    original.after(
        "UPDATE executions SET execution_id = 'cce' WHERE execution_id = 'ccc'",
        ProjectionInserted,
        "`cce`",
    );
    original.after(
        "UPDATE requests SET request_id = 'r9' WHERE request_id = 'r1'",
        ProjectionInserted,
        "`r9`",
    );
    original.after(
        "UPDATE requests SET execution_id = 'aaa' WHERE request_id = 'r1'",
        ProjectionMissing,
        "`r1`",
    );
    original.after(
        "DELETE FROM executions WHERE execution_id = 'ccc'",
        ProjectionMissing,
        "executions: `ccc`",
    );
    original.after(
        "DELETE FROM requests WHERE request_id = 'r2'",
        ProjectionMissing,
        "requests: `r2`",
    );
    original.after(
        "UPDATE executions SET plan_hash = x'00' WHERE execution_id = 'ccc'",
        ProjectionChanged,
        "`ccc`",
    );
}

#[test]
fn every_column_of_a_commit() {
    let original = Original::new();
    for change in [
        "first_gseq = first_gseq + 1",
        "last_gseq = last_gseq - 1",
        "at_ms = at_ms + 1",
        "prev_hash = hash",
        "hash = prev_hash",
        "hmac = zeroblob(32)",
        "hmac = x''",
    ] {
        original.after(
            &format!("UPDATE commits SET {change} WHERE number = 3"),
            CommitChanged,
            "commits: 3",
        );
    }
    original.after(
        "UPDATE commits SET number = 99 WHERE number = 3",
        CommitMissing,
        "commits: 3",
    );
    original.after(
        "UPDATE commits SET number = 99 WHERE number = 3",
        CommitChanged,
        "commits: 99",
    );
    original.after(
        "UPDATE commits SET hash = x'00' WHERE number = 3",
        CommitChanged,
        "commits: 3",
    );
    original.after(
        "DELETE FROM commits WHERE number BETWEEN 3 AND 5",
        CommitMissing,
        "commits 3 to 5 are missing",
    );
    original.after(
        "DELETE FROM commits WHERE number = 16",
        HeadFileChanged,
        "names commit 16",
    );
    let forged = "INSERT INTO commits SELECT 17, 27, 26, at_ms, hash, hash, hmac FROM commits WHERE number = 16";
    original.after(forged, CommitChanged, "commits: 17");
}

#[test]
fn the_last_commit_made_unreadable() {
    let original = Original::new();
    let sql = "UPDATE commits SET hash = x'00' WHERE number = 16";
    original.after(sql, CommitChanged, "commits: 16");
}

#[test]
fn the_head_file_may_lag_as_a_crash_leaves_it_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let opened_at = SqliteStore::open(dir.path()).unwrap();
    append(&opened_at, batch("aaa", 12, 1)).unwrap();
    append(&opened_at, batch("aaa", 13, 1)).unwrap();
    drop(opened_at);
    let db = database(dir.path());
    let line = |number: u64| {
        let hash: [u8; 32] = db
            .query_row(
                "SELECT hash FROM commits WHERE number = ?1",
                [number],
                |r| r.get(0),
            )
            .unwrap();
        format!("{number:020} {}\n", Digest::from_bytes(hash))
    };
    let path = dir.path().join("audit-head");
    assert_eq!(fs::read_to_string(&path).unwrap(), line(18));
    for lagging in [17, 16] {
        fs::write(&path, line(lagging)).unwrap();
        assert_intact(dir.path());
    }
    let too_old = line(15);
    let wrong_hash = line(18).replace(&line(18)[21..], &line(17)[21..]);
    let ahead = line(18).replace("00018 ", "00019 ");
    for (text, why) in [
        (too_old.as_str(), "older than commit 16 at the last opening"),
        (&wrong_hash, "another hash"),
        (&ahead, "names commit 19, but the journal ends at commit 18"),
        ("", "missing"),
        ("garbage", "holds no head"),
        (&line(18)[1..], "holds no head"),
        (&line(18).to_uppercase(), "holds no head"),
        (&format!("{}x", line(18)), "holds no head"),
    ] {
        fs::write(&path, text).unwrap();
        assert_found(&verified(dir.path()), HeadFileChanged, why);
        assert!(
            matches!(SqliteStore::open(dir.path()), Err(StoreError::Damaged(_))),
            "{why}"
        );
    }
    fs::remove_file(&path).unwrap();
    assert_found(&verified(dir.path()), HeadFileChanged, "missing");
    fs::write(&path, line(17)).unwrap();
    drop(SqliteStore::open(dir.path()).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), line(18));
}

#[test]
fn the_lease_the_key_and_the_schema() {
    let original = Original::new();
    for change in [
        "number = number + 1",
        "pid = pid + 1",
        "head_number = 1",
        "head_hash = zeroblob(32)",
        "hmac = zeroblob(32)",
    ] {
        // The lease of the second opening stands on commit 16.
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        drop(SqliteStore::open(dir.path()).unwrap());
        database(dir.path())
            .execute(&format!("UPDATE lease SET {change}"), [])
            .unwrap();
        assert_found(&verified(dir.path()), LeaseChanged, "lease");
        assert!(
            matches!(SqliteStore::open(dir.path()), Err(StoreError::Damaged(_))),
            "{change}"
        );
    }
    original.after(
        "DELETE FROM lease",
        LeaseChanged,
        "lease: the lease was removed",
    );

    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let key = dir.path().join("keys/audit.key");
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&key, format!("{}\n", "7".repeat(64))).unwrap();
    assert_found(
        &verified(dir.path()),
        CommitChanged,
        "commits: 1: its code was not made with the audit key",
    );
    fs::remove_file(&key).unwrap();
    assert_found(&verified(dir.path()), KeyMissing, "audit.key");
    let refused = SqliteStore::open(dir.path()).unwrap_err();
    assert!(refused.to_string().contains("put it back"), "{refused}");
    assert!(!key.exists());
    fs::write(&key, text).unwrap();
    assert_intact(dir.path());

    for sql in [
        "CREATE TRIGGER hide AFTER INSERT ON events BEGIN DELETE FROM events WHERE kind = 'x'; END",
        "DROP INDEX executions_by_state",
        "CREATE VIEW extra AS SELECT 1",
    ] {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        database(dir.path()).execute_batch(sql).unwrap();
        assert_found(&verified(dir.path()), SchemaChanged, "schema: ");
    }
}

#[test]
fn a_head_kept_elsewhere_finds_another_history() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let head = journal(one.path());
    drop(append(
        &SqliteStore::open(other.path()).unwrap(),
        batch("zzz", 1, 1),
    ));
    let report = verify(other.path(), Some(head), &FromPayloads).unwrap();
    assert_found(&report, RolledBack, "before commit 16");
    let another = Head { number: 3, ..head };
    let report = verify(one.path(), Some(another), &FromPayloads).unwrap();
    assert_found(&report, RolledBack, "another history");
    assert_eq!(report.total_findings, 1);
}

#[test]
fn keys_and_data_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("deep/data");
    let store = SqliteStore::open(&data).unwrap();
    append(&store, batch("aaa", 1, 1)).unwrap();
    let mode = |path: &str| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("keys"), 0o700);
    for file in [
        "keys/audit.key",
        "journal.db",
        "journal.db-wal",
        "audit-head",
        "lock",
    ] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn reading_notices_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let db = database(dir.path());
    db.execute(
        "UPDATE events SET at_ms = 7 WHERE stream = 'aaa' AND seq = 3",
        [],
    )
    .unwrap();
    db.execute(
        "UPDATE plans SET canonical = '{}' WHERE name = 'second'",
        [],
    )
    .unwrap();
    db.execute(
        "UPDATE blobs SET content = x'00' WHERE commit_number = 13",
        [],
    )
    .unwrap();
    let reader = SqliteStore::open_readonly(dir.path()).unwrap();
    assert_eq!(reader.read("aaa", 1, 2).unwrap().len(), 2);
    for error in [
        reader.read("aaa", 1, 3).unwrap_err(),
        reader.plan(&plan("second").hash).unwrap_err(),
        reader.read("bbb", 11, 1).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    }
}
