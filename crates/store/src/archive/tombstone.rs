//! What an `archived` event says: which executions went where, and what was removed, exactly.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The payload of an event `archived`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Where they are.
    pub archive: ArchiveFile,
    /// Who had it done.
    pub by: String,
    /// The rows that were removed.
    pub rows: Removed,
    /// The plans and large values that were removed.
    pub contents: Removed,
    /// The executions.
    pub executions: Vec<ArchivedExecution>,
}

/// A file of archived executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// Where it was written.
    pub file: String,
    /// Over its bytes.
    pub sha256: Digest,
    /// How many there are.
    pub bytes: u64,
}

/// An execution that was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedExecution {
    /// Its id, which is its stream's name.
    pub execution_id: String,
    /// The plan's name.
    pub name: String,
    /// Where it ended.
    pub state: String,
    /// With which status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub finished_at_ms: i64,
    /// The `seq` of its last event, which is how many it had.
    pub last_seq: u64,
    /// The hash of that event's row.
    pub last_hash: Digest,
}

/// How much was removed, and a digest over all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// How much.
    pub count: u64,
    /// Over what the commits bind of it.
    pub digest: Digest,
}

impl Tombstone {
    /// The tombstone in a payload.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}

/// Over removed rows, by `gseq`.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowsDigest {
    digest: Sha256,
    count: u64,
}

impl RowsDigest {
    pub(crate) fn row(&mut self, gseq: u64, hash: &[u8; 32]) {
        self.digest.update(gseq.to_be_bytes());
        self.digest.update(hash);
        self.count = self.count.saturating_add(1);
    }

    pub(crate) fn removed(self) -> Removed {
        removed("mandate.journal.removed-rows.v1", self.digest, self.count)
    }
}

/// Over removed plans and large values, by commit, kind and hash.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContentsDigest {
    digest: Sha256,
    count: u64,
}

impl ContentsDigest {
    pub(crate) fn content(
        &mut self,
        commit: u64,
        kind: &str,
        hash: &[u8; 32],
        row_hash: &[u8; 32],
    ) {
        self.digest.update(commit.to_be_bytes());
        self.digest.update([u8::from(kind == "plan")]);
        self.digest.update(hash);
        self.digest.update(row_hash);
        self.count = self.count.saturating_add(1);
    }

    pub(crate) fn removed(self) -> Removed {
        removed(
            "mandate.journal.removed-contents.v1",
            self.digest,
            self.count,
        )
    }
}

fn removed(domain: &str, digest: Sha256, count: u64) -> Removed {
    let digest: [u8; 32] = digest.finalize().into();
    Removed {
        count,
        digest: Digest::framed(domain, [count.to_be_bytes().as_slice(), &digest]),
    }
}
