//! The hashes that bind the journal together: rows to their stream, rows, plans and blobs to their commit, commits to
//! each other. The formulas are public so that anyone can recompute them; `docs/journal-format.md` states them.

use mandate_plan::Digest;

/// The `prev_hash` of the first row of a stream and of the first commit; also the hash of the head before any commit.
pub const GENESIS: [u8; 32] = [0; 32];

/// What a row's hash covers.
#[derive(Debug, Clone, Copy)]
pub struct RowParts<'a> {
    /// Execution id, or [`SYSTEM`](crate::SYSTEM).
    pub stream: &'a str,
    /// Place in the stream, from 1.
    pub seq: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The event kind.
    pub kind: &'a str,
    /// The payload as stored: large fields replaced by references to blobs.
    pub payload: &'a [u8],
    /// Hash of the stream's row before, or [`GENESIS`].
    pub prev_hash: &'a [u8; 32],
}

impl RowParts<'_> {
    /// The row's hash.
    pub fn hash(&self) -> Digest {
        Digest::framed(
            "mandate.journal.row.v1",
            [
                self.stream.as_bytes(),
                &self.seq.to_be_bytes(),
                &self.at_ms.to_be_bytes(),
                self.kind.as_bytes(),
                self.payload,
                self.prev_hash,
            ],
        )
    }
}

/// What a commit's hash covers, apart from its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitParts {
    /// Number of the commit, from 1, without gaps.
    pub number: u64,
    /// First `gseq` of its rows.
    pub first_gseq: u64,
    /// Last `gseq` of its rows; `first_gseq - 1` where it has none.
    pub last_gseq: u64,
    /// The latest time of what it holds, Unix milliseconds.
    pub at_ms: i64,
    /// Hash of the commit before, or [`GENESIS`].
    pub prev_hash: Digest,
}

impl CommitParts {
    /// The commit's hash over its parts and items.
    pub fn hash(&self, items: &CommitItems) -> Digest {
        Digest::framed(
            "mandate.journal.commit.v1",
            [
                self.number.to_be_bytes().as_slice(),
                &self.first_gseq.to_be_bytes(),
                &self.last_gseq.to_be_bytes(),
                &self.at_ms.to_be_bytes(),
                self.prev_hash.as_bytes(),
                &items.bytes,
            ],
        )
    }
}

/// The hash of a row of `plans`: its document's hash, its name, when it came and with which commit.
pub fn plan_row_hash(hash: &[u8; 32], name: &str, at_ms: i64, commit_number: u64) -> Digest {
    Digest::framed(
        "mandate.journal.plan.v1",
        [
            hash.as_slice(),
            name.as_bytes(),
            &at_ms.to_be_bytes(),
            &commit_number.to_be_bytes(),
        ],
    )
}

/// The hash of a row of `blobs`: its content's hash and size, and with which commit it came.
pub fn blob_row_hash(hash: &[u8; 32], size_bytes: u64, commit_number: u64) -> Digest {
    Digest::framed(
        "mandate.journal.blob.v1",
        [
            hash.as_slice(),
            &size_bytes.to_be_bytes(),
            &commit_number.to_be_bytes(),
        ],
    )
}

/// What a commit holds: the hashes of its rows by `gseq`, then of its new plans, then of its new blobs, both by the hash
/// of what they hold; before each one byte that says which it is.
#[derive(Debug, Clone, Default)]
pub struct CommitItems {
    bytes: Vec<u8>,
}

impl CommitItems {
    /// Adds a row of `events` by its hash.
    pub fn event(&mut self, row_hash: &[u8; 32]) {
        self.item(b'e', row_hash);
    }

    /// Adds a plan stored for the first time, by the hash of its row.
    pub fn plan(&mut self, row_hash: &[u8; 32]) {
        self.item(b'p', row_hash);
    }

    /// Adds a blob stored for the first time, by the hash of its row.
    pub fn blob(&mut self, row_hash: &[u8; 32]) {
        self.item(b'b', row_hash);
    }

    /// Nothing was added.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    fn item(&mut self, kind: u8, digest: &[u8; 32]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(digest);
    }
}
