//! What an execution waits for, as it is shown and, of a nested plan, journaled with its parent.

use serde::{Deserialize, Serialize};

/// Why nothing runs, and what would carry the execution on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFor {
    /// `plan`, `in_doubt`, `timer`, `retry`, `paused`, or `host`: nobody drives it.
    pub kind: String,
    /// The step, where it is one.
    pub step: Option<String>,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// When it ends by itself, Unix milliseconds.
    pub due_ms: Option<i64>,
    /// Who can end it.
    pub who: Vec<String>,
    /// What to type next.
    pub next_command: String,
}
