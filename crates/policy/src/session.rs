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
    /// Permitted calls of the last 60 seconds.
    pub calls_last_minute: u64,
    /// The roles of who acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The categories of the session's last permitted calls, oldest first; at most [`RECENT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Category>,
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
