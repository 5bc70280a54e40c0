//! Each stream's own chain, and the projections that follow from it.

use super::{
    Rebuild,
    report::{FindingKind, Findings, Place, VerifyReport},
};
use crate::{
    CallRow, EXECUTION_LIMIT_BYTES, ExecutionRow, Record, RequestRow, SYSTEM, StoreError, blob,
    chain::GENESIS,
    projection::{
        EXECUTION_COLUMNS, REQUEST_COLUMNS, execution_differences, execution_row,
        request_differences, request_row,
    },
    reader::{self, RECORD_COLUMNS, StoredRecord},
    session_rows::GIVEN,
    sessions::stored_category,
};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{cell::RefCell, collections::BTreeMap};

pub(super) fn look(
    db: &Connection,
    rebuild: &dyn Rebuild,
    report: &mut VerifyReport,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut query = db.prepare(&format!(
        "SELECT {RECORD_COLUMNS} FROM events ORDER BY stream, seq"
    ))?;
    let mut rows = query.query([])?;
    let mut current: Option<Stream> = None;
    let mut calls = 0_u64;
    while let Some(row) = rows.next()? {
        // What cannot be read at all is named already, by its commit.
        let Ok(record) = StoredRecord::read(row) else {
            continue;
        };
        if current
            .as_ref()
            .is_none_or(|stream| stream.name != record.stream)
        {
            if let Some(ended) = current.take() {
                calls += ended.end(db, rebuild, report, findings)?;
            }
            current = Some(Stream::new(record.stream.clone()));
        }
        if let Some(stream) = &mut current {
            stream.next(db, record, findings)?;
        }
    }
    if let Some(ended) = current {
        calls += ended.end(db, rebuild, report, findings)?;
    }
    orphans(db, findings)?;
    let stored: u64 = db.query_row("SELECT count(*) FROM calls", [], |row| row.get(0))?;
    if stored != calls {
        unexplained_calls(db, findings)?;
    }
    compare_sessions(db, findings)
}

struct Stream {
    name: String,
    seq: u64,
    gseq: u64,
    hash: [u8; 32],
    /// All records so far with their values; kept for executions only.
    records: Vec<Record>,
    bytes: u64,
}

impl Stream {
    fn new(name: String) -> Self {
        Self {
            name,
            seq: 0,
            gseq: 0,
            hash: GENESIS,
            records: Vec::new(),
            bytes: 0,
        }
    }

    fn next(
        &mut self,
        db: &Connection,
        row: StoredRecord,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let place = || Place::Event {
            gseq: i64::try_from(row.gseq).unwrap_or(i64::MAX),
            stream: row.stream.clone(),
            seq: i64::try_from(row.seq).unwrap_or(i64::MAX),
        };
        if row.seq != self.seq + 1 {
            let place = Place::Stream {
                stream: self.name.clone(),
                first_seq: self.seq + 1,
                last_seq: row.seq.saturating_sub(1),
            };
            findings.add(FindingKind::RowMissing, place, "removed from its stream");
        } else if row.prev_hash != self.hash {
            let message = "it does not follow the row before it in its stream";
            findings.add(FindingKind::ChainBroken, place(), message);
        }
        if row.gseq <= self.gseq {
            let message = "it was written before the row before it in its stream";
            findings.add(FindingKind::ChainBroken, place(), message);
        }
        self.seq = row.seq;
        self.gseq = row.gseq;
        self.hash = row.hash;
        if self.name == SYSTEM {
            return check_blobs(db, &row.payload, &place, findings);
        }
        self.bytes += blob::full_size(&row.payload);
        if self.bytes > EXECUTION_LIMIT_BYTES.saturating_mul(2) {
            let message = "the stream is larger than any that this program writes";
            findings.add(FindingKind::RebuildFailed, place(), message);
        }
        // A damaged stream is not rebuilt, so nothing of it is kept.
        if findings.is_damaged(&self.name) {
            self.records.clear();
            return check_blobs(db, &row.payload, &place, findings);
        }
        let before = findings.total();
        check_blobs(db, &row.payload, &place, findings)?;
        if findings.total() == before {
            self.records.push(row.restored(db)?);
        }
        Ok(())
    }

    /// Gives how many of its calls stand where sessions are counted.
    fn end(
        self,
        db: &Connection,
        rebuild: &dyn Rebuild,
        report: &mut VerifyReport,
        findings: &mut Findings,
    ) -> Result<u64, StoreError> {
        if self.name == SYSTEM {
            return Ok(0);
        }
        report.executions += 1;
        if findings.is_damaged(&self.name) {
            return Ok(0);
        }
        let asked = RefCell::new(Vec::new());
        let plan = |hash: &Digest| {
            asked.borrow_mut().push(*hash);
            reader::plan(db, hash).ok().flatten()
        };
        let rebuilt = rebuild.rows(&self.name, &self.records, &plan);
        for hash in asked.into_inner() {
            check_use(db, &hash, &self.name, findings)?;
        }
        match rebuilt {
            Ok(rebuilt) => {
                compare_execution(db, &rebuilt.execution, findings)?;
                compare_requests(db, &self.name, rebuilt.requests, findings)?;
                compare_calls(db, &self.name, &rebuilt.calls, findings)
            }
            Err(why) => {
                let place = Place::Execution(self.name);
                findings.add(FindingKind::RebuildFailed, place, why);
                Ok(0)
            }
        }
    }
}

fn check_blobs(
    db: &Connection,
    payload: &str,
    place: &dyn Fn() -> Place,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let references = match blob::references(payload) {
        Ok(references) => references,
        Err(why) => {
            findings.add(FindingKind::RowChanged, place(), why);
            return Ok(());
        }
    };
    for reference in references {
        if let Place::Event { stream, .. } = place() {
            check_use(db, &reference.sha256, &stream, findings)?;
        }
        if let Err(why) = blob::load(db, &reference)? {
            let kind = match blob::is_there(db, &reference)? {
                true => FindingKind::BlobChanged,
                false => FindingKind::BlobMissing,
            };
            findings.add(kind, place(), why.clone());
            findings.add(kind, Place::Blob(reference.sha256.to_string()), why);
        }
    }
    Ok(())
}

/// What a stream stands on must be known to be in use, or it would go with the last other stream that stands on it.
fn check_use(
    db: &Connection,
    hash: &Digest,
    stream: &str,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let known = db
        .prepare_cached("SELECT 1 FROM content_uses WHERE hash = ?1 AND stream = ?2")?
        .exists(params![hash.as_bytes(), stream])?;
    if !known {
        let message = format!("that it stands on {hash} is not noted any more");
        let place = Place::Execution(stream.to_owned());
        findings.add(FindingKind::ProjectionMissing, place, message);
    }
    Ok(())
}

fn compare_execution(
    db: &Connection,
    rebuilt: &ExecutionRow,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let stored = db
        .prepare_cached(&format!(
            "SELECT {EXECUTION_COLUMNS} FROM executions WHERE execution_id = ?1"
        ))?
        .query_row([&rebuilt.execution_id], |row| Ok(execution_row(row).ok()))
        .optional()?;
    let place = || Place::Execution(rebuilt.execution_id.clone());
    match stored {
        None => findings.add(
            FindingKind::ProjectionMissing,
            place(),
            "its row was removed",
        ),
        Some(None) => findings.add(FindingKind::ProjectionChanged, place(), "it cannot be read"),
        Some(Some(stored)) => {
            differ(place, &execution_differences(&stored, rebuilt), findings);
        }
    }
    Ok(())
}

fn compare_requests(
    db: &Connection,
    execution_id: &str,
    rebuilt: Vec<RequestRow>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut rebuilt: BTreeMap<_, _> = rebuilt
        .into_iter()
        .map(|row| (row.request_id.clone(), row))
        .collect();
    let mut query = db.prepare_cached(&format!(
        "SELECT {REQUEST_COLUMNS} FROM requests WHERE execution_id = ?1"
    ))?;
    let mut rows = query.query([execution_id])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0).unwrap_or_default();
        let place = || Place::Request(id.clone());
        match (rebuilt.remove(&id), request_row(row)) {
            (None, _) => {
                let message = "its execution opened no such request";
                findings.add(FindingKind::ProjectionInserted, place(), message);
            }
            (Some(_), Err(_)) => {
                findings.add(FindingKind::ProjectionChanged, place(), "it cannot be read");
            }
            (Some(rebuilt), Ok(stored)) => {
                differ(place, &request_differences(&stored, &rebuilt), findings);
            }
        }
    }
    for id in rebuilt.into_keys() {
        let message = "its row was removed, or moved to another execution";
        findings.add(FindingKind::ProjectionMissing, Place::Request(id), message);
    }
    Ok(())
}

/// The calls that the sessions are counted by; one finding for each execution of which one is not there. Gives how many are.
fn compare_calls(
    db: &Connection,
    execution_id: &str,
    rebuilt: &[CallRow],
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let (mut there, mut same) = (0, true);
    for row in rebuilt {
        let stored = stored_category(db, row)?;
        there += u64::from(stored.is_some());
        // What kind of action a call was that an earlier version made, the table does not say.
        same &= stored.is_some_and(|stored| stored == row.category || stored == "unknown");
    }
    if !same {
        findings.add(
            FindingKind::ProjectionChanged,
            Place::Execution(execution_id.to_owned()),
            OTHER_CALLS,
        );
    }
    Ok(there)
}

const OTHER_CALLS: &str = "its calls, which sessions are counted by, are not what its stream gives";

/// Calls that are counted and that no stream gives: there are more than were looked up. Those of an execution without a
/// stream are [orphans].
fn unexplained_calls(db: &Connection, findings: &mut Findings) -> Result<(), StoreError> {
    let mut query = db.prepare(
        "SELECT DISTINCT execution_id FROM calls \
         WHERE EXISTS (SELECT 1 FROM events WHERE stream = calls.execution_id) AND NOT EXISTS ( \
           SELECT 1 FROM events JOIN executions ON executions.execution_id = events.stream \
           WHERE events.stream = calls.execution_id AND events.seq = calls.seq AND events.at_ms = calls.at_ms \
             AND events.kind IN ('step_started', 'compensation_started') AND executions.session = calls.session \
             AND json_extract(events.payload, '$.tool') NOT IN ('human.ask', 'plan.run') \
             AND json_extract(events.payload, '$.tool') NOT LIKE 'time.%' \
             AND json_extract(events.payload, '$.tool') NOT LIKE 'data.%')",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let place = Place::Execution(row.get(0).unwrap_or_default());
        findings.add(FindingKind::ProjectionChanged, place, OTHER_CALLS);
    }
    Ok(())
}

/// The sessions as the executions give them; what is wrong with the executions is named already.
fn compare_sessions(db: &Connection, findings: &mut Findings) -> Result<(), StoreError> {
    let stored = "SELECT session, principal, executions, first_ms, last_ms FROM sessions";
    for (these, but, kind, message) in [
        (
            stored,
            GIVEN,
            FindingKind::ProjectionChanged,
            "not what its executions give",
        ),
        (
            GIVEN,
            stored,
            FindingKind::ProjectionMissing,
            "it does not stand as its executions give it",
        ),
    ] {
        let mut query = db.prepare(&format!(
            "SELECT session, principal FROM (SELECT * FROM ({these}) EXCEPT SELECT * FROM ({but}))"
        ))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let place = Place::Session(row.get(0).unwrap_or_default());
            let whose: String = row.get(1).unwrap_or_default();
            findings.add(kind, place, format!("of `{whose}`: {message}"));
        }
    }
    Ok(())
}

fn differ(place: impl FnOnce() -> Place, columns: &[&str], findings: &mut Findings) {
    if !columns.is_empty() {
        let message = format!("not what its stream gives: {}", columns.join(", "));
        findings.add(FindingKind::ProjectionChanged, place(), message);
    }
}

/// Projection rows whose stream does not exist.
fn orphans(db: &Connection, findings: &mut Findings) -> Result<(), StoreError> {
    for (table, key, place) in [
        (
            "executions",
            "execution_id",
            Place::Execution as fn(String) -> Place,
        ),
        ("requests", "request_id", Place::Request),
        ("calls", "execution_id", Place::Execution),
        ("content_uses", "stream", Place::Execution),
    ] {
        let (owner, system) = match table {
            "content_uses" => ("stream", "0"),
            _ => ("execution_id", "execution_id = 'system'"),
        };
        let mut query = db.prepare(&format!(
            "SELECT DISTINCT {key} FROM {table} \
             WHERE {system} OR NOT EXISTS (SELECT 1 FROM events WHERE events.stream = {table}.{owner})"
        ))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let place = place(row.get(0).unwrap_or_default());
            let message = "no stream of events belongs to it";
            findings.add(FindingKind::ProjectionInserted, place, message);
        }
    }
    Ok(())
}
