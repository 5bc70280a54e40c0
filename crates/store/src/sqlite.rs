//! The SQLite store: opening a data directory, and the [`Journal`] over its writer and its readers.

use crate::{
    Ack, Batch, ExecutionRow, Head, Journal, LastApproved, Lease, Reader, Record, Removal,
    RequestRow, StoreError, Tally,
    audit_key::{AuditKey, missing_key},
    failure::file_failed,
    head_file::{self, HeadFile},
    log::{self, Log},
    ownership::{DirectoryLock, LeaseRow, take_lease},
    queue::{Item, Prepared, PreparedRecord, Queue},
    reader::database_path,
    schema,
    tails::check_plan,
    writer::{Shown, Writer, closed},
};
use mandate_plan::Digest;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

/// A data directory's journal, open for writing. Dropping it writes what is queued, then lets go of the directory.
///
/// [`append`](Journal::append) waits while 4,096 batches or 64 MiB are queued. An acknowledgement runs on the one
/// thread that empties the queue: it must not wait, and hands the news on and returns unless it is
/// [`alone`](crate::Appended::alone). What it appends has room in any case.
pub struct SqliteStore {
    reader: Reader,
    queue: Arc<Queue>,
    lease: Lease,
    shown: Arc<Shown>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("dir", &self.reader.dir())
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the data directory `dir` for writing, making or migrating what is needed.
    ///
    /// Refuses with [`StoreError::Locked`] while another process has it, and with [`StoreError::Damaged`] if the head
    /// file, the lease or the audit key is not what a crash can leave: writing on would cover the traces.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (mut store, writer) = Self::open_parts(dir)?;
        let queue = Arc::clone(&store.queue);
        let thread = thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|error| StoreError::Failed(format!("cannot start the writer: {error}")))?;
        store.thread = Some(thread);
        Ok(store)
    }

    /// The store, and its writer, which nothing drives yet.
    pub(crate) fn open_parts(dir: &Path) -> Result<(Self, Writer), StoreError> {
        make_directory(dir)?;
        let mut lock = DirectoryLock::take(dir)?;
        let found = head_file::read(dir)?;
        if !database_path(dir).exists() {
            // A new database would take the log of the one that is gone for its own, and empty it.
            head_file::refuse_without_journal(found)?;
        }
        let mut db = open_database(dir)?;
        lock.keep(&database_path(dir))?;
        if schema::version(&db, schema::VERSION)? == 0 {
            // A new database beside the head of another one would cover that the other one is gone.
            head_file::refuse_without_journal(found)?;
        }
        schema::migrate(&mut db)?;

        let lease_before = LeaseRow::load(&db)?;
        let key = open_key(dir, &db, lease_before.as_ref())?;
        if let Some(lease) = &lease_before
            && let Some(fault) = lease.fault(&db, &key)?
        {
            return Err(StoreError::Damaged(fault));
        }
        if let Some(fault) = head_file::fault(&db, found, lease_before.as_ref())? {
            return Err(StoreError::Damaged(fault));
        }

        // The head goes to the disk before the lease that says so, see `head_file`.
        let head = head_file::last_commit(&db)?;
        let head_file = HeadFile::open(dir)?;
        head_file.write(&head)?;
        head_file.sync()?;
        sync_directory(dir)?;
        let lease = take_lease(&mut db, &key, &head)?;

        let shown = Arc::new(Shown::default());
        let log = Log::open(dir, &mut db)?;
        let writer = Writer::new(db, key, head_file, lease, log, lock, Arc::clone(&shown))?;
        let store = Self {
            reader: Reader::open(dir)?,
            queue: Arc::default(),
            lease,
            shown,
            thread: None,
        };
        Ok((store, writer))
    }

    /// What waits for the writer.
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Opens the data directory `dir` for reading only, whether or not a host runs on it.
    pub fn open_readonly(dir: &Path) -> Result<Reader, StoreError> {
        Reader::open(dir)
    }

    /// Lists, exports and everything else that only reads.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The lease under which this store writes.
    pub fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The last connection to close brings the log into the database and removes it; only the writer's may. It closes as
        // soon as it finds the queue closed.
        self.reader.close_idle();
        self.queue.close();
        if let Some(thread) = self.thread.take()
            // An acknowledgement may hold the last reference; the writer cannot wait for itself.
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Journal for SqliteStore {
    fn append(&self, batch: Batch, ack: Ack) {
        let batch = prepare(batch);
        if let Some(item) = self.queue.push(Item { batch, ack }) {
            (item.ack)(Err(closed()));
        }
    }

    fn more_follows(&self, more: bool) {
        self.queue.more_follows(more);
    }

    fn remove_archived(&self, removal: Removal, ack: Ack) {
        let batch = Ok(Prepared {
            stream: crate::SYSTEM.to_owned(),
            removal: Some(Box::new(removal)),
            ..Prepared::default()
        });
        if let Some(item) = self.queue.push(Item { batch, ack }) {
            (item.ack)(Err(closed()));
        }
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.reader.read(stream, from_seq, limit)
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.reader.plan(hash)
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        self.reader.execution(execution_id)
    }

    fn knows(&self, execution_id: &str) -> Result<bool, StoreError> {
        Ok(self.reader.execution(execution_id)?.is_some()
            || self.reader.archived(execution_id)?.is_some())
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        self.reader.unfinished()
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        self.reader.request(request_id)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.reader.head()
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.reader.tally(principal, session, now_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.reader.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        self.reader.system_rows(kind, 1)
    }

    fn rows_of_system(&self, kinds: &[&str], after_seq: u64) -> Result<Vec<Record>, StoreError> {
        self.reader.rows_of_system(kinds, after_seq)
    }

    fn system_mark(&self) -> Option<u64> {
        Some(self.shown.system_mark.load(Ordering::Acquire))
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        self.reader.last_of_system(kinds)
    }

    fn failure(&self) -> Option<StoreError> {
        self.shown.failed.get().cloned()
    }
}

/// What can be done with a batch before its turn: large fields leave it here, off the writer's thread.
fn prepare(batch: Batch) -> Result<Prepared, StoreError> {
    if let Some(plan) = &batch.plan {
        check_plan(plan)?;
    }
    let mut bytes = batch.plan.as_ref().map_or(0, |plan| plan.canonical.len());
    let mut records = Vec::with_capacity(batch.records.len());
    for record in batch.records {
        bytes += record.payload.len();
        let kind = record.kind;
        let whose = || format!("`{kind}` in stream `{}`", batch.stream);
        records.push(PreparedRecord::new(record, whose)?);
    }
    Ok(Prepared {
        stream: batch.stream,
        first_seq: batch.first_seq,
        records,
        bytes,
        plan: batch.plan,
        stands_on: batch.stands_on,
        execution: batch.execution,
        requests: batch.requests,
        calls: batch.calls,
        removal: None,
    })
}

fn make_directory(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| file_failed("create the data directory", dir, &error))
}

fn sync_directory(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| file_failed("sync", dir, &error))
}

fn open_database(dir: &Path) -> Result<Connection, StoreError> {
    let path = database_path(dir);
    // Made here and not by SQLite, so that only its owner can read it; its log gets the same mode.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| file_failed("open", &path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = match log::vfs().filter(|_| synchronous() == SYNCED) {
        Some(vfs) => Connection::open_with_flags_and_vfs(&path, flags, vfs)?,
        None => Connection::open_with_flags(&path, flags)?,
    };
    db.busy_timeout(patience())?;
    db.set_prepared_statement_cache_capacity(64);
    // Otherwise statements over a partial index are compiled anew whenever their parameters change.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", synchronous())?;
    db.pragma_update(None, "cache_size", -32_768)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

/// `FULL`: a commit returns when the disk has it. Only a crash test may say otherwise, to see itself fail.
fn synchronous() -> &'static str {
    #[cfg(feature = "failpoints")]
    if std::env::var("MANDATE_TEST_SYNCHRONOUS").is_ok_and(|value| value == "OFF") {
        return "OFF";
    }
    SYNCED
}

/// What the log's writes may be kept for.
const SYNCED: &str = "FULL";

/// How long a foreign lock is waited for. A test may not want to wait that long to see what comes then.
fn patience() -> Duration {
    #[cfg(feature = "failpoints")]
    if let Some(millis) = std::env::var("MANDATE_TEST_BUSY_MS")
        .ok()
        .and_then(|millis| millis.parse().ok())
    {
        return Duration::from_millis(millis);
    }
    Duration::from_secs(30)
}

/// A key is made only where nothing was ever committed: with a new one, everything before would look forged.
fn open_key(dir: &Path, db: &Connection, lease: Option<&LeaseRow>) -> Result<AuditKey, StoreError> {
    if let Some(key) = AuditKey::load(dir)? {
        return Ok(key);
    }
    if lease.is_some() || head_file::last_commit(db)?.number > 0 {
        return Err(missing_key(dir));
    }
    AuditKey::create(dir)
}
