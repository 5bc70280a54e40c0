//! Who may write: the lock that keeps a second process out, and the lease that makes a writer void which lost it.

use crate::{Head, Lease, StoreError, audit_key::AuditKey, failure::file_failed, head_file};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The directory's lock (`flock`), held until this is dropped or the process dies.
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock or says who has it. The process id in the file is for people; the lock itself is the kernel's.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| file_failed("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let read = file.read_to_string(&mut pid);
                let known = read.is_ok() && !pid.trim().is_empty();
                return Err(StoreError::Locked {
                    dir: dir.display().to_string(),
                    pid: if known { pid.trim() } else { "unknown" }.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(file_failed("lock", &path, &error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| file_failed("write", &path, &error))?;
        Ok(Self { _file: file })
    }
}

/// The lease as stored, with the head that its owner found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseRow {
    pub(crate) lease: Lease,
    pub(crate) pid: u32,
    pub(crate) head: Head,
    pub(crate) hmac: [u8; 32],
}

impl LeaseRow {
    pub(crate) fn load(db: &Connection) -> Result<Option<Self>, StoreError> {
        let row = db
            .prepare("SELECT number, pid, head_number, head_hash, hmac FROM lease")?
            .query_row([], |row| {
                Ok(Self {
                    lease: Lease(row.get(0)?),
                    pid: row.get(1)?,
                    head: Head {
                        number: row.get(2)?,
                        hash: Digest::from_bytes(row.get(3)?),
                    },
                    hmac: row.get(4)?,
                })
            })
            .optional()?;
        Ok(row)
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(
        &self,
        db: &Connection,
        key: &AuditKey,
    ) -> Result<Option<String>, StoreError> {
        if !key.is_lease_mac(self.lease.0, self.pid, &self.head, &self.hmac) {
            return Ok(Some("the lease was changed".to_owned()));
        }
        if head_file::commit_hash(db, self.head.number)? != Some(self.head.hash) {
            return Ok(Some(format!(
                "commit {}, the last one when the store was last opened, is missing or changed",
                self.head.number
            )));
        }
        Ok(None)
    }
}

/// Takes the next lease; every earlier one is void from then on. `head` must be on the disk in `audit-head` already.
pub(crate) fn take_lease(
    db: &mut Connection,
    key: &AuditKey,
    head: &Head,
) -> Result<Lease, StoreError> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = LeaseRow::load(&change)?.map_or(0, |row| row.lease.0);
    let (number, pid) = (before + 1, std::process::id());
    change.execute(
        "INSERT OR REPLACE INTO lease (id, number, pid, head_number, head_hash, hmac) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![number, pid, head.number, head.hash.as_bytes(), key.lease_mac(number, pid, head)],
    )?;
    change.commit()?;
    Ok(Lease(number))
}

/// Refuses unless `ours` is the lease in the store. To be called inside the transaction that writes.
pub(crate) fn check_lease(db: &Connection, ours: Lease) -> Result<(), StoreError> {
    let theirs: u64 = db
        .prepare_cached("SELECT number FROM lease WHERE id = 1")?
        .query_row([], |row| row.get(0))?;
    if theirs == ours.0 {
        return Ok(());
    }
    Err(StoreError::LeaseLost {
        ours: ours.0,
        theirs,
    })
}
