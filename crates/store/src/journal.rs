//! The journal as the host sees it: what is appended, what is read, and what each call promises about crashes.

use crate::{CallRow, LastApproved, Removal, Tally};
use mandate_plan::{Digest, ErrorCode};
use serde::{Deserialize, Serialize};

/// The stream of records that belong to no execution.
pub const SYSTEM: &str = "system";

/// A row to append. The store gives it `gseq`, `prev_hash` and `hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// The event kind, such as `step_started`.
    pub kind: &'static str,
    /// The event's data: a JSON object. Top-level fields over 64 KiB are moved into blobs by the store.
    pub payload: Vec<u8>,
}

/// A row as it was read, blobs put back in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Place in the store-wide sequence, from 1.
    pub gseq: u64,
    /// Execution id or [`SYSTEM`].
    pub stream: String,
    /// Place in the stream, from 1.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// The event kind.
    pub kind: String,
    /// The event's data, a JSON object.
    pub payload: Vec<u8>,
    /// Hash of the stream's row before; all zero for the first.
    pub prev_hash: Digest,
    /// Hash over stream, seq, at_ms, kind, the stored payload and `prev_hash`.
    pub hash: Digest,
}

/// The right to write, taken when the store is opened; a later owner's lease makes it void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease(pub u64);

/// The events of one decision: all or none of it is durable.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Execution id or [`SYSTEM`].
    pub stream: String,
    /// The `seq` of the first record; must follow the stream's last. Ignored for [`SYSTEM`], whose seqs the store counts.
    pub first_seq: u64,
    /// What to append, in order.
    pub records: Vec<NewRecord>,
    /// The plan document that the batch refers to, stored once under its hash.
    pub plan: Option<PlanRow>,
    /// Plans that are stored already and that the batch refers to, too: none goes while its stream is there.
    pub stands_on: Vec<Digest>,
    /// The execution as it stands after the batch.
    pub execution: Option<ExecutionRow>,
    /// The requests that the batch opened or closed, as they stand after it.
    pub requests: Vec<RequestRow>,
    /// The calls that the batch's records permit.
    pub calls: Vec<CallRow>,
}

/// A stored plan document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// SHA-256 over `canonical`.
    pub hash: Digest,
    /// The RFC 8785 bytes of the document.
    pub canonical: Vec<u8>,
    /// The plan's name.
    pub name: String,
    /// When it was first stored, Unix milliseconds.
    pub at_ms: i64,
}

/// The projection that lists and filters read: derived from the stream, rebuilt and compared by `audit verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRow {
    /// The execution's id (UUID v7).
    pub execution_id: String,
    /// The plan's id (UUID v7).
    pub plan_id: String,
    /// The revision that runs, from 1.
    pub revision: u32,
    /// The plan's hash.
    pub plan_hash: Digest,
    /// The plan's name.
    pub name: String,
    /// Who asked for it.
    pub principal: String,
    /// The session it belongs to.
    pub session: String,
    /// Where the execution is, such as `running`.
    pub state: String,
    /// `success`, `partial` or `failure`; none until it ends.
    pub status: Option<String>,
    /// The code of the error it ended with.
    pub error_code: Option<String>,
    /// What it waits for, as JSON; none while it does not wait.
    pub waiting_for: Option<String>,
    /// Higher starts first.
    pub priority: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Time of the last event, Unix milliseconds.
    pub updated_at_ms: i64,
    /// When it ended, Unix milliseconds.
    pub finished_at_ms: Option<i64>,
    /// The `seq` of the stream's last event.
    pub last_seq: u64,
    /// Steps of the plan.
    pub steps_total: u32,
    /// Steps that are settled.
    pub steps_settled: u32,
    /// Names of the plan's tools, sorted, joined by single spaces with one before and one after.
    pub tools: String,
    /// The execution that runs it as a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A request to a human: the projection that the inbox reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// The request's id.
    pub request_id: String,
    /// The execution that waits.
    pub execution_id: String,
    /// `plan`, `revision`, `step`, `question`, `failure`, `invariant`, `budget` or `in_doubt`.
    pub kind: String,
    /// The step it is about.
    pub step: Option<String>,
    /// `open`, `answered` or `expired`.
    pub state: String,
    /// Digest of what is asked about.
    pub subject: Digest,
    /// Everything that the one who answers must see, as JSON.
    pub detail: String,
    /// The answer, as JSON.
    pub answer: Option<String>,
    /// Unix milliseconds.
    pub opened_at_ms: i64,
    /// Unix milliseconds; none = it does not expire.
    pub expires_at_ms: Option<i64>,
    /// When it was answered or expired, Unix milliseconds.
    pub closed_at_ms: Option<i64>,
    /// The name of the plan that the answer approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
}

/// Number and hash of the last commit: what to keep elsewhere to find a rollback later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the commit, from 1; 0 = nothing committed.
    pub number: u64,
    /// Its hash.
    pub hash: Digest,
}

/// What a durable append reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// `gseq` of the batch's last record.
    pub last_gseq: u64,
    /// The head after the commit.
    pub head: Head,
    /// Whether nothing else was written with it, and nothing waits to be. Whoever is told may do some work of its own on the
    /// writer's thread then, and append: nobody is held up by it.
    pub alone: bool,
}

/// Why the store could not do what was asked.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreError {
    /// Another process owns the data directory.
    #[error("the data directory `{dir}` is in use by process {pid}; wait for it, or stop it")]
    Locked {
        /// The directory.
        dir: String,
        /// The owner, as far as known ("unknown" otherwise).
        pid: String,
    },
    /// A later owner took over: this process must stop writing.
    #[error(
        "this process no longer owns the data directory: lease {ours} was replaced by {theirs}"
    )]
    LeaseLost {
        /// Our lease.
        ours: u64,
        /// The one in the store.
        theirs: u64,
    },
    /// A row with that seq is there with other content.
    #[error("stream `{stream}` diverges at seq {seq}: a different record is already stored")]
    Divergence {
        /// The stream.
        stream: String,
        /// The seq.
        seq: u64,
    },
    /// The batch does not follow the stream's last row.
    #[error("stream `{stream}` expects seq {expected}, not {found}")]
    Gap {
        /// The stream.
        stream: String,
        /// The next seq.
        expected: u64,
        /// The one given.
        found: u64,
    },
    /// A value, an output or a stream is over its limit.
    #[error("{what} is over its limit of {limit_bytes} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// The store is of a newer version of Mandate.
    #[error(
        "the store has schema version {found}, this program knows up to {known}; use a newer `mandate`"
    )]
    TooNew {
        /// Version found.
        found: u32,
        /// Newest version known.
        known: u32,
    },
    /// A stored blob, plan or row, or a file beside them, is missing or damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// There is no room for what is to be written.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The disk or the directory cannot be written.
    #[error("the store cannot be written: {0}")]
    ReadOnly(String),
    /// Another program holds a lock on the database.
    #[error("another program holds a lock on the journal: {0}")]
    Busy(String),
    /// The data directory is no longer this process's: it was removed, moved, or its lock was replaced.
    #[error("this process no longer owns the data directory: {0}")]
    Lost(String),
    /// SQLite or the file system failed otherwise.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Locked { .. } | Self::Busy(_) => ErrorCode::StoreBusy,
            Self::LeaseLost { .. } | Self::Lost(_) => ErrorCode::StoreLost,
            Self::TooLarge { .. } => ErrorCode::ResourceExhausted,
            Self::TooNew { .. } => ErrorCode::NotSupported,
            Self::Divergence { .. } | Self::Damaged(_) => ErrorCode::StoreDamaged,
            Self::Full(_) => ErrorCode::DiskFull,
            Self::ReadOnly(_) => ErrorCode::StoreReadOnly,
            Self::Gap { .. } | Self::Failed(_) => ErrorCode::StoreFailed,
        }
    }
}

/// Called once, on the store's writer thread, when a batch is durable or has failed.
pub type Ack = Box<dyn FnOnce(Result<Appended, StoreError>) + Send>;

/// The journal that a host drives executions with.
pub trait Journal: Send + Sync {
    /// Queues `batch`. Batches become durable in the order of the calls; `ack` runs after the commit has reached the
    /// disk, never before. A crash leaves a prefix of the queued batches. The same batch again succeeds; other content
    /// under the same seq is [`StoreError::Divergence`].
    fn append(&self, batch: Batch, ack: Ack);
    /// While it is on, more batches follow soon, so that it is better to wait for them than to commit a few: whoever says
    /// so says soon that it is over. Nothing rests on it but speed.
    fn more_follows(&self, more: bool) {
        let _ = more;
    }
    /// Removes executions that were archived, and appends the event that says so, in the order of the calls like any batch.
    /// An execution that is not as it is in the archive refuses the whole removal; one that was removed before is left out.
    fn remove_archived(&self, removal: Removal, ack: Ack) {
        let _ = removal;
        ack(Err(StoreError::Failed(
            "nothing can be removed from this journal".to_owned(),
        )));
    }
    /// Records of `stream` with `seq >= from_seq`, at most `limit`, in order, as far as they are durable.
    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError>;
    /// The canonical bytes of a stored plan.
    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError>;
    /// One execution's row.
    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError>;
    /// Whether an execution of that id is there, or was and is archived.
    fn knows(&self, execution_id: &str) -> Result<bool, StoreError> {
        Ok(self.execution(execution_id)?.is_some())
    }
    /// Ids of executions that have not finished, highest priority first, then oldest first.
    fn unfinished(&self) -> Result<Vec<String>, StoreError>;
    /// One request's row.
    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError>;
    /// The head of the last durable commit.
    fn head(&self) -> Result<Head, StoreError>;
    /// What the durable calls of a principal's session up to `now_ms` add up to; a stretch of more than `idle_ms` without
    /// any begins a new count.
    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError>;
    /// The last durable approval of a plan with this name that was not revoked.
    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError>;
    /// The durable records of the system stream that are of this kind, oldest first.
    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError>;
    /// Why nothing is accepted any more until the journal is opened again; none while it works.
    fn failure(&self) -> Option<StoreError> {
        None
    }
    /// The durable records of the system stream behind `after_seq` that are of one of these kinds, oldest first, as they
    /// stand at one moment.
    fn rows_of_system(&self, kinds: &[&str], after_seq: u64) -> Result<Vec<Record>, StoreError> {
        let mut rows = self.read(SYSTEM, after_seq.saturating_add(1), usize::MAX >> 1)?;
        rows.retain(|row| kinds.contains(&row.kind.as_str()));
        Ok(rows)
    }
    /// A number that is another one after each commit with records of the system stream, so that whoever has read them need not
    /// read again. None: it is not known here.
    fn system_mark(&self) -> Option<u64> {
        None
    }
    /// The last durable record of the system stream that is of one of these kinds.
    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError>;
}
