//! What holds the end of the journal in place: the head file, the lease, and a head kept elsewhere.

use super::report::{FindingKind, Findings, Place};
use crate::{
    Head, StoreError,
    audit_key::AuditKey,
    head_file::{self, Found},
    ownership::LeaseRow,
};
use rusqlite::Connection;

pub(super) fn look(
    db: &Connection,
    key: Option<&AuditKey>,
    found: [Found; 2],
    expected: Option<Head>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if let Some(expected) = expected {
        look_at_expected(db, expected, findings)?;
    }
    let lease = match LeaseRow::load(db) {
        Ok(lease) => lease,
        Err(error) => {
            findings.add(FindingKind::LeaseChanged, Place::Lease, error.to_string());
            None
        }
    };
    let last = head_file::last_commit(db)?;
    match &lease {
        None if last.number > 0 => {
            findings.add(
                FindingKind::LeaseChanged,
                Place::Lease,
                "the lease was removed",
            );
        }
        Some(lease) => {
            let fault = match key {
                Some(key) => lease.fault(db, key)?,
                None => None,
            };
            if let Some(fault) = fault {
                findings.add(FindingKind::LeaseChanged, Place::Lease, fault);
            }
        }
        None => {}
    }
    let [before, after] = found;
    if let Some(fault) = head_file::fault(db, before, lease.as_ref())?
        && head_file::fault(db, after, lease.as_ref())?.is_some()
    {
        findings.add(FindingKind::HeadFileChanged, Place::HeadFile, fault);
    }
    Ok(())
}

fn look_at_expected(
    db: &Connection,
    expected: Head,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let last = head_file::last_commit(db)?;
    let message = if expected.number > last.number {
        format!(
            "the journal ends at commit {}, before commit {}: it was rolled back",
            last.number, expected.number
        )
    } else if head_file::commit_hash(db, expected.number)? != Some(expected.hash) {
        format!(
            "commit {} of the journal has another hash: this is another history",
            expected.number
        )
    } else {
        return Ok(());
    };
    findings.add(FindingKind::RolledBack, Place::ExpectedHead, message);
    Ok(())
}
