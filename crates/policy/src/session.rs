//! What evaluate and enforce may know of the session that a call belongs to.

use crate::classify::Category;
use serde::{Deserialize, Serialize};

/// A snapshot of a session's counters, folded from the journal by the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The session.
    pub session_id: String,
    /// Who acts in it.
    pub principal: String,
    /// New permits are stopped everywhere.
    pub frozen: bool,
    /// Permitted calls of the session so far.
    pub calls: u64,
    /// Calls that are set aside for executions of the session other than the one that is judged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserved: u64,
    /// Permitted calls of the last 60 seconds.
    pub calls_last_minute: u64,
    /// The roles of who acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The categories of the session's last permitted calls, oldest first; at most [`RECENT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Category>,
    /// When fewer calls than now will have been made in 60 seconds, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute_frees_ms: Option<i64>,
    /// When the session will have been idle for so long that its count begins anew, if no call comes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_ms: Option<i64>,
    /// What the operator allows, whatever the rules say.
    #[serde(default)]
    pub limits: Limits,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl SessionView {
    /// One more call was permitted.
    pub fn count(&mut self, category: Category, now_ms: i64) {
        self.calls = self.calls.saturating_add(1);
        self.calls_last_minute = self.calls_last_minute.saturating_add(1);
        self.minute_frees_ms
            .get_or_insert(now_ms.saturating_add(60_000));
        self.resets_ms = None;
        self.recent.push(category);
        if self.recent.len() > RECENT {
            self.recent.remove(0);
        }
    }
}

/// How many categories of a session's last calls rules can look at.
pub const RECENT: usize = 32;

/// How many permitted calls a session may make; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// In all.
    pub calls_per_session: Option<u64>,
    /// In any 60 seconds.
    pub calls_per_minute: Option<u64>,
}

impl Limits {
    /// Both: of each number the smaller one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let strictest = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            calls_per_session: strictest(self.calls_per_session, other.calls_per_session),
            calls_per_minute: strictest(self.calls_per_minute, other.calls_per_minute),
        }
    }
}
