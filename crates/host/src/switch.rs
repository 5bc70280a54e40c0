//! The freeze as it stands: who froze calls, why and since when. It is the last row of its kinds in the system stream, so
//! that it holds for hosts that start later, and is thrown with a host and without one.

use crate::ask::HostError;
use mandate_store::{Appended, Batch, Journal, NewRecord, Record, SYSTEM, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::mpsc::channel;

/// The kind of the row that freezes.
pub(crate) const FROZEN: &str = "frozen";
/// The kind of the row that thaws.
pub(crate) const THAWED: &str = "thawed";
/// The kinds of which the last row says whether calls are frozen.
pub const KINDS: [&str; 2] = [FROZEN, THAWED];

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Let no new call be permitted, anywhere.
    Freeze {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Let calls be permitted again.
    Thaw {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Switch {
    fn reason(&self) -> Option<&str> {
        match self {
            Switch::Freeze { reason } | Switch::Thaw { reason } => reason.as_deref(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Switch::Freeze { .. } => FROZEN,
            Switch::Thaw { .. } => THAWED,
        }
    }

    /// The row that does it.
    pub(crate) fn batch(&self, by: &str, at_ms: i64) -> Batch {
        let payload = json!({ "by": by, "reason": self.reason() });
        Batch {
            stream: SYSTEM.to_owned(),
            records: vec![NewRecord {
                at_ms,
                kind: self.kind(),
                payload: payload.to_string().into_bytes(),
            }],
            ..Batch::default()
        }
    }

    /// Whether it changes what stands.
    ///
    /// # Errors
    /// It does not, and how it stands.
    pub(crate) fn fits(&self, standing: Option<&Freeze>) -> Result<(), HostError> {
        match (self, standing) {
            (Switch::Freeze { .. }, Some(freeze)) => Err(HostError::NotNow(format!(
                "calls are frozen already, by `{}`",
                freeze.by
            ))),
            (Switch::Thaw { .. }, None) => {
                Err(HostError::NotNow("calls are not frozen".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// Calls are frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Who froze them.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When, Unix milliseconds.
    pub since_ms: i64,
}

impl Freeze {
    /// What the last row of [`KINDS`] says: none where calls are not frozen.
    pub fn standing(last: Option<&Record>) -> Option<Self> {
        let last = last.filter(|last| last.kind == FROZEN)?;
        let told: Value = serde_json::from_slice(&last.payload).unwrap_or_default();
        let text = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            by: text("by").unwrap_or_else(|| "unknown".to_owned()),
            reason: text("reason"),
            since_ms: last.at_ms,
        })
    }

    /// Whether calls are frozen, as far as the disk knows. A journal that cannot say so has them frozen.
    pub(crate) fn found(journal: &dyn Journal, now_ms: i64) -> Option<Self> {
        match journal.last_of_system(&KINDS) {
            Ok(last) => Self::standing(last.as_ref()),
            Err(error) => Some(Self {
                by: "mandate".to_owned(),
                reason: Some(format!(
                    "it cannot be told whether calls are frozen: {error}"
                )),
                since_ms: now_ms,
            }),
        }
    }
}

/// Throws the switch in a journal that no host has. Returns when the disk has it.
///
/// # Errors
/// It stands like that already, or the store fails.
pub fn throw(
    journal: &dyn Journal,
    switch: &Switch,
    by: &str,
    now_ms: i64,
) -> Result<Appended, HostError> {
    let last = journal.last_of_system(&KINDS)?;
    switch.fits(Freeze::standing(last.as_ref()).as_ref())?;
    let (done, stored) = channel();
    journal.append(
        switch.batch(by, now_ms),
        Box::new(move |result: Result<Appended, StoreError>| {
            let _ = done.send(result);
        }),
    );
    let appended = stored.recv().map_err(|_| HostError::Stopped)?;
    Ok(appended?)
}
