//! Rows of the `system` stream: what concerns the data directory as a whole, and no single execution.

use crate::ask::HostError;
use mandate_store::{Batch, Journal, NewRecord, SYSTEM};
use serde_json::Value;
use std::sync::mpsc::channel;

/// The row as a batch of its own.
pub(crate) fn batch(at_ms: i64, kind: &'static str, payload: &Value) -> Batch {
    Batch {
        stream: SYSTEM.to_owned(),
        records: vec![NewRecord {
            at_ms,
            kind,
            payload: payload.to_string().into_bytes(),
        }],
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
    let (done, stored) = channel();
    journal.append(
        batch(at_ms, kind, payload),
        Box::new(move |result| {
            let _ = done.send(result);
        }),
    );
    stored.recv().map_err(|_| HostError::Stopped)??;
    Ok(())
}
