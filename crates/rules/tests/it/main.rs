//! Behaviour of the policy language, one module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    missing_docs,
    reason = "tests"
)]

mod agreement;
mod conditions;
mod fuzz;
#[path = "../../../plan/tests/it/fuzzing.rs"]
mod fuzzing;
mod guide;
mod import;
mod judging;
mod loading;
mod slow;
mod starter;
mod support;
