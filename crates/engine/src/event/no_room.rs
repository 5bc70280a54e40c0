//! Why a plan does not start in its session yet.

use serde::{Deserialize, Serialize};

/// A session that has fewer calls left than a plan may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoRoom {
    /// How many calls the plan may make.
    pub needs: u64,
    /// How many the session may make.
    pub limit: u64,
    /// How many it has made.
    pub counted: u64,
    /// How many are set aside for other executions.
    pub reserved: u64,
    /// When the session counts anew if it makes no call before, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_ms: Option<i64>,
}

impl NoRoom {
    /// What is left for a plan that starts now.
    pub fn left(&self) -> u64 {
        let taken = self.counted.saturating_add(self.reserved);
        self.limit.saturating_sub(taken)
    }
}
