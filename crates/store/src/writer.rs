//! The one writer: takes what waits, writes it in one transaction, and tells those who wait once it is on the disk.
//!
//! A batch that is wrong in itself (gap, divergence, too large) is refused alone. When the store fails — no disk space,
//! an I/O error, a lost lease — nobody can know what of the transaction lasts, so the whole store stops: every batch in
//! it and every later one gets the same error until the store is opened again.

use crate::{
    Ack, Appended, ExecutionRow, Head, Lease, RequestRow, StoreError,
    audit_key::AuditKey,
    chain::{CommitItems, CommitParts},
    failpoint::hit,
    head_file::{self, HeadFile},
    log::Log,
    ownership::{DirectoryLock, check_lease},
    projection::{write_execution, write_request},
    queue::{Item, Queue},
    tails::Tails,
};
use rusqlite::{Connection, params};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Batches in one commit.
const GROUP_LIMIT: usize = 512;
/// A commit takes no further batch after this many bytes.
const GROUP_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// The writer and all that only it touches. The lock comes last: it must be given up after the database is closed. The log comes
/// first: what copies it has a connection of its own, and the writer's is the last to close.
pub(crate) struct Writer {
    log: Log,
    db: Connection,
    key: AuditKey,
    head_file: HeadFile,
    lease: Lease,
    head: Head,
    last_gseq: u64,
    tails: Tails,
    staged: Staged,
    shown: Arc<Shown>,
    lock: DirectoryLock,
}

/// What everybody who has the store sees of its writer.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Why nothing is accepted any more.
    pub(crate) failed: OnceLock<StoreError>,
    /// Another number after each commit with rows of the system stream.
    pub(crate) system_mark: AtomicU64,
}

/// What the transaction in the making has added.
#[derive(Default)]
pub(crate) struct Staged {
    /// The number that the commit will have.
    pub(crate) commit_number: u64,
    pub(crate) items: CommitItems,
    pub(crate) at_ms: i64,
    /// It has rows of the system stream.
    pub(crate) system: bool,
    /// Row hashes of new plans, by the plans' hashes.
    pub(crate) plans: BTreeMap<[u8; 32], [u8; 32]>,
    /// Row hashes of new blobs, by the blobs' hashes.
    pub(crate) blobs: BTreeMap<[u8; 32], [u8; 32]>,
    /// The last row of each, so that several batches of one execution cost one write.
    pub(crate) executions: BTreeMap<String, ExecutionRow>,
    pub(crate) requests: BTreeMap<String, RequestRow>,
}

impl Staged {
    fn begin(&mut self, commit_number: u64) {
        self.commit_number = commit_number;
        self.items.clear();
        self.at_ms = i64::MIN;
        self.system = false;
        self.plans.clear();
        self.blobs.clear();
        self.executions.clear();
        self.requests.clear();
    }
}

/// Why a batch is not written.
pub(crate) enum Refused {
    /// It is wrong in itself.
    Batch(StoreError),
    /// The store failed.
    Store(StoreError),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Writer {
    pub(crate) fn new(
        db: Connection,
        key: AuditKey,
        head_file: HeadFile,
        lease: Lease,
        log: Log,
        lock: DirectoryLock,
        shown: Arc<Shown>,
    ) -> Result<Self, StoreError> {
        let head = head_file::last_commit(&db)?;
        let last_gseq = db.query_row("SELECT coalesce(max(gseq), 0) FROM events", [], |row| {
            row.get(0)
        })?;
        Ok(Self {
            log,
            db,
            key,
            head_file,
            lease,
            head,
            last_gseq,
            tails: Tails::default(),
            staged: Staged::default(),
            shown,
            lock,
        })
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Arc<Queue>) {
        // If this thread dies, those who wait must hear of it and those who come later be turned away.
        let _guard = TurnAway(Arc::clone(queue));
        queue.emptied_here();
        let mut group = Vec::with_capacity(GROUP_LIMIT);
        while queue.take(&mut group, GROUP_LIMIT, GROUP_LIMIT_BYTES) {
            self.write_group(&mut group, || queue.is_empty());
        }
    }

    /// Writes a group in one transaction, and tells those who wait. `idle` says whether nothing else waits to be written.
    pub(crate) fn write_group(&mut self, group: &mut Vec<Item>, idle: impl Fn() -> bool) {
        let mut acks: Vec<(Ack, Result<u64, StoreError>)> = Vec::with_capacity(group.len());
        let written = match self.shown.failed.get().cloned() {
            Some(error) => Err(error),
            None => self.write_transaction(group, &mut acks),
        };
        if let Err(error) = written {
            self.stop(&error);
            let _ = self.db.execute_batch("ROLLBACK");
            // Only what was wrong in itself keeps its own error.
            for (_, result) in &mut acks {
                if result.is_ok() {
                    *result = Err(error.clone());
                }
            }
            acks.extend(group.drain(..).map(|item| (item.ack, Err(error.clone()))));
        }
        hit("journal.before_ack");
        let head = self.head;
        let alone = acks.len() == 1 && idle();
        for (ack, result) in acks {
            let result = result.map(|last_gseq| Appended {
                last_gseq,
                head,
                alone,
            });
            if catch_unwind(AssertUnwindSafe(|| ack(result))).is_err() {
                tracing::error!("an acknowledgement panicked");
            }
        }
        hit("journal.after_ack");
        self.tails.trim();
        if self.shown.failed.get().is_none() {
            self.log.after_commit(&self.db);
        }
    }

    /// The log, for whoever drives the writer by hand.
    pub(crate) fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// From here on nothing is accepted.
    fn stop(&self, error: &StoreError) {
        if self.shown.failed.set(error.clone()).is_ok() {
            tracing::error!(%error, "the journal stops: nothing more is accepted until it is opened again");
        }
    }

    fn write_transaction(
        &mut self,
        group: &mut Vec<Item>,
        acks: &mut Vec<(Ack, Result<u64, StoreError>)>,
    ) -> Result<(), StoreError> {
        hit("journal.before_begin");
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        hit("journal.after_begin");
        self.lock.check()?;
        check_lease(&self.db, self.lease)?;
        self.staged.begin(self.head.number + 1);
        let first_gseq = self.last_gseq + 1;
        for item in group.drain(..) {
            let written = match item.batch {
                Err(error) => Err(Refused::Batch(error)),
                Ok(batch) => {
                    self.tails
                        .write(&self.db, batch, &mut self.last_gseq, &mut self.staged)
                }
            };
            match written {
                Ok(last_gseq) => acks.push((item.ack, Ok(last_gseq))),
                Err(Refused::Batch(error)) => acks.push((item.ack, Err(error))),
                Err(Refused::Store(error)) => {
                    acks.push((item.ack, Err(error.clone())));
                    return Err(error);
                }
            }
        }
        if self.staged.items.is_empty() && self.staged.plans.is_empty() {
            // Repeats of what is durable already, or nothing but refusals.
            self.db.prepare_cached("ROLLBACK")?.execute([])?;
            return Ok(());
        }
        let head = self.write_commit(first_gseq)?;
        hit("journal.before_commit");
        self.db.prepare_cached("COMMIT")?.execute([])?;
        hit("journal.after_commit");
        self.head = head;
        if self.staged.system {
            // Before anybody is told that they are there.
            self.shown.system_mark.fetch_add(1, Ordering::Release);
        }
        // The batches are durable whatever happens to the head file; but a store that cannot write it stops.
        if let Err(error) = self.head_file.write(&head) {
            self.stop(&error);
        }
        hit("journal.after_head");
        Ok(())
    }

    /// The projections and the commit's own row.
    fn write_commit(&mut self, first_gseq: u64) -> Result<Head, StoreError> {
        let staged = &mut self.staged;
        for (id, row) in std::mem::take(&mut staged.executions) {
            write_execution(&self.db, &row, self.tails.known_row(&id))?;
            self.tails.remember_row(row);
        }
        for row in staged.requests.values() {
            write_request(&self.db, row)?;
        }
        let number = staged.commit_number;
        for row_hash in staged.plans.values() {
            staged.items.plan(row_hash);
        }
        for row_hash in staged.blobs.values() {
            staged.items.blob(row_hash);
        }
        let parts = CommitParts {
            number,
            first_gseq,
            last_gseq: self.last_gseq,
            at_ms: staged.at_ms,
            prev_hash: self.head.hash,
        };
        let hash = parts.hash(&staged.items);
        let head = Head { number, hash };
        self.db
            .prepare_cached(
                "INSERT INTO commits (number, first_gseq, last_gseq, at_ms, prev_hash, hash, hmac) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                number,
                first_gseq,
                parts.last_gseq,
                parts.at_ms,
                parts.prev_hash.as_bytes(),
                hash.as_bytes(),
                self.key.commit_mac(&head),
            ])?;
        Ok(head)
    }
}

/// On drop: closes the queue and tells everyone in it.
struct TurnAway(Arc<Queue>);

impl Drop for TurnAway {
    fn drop(&mut self) {
        for item in self.0.abandon() {
            (item.ack)(Err(closed()));
        }
    }
}

/// The error of those who come after the store was closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Failed("the store is closed".to_owned())
}
