//! The rows of `sessions`: how many executions a session has, when the first began, and when one last began or ended. What
//! lists of sessions read, so that no execution is counted for them.

use crate::{ExecutionRow, Reader, SessionSummary, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

/// What an execution is to its session.
#[derive(PartialEq, Eq)]
struct Member {
    session: String,
    principal: String,
    created_at_ms: i64,
    finished_at_ms: Option<i64>,
}

impl Member {
    fn of(row: &ExecutionRow) -> Self {
        Self {
            session: row.session.clone(),
            principal: row.principal.clone(),
            created_at_ms: row.created_at_ms,
            finished_at_ms: row.finished_at_ms,
        }
    }

    fn stored(db: &Connection, execution_id: &str) -> Result<Option<Self>, StoreError> {
        let member = db
            .prepare_cached(
                "SELECT session, principal, created_at_ms, finished_at_ms FROM executions WHERE execution_id = ?1",
            )?
            .query_row([execution_id], |row| {
                Ok(Self {
                    session: row.get(0)?,
                    principal: row.get(1)?,
                    created_at_ms: row.get(2)?,
                    finished_at_ms: row.get(3)?,
                })
            })
            .optional()?;
        Ok(member)
    }

    /// When it last began or ended.
    fn last_ms(&self) -> i64 {
        self.finished_at_ms.unwrap_or(self.created_at_ms)
    }
}

/// What is left to do once the execution's own row is written.
#[must_use]
pub(crate) enum Owed {
    Nothing,
    /// These sessions are to be counted anew: an execution did not just begin or end in them.
    Counts(Vec<(String, String)>),
}

/// Takes note of an execution's row before it is written. `before` is what is stored, as far as known.
pub(crate) fn note(
    db: &Connection,
    row: &ExecutionRow,
    before: Option<&ExecutionRow>,
) -> Result<Owed, StoreError> {
    let new = Member::of(row);
    let old = match before {
        Some(before) => Some(Member::of(before)),
        None => Member::stored(db, &row.execution_id)?,
    };
    let begins = old.is_none();
    if let Some(old) = old {
        if old == new {
            return Ok(Owed::Nothing);
        }
        let ends = old.finished_at_ms.is_none()
            && old
                == Member {
                    finished_at_ms: None,
                    ..Member::of(row)
                };
        if !ends {
            let of = |member: Member| (member.session, member.principal);
            return Ok(Owed::Counts(vec![of(old), of(new)]));
        }
    }
    db.prepare_cached(
        "INSERT INTO sessions (session, principal, executions, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (session, principal) DO UPDATE SET executions = executions + excluded.executions, \
           first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
    )?
    .execute(params![new.session, new.principal, i64::from(begins), new.created_at_ms, new.last_ms()])?;
    Ok(Owed::Nothing)
}

impl Owed {
    /// Does what was left.
    pub(crate) fn pay(self, db: &Connection) -> Result<(), StoreError> {
        let Self::Counts(sessions) = self else {
            return Ok(());
        };
        for (session, principal) in sessions {
            db.prepare_cached("DELETE FROM sessions WHERE session = ?1 AND principal = ?2")?
                .execute(params![session, principal])?;
            db.prepare_cached(
                "INSERT INTO sessions (session, principal, executions, first_ms, last_ms) \
                 SELECT session, principal, count(*), min(created_at_ms), max(coalesce(finished_at_ms, created_at_ms)) \
                 FROM executions WHERE session = ?1 AND principal = ?2 GROUP BY session, principal",
            )?
            .execute(params![session, principal])?;
        }
        Ok(())
    }
}

/// Removes an execution's row and what it was to its session. Archives take the oldest first, so that the next oldest is
/// found at once.
pub(crate) fn remove(db: &Connection, execution_id: &str) -> Result<(), StoreError> {
    let Some(gone) = Member::stored(db, execution_id)? else {
        return Ok(());
    };
    db.prepare_cached("DELETE FROM executions WHERE execution_id = ?1")?
        .execute([execution_id])?;
    let stands: Option<(i64, i64, i64)> = db
        .prepare_cached(
            "SELECT executions, first_ms, last_ms FROM sessions WHERE session = ?1 AND principal = ?2",
        )?
        .query_row(params![gone.session, gone.principal], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((executions, first_ms, last_ms)) = stands else {
        return Ok(());
    };
    if executions > 1 && last_ms == gone.last_ms() {
        let sessions = vec![(gone.session, gone.principal)];
        return Owed::Counts(sessions).pay(db);
    }
    let first_ms = match first_ms == gone.created_at_ms {
        false => Some(first_ms),
        true => db
            .prepare_cached(
                "SELECT created_at_ms FROM executions INDEXED BY executions_by_session \
                 WHERE session = ?1 AND principal = ?2 ORDER BY created_at_ms LIMIT 1",
            )?
            .query_row(params![gone.session, gone.principal], |row| row.get(0))
            .optional()?,
    };
    match first_ms {
        Some(first_ms) => db
            .prepare_cached(
                "UPDATE sessions SET executions = executions - 1, first_ms = ?3 \
                 WHERE session = ?1 AND principal = ?2",
            )?
            .execute(params![gone.session, gone.principal, first_ms])?,
        None => db
            .prepare_cached("DELETE FROM sessions WHERE session = ?1 AND principal = ?2")?
            .execute(params![gone.session, gone.principal])?,
    };
    Ok(())
}

/// Every session as the executions give it.
pub(crate) const GIVEN: &str = "SELECT session, principal, count(*), min(created_at_ms), \
    max(coalesce(finished_at_ms, created_at_ms)) FROM executions GROUP BY session, principal";

impl Reader {
    /// The sessions in which an execution last began or ended, at most `limit`.
    pub fn sessions(&self, limit: usize) -> Result<Vec<SessionSummary>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT session, principal, executions, first_ms, last_ms FROM sessions \
                 INDEXED BY sessions_by_last ORDER BY last_ms DESC, session, principal LIMIT ?1",
            )?;
            let rows = query.query_map([limit], |row| {
                Ok(SessionSummary {
                    session: row.get(0)?,
                    principal: row.get(1)?,
                    executions: row.get(2)?,
                    first_ms: row.get(3)?,
                    last_ms: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
