//! Events as journal rows, and back.

use super::Body;
use mandate_policy::Purpose;
use serde::{Deserialize, Serialize};

/// One journal row of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the execution's stream, from 1.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// What runs a step says nothing of its purpose.
pub(super) fn is_run(purpose: &Purpose) -> bool {
    *purpose == Purpose::Run
}

/// A journal row that is not an event of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row at seq {seq} is not a `{kind}` event: {reason}")]
pub struct NotAnEvent {
    /// The row's `seq`.
    pub seq: u64,
    /// The row's kind.
    pub kind: String,
    /// What is wrong.
    pub reason: String,
}

impl Event {
    /// The event's data as the journal stores it: one JSON object.
    pub fn payload(&self) -> Vec<u8> {
        // `{"kind":K,"data":D}`: D is what stands between the fixed beginning and the last brace.
        let mut whole = serde_json::to_vec(&self.body).unwrap_or_default();
        let start = r#"{"kind":"","data":"#.len() + self.body.kind().len();
        whole.truncate(whole.len().saturating_sub(1));
        whole.drain(..start.min(whole.len()));
        whole
    }

    /// The event that a journal row holds.
    ///
    /// # Errors
    /// When the kind is unknown or the payload does not fit it.
    pub fn from_row(seq: u64, at_ms: i64, kind: &str, payload: &[u8]) -> Result<Self, NotAnEvent> {
        let bad = |reason: String| NotAnEvent {
            seq,
            kind: kind.to_owned(),
            reason,
        };
        if !Body::KINDS.contains(&kind) {
            return Err(bad("the kind is unknown".to_owned()));
        }
        let mut whole = format!(r#"{{"kind":"{kind}","data":"#).into_bytes();
        whole.extend_from_slice(payload);
        whole.push(b'}');
        let body = serde_json::from_slice(&whole).map_err(|error| bad(error.to_string()))?;
        Ok(Self { seq, at_ms, body })
    }
}
