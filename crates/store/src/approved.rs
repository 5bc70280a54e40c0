//! What was approved last under a plan's name: what somebody who is asked about a plan of that name compares it with.

use crate::{Reader, StoreError};
use mandate_plan::Digest;
use rusqlite::Connection;
use serde::Deserialize;

/// Approvals of one name that are looked at, at most: those that were revoked are passed over.
const LOOKED_AT: usize = 64;

/// An approval of a plan, or of a revision of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastApproved {
    /// The execution that it is for.
    pub execution_id: String,
    /// The request that it answers.
    pub request_id: String,
    /// What was approved.
    pub plan_hash: Digest,
    /// Who gave it.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

impl Reader {
    /// The last approval of a plan with this name that was not revoked.
    pub fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT execution_id, request_id, kind, detail, answer, closed_at_ms \
                 FROM requests INDEXED BY requests_approved \
                 WHERE approved = ?1 AND approved IS NOT NULL ORDER BY closed_at_ms DESC, request_id DESC LIMIT ?2",
            )?;
            let mut rows = query.query((name, LOOKED_AT))?;
            while let Some(row) = rows.next()? {
                let execution_id: String = row.get(0)?;
                if was_revoked(db, &execution_id)? {
                    continue;
                }
                let (kind, detail, answer): (String, String, String) =
                    (row.get(2)?, row.get(3)?, row.get(4)?);
                let Some(plan_hash) = approved_hash(&kind, &detail) else {
                    continue;
                };
                return Ok(Some(LastApproved {
                    execution_id,
                    request_id: row.get(1)?,
                    plan_hash,
                    by: serde_json::from_str::<Given>(&answer).unwrap_or_default().by,
                    at_ms: row.get::<_, Option<i64>>(5)?.unwrap_or_default(),
                }));
            }
            Ok(None)
        })
    }
}

/// Whoever took an approval back does not stand by what they had said yes to.
fn was_revoked(db: &Connection, execution_id: &str) -> Result<bool, StoreError> {
    Ok(db
        .prepare_cached("SELECT 1 FROM events WHERE stream = ?1 AND kind = 'approval_revoked'")?
        .exists([execution_id])?)
}

/// Who gave an answer.
#[derive(Default, Deserialize)]
struct Given {
    #[serde(default)]
    by: String,
}

/// What a request about a plan, or about a revision of one, shows of it: the rest is long, and not looked at.
#[derive(Deserialize)]
struct Shown {
    plan_hash: Option<Digest>,
    detail: Option<Deeper>,
}

#[derive(Deserialize)]
struct Deeper {
    plan_hash: Option<Digest>,
}

/// The plan that a request of this kind asked about.
#[must_use]
pub fn approved_hash(kind: &str, detail: &str) -> Option<Digest> {
    let shown: Shown = serde_json::from_str(detail).ok()?;
    // What is shown of a revision has it one level deeper.
    match kind {
        "revision" => shown.detail?.plan_hash,
        _ => shown.plan_hash,
    }
}
