//! The system stream by kind: what stands, such as a freeze, is the last row of its kinds.

use crate::{
    Reader, Record, StoreError,
    reader::{RECORD_COLUMNS, records},
};
use rusqlite::params;

impl Reader {
    /// The rows of the system stream that are of this kind, oldest first, from `from_seq` on.
    pub fn system_rows(&self, kind: &str, from_seq: u64) -> Result<Vec<Record>, StoreError> {
        self.with(|db| {
            records(
                db,
                &format!(
                    "SELECT {RECORD_COLUMNS} FROM events INDEXED BY events_of_system \
                     WHERE stream = 'system' AND kind = ?1 AND seq >= ?2 ORDER BY seq"
                ),
                params![kind, from_seq],
            )
        })
    }

    /// The last row of the system stream that is of one of these kinds.
    pub fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        let mut last: Option<Record> = None;
        for kind in kinds {
            let found = self.with(|db| {
                records(
                    db,
                    &format!(
                        "SELECT {RECORD_COLUMNS} FROM events INDEXED BY events_of_system \
                         WHERE stream = 'system' AND kind = ?1 ORDER BY seq DESC LIMIT 1"
                    ),
                    params![kind],
                )
            })?;
            for record in found {
                if last.as_ref().is_none_or(|last| last.seq < record.seq) {
                    last = Some(record);
                }
            }
        }
        Ok(last)
    }
}
