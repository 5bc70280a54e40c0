//! Which executions may go: whole families that ended long ago, about which nobody is asked anything any more.

use crate::{
    ExecutionRow, Reader, StoreError,
    projection::{EXECUTION_COLUMNS, execution_row},
};
use rusqlite::{Connection, params};

/// An execution that no other one holds, with everything that ran as a step of it, each of them ended before the time that
/// was given.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The family, the one that holds the others first.
    pub family: Vec<ExecutionRow>,
    /// One of them has an event of a kind that was asked for.
    pub has_kind: bool,
}

/// How many executions stay that were created before the time that was given, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// They, or others of their family, have not ended, or not long ago.
    pub unfinished: u64,
    /// A request of theirs is open.
    pub asked: u64,
}

impl Reader {
    /// Hands over, the oldest first, every family that ended before `before_ms`. `kind` is the kind of event that is asked
    /// for. Gives how many stay.
    pub fn archivable(
        &self,
        before_ms: i64,
        kind: &str,
        found: &mut dyn FnMut(Candidate) -> Result<(), StoreError>,
    ) -> Result<Kept, StoreError> {
        self.with(|db| {
            let snapshot = db.unchecked_transaction()?;
            let mut kept = Kept::default();
            let mut query = snapshot.prepare(&format!(
                "SELECT {EXECUTION_COLUMNS} FROM executions INDEXED BY executions_by_created \
                 WHERE created_at_ms < ?1 AND parent IS NULL ORDER BY created_at_ms, execution_id"
            ))?;
            let mut rows = query.query([before_ms])?;
            while let Some(row) = rows.next()? {
                let family = family(&snapshot, execution_row(row)?)?;
                let count = family.len() as u64;
                let ended =
                    |row: &ExecutionRow| row.finished_at_ms.is_some_and(|at| at < before_ms);
                if !family.iter().all(ended) {
                    kept.unfinished += count;
                } else if any(
                    &snapshot,
                    &family,
                    "requests WHERE execution_id = ?1 AND state = 'open'",
                    None,
                )? {
                    kept.asked += count;
                } else {
                    let of_kind = "events WHERE stream = ?1 AND kind = ?2";
                    let has_kind = any(&snapshot, &family, of_kind, Some(kind))?;
                    found(Candidate { family, has_kind })?;
                }
            }
            Ok(kept)
        })
    }
}

/// It, and everything below it.
fn family(db: &Connection, root: ExecutionRow) -> Result<Vec<ExecutionRow>, StoreError> {
    let mut family = vec![root];
    let mut looked = 0;
    let mut query = db.prepare_cached(&format!(
        "SELECT {EXECUTION_COLUMNS} FROM executions INDEXED BY executions_by_parent \
         WHERE parent = ?1 AND parent IS NOT NULL ORDER BY execution_id"
    ))?;
    while let Some(next) = family.get(looked) {
        let children = query.query_map([&next.execution_id], execution_row)?;
        let children: Vec<_> = children.collect::<Result<_, _>>()?;
        family.extend(children);
        looked += 1;
    }
    Ok(family)
}

fn any(
    db: &Connection,
    family: &[ExecutionRow],
    what: &str,
    kind: Option<&str>,
) -> Result<bool, StoreError> {
    let mut query = db.prepare_cached(&format!("SELECT 1 FROM {what}"))?;
    for row in family {
        let found = match kind {
            Some(kind) => query.exists(params![row.execution_id, kind])?,
            None => query.exists([&row.execution_id])?,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
