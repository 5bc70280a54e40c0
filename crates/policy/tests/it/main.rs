//! Behaviour tests of `mandate-policy`.
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

mod admit;
mod admit_narrowed;
mod argument_rules;
mod assent;
mod classify;
mod command;
mod compile_fail;
mod dataflow;
mod enforce;
mod enforce_approvals;
mod enforce_arguments;
mod enforce_flow;
mod enforce_policy;
mod evaluate;
mod fuzz;
#[path = "../../../plan/tests/it/fuzzing.rs"]
mod fuzzing;
mod known_calls;
mod known_examinations;
mod known_tokens;
mod normalise;
mod patterns;
mod resources;
mod risk;
mod slow_glob;
mod support;
mod token_fuzz;
mod tokens;
