//! Behaviour of the policy language, one module per subject.

mod fuzz;
#[path = "../../../plan/tests/it/fuzzing.rs"]
mod fuzzing;
mod import;
mod judging;
mod loading;
mod starter;
mod support;
