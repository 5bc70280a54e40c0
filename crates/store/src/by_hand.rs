//! A store without a thread of its own: whoever holds its other half says when what waits is written. For simulations, in
//! which nothing happens by itself; everything else is as in any other store.

use crate::{
    SqliteStore, StoreError,
    queue::{Item, Queue},
    writer::Writer,
};
use std::{path::Path, sync::Arc};

/// The half of a store that writes. Dropping it loses what waits, as a crash does.
pub struct ByHand {
    writer: Writer,
    queue: Arc<Queue>,
    group: Vec<Item>,
}

impl std::fmt::Debug for ByHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the data directory `dir` for writing as [`SqliteStore::open`] does, but [`ByHand`] writes, on the thread that
    /// calls it.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_by_hand(dir: &Path) -> Result<(Self, ByHand), StoreError> {
        let (store, mut writer) = Self::open_parts(dir)?;
        writer.log().by_hand();
        let by_hand = ByHand {
            writer,
            queue: Arc::clone(store.queue()),
            group: Vec::new(),
        };
        Ok((store, by_hand))
    }
}

impl ByHand {
    /// Whether anything waits.
    pub fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Writes at most so many of the batches that wait, in one commit, and tells those who wait for them. False: none waits.
    pub fn write(&mut self, batches: usize) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        self.queue.take(&mut self.group, batches, usize::MAX);
        self.writer.write_group(&mut self.group, || false);
        true
    }

    /// Copies what is due of the log into the database, as another thread does elsewhere. False: nothing is due.
    pub fn copy_log(&mut self) -> bool {
        self.writer.log().copy_by_hand()
    }
}
