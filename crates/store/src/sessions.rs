//! What the permitted calls of a session add up to: a projection row for each call, and the sums over them.

use crate::{Reader, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

/// How many of a session's last calls a tally tells the categories of.
const TOLD: usize = 32;
/// The stretch that rates are counted over, in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// One permitted call: the projection that sessions are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// The execution that made it.
    pub execution_id: String,
    /// The `seq` of the event that began it.
    pub seq: u64,
    /// The session that it counts for.
    pub session: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What kind of action it is, such as `file_write`.
    pub category: String,
}

/// What the calls of a session add up to, since it was last idle for long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Times of the calls of the last minute, the oldest first, Unix milliseconds.
    pub minute: Vec<i64>,
    /// Categories of the last calls, the oldest first.
    pub recent: Vec<String>,
    /// The first call's time, Unix milliseconds.
    pub first_ms: Option<i64>,
    /// The last call's time, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// Its executions that may have begun and have not ended: what is set aside for them is for their journals to say.
    pub open: Vec<String>,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Its id.
    pub session: String,
    /// Who acts in it.
    pub principal: String,
    /// Executions.
    pub executions: u64,
    /// When the first was created, Unix milliseconds.
    pub first_ms: i64,
    /// When one last began or ended, Unix milliseconds.
    pub last_ms: i64,
}

impl Tally {
    /// What calls add up to, given with their time and category, the newest first. They are asked for no further than they count.
    ///
    /// # Errors
    /// The first error among the calls.
    pub fn of<E>(
        calls: impl IntoIterator<Item = Result<(i64, String), E>>,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Self, E> {
        let (mut tally, mut after_ms) = (Self::default(), now_ms);
        for call in calls {
            let (at_ms, category) = call?;
            if after_ms.saturating_sub(at_ms) > idle_ms {
                break;
            }
            // A clock that was set back has calls before it, and those ended no stretch.
            after_ms = at_ms.min(now_ms);
            tally.calls = tally.calls.saturating_add(1);
            tally.last_ms.get_or_insert(at_ms);
            tally.first_ms = Some(at_ms);
            if now_ms.saturating_sub(at_ms) < MINUTE_MS {
                tally.minute.push(at_ms);
            }
            if tally.recent.len() < TOLD {
                tally.recent.push(category);
            }
        }
        tally.minute.reverse();
        tally.recent.reverse();
        Ok(tally)
    }
}

impl Reader {
    /// What the calls of a principal's session up to `now_ms` add up to; a stretch of more than `idle_ms` without any
    /// begins a new count. Another principal's session of that id is another session.
    pub fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT calls.at_ms, calls.category FROM calls \
                 CROSS JOIN executions ON executions.execution_id = calls.execution_id \
                 WHERE calls.session = ?1 AND executions.principal = ?2 \
                 ORDER BY calls.at_ms DESC, calls.execution_id DESC, calls.seq DESC",
            )?;
            let calls =
                query.query_map([session, principal], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut tally = Tally::of(calls, now_ms, idle_ms)?;
            let mut query = db.prepare_cached(
                "SELECT execution_id FROM executions INDEXED BY executions_open \
                 WHERE session = ?1 AND principal = ?2 AND finished_at_ms IS NULL \
                 AND state <> 'pending' AND waiting_kind IS NOT 'plan' ORDER BY execution_id",
            )?;
            let ids = query.query_map([session, principal], |row| row.get(0))?;
            tally.open = ids.collect::<Result<_, _>>()?;
            Ok(tally)
        })
    }
}

/// The category that is stored for a call, if it stands where it belongs.
pub(crate) fn stored_category(
    db: &Connection,
    row: &CallRow,
) -> Result<Option<String>, StoreError> {
    let stored = db
        .prepare_cached(
            "SELECT category FROM calls WHERE session = ?1 AND at_ms = ?2 AND execution_id = ?3 AND seq = ?4",
        )?
        .query_row(params![row.session, row.at_ms, row.execution_id, row.seq], |row| row.get(0))
        .optional()?;
    Ok(stored)
}

pub(crate) fn write_call(db: &Connection, row: &CallRow) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO calls (execution_id, seq, session, at_ms, category) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![row.execution_id, row.seq, row.session, row.at_ms, row.category])?;
    Ok(())
}
