//! Reading: everything here uses read-only connections, may run in any process at any time, and never writes.

use crate::{
    ExecutionRow, Head, Record, RequestRow, StoreError, blob,
    chain::RowParts,
    head_file,
    projection::{EXECUTION_COLUMNS, REQUEST_COLUMNS, execution_row, request_row},
    schema,
};
use mandate_plan::Digest;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Connections kept open for the next read.
const KEPT_CONNECTIONS: usize = 4;

/// The database file of a data directory.
pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join("journal.db")
}

/// A view of a journal that can only read. Another process may be its writer.
pub struct Reader {
    dir: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the journal of the data directory `dir`, which must have been opened by a writer before.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        if !Self::has_journal(dir) {
            return Err(StoreError::Failed(format!(
                "there is no journal in `{}`: nothing has run there yet",
                dir.display()
            )));
        }
        let reader = Self {
            dir: dir.to_owned(),
            idle: Mutex::default(),
        };
        if !database_path(dir).exists() {
            head_file::refuse_without_journal(head_file::read(dir)?)?;
        }
        let found = reader.with(|db| schema::version(db, schema::VERSION))?;
        if found == 0 {
            head_file::refuse_without_journal(head_file::read(dir)?)?;
        }
        match found {
            schema::VERSION => Ok(reader),
            found => Err(StoreError::Failed(format!(
                "the journal has schema version {found} and is not migrated to {}: run something with this `mandate` \
                 first",
                schema::VERSION
            ))),
        }
    }

    /// True if `dir` holds a journal.
    pub fn has_journal(dir: &Path) -> bool {
        // An empty file, or one without tables, is what a crash at the very first opening can leave.
        let written = std::fs::metadata(database_path(dir)).is_ok_and(|file| file.len() > 0);
        let reader = Self {
            dir: dir.to_owned(),
            idle: Mutex::default(),
        };
        // What cannot be read is there all the same, and so is what is gone but for its head: opening says what is wrong.
        let holds = || reader.with(|db| schema::version(db, schema::VERSION));
        let named = || match head_file::read(dir) {
            Ok(found) => head_file::refuse_without_journal(found).is_err(),
            Err(_) => false,
        };
        (written && !matches!(holds(), Ok(0))) || named()
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs `read` on a connection of its own.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let db = match kept {
            Some(db) => db,
            None => self.connect()?,
        };
        let result = read(&db);
        let mut idle = idle();
        if idle.len() < KEPT_CONNECTIONS {
            idle.push(db);
        }
        result
    }

    /// Closes the connections that are kept for the next read.
    pub(crate) fn close_idle(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let path = database_path(&self.dir);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(&path, flags)?;
        if needs_recovery(&db) {
            // A crash left work that SQLite must undo before anybody can read, and a connection that only reads may not.
            let writable = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let recovering = Connection::open_with_flags(&path, writable)?;
            recovering.busy_timeout(Duration::from_secs(10))?;
            recovering.pragma_query_value(None, "schema_version", |_| Ok(()))?;
            drop(recovering);
            db = Connection::open_with_flags(&path, flags)?;
        }
        db.busy_timeout(Duration::from_secs(10))?;
        db.set_prepared_statement_cache_capacity(64);
        db.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
        Ok(db)
    }

    /// Records of `stream` from `from_seq` on, at most `limit`, checked against their hashes.
    pub fn read(
        &self,
        stream: &str,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.with(|db| {
            records(
                db,
                &format!("SELECT {RECORD_COLUMNS} FROM events WHERE stream = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3"),
                params![stream, from_seq, limit],
            )
        })
    }

    /// Records of all streams after `gseq`, at most `limit`, in the order in which they were written.
    pub fn events_after(&self, gseq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.with(|db| {
            records(
                db,
                &format!(
                    "SELECT {RECORD_COLUMNS} FROM events WHERE gseq > ?1 ORDER BY gseq LIMIT ?2"
                ),
                params![gseq, limit],
            )
        })
    }

    /// The last records before the place `before` in the store-wide sequence, of one stream or of all, the newest first.
    pub fn events_before(
        &self,
        stream: Option<&str>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let select = format!("SELECT {RECORD_COLUMNS} FROM events WHERE gseq < ?1");
        self.with(|db| match stream {
            None => records(
                db,
                &format!("{select} ORDER BY gseq DESC LIMIT ?2"),
                params![before, limit],
            ),
            // Within a stream both rise together, and its own index serves it.
            Some(stream) => records(
                db,
                &format!("{select} AND stream = ?3 ORDER BY seq DESC LIMIT ?2"),
                params![before, limit, stream],
            ),
        })
    }

    /// The `seq` of the stream's last record; 0 = it has none.
    pub fn last_seq(&self, stream: &str) -> Result<u64, StoreError> {
        self.with(|db| {
            Ok(db
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM events WHERE stream = ?1")?
                .query_row([stream], |row| row.get(0))?)
        })
    }

    /// The canonical bytes of a stored plan, checked against its hash.
    pub fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|db| plan(db, hash))
    }

    /// One execution's row.
    pub fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        self.with(|db| {
            Ok(db
                .prepare_cached(&format!(
                    "SELECT {EXECUTION_COLUMNS} FROM executions WHERE execution_id = ?1"
                ))?
                .query_row([execution_id], execution_row)
                .optional()?)
        })
    }

    /// One request's row.
    pub fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        self.with(|db| {
            Ok(db
                .prepare_cached(&format!(
                    "SELECT {REQUEST_COLUMNS} FROM requests WHERE request_id = ?1"
                ))?
                .query_row([request_id], request_row)
                .optional()?)
        })
    }

    /// Ids of executions that have not finished, highest priority first, then oldest first.
    pub fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT execution_id FROM executions WHERE finished_at_ms IS NULL \
                 ORDER BY priority DESC, created_at_ms, execution_id",
            )?;
            let ids = query.query_map([], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// Of each place in the store-wide sequence, ascending, the number of the commit that holds it. Places and numbers
    /// rise together, so that each is found by halving.
    pub fn commits_of(&self, gseqs: &[u64]) -> Result<Vec<Option<u64>>, StoreError> {
        self.with(|db| {
            let last: Option<u64> =
                db.query_row("SELECT max(number) FROM commits", [], |row| row.get(0))?;
            let Some(last) = last else {
                return Ok(vec![None; gseqs.len()]);
            };
            let mut query = db.prepare_cached("SELECT last_gseq FROM commits WHERE number = ?1")?;
            let mut end_of = |number: u64| -> Result<u64, StoreError> {
                Ok(query.query_row([number], |row| row.get(0))?)
            };
            let (mut from, mut found) = (1, Vec::with_capacity(gseqs.len()));
            for gseq in gseqs {
                let mut until = last.saturating_add(1);
                while from < until {
                    let middle = from + (until - from) / 2;
                    match end_of(middle)? < *gseq {
                        true => from = middle + 1,
                        false => until = middle,
                    }
                }
                found.push((from <= last).then_some(from));
            }
            Ok(found)
        })
    }

    /// The head of the last durable commit.
    pub fn head(&self) -> Result<Head, StoreError> {
        self.with(head_file::last_commit)
    }
}

/// The columns of `events`, in the order of [`StoredRecord::read`].
pub(crate) const RECORD_COLUMNS: &str = "gseq, stream, seq, at_ms, kind, payload, prev_hash, hash";

/// Every place in the store-wide sequence: the rows that are there, and of those that were removed the hash and the
/// tombstone.
pub(crate) const EVERY_PLACE: &str = "\
    (SELECT gseq, stream, seq, at_ms, kind, payload, prev_hash, hash, NULL AS tombstone FROM events UNION ALL \
    SELECT gseq, NULL, NULL, NULL, NULL, NULL, NULL, hash, tombstone FROM removed_rows)";

/// A row of `events` as it is stored.
pub(crate) struct StoredRecord {
    pub(crate) gseq: u64,
    pub(crate) stream: String,
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) prev_hash: [u8; 32],
    pub(crate) hash: [u8; 32],
}

impl StoredRecord {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            gseq: row.get(0)?,
            stream: row.get(1)?,
            seq: row.get(2)?,
            at_ms: row.get(3)?,
            kind: row.get(4)?,
            payload: row.get(5)?,
            prev_hash: row.get(6)?,
            hash: row.get(7)?,
        })
    }

    /// The hash that its columns give.
    pub(crate) fn computed_hash(&self) -> Digest {
        RowParts {
            stream: &self.stream,
            seq: self.seq,
            at_ms: self.at_ms,
            kind: &self.kind,
            payload: self.payload.as_bytes(),
            prev_hash: &self.prev_hash,
        }
        .hash()
    }

    /// The record with its blobs put back.
    pub(crate) fn restored(self, db: &Connection) -> Result<Record, StoreError> {
        Ok(Record {
            gseq: self.gseq,
            payload: blob::restore(db, self.payload)?,
            stream: self.stream,
            seq: self.seq,
            at_ms: self.at_ms,
            kind: self.kind,
            prev_hash: Digest::from_bytes(self.prev_hash),
            hash: Digest::from_bytes(self.hash),
        })
    }
}

pub(crate) fn records(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Record>, StoreError> {
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let stored = StoredRecord::read(row)?;
        if stored.computed_hash().as_bytes() != &stored.hash {
            return Err(StoreError::Damaged(format!(
                "row {} of stream `{}` was changed",
                stored.seq, stored.stream
            )));
        }
        records.push(stored.restored(db)?);
    }
    Ok(records)
}

pub(crate) fn plan(db: &Connection, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let canonical: Option<String> = db
        .prepare_cached("SELECT canonical FROM plans WHERE hash = ?1")?
        .query_row([hash.as_bytes()], |row| row.get(0))
        .optional()?;
    match canonical {
        Some(text) if Digest::of(text.as_bytes()) != *hash => {
            Err(StoreError::Damaged(format!("plan {hash} was changed")))
        }
        found => Ok(found.map(String::into_bytes)),
    }
}

/// Whether the first read fails because it would have to write.
fn needs_recovery(db: &Connection) -> bool {
    match db.pragma_query_value(None, "schema_version", |_| Ok(())) {
        Err(rusqlite::Error::SqliteFailure(error, _)) => {
            error.code == rusqlite::ErrorCode::ReadOnly
        }
        _ => false,
    }
}
