//! What was archived: every row, plan and large value that is not there any more must be one that a tombstone says was
//! removed, exactly those, and nothing of an archived execution may be left.

use super::report::{FindingKind, Findings, Place, VerifyReport};
use crate::{
    SYSTEM, StoreError,
    archive::{ARCHIVED, ContentsDigest, RowsDigest, Tombstone},
    chain::GENESIS,
    reader::{RECORD_COLUMNS, StoredRecord},
};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;

/// What was removed, by the `seq` of the tombstone that it names.
#[derive(Default)]
pub(super) struct Removals {
    rows: BTreeMap<i64, Rows>,
}

struct Rows {
    digest: RowsDigest,
    first_gseq: u64,
    last_gseq: u64,
}

impl Removals {
    /// A row that was removed; they come by `gseq`.
    pub(super) fn row(&mut self, tombstone: i64, gseq: i64, hash: &[u8; 32]) {
        let gseq = u64::try_from(gseq).unwrap_or_default();
        let rows = self.rows.entry(tombstone).or_insert_with(|| Rows {
            digest: RowsDigest::default(),
            first_gseq: gseq,
            last_gseq: gseq,
        });
        rows.digest.row(gseq, hash);
        rows.last_gseq = gseq;
    }
}

pub(super) fn look(
    db: &Connection,
    mut removals: Removals,
    report: &mut VerifyReport,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut contents = contents(db)?;
    let mut query = db.prepare(&format!(
        "SELECT {RECORD_COLUMNS} FROM events INDEXED BY events_of_system \
         WHERE stream = '{SYSTEM}' AND kind = '{ARCHIVED}' ORDER BY seq"
    ))?;
    let mut rows = query.query([])?;
    let mut named = 0_u64;
    while let Some(row) = rows.next()? {
        // What cannot be read is named already, by its commit.
        let Ok(stored) = StoredRecord::read(row) else {
            continue;
        };
        let seq = i64::try_from(stored.seq).unwrap_or(i64::MAX);
        let place = Place::Event {
            gseq: i64::try_from(stored.gseq).unwrap_or(i64::MAX),
            stream: stored.stream.clone(),
            seq,
        };
        let read = stored.restored(db).ok();
        let Some(tombstone) = read.and_then(|record| Tombstone::read(&record.payload)) else {
            findings.add(FindingKind::TombstoneWrong, place, "it cannot be read");
            continue;
        };
        let rows = removals.rows.remove(&seq).map(|rows| rows.digest);
        if rows.unwrap_or_default().removed() != tombstone.rows {
            let message = "the rows that were removed are not those that it tells of";
            findings.add(FindingKind::TombstoneWrong, place.clone(), message);
        }
        if contents.remove(&seq).unwrap_or_default().removed() != tombstone.contents {
            let message = "the plans and values that were removed are not those that it tells of";
            findings.add(FindingKind::TombstoneWrong, place.clone(), message);
        }
        for execution in &tombstone.executions {
            named += 1;
            look_at_execution(db, &execution.execution_id, seq, findings)?;
        }
    }
    for rows in removals.rows.into_values() {
        let place = Place::Events {
            first_gseq: rows.first_gseq,
            last_gseq: rows.last_gseq,
        };
        let message = format!(
            "{} rows were removed, and no tombstone says that they were archived",
            rows.digest.removed().count
        );
        findings.add(FindingKind::TombstoneMissing, place, message);
    }
    for removed in contents.into_values() {
        let message = format!(
            "{} plans or values were removed, and no tombstone says that they were archived",
            removed.removed().count
        );
        findings.add(FindingKind::TombstoneMissing, Place::Database, message);
    }
    report.archived = named;
    let noted: u64 = db.query_row("SELECT count(*) FROM archived", [], |row| row.get(0))?;
    if noted > named {
        let message = format!("`archived` names {noted} executions, the tombstones {named}");
        findings.add(FindingKind::ProjectionInserted, Place::Database, message);
    }
    Ok(())
}

fn contents(db: &Connection) -> Result<BTreeMap<i64, ContentsDigest>, StoreError> {
    let mut query = db.prepare(
        "SELECT tombstone, commit_number, kind, hash, row_hash FROM removed_contents \
         ORDER BY tombstone, commit_number, kind, hash",
    )?;
    let mut rows = query.query([])?;
    let mut contents: BTreeMap<i64, ContentsDigest> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let digest = contents.entry(row.get(0)?).or_default();
        let kind: String = row.get(2)?;
        let (hash, row_hash) = (row.get(3).unwrap_or(GENESIS), row.get(4).unwrap_or(GENESIS));
        digest.content(row.get(1)?, &kind, &hash, &row_hash);
    }
    Ok(contents)
}

fn look_at_execution(
    db: &Connection,
    execution_id: &str,
    seq: i64,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let place = || Place::Execution(execution_id.to_owned());
    let noted: Option<i64> = db
        .prepare_cached("SELECT tombstone FROM archived WHERE execution_id = ?1")?
        .query_row([execution_id], |row| row.get(0))
        .optional()?;
    if noted != Some(seq) {
        let message = "it was archived, and `archived` does not say so";
        findings.add(FindingKind::ProjectionMissing, place(), message);
    }
    let left = db
        .prepare_cached("SELECT 1 FROM events WHERE stream = ?1")?
        .exists([execution_id])?;
    if left {
        let message = "it was archived, and rows of it are there";
        findings.add(FindingKind::TombstoneWrong, place(), message);
    }
    Ok(())
}
