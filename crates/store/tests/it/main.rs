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

#[macro_use]
mod conformance;
mod faulty;
mod lists;
mod support;
