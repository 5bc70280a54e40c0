//! Behaviour tests of `mandate-store`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod archive;
#[cfg(feature = "failpoints")]
mod archive_crash;
#[macro_use]
mod conformance;
#[cfg(feature = "failpoints")]
mod crash;
mod export_tampering;
mod exports;
mod fail_stop;
mod faulty;
mod group_commit;
mod hot_journal;
mod lists;
mod ownership;
mod rebuild;
mod released;
mod support;
mod tallies;
mod tamper;
mod tamper_tables;
mod token_keys;
