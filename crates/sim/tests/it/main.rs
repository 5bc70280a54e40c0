//! The seeds of every test run, the scenarios that failed once, and the mutants, of which each must still apply.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod mutants;
mod regressions;
mod seeds;
mod shrinking;
