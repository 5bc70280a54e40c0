//! Behaviour of the policy language, one module per subject.

mod agreement;
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
