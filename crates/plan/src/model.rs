//! The plan document's types: one public type per concept of the format, with the keys of the document as its fields.
//!
//! The doc comments here are the descriptions in the published JSON Schema. What serde accepts is the shape only;
//! [`crate::check`] reports every violation of shape and of the rules that a shape cannot say.

mod constraints;
mod failure;
mod input;
mod pattern;
mod plan;
mod retry;
mod rules;
mod step;

pub use constraints::{Budget, Constraints};
pub use failure::{CodeRule, FailureAction, OnFailure};
pub use input::{Input, NotAnInput};
pub use pattern::{BadPattern, Matcher, Pattern, PatternKind};
pub use plan::{ApplyMode, Invariant, Mode, OnViolation, Plan, Workspace};
pub use retry::Retry;
pub use rules::{ArgRule, Rules};
pub use step::{Compensate, ForEach, OnItemFailure, Step};

/// The largest integer that JSON readers agree on, 2^53 − 1; its negative is the smallest.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// Most steps in a plan.
pub const MAX_STEPS: usize = 1024;
/// Most steps in `finally`.
pub const MAX_FINALLY: usize = 8;
/// Most steps in one `fallback`.
pub const MAX_FALLBACK: usize = 8;
/// Most tool calls of one execution, whatever the plan declares.
pub const MAX_TOOL_CALLS: u64 = 10_000;
/// Most plans within plans, the outermost included.
pub const MAX_DEPTH: usize = 4;
