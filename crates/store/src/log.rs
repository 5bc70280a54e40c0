//! SQLite's log, which a commit is written to: how its writes reach the disk, the room ahead of them, and how it is brought into
//! the database.

mod checkpoints;
mod space;
mod writes;

use crate::StoreError;
use rusqlite::Connection;
use std::path::Path;

pub(crate) use writes::vfs;

/// What the writer does for its log between commits.
#[derive(Debug)]
pub(crate) struct Log {
    space: space::LogSpace,
    checkpoints: checkpoints::Checkpoints,
}

impl Log {
    /// The log of the writer's connection `db` over the data directory `dir`. What is to be copied out of it is copied on a
    /// thread of its own.
    pub(crate) fn open(dir: &Path, db: &mut Connection) -> Result<Self, StoreError> {
        Ok(Self {
            space: space::LogSpace::open(dir),
            checkpoints: checkpoints::Checkpoints::open(dir, db)?,
        })
    }

    /// What is to be copied waits for [`copy_by_hand`](Self::copy_by_hand) instead, and is due after a few pages.
    pub(crate) fn by_hand(&mut self) {
        self.checkpoints.by_hand();
    }

    /// Copies what waits to be copied, if anything does. False: nothing does.
    pub(crate) fn copy_by_hand(&mut self) -> bool {
        self.checkpoints.copy_by_hand()
    }

    /// Sees to the log after a commit.
    pub(crate) fn after_commit(&mut self, db: &Connection) {
        self.space.keep_ahead();
        self.checkpoints.after_commit(db);
    }
}
