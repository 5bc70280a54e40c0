//! Plans and blobs against their own hashes, and whether each came with a commit.

use super::report::{FindingKind, Findings, Place, VerifyReport};
use crate::{
    StoreError,
    chain::{blob_row_hash, plan_row_hash},
};
use mandate_plan::Digest;
use rusqlite::{Connection, Row};

pub(super) fn look(
    db: &Connection,
    report: &mut VerifyReport,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let uncommitted = "NOT EXISTS (SELECT 1 FROM commits WHERE number = commit_number)";
    let mut query = db.prepare(&format!(
        "SELECT hash, name, at_ms, commit_number, row_hash, canonical, {uncommitted} FROM plans"
    ))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        report.plans += 1;
        let place = || Place::Plan(hash_text(row));
        if !plan_is_intact(row).unwrap_or(false) {
            let message = "it was changed: document, name or time do not give its hashes";
            findings.add(FindingKind::PlanChanged, place(), message);
        }
        if row.get(6)? {
            findings.add(
                FindingKind::PlanInserted,
                place(),
                "it belongs to no commit",
            );
        }
    }
    let mut query = db.prepare(&format!(
        "SELECT hash, size, commit_number, row_hash, content, {uncommitted} FROM blobs"
    ))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        report.blobs += 1;
        let place = || Place::Blob(hash_text(row));
        if !blob_is_intact(row).unwrap_or(false) {
            let message = "it was changed: content or size do not give its hashes";
            findings.add(FindingKind::BlobChanged, place(), message);
        }
        if row.get(5)? {
            findings.add(
                FindingKind::BlobInserted,
                place(),
                "it belongs to no commit",
            );
        }
    }
    Ok(())
}

fn plan_is_intact(row: &Row<'_>) -> rusqlite::Result<bool> {
    let hash: [u8; 32] = row.get(0)?;
    let name: String = row.get(1)?;
    let row_hash: [u8; 32] = row.get(4)?;
    let canonical = row.get_ref(5)?.as_str()?;
    let expected = plan_row_hash(&hash, &name, row.get(2)?, row.get(3)?);
    Ok(Digest::of(canonical.as_bytes()).as_bytes() == &hash && expected.as_bytes() == &row_hash)
}

fn blob_is_intact(row: &Row<'_>) -> rusqlite::Result<bool> {
    let hash: [u8; 32] = row.get(0)?;
    let size: u64 = row.get(1)?;
    let row_hash: [u8; 32] = row.get(3)?;
    let content = row.get_ref(4)?.as_blob()?;
    let expected = blob_row_hash(&hash, size, row.get(2)?);
    Ok(size == content.len() as u64
        && Digest::of(content).as_bytes() == &hash
        && expected.as_bytes() == &row_hash)
}

/// The hash in the first column, or what stands in its place.
fn hash_text(row: &Row<'_>) -> String {
    match row.get::<_, [u8; 32]>(0) {
        Ok(hash) => Digest::from_bytes(hash).to_string(),
        Err(_) => "(no hash)".to_owned(),
    }
}
