//! Rows of the `system` stream: what concerns the data directory as a whole, and no single execution.

use crate::ask::HostError;
use mandate_store::{Batch, Journal, NewRecord, Record, SYSTEM};
use serde_json::Value;
use std::sync::mpsc::channel;

/// How far somebody who folds the `system` stream has read it.
#[derive(Debug, Default)]
pub(crate) struct ReadSoFar {
    seq: u64,
    /// The journal's mark before it was read last.
    mark: Option<u64>,
}

impl ReadSoFar {
    /// Whether the journal knows that there is nothing new.
    pub(crate) fn is_current(&self, journal: &dyn Journal) -> bool {
        self.mark.is_some() && journal.system_mark() == self.mark
    }

    /// Gives each row of these kinds that was not read yet to `note`, oldest first. Where the journal knows that the stream has
    /// nothing new, it is not asked for rows: this is done at every request and every submission.
    ///
    /// # Errors
    /// The journal's, and what `note` fails with; that row is read again the next time.
    pub(crate) fn go_on(
        &mut self,
        journal: &dyn Journal,
        kinds: &[&str],
        mut note: impl FnMut(&Record) -> Result<(), HostError>,
    ) -> Result<(), HostError> {
        // Taken before the rows are, so that what comes in between is read the next time.
        let mark = journal.system_mark();
        if self.is_current(journal) {
            return Ok(());
        }
        for row in &journal.rows_of_system(kinds, self.seq)? {
            note(row)?;
            self.seq = row.seq;
        }
        self.mark = mark;
        Ok(())
    }
}

/// A row.
pub(crate) fn row(at_ms: i64, kind: &'static str, payload: &Value) -> NewRecord {
    NewRecord {
        at_ms,
        kind,
        payload: payload.to_string().into_bytes(),
    }
}

/// The row as a batch of its own.
pub(crate) fn batch(at_ms: i64, kind: &'static str, payload: &Value) -> Batch {
    batch_of(vec![row(at_ms, kind, payload)])
}

fn batch_of(records: Vec<NewRecord>) -> Batch {
    Batch {
        stream: SYSTEM.to_owned(),
        records,
        ..Batch::default()
    }
}

/// Appends a row, and waits until the disk has it.
///
/// # Errors
/// The store's.
pub(crate) fn append(
    journal: &dyn Journal,
    at_ms: i64,
    kind: &'static str,
    payload: &Value,
) -> Result<(), HostError> {
    append_all(journal, vec![row(at_ms, kind, payload)])
}

/// Appends rows, all or none of them, and waits until the disk has them.
///
/// # Errors
/// The store's.
pub(crate) fn append_all(journal: &dyn Journal, rows: Vec<NewRecord>) -> Result<(), HostError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (done, stored) = channel();
    journal.append(
        batch_of(rows),
        Box::new(move |result| {
            let _ = done.send(result);
        }),
    );
    stored.recv().map_err(|_| HostError::Stopped)??;
    Ok(())
}
