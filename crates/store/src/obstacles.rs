//! What would keep a data directory from being opened for writing: what an opening asks, asked without changing anything.

use crate::{
    Reader, StoreError,
    audit_key::{AuditKey, missing_key},
    head_file,
    ownership::LeaseRow,
};
use std::path::Path;

/// What is wrong with the journal of `dir`, its key, lease and head file; a host may run meanwhile. What lies deeper,
/// in rows and pages, is for [`verify`](crate::verify::verify) to find.
pub fn obstacles(dir: &Path) -> Vec<StoreError> {
    let mut found = look(dir);
    if !found.is_empty() {
        // A host that opened the store between two looks has brought the head file up to its lease.
        found = look(dir);
    }
    found
}

fn look(dir: &Path) -> Vec<StoreError> {
    let head_file = head_file::read(dir);
    let key = AuditKey::load(dir);
    let reader = match Reader::open(dir) {
        Ok(reader) => reader,
        Err(error) => return vec![error],
    };
    let mut found = Vec::new();
    let looked = reader.with(|db| {
        let lease = LeaseRow::load(db)?;
        match key {
            Err(error) => found.push(error),
            Ok(None) if lease.is_some() || head_file::last_commit(db)?.number > 0 => {
                found.push(missing_key(dir));
            }
            Ok(None) => {}
            Ok(Some(key)) => {
                let fault = lease.as_ref().map(|lease| lease.fault(db, &key));
                found.extend(fault.transpose()?.flatten().map(StoreError::Damaged));
            }
        }
        found.extend(head_file::fault(db, head_file?, lease.as_ref())?.map(StoreError::Damaged));
        Ok(())
    });
    found.extend(looked.err());
    found
}
