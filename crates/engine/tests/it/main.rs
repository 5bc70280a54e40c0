//! Behaviour tests of `mandate-engine`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    missing_docs,
    reason = "tests"
)]

mod carry;
mod chance;
mod coverage;
mod generate;
mod golden;
mod illegal;
mod its_turn;
mod labels;
mod laws;
mod narrowed;
mod script;
mod scripts;
mod second;
mod show;
mod size;
mod tamper;
mod world;
