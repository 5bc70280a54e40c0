//! Remembering it: the journal with its hash chain, projections and blobs.
//!
//! Start reading at `journal`, the trait that the host is written against; `sqlite` is what stands behind it:
//! a batch goes through `queue` to the one `writer`, which puts it at the end of its stream (`tails`), binds it
//! into the chain (`chain`) and leaves the head in a file (`head_file`). Everything that reads is in `reader` and
//! `listing`, what finds tampering in `verify`. This crate does not know what an event means.

mod approved;
mod archive;
mod audit_key;
mod backwards;
mod blob;
mod by_hand;
pub mod chain;
mod counts;
mod export;
pub mod failpoint;
mod failure;
mod head_file;
pub mod journal;
mod json_fields;
mod listing;
mod log;
mod obstacles;
mod ownership;
mod projection;
mod queue;
mod reader;
pub mod schema;
mod session_rows;
mod sessions;
mod signing_key;
mod sqlite;
mod system;
mod tails;
mod timestamp;
mod token_keys;
pub mod verify;
mod writer;

pub use approved::{LastApproved, approved_hash};
pub use archive::{
    ARCHIVED, ArchiveFile, ArchivedExecution, Candidate, Kept, REMOVED_AT_ONCE, ReadArchive,
    Removal, Removed, Tombstone, read_archive, vacuum, write_archive,
};
pub use backwards::Backwards;
pub use blob::{INLINE_LIMIT_BYTES, VALUE_LIMIT_BYTES};
pub use by_hand::ByHand;
pub use export::{
    ArchiveOf, Archived, ExportFormat, ExportOptions, Selection, export, export_archive,
};
pub use journal::{
    Ack, Appended, Batch, ExecutionRow, Head, Journal, Lease, NewRecord, PlanRow, Record,
    RequestRow, SYSTEM, StoreError,
};
pub use listing::{Cursor, ExecutionFilter, Listed, NotACursor, Page, PlanSummary, RequestFilter};
pub use obstacles::obstacles;
pub use reader::Reader;
pub use sessions::{CallRow, SessionSummary, Tally};
pub use signing_key::{NotAPublicKey, NotASignature, PublicKey, Signature, SignedHead, SigningKey};
pub use sqlite::SqliteStore;
pub use tails::EXECUTION_LIMIT_BYTES;
pub use token_keys::TokenKeys;
pub use verify::{
    ExportReport, Finding, FindingKind, Known, Origin, Place, Rebuild, VerifyReport, verify,
    verify_archive, verify_export,
};
