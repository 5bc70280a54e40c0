//! Where each stream stands, and the writing of a batch at its end: continuity, repeats, divergence, limits.

use crate::{
    ExecutionRow, Removal, SYSTEM, StoreError,
    archive::Removing,
    blob,
    chain::{GENESIS, RowParts, blob_row_hash, plan_row_hash},
    queue::{Prepared, PreparedRecord},
    sessions::write_call,
    writer::{Refused, Staged},
};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::{BTreeSet, HashMap};

/// What one execution's payloads may add up to, blobs included.
pub const EXECUTION_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// Room above the limit for small batches, so that an execution which met it can still be ended in the journal.
const RESERVE_BYTES: u64 = 1024 * 1024;
/// A batch up to this size may use the reserve.
const SMALL_BATCH_BYTES: u64 = 64 * 1024;
/// Streams kept in mind; beyond, all are forgotten and read again when needed.
const KEPT_STREAMS: usize = 16_384;

struct Tail {
    seq: u64,
    hash: [u8; 32],
    bytes: u64,
    /// The projection row as stored.
    row: Option<ExecutionRow>,
}

/// The ends of the streams that were lately written.
#[derive(Default)]
pub(crate) struct Tails {
    tails: HashMap<String, Tail>,
    /// Streams to which a different record was offered: whoever did so holds another history, and may add nothing.
    diverged: BTreeSet<(String, u64)>,
}

impl Tails {
    /// Writes a batch and gives the `gseq` of its last record. Nothing is written unless all of it can be.
    pub(crate) fn write(
        &mut self,
        db: &Connection,
        batch: Prepared,
        last_gseq: &mut u64,
        staged: &mut Staged,
    ) -> Result<u64, Refused> {
        if let Some(removal) = &batch.removal {
            return self.remove(db, removal, last_gseq, staged);
        }
        self.refuse_diverged(&batch.stream)?;
        check_rows(&batch)?;
        let is_system = batch.stream == SYSTEM;
        staged.system |= is_system;
        let Self { tails, diverged } = self;
        let tail = match tails.get_mut(&batch.stream) {
            Some(tail) => tail,
            None => tails
                .entry(batch.stream.clone())
                .or_insert(load_tail(db, &batch.stream)?),
        };
        let first_seq = if is_system {
            tail.seq + 1
        } else {
            batch.first_seq
        };
        if first_seq == 0 || first_seq > tail.seq + 1 {
            return Err(Refused::Batch(StoreError::Gap {
                stream: batch.stream,
                expected: tail.seq + 1,
                found: first_seq,
            }));
        }
        let there = usize::try_from(tail.seq + 1 - first_seq).unwrap_or(usize::MAX);
        let there = there.min(batch.records.len());
        if there > 0 {
            match compare_repeated(db, &batch, first_seq, there)? {
                Ok(gseq) if there == batch.records.len() => return Ok(gseq),
                Ok(_) => {}
                Err(seq) => {
                    diverged.insert((batch.stream.clone(), seq));
                    let stream = batch.stream;
                    return Err(Refused::Batch(StoreError::Divergence { stream, seq }));
                }
            }
        }
        let fresh = batch.records.get(there..).unwrap_or_default();
        let bytes: u64 = fresh.iter().map(record_bytes).sum();
        let last_seq = tail.seq + fresh.len() as u64;
        check_size(&batch.stream, tail.bytes, bytes)?;
        check_last_seq(&batch, last_seq)?;

        if let Some(plan) = &batch.plan {
            write_plan(db, plan, staged)?;
            write_use(db, &plan.hash, &batch.stream)?;
        }
        for hash in &batch.stands_on {
            write_use(db, hash, &batch.stream)?;
        }
        let mut insert = db.prepare_cached(
            "INSERT INTO events (gseq, stream, seq, at_ms, kind, payload, prev_hash, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for record in fresh {
            let prev_hash = tail.hash;
            let hash = RowParts {
                stream: &batch.stream,
                seq: tail.seq + 1,
                at_ms: record.at_ms,
                kind: record.kind,
                payload: record.payload.as_bytes(),
                prev_hash: &prev_hash,
            }
            .hash();
            for blob in &record.blobs {
                write_blob(db, blob, staged)?;
                write_use(db, &blob.hash, &batch.stream)?;
            }
            *last_gseq += 1;
            tail.seq += 1;
            tail.hash = *hash.as_bytes();
            insert.execute(params![
                *last_gseq,
                batch.stream,
                tail.seq,
                record.at_ms,
                record.kind,
                record.payload,
                prev_hash,
                tail.hash,
            ])?;
            staged.items.event(&tail.hash);
            staged.at_ms = staged.at_ms.max(record.at_ms);
            crate::failpoint::hit("journal.after_insert");
        }
        tail.bytes += bytes;
        if let Some(row) = batch.execution {
            staged.executions.insert(row.execution_id.clone(), row);
        }
        for row in &batch.calls {
            write_call(db, row).map_err(Refused::Store)?;
        }
        for row in batch.requests {
            staged.requests.insert(row.request_id.clone(), row);
        }
        Ok(*last_gseq)
    }

    /// Removes archived executions, and writes the event that says so.
    fn remove(
        &mut self,
        db: &Connection,
        removal: &Removal,
        last_gseq: &mut u64,
        staged: &mut Staged,
    ) -> Result<u64, Refused> {
        let seq = match self.tails.get(SYSTEM) {
            Some(tail) => tail.seq,
            None => load_tail(db, SYSTEM)?.seq,
        };
        let Some(record) = Removing::new(db, seq + 1).run(removal)? else {
            return Ok(*last_gseq);
        };
        for (execution_id, _) in &removal.executions {
            self.tails.remove(execution_id);
        }
        let record = PreparedRecord::new(record, || "a tombstone".to_owned());
        let batch = Prepared {
            stream: SYSTEM.to_owned(),
            records: vec![record.map_err(Refused::Store)?],
            ..Prepared::default()
        };
        self.write(db, batch, last_gseq, staged)
    }

    /// The projection row of an execution, if it is in mind.
    pub(crate) fn known_row(&self, execution_id: &str) -> Option<&ExecutionRow> {
        self.tails.get(execution_id)?.row.as_ref()
    }

    /// Keeps a row that was written; an execution that has ended is forgotten altogether.
    pub(crate) fn remember_row(&mut self, row: ExecutionRow) {
        if row.finished_at_ms.is_some() {
            self.tails.remove(&row.execution_id);
        } else if let Some(tail) = self.tails.get_mut(&row.execution_id) {
            tail.row = Some(row);
        }
    }

    /// Keeps memory bounded.
    pub(crate) fn trim(&mut self) {
        if self.tails.len() > KEPT_STREAMS {
            self.tails.clear();
        }
    }

    fn refuse_diverged(&self, stream: &str) -> Result<(), Refused> {
        if self.diverged.is_empty() {
            return Ok(());
        }
        match self.diverged.range((stream.to_owned(), 0)..).next() {
            Some((name, seq)) if name == stream => Err(Refused::Batch(StoreError::Divergence {
                stream: stream.to_owned(),
                seq: *seq,
            })),
            _ => Ok(()),
        }
    }
}

fn record_bytes(record: &PreparedRecord) -> u64 {
    let blobs: usize = record.blobs.iter().map(|blob| blob.content.len()).sum();
    (record.payload.len() + blobs) as u64
}

/// Projection rows must belong to the batch's stream: `verify` rebuilds them from it.
fn check_rows(batch: &Prepared) -> Result<(), Refused> {
    let stream = batch.stream.as_str();
    let foreign_execution = batch
        .execution
        .as_ref()
        .is_some_and(|row| row.execution_id != stream);
    let foreign_request = batch.requests.iter().any(|row| row.execution_id != stream);
    let foreign_call = batch.calls.iter().any(|row| row.execution_id != stream);
    let rows = batch.execution.is_some() || !batch.requests.is_empty() || !batch.calls.is_empty();
    let alone = batch.records.is_empty() && rows;
    let wrong = if foreign_execution || foreign_request || foreign_call {
        "carries a projection row of another stream"
    } else if alone {
        "carries a projection row without a record that explains it"
    } else {
        return Ok(());
    };
    Err(Refused::Batch(StoreError::Failed(format!(
        "a batch for stream `{stream}` {wrong}"
    ))))
}

fn check_last_seq(batch: &Prepared, last_seq: u64) -> Result<(), Refused> {
    match &batch.execution {
        Some(row) if row.last_seq != last_seq => Err(Refused::Batch(StoreError::Failed(format!(
            "a batch for stream `{}` ends at seq {last_seq}, but its execution row says {}",
            batch.stream, row.last_seq
        )))),
        _ => Ok(()),
    }
}

fn check_size(stream: &str, before: u64, added: u64) -> Result<(), Refused> {
    let reserve = if added <= SMALL_BATCH_BYTES {
        RESERVE_BYTES
    } else {
        0
    };
    if stream == SYSTEM || before + added <= EXECUTION_LIMIT_BYTES + reserve {
        return Ok(());
    }
    Err(Refused::Batch(StoreError::TooLarge {
        what: format!("execution `{stream}`"),
        limit_bytes: EXECUTION_LIMIT_BYTES,
    }))
}

fn load_tail(db: &Connection, stream: &str) -> Result<Tail, Refused> {
    let last = db
        .prepare_cached("SELECT seq, hash FROM events WHERE stream = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([stream], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((seq, hash)) = last else {
        return Ok(Tail {
            seq: 0,
            hash: GENESIS,
            bytes: 0,
            row: None,
        });
    };
    let mut bytes = 0;
    // The system stream has no limit, and may be long.
    if stream != SYSTEM {
        let mut query = db.prepare_cached("SELECT payload FROM events WHERE stream = ?1")?;
        let mut rows = query.query([stream])?;
        while let Some(row) = rows.next()? {
            let payload = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            bytes += blob::full_size(payload);
        }
    }
    Ok(Tail {
        seq,
        hash,
        bytes,
        row: None,
    })
}

/// Compares the first `count` records with what is stored: the `gseq` of the last of them, or the first `seq` that differs.
fn compare_repeated(
    db: &Connection,
    batch: &Prepared,
    first_seq: u64,
    count: usize,
) -> Result<Result<u64, u64>, Refused> {
    let mut query = db.prepare_cached(
        "SELECT gseq, prev_hash, hash FROM events WHERE stream = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut stored = query.query(params![batch.stream, first_seq, count])?;
    let mut prev_hash: Option<[u8; 32]> = None;
    let mut last_gseq = 0;
    for (seq, record) in (first_seq..).zip(batch.records.iter().take(count)) {
        let Some(row) = stored.next()? else {
            return Ok(Err(seq));
        };
        let before = match prev_hash {
            Some(hash) => hash,
            None => row.get(1)?,
        };
        let hash = RowParts {
            stream: &batch.stream,
            seq,
            at_ms: record.at_ms,
            kind: record.kind,
            payload: record.payload.as_bytes(),
            prev_hash: &before,
        }
        .hash();
        let there: [u8; 32] = row.get(2)?;
        if there != *hash.as_bytes() {
            return Ok(Err(seq));
        }
        last_gseq = row.get(0)?;
        prev_hash = Some(there);
    }
    Ok(Ok(last_gseq))
}

fn write_plan(db: &Connection, plan: &crate::PlanRow, staged: &mut Staged) -> Result<(), Refused> {
    let canonical = std::str::from_utf8(&plan.canonical).map_err(|_| {
        Refused::Batch(StoreError::Failed(
            "a plan document is not UTF-8".to_owned(),
        ))
    })?;
    let hash = *plan.hash.as_bytes();
    let row_hash = *plan_row_hash(&hash, &plan.name, plan.at_ms, staged.commit_number).as_bytes();
    let new = db
        .prepare_cached(
            "INSERT OR IGNORE INTO plans (hash, name, at_ms, commit_number, row_hash, canonical) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            hash,
            plan.name,
            plan.at_ms,
            staged.commit_number,
            row_hash,
            canonical
        ])?;
    if new > 0 {
        staged.plans.insert(hash, row_hash);
        staged.at_ms = staged.at_ms.max(plan.at_ms);
    }
    Ok(())
}

fn write_blob(db: &Connection, blob: &blob::Blob, staged: &mut Staged) -> Result<(), Refused> {
    let (hash, size) = (*blob.hash.as_bytes(), blob.content.len() as u64);
    let row_hash = *blob_row_hash(&hash, size, staged.commit_number).as_bytes();
    let new = db
        .prepare_cached(
            "INSERT OR IGNORE INTO blobs (hash, size, commit_number, row_hash, content) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![hash, size, staged.commit_number, row_hash, blob.content])?;
    if new > 0 {
        staged.blobs.insert(hash, row_hash);
    }
    Ok(())
}

/// Notes that a stream stands on a plan or a blob: neither goes while one does.
fn write_use(db: &Connection, hash: &Digest, stream: &str) -> Result<(), Refused> {
    db.prepare_cached("INSERT OR IGNORE INTO content_uses (hash, stream) VALUES (?1, ?2)")?
        .execute(params![hash.as_bytes(), stream])?;
    Ok(())
}

/// Whether `hash` is the document's: checked where a batch is handed over, off the writer's thread.
pub(crate) fn check_plan(plan: &crate::PlanRow) -> Result<(), StoreError> {
    if std::str::from_utf8(&plan.canonical).is_err() || Digest::of(&plan.canonical) != plan.hash {
        return Err(StoreError::Failed(format!(
            "plan `{}` does not have the hash it is stored under",
            plan.name
        )));
    }
    Ok(())
}
