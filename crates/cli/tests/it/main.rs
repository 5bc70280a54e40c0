//! End to end: the built binary in directories of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod approvals;
mod audit;
mod command_line;
mod configuration;
mod endings;
mod executions;
mod interrupts;
mod plans;
mod project;
mod terminal;
mod tools;
