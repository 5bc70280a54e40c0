//! Who may write: the lock that keeps a second process out, and the lease that makes a writer void which lost it.

use crate::{Head, Lease, StoreError, audit_key::AuditKey, failure::file_failed, head_file};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The directory's lock (`flock`), held until this is dropped or the process dies.
pub(crate) struct DirectoryLock {
    _file: File,
    /// The lock, and what else must stay where it is.
    kept: Vec<Kept>,
}

/// A file that is to stay the one under its name.
struct Kept {
    path: PathBuf,
    identity: (u64, u64),
}

/// Device and inode of whatever has that name.
fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    fs::metadata(path).map(|about| (about.dev(), about.ino()))
}

impl DirectoryLock {
    /// Takes the lock or says who has it. The process id in the file is for people; the lock itself is the kernel's.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        loop {
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
            let about = file
                .metadata()
                .map_err(|error| file_failed("look at", &path, &error))?;
            let identity = (about.dev(), about.ino());
            // Somebody removed it after it was opened: a lock on it would keep nobody out.
            if self::identity(&path).ok() != Some(identity) {
                continue;
            }
            file.set_len(0)
                .and_then(|()| writeln!(file, "{}", std::process::id()))
                .map_err(|error| file_failed("write", &path, &error))?;
            return Ok(Self {
                _file: file,
                kept: vec![Kept { path, identity }],
            });
        }
    }

    /// Looks after another file of the directory, too, see [`DirectoryLock::check`].
    pub(crate) fn keep(&mut self, path: &Path) -> Result<(), StoreError> {
        let identity = identity(path).map_err(|error| file_failed("look at", path, &error))?;
        let path = path.to_owned();
        self.kept.push(Kept { path, identity });
        Ok(())
    }

    /// Refuses once another file, or none, has the name of one that is looked after. Without its lock the directory
    /// keeps nobody out, and where a file was removed, what is written to it goes nowhere.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for Kept { path, identity } in &self.kept {
            let what = match self::identity(path) {
                Ok(now) if now == *identity => continue,
                Ok(_) => "was replaced",
                Err(error) if error.kind() == ErrorKind::NotFound => "is gone",
                Err(error) => return Err(file_failed("look at", path, &error)),
            };
            return Err(StoreError::Lost(format!("`{}` {what}", path.display())));
        }
        Ok(())
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
