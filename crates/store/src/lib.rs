//! Remembering it: the journal with its hash chain, projections and blobs.
//!
//! Start reading at [`journal`], the trait that the host is written against.

pub mod journal;

pub use journal::{
    Ack, Appended, Batch, ExecutionRow, Head, Journal, Lease, NewRecord, PlanRow, Record,
    RequestRow, SYSTEM, StoreError,
};
