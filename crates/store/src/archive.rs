//! Retention: which executions may go, the file that they go to, their removal, and the tombstones that stay.
//!
//! An archive is an export (`export`) of whole executions. Once it is on the disk, the writer removes what is in it, some
//! executions in each transaction, and leaves in their place the hashes that the commits bind, and an event `archived` in
//! the stream `system` that says what was removed and where it is. So the chain stays provable, and a crash at any point
//! leaves each execution in the journal, in the file, or in both.

mod choose;
mod content;
mod file;
mod remove;
mod tombstone;

pub use choose::{Candidate, Kept};
pub(crate) use content::plan_hashes;
pub use file::{ReadArchive, read_archive, write_archive};
pub(crate) use remove::Removing;
pub use tombstone::{ArchiveFile, ArchivedExecution, Removed, Tombstone};
pub(crate) use tombstone::{ContentsDigest, RowsDigest};

use crate::{Reader, StoreError, ownership::DirectoryLock, reader::database_path};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The kind of the event that a removal leaves.
pub const ARCHIVED: &str = "archived";
/// Executions that are removed in one transaction, at most.
pub const REMOVED_AT_ONCE: usize = 200;

/// Executions to be removed: each with the `seq` of its last event in the archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Removal {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who has it done.
    pub by: String,
    /// Where they are now.
    pub archive: ArchiveFile,
    /// The executions, at most [`REMOVED_AT_ONCE`].
    pub executions: Vec<(String, u64)>,
}

impl Reader {
    /// Ids of archived executions that start with `prefix`, at most ten.
    pub fn resolve_archived(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.resolve("archived", "execution_id", prefix)
    }

    /// The tombstone of an execution that was archived, and when it was, Unix milliseconds.
    pub fn archived(
        &self,
        execution_id: &str,
    ) -> Result<Option<(ArchivedExecution, Tombstone, i64)>, StoreError> {
        let seq: Option<u64> = self.with(|db| {
            Ok(db
                .prepare_cached("SELECT tombstone FROM archived WHERE execution_id = ?1")?
                .query_row([execution_id], |row| row.get(0))
                .optional()?)
        })?;
        let Some(seq) = seq else { return Ok(None) };
        let record = self.read(crate::SYSTEM, seq, 1)?.into_iter().next();
        let record = record.filter(|record| record.seq == seq && record.kind == ARCHIVED);
        let found = record.and_then(|record| {
            let tombstone = Tombstone::read(&record.payload)?;
            let mut here = tombstone.executions.iter();
            let execution = here.find(|one| one.execution_id == execution_id)?.clone();
            Some((execution, tombstone, record.at_ms))
        });
        let damaged = || {
            StoreError::Damaged(format!(
                "the tombstone of the archived execution `{execution_id}` is missing"
            ))
        };
        found.map(Some).ok_or_else(damaged)
    }

    /// How many executions were archived.
    pub fn archived_count(&self) -> Result<u64, StoreError> {
        self.with(|db| Ok(db.query_row("SELECT count(*) FROM archived", [], |row| row.get(0))?))
    }
}

/// Gives room that removed rows left back to the file system: the whole database is written anew. Needs as much room again
/// meanwhile, and that no other process has the directory.
pub fn vacuum(dir: &Path) -> Result<(), StoreError> {
    let _lock = DirectoryLock::take(dir)?;
    let db = Connection::open(database_path(dir))?;
    db.execute_batch("PRAGMA synchronous = FULL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}
