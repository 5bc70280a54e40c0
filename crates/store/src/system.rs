//! The system stream by kind: what stands, such as a freeze, is the last row of its kinds.

use crate::{
    Reader, Record, StoreError,
    reader::{RECORD_COLUMNS, records},
};
use rusqlite::{params, params_from_iter, types::Value};

impl Reader {
    /// The rows of the system stream that are of this kind, oldest first, from `from_seq` on.
    pub fn system_rows(&self, kind: &str, from_seq: u64) -> Result<Vec<Record>, StoreError> {
        self.system_page(kind, from_seq, usize::MAX >> 1)
    }

    /// The same, at most `limit`.
    pub fn system_page(
        &self,
        kind: &str,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.with(|db| {
            records(
                db,
                &format!(
                    "SELECT {RECORD_COLUMNS} FROM events INDEXED BY events_of_system \
                     WHERE stream = 'system' AND kind = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3"
                ),
                params![kind, from_seq, limit],
            )
        })
    }

    /// The rows of the system stream behind `after_seq` that are of one of these kinds, oldest first, as they stand at one
    /// moment.
    pub fn rows_of_system(
        &self,
        kinds: &[&str],
        after_seq: u64,
    ) -> Result<Vec<Record>, StoreError> {
        // One stretch of the index for each kind, in one statement: a row is never seen before one that it follows.
        let places = vec!["?"; kinds.len()].join(", ");
        let after = i64::try_from(after_seq).unwrap_or(i64::MAX);
        let kinds = kinds.iter().map(|kind| Value::from((*kind).to_owned()));
        self.with(|db| {
            records(
                db,
                &format!(
                    "SELECT {RECORD_COLUMNS} FROM events INDEXED BY events_of_system \
                     WHERE stream = 'system' AND kind IN ({places}) AND seq > ? ORDER BY seq"
                ),
                params_from_iter(kinds.chain([after.into()])),
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
