//! The removal of archived executions, on the writer's thread, within a transaction.

use super::{
    ARCHIVED, ArchivedExecution, ContentsDigest, REMOVED_AT_ONCE, Removal, RowsDigest, Tombstone,
    content,
};
use crate::{
    NewRecord, StoreError,
    failpoint::hit,
    projection::{EXECUTION_COLUMNS, execution_row},
    session_rows,
    writer::Refused,
};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::{BTreeMap, BTreeSet};

/// A removal under way.
pub(crate) struct Removing<'a> {
    db: &'a Connection,
    /// The `seq` of the event that it leaves.
    tombstone: u64,
    rows: BTreeMap<u64, [u8; 32]>,
    /// What the removed rows stood on.
    stood_on: BTreeSet<Digest>,
    executions: Vec<ArchivedExecution>,
}

impl<'a> Removing<'a> {
    pub(crate) fn new(db: &'a Connection, tombstone: u64) -> Self {
        Self {
            db,
            tombstone,
            rows: BTreeMap::new(),
            stood_on: BTreeSet::new(),
            executions: Vec::new(),
        }
    }

    /// Removes what is asked for, and gives the event that says so; none = all of it was removed before.
    pub(crate) fn run(mut self, removal: &Removal) -> Result<Option<NewRecord>, Refused> {
        if removal.executions.len() > REMOVED_AT_ONCE {
            return Err(refused(format!(
                "more than {REMOVED_AT_ONCE} executions are to be removed at once"
            )));
        }
        // Everything is looked at before anything is touched: a refusal leaves the transaction to others.
        let mut found = Vec::new();
        let once: BTreeMap<_, _> = removal.executions.iter().cloned().collect();
        for (execution_id, last_seq) in &once {
            found.extend(self.look(execution_id, *last_seq)?);
        }
        if found.is_empty() {
            return Ok(None);
        }
        for execution in found {
            self.execution(execution)?;
        }
        let contents = self.contents()?;
        let mut rows = RowsDigest::default();
        for (gseq, hash) in &self.rows {
            rows.row(*gseq, hash);
        }
        let tombstone = Tombstone {
            archive: removal.archive.clone(),
            by: removal.by.clone(),
            rows: rows.removed(),
            contents: contents.removed(),
            executions: self.executions,
        };
        let payload = serde_json::to_vec(&tombstone)
            .map_err(|error| refused(format!("the tombstone cannot be written: {error}")))?;
        Ok(Some(NewRecord {
            at_ms: removal.at_ms,
            kind: ARCHIVED,
            payload,
        }))
    }

    /// The execution as it stands, if it was not removed before.
    fn look(
        &self,
        execution_id: &str,
        last_seq: u64,
    ) -> Result<Option<ArchivedExecution>, Refused> {
        let row = self
            .db
            .prepare_cached(&format!(
                "SELECT {EXECUTION_COLUMNS} FROM executions WHERE execution_id = ?1"
            ))?
            .query_row([execution_id], execution_row)
            .optional()?;
        let Some(row) = row else {
            let known = self
                .db
                .prepare_cached("SELECT 1 FROM archived WHERE execution_id = ?1")?
                .exists([execution_id])?;
            return match known {
                true => Ok(None),
                false => Err(refused(format!("there is no execution `{execution_id}`"))),
            };
        };
        let last: Option<(u64, [u8; 32])> = self
            .db
            .prepare_cached(
                "SELECT seq, hash FROM events WHERE stream = ?1 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([execution_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match (row.finished_at_ms, last) {
            (Some(finished_at_ms), Some((seq, hash))) if seq == last_seq => {
                Ok(Some(ArchivedExecution {
                    execution_id: row.execution_id,
                    name: row.name,
                    state: row.state,
                    status: row.status,
                    created_at_ms: row.created_at_ms,
                    finished_at_ms,
                    last_seq,
                    last_hash: Digest::from_bytes(hash),
                }))
            }
            _ => Err(refused(format!(
                "execution `{execution_id}` is not as it is in the archive"
            ))),
        }
    }

    fn execution(&mut self, execution: ArchivedExecution) -> Result<(), Refused> {
        let stream = &execution.execution_id;
        let mut keep = self.db.prepare_cached(
            "INSERT INTO removed_rows (gseq, hash, tombstone) VALUES (?1, ?2, ?3)",
        )?;
        let mut query = self.db.prepare_cached(
            "SELECT gseq, hash, payload, seq, at_ms FROM events WHERE stream = ?1",
        )?;
        let mut rows = query.query([stream])?;
        // A call stands where its session is counted, at the time and with the number of the event that began it.
        let mut no_call = self.db.prepare_cached(
            "DELETE FROM calls WHERE session = (SELECT session FROM executions WHERE execution_id = ?1) \
             AND at_ms = ?3 AND execution_id = ?1 AND seq = ?2",
        )?;
        let mut stood_on = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let (gseq, hash): (u64, [u8; 32]) = (row.get(0)?, row.get(1)?);
            keep.execute(params![gseq, hash, self.tombstone])?;
            no_call.execute(params![
                stream,
                row.get::<_, i64>(3)?,
                row.get::<_, i64>(4)?
            ])?;
            let payload = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            content::add(payload, &mut stood_on).map_err(Refused::Store)?;
            self.rows.insert(gseq, hash);
        }
        drop(rows);
        for sql in [
            "DELETE FROM events WHERE stream = ?1",
            "DELETE FROM requests WHERE execution_id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([stream])?;
        }
        session_rows::remove(self.db, stream).map_err(Refused::Store)?;
        let mut no_use = self
            .db
            .prepare_cached("DELETE FROM content_uses WHERE hash = ?1 AND stream = ?2")?;
        for hash in &stood_on {
            no_use.execute(params![hash.as_bytes(), stream])?;
        }
        self.stood_on.append(&mut stood_on);
        self.db
            .prepare_cached("INSERT INTO archived (execution_id, tombstone) VALUES (?1, ?2)")?
            .execute(params![stream, self.tombstone])?;
        self.executions.push(execution);
        hit("archive.removed");
        Ok(())
    }

    /// Removes the plans and large values that nothing stands on any more.
    fn contents(&self) -> Result<ContentsDigest, Refused> {
        let mut used = self
            .db
            .prepare_cached("SELECT 1 FROM content_uses WHERE hash = ?1")?;
        let mut removed: BTreeMap<(u64, &str, [u8; 32]), [u8; 32]> = BTreeMap::new();
        for hash in &self.stood_on {
            if used.exists([hash.as_bytes()])? {
                continue;
            }
            for (kind, table) in [("blob", "blobs"), ("plan", "plans")] {
                let gone = self
                    .db
                    .prepare_cached(&format!(
                        "DELETE FROM {table} WHERE hash = ?1 RETURNING commit_number, row_hash"
                    ))?
                    .query_row([hash.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                if let Some((commit, row_hash)) = gone {
                    removed.insert((commit, kind, *hash.as_bytes()), row_hash);
                }
            }
        }
        let mut keep = self.db.prepare_cached(
            "INSERT INTO removed_contents (commit_number, kind, hash, row_hash, tombstone) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut digest = ContentsDigest::default();
        for ((commit, kind, hash), row_hash) in &removed {
            keep.execute(params![commit, kind, hash, row_hash, self.tombstone])?;
            digest.content(*commit, kind, hash, row_hash);
        }
        Ok(digest)
    }
}

fn refused(why: String) -> Refused {
    Refused::Batch(StoreError::Failed(why))
}
