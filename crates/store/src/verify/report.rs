//! What verifying found.

use crate::Head;
use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Findings kept; beyond, they are only counted.
const KEPT_FINDINGS: usize = 1000;

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Rows of `events`.
    pub events: u64,
    /// Streams that are executions.
    pub executions: u64,
    /// Rows of `commits`.
    pub commits: u64,
    /// Rows of `blobs`.
    pub blobs: u64,
    /// Rows of `plans`.
    pub plans: u64,
    /// Executions that were archived, and are not here.
    pub archived: u64,
    /// The last commit found.
    pub head: Head,
    /// What is wrong, at most a thousand.
    pub findings: Vec<Finding>,
    /// How much is wrong, the findings left out included.
    pub total_findings: u64,
}

impl VerifyReport {
    /// Nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.total_findings == 0
    }
}

impl Default for VerifyReport {
    fn default() -> Self {
        Self {
            events: 0,
            executions: 0,
            commits: 0,
            blobs: 0,
            plans: 0,
            archived: 0,
            head: Head {
                number: 0,
                hash: Digest::from_bytes(crate::chain::GENESIS),
            },
            findings: Vec::new(),
            total_findings: 0,
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// Where.
    pub place: Place,
    /// What, in words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// The sorts of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A row of `events` does not have its hash.
    RowChanged,
    /// Rows of `events` that a commit or a stream counts are not there.
    RowMissing,
    /// A row of `events` belongs to no commit.
    RowInserted,
    /// A row or a commit does not follow the one before.
    ChainBroken,
    /// A commit does not bind what is there, or was not made with the audit key.
    CommitChanged,
    /// Commits are not there.
    CommitMissing,
    /// A blob is not what its hash says.
    BlobChanged,
    /// A blob that a row stands on is not there.
    BlobMissing,
    /// A blob belongs to no commit.
    BlobInserted,
    /// A plan is not what its hash says.
    PlanChanged,
    /// A plan belongs to no commit.
    PlanInserted,
    /// A plan that a commit counts is not there.
    PlanMissing,
    /// A projection row is not what its stream gives.
    ProjectionChanged,
    /// A projection row is not there.
    ProjectionMissing,
    /// A projection row belongs to no stream.
    ProjectionInserted,
    /// A stream gives no rows.
    RebuildFailed,
    /// The head file is not what a crash can leave.
    HeadFileChanged,
    /// The journal does not contain the head kept elsewhere.
    RolledBack,
    /// The lease row is not this program's, or commits it builds on are gone.
    LeaseChanged,
    /// Rows, plans or large values were removed, and no tombstone says so.
    TombstoneMissing,
    /// What a tombstone says is not what was removed.
    TombstoneWrong,
    /// There is no audit key to verify with.
    KeyMissing,
    /// A table, index or trigger is not as it should be.
    SchemaChanged,
    /// SQLite finds the file damaged, or cannot read it.
    DatabaseDamaged,
    /// A line of an export is not one that an export has.
    LineChanged,
    /// An export has no last line.
    CutOff,
    /// The signature of an export is not one over it.
    SignatureWrong,
    /// An export was signed by another key than the expected one.
    OtherKey,
}

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A row of `events`, as far as it can be read.
    Event {
        /// Its place in the store-wide sequence.
        gseq: i64,
        /// Its stream.
        stream: String,
        /// Its place in the stream.
        seq: i64,
    },
    /// Rows of `events` that are gone, by their places in the store-wide sequence.
    Events {
        /// The first.
        first_gseq: u64,
        /// The last.
        last_gseq: u64,
    },
    /// Rows of a stream that are gone, by their places in it.
    Stream {
        /// The stream.
        stream: String,
        /// The first.
        first_seq: u64,
        /// The last.
        last_seq: u64,
    },
    /// A row of `commits` by its number.
    Commit(i64),
    /// A row of `blobs` by its hash.
    Blob(String),
    /// A row of `plans` by its hash.
    Plan(String),
    /// A row of `executions` by its id.
    Execution(String),
    /// A row of `requests` by its id.
    Request(String),
    /// A row of `sessions` by its id.
    Session(String),
    /// The file `audit-head`.
    HeadFile,
    /// The head that was given to compare with.
    ExpectedHead,
    /// The row of `lease`.
    Lease,
    /// The audit key.
    Key,
    /// A table, index, view or trigger.
    Schema(String),
    /// The database as a whole.
    Database,
    /// A line of an export, from 1.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { gseq, stream, seq } => {
                write!(f, "events: stream `{stream}` seq {seq} (gseq {gseq})")
            }
            Self::Events {
                first_gseq,
                last_gseq,
            } if first_gseq == last_gseq => write!(f, "events: gseq {first_gseq}"),
            Self::Events {
                first_gseq,
                last_gseq,
            } => write!(f, "events: gseq {first_gseq} to {last_gseq}"),
            Self::Stream {
                stream,
                first_seq,
                last_seq,
            } if first_seq == last_seq => write!(f, "events: stream `{stream}` seq {first_seq}"),
            Self::Stream {
                stream,
                first_seq,
                last_seq,
            } => write!(f, "events: stream `{stream}` seq {first_seq} to {last_seq}"),
            Self::Commit(number) => write!(f, "commits: {number}"),
            Self::Blob(hash) => write!(f, "blobs: {hash}"),
            Self::Plan(hash) => write!(f, "plans: {hash}"),
            Self::Execution(id) => write!(f, "executions: `{id}`"),
            Self::Request(id) => write!(f, "requests: `{id}`"),
            Self::Session(id) => write!(f, "sessions: `{id}`"),
            Self::HeadFile => f.write_str("audit-head"),
            Self::ExpectedHead => f.write_str("head given"),
            Self::Lease => f.write_str("lease"),
            Self::Key => f.write_str("keys/audit.key"),
            Self::Schema(name) => write!(f, "schema: {name}"),
            Self::Database => f.write_str("journal.db"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// Findings as they come in.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    total: u64,
    /// Streams with rows that are not to be trusted: what follows from them is not compared.
    damaged_streams: BTreeSet<String>,
}

impl Findings {
    pub(super) fn add(&mut self, kind: FindingKind, place: Place, message: impl Into<String>) {
        if let Place::Event { stream, .. } | Place::Stream { stream, .. } = &place {
            self.damaged_streams.insert(stream.clone());
        }
        self.total += 1;
        if self.list.len() < KEPT_FINDINGS {
            self.list.push(Finding {
                kind,
                place,
                message: message.into(),
            });
        }
    }

    pub(super) fn is_damaged(&self, stream: &str) -> bool {
        self.damaged_streams.contains(stream)
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }
}
