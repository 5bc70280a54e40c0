//! A row of the journal.

use mandate_plan::Digest;
use mandate_store::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// An event as it is journaled.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// The execution; `system` for what belongs to none.
    pub execution_id: String,
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Such as `step_started`.
    pub kind: String,
    /// What it says.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// A journal row for programs.
pub fn event(record: &Record) -> EventView {
    EventView {
        execution_id: record.stream.clone(),
        seq: record.seq,
        at_ms: record.at_ms,
        kind: record.kind.clone(),
        data: serde_json::from_slice(&record.payload).unwrap_or(Value::Null),
    }
}

/// The same over HTTP: with its place in the chain, and in words.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainedEvent {
    /// The execution; `system` for what belongs to none.
    pub execution_id: String,
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// Its place in the store-wide sequence, from 1.
    pub gseq: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Such as `step_started`.
    pub kind: String,
    /// What happened, on one line.
    pub summary: String,
    /// Hash of the stream's row before.
    #[schema(value_type = String)]
    pub prev_hash: Digest,
    /// Hash over this row.
    #[schema(value_type = String)]
    pub hash: Digest,
    /// The number of the commit that holds it.
    pub commit: Option<u64>,
    /// What it says, unless that was not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Box<RawValue>>,
}

impl ChainedEvent {
    /// The event of a row.
    pub fn of(record: &Record, commit: Option<u64>, with_data: bool) -> Self {
        let payload = || {
            let text = String::from_utf8(record.payload.clone()).ok()?;
            RawValue::from_string(text).ok()
        };
        Self {
            execution_id: record.stream.clone(),
            seq: record.seq,
            gseq: record.gseq,
            at_ms: record.at_ms,
            kind: record.kind.clone(),
            summary: super::summary::of_record(record),
            prev_hash: record.prev_hash,
            hash: record.hash,
            commit,
            data: with_data.then(payload).flatten(),
        }
    }
    /// The same as commands print it.
    pub fn plain(&self) -> EventView {
        let data = self.data.as_ref();
        let data = data.and_then(|data| serde_json::from_str(data.get()).ok());
        EventView {
            execution_id: self.execution_id.clone(),
            seq: self.seq,
            at_ms: self.at_ms,
            kind: self.kind.clone(),
            data: data.unwrap_or(Value::Null),
        }
    }
}
