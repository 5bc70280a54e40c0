//! Behaviour tests of `mandate-policy`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod argument_rules;
mod classify;
mod command;
mod normalise;
mod patterns;
mod resources;
mod risk;
mod slow_glob;
