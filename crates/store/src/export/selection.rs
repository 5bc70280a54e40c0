//! Which rows of the journal an export holds.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an archive says that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveOf {
    /// How many executions, each of them whole.
    pub executions: u64,
}

/// Which rows. By default all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Only this stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only these event kinds; none = all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<String>,
    /// Only what happened at this time or later, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Only what happened before this time, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Only what comes after this place in the store-wide sequence; commits that end before are left out too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_gseq: u64,
    /// Whole executions that were archived; commits that hold none of them are left out too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveOf>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Selection {
    /// Whether a row belongs to it.
    pub fn takes(&self, gseq: u64, stream: &str, at_ms: i64, kind: &str) -> bool {
        gseq > self.after_gseq
            && self.stream.as_deref().is_none_or(|only| only == stream)
            && (self.kinds.is_empty() || self.kinds.contains(kind))
            && self.since_ms.is_none_or(|since| at_ms >= since)
            && self.until_ms.is_none_or(|until| at_ms < until)
            && (self.archive.is_none() || stream != crate::SYSTEM)
    }

    /// Every row behind `after_gseq` belongs to it.
    pub fn takes_all_rows(&self) -> bool {
        *self
            == Self {
                after_gseq: self.after_gseq,
                ..Self::default()
            }
    }

    /// No stream is left out as a whole, so that every plan may be asked for.
    pub(crate) fn takes_all_streams(&self) -> bool {
        self.stream.is_none() && self.kinds.is_empty() && self.archive.is_none()
    }

    /// Of each stream that it takes, every row behind `after_gseq` belongs to it.
    pub(crate) fn takes_whole_streams(&self) -> bool {
        self.kinds.is_empty() && self.since_ms.is_none() && self.until_ms.is_none()
    }
}
