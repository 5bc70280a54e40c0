//! What is asked for: the plan document, its model, checks, expressions, hash, graph and diff.
//!
//! Pure: no clock, no I/O, no randomness, no threads. It knows nothing of policies, engines or providers; what a
//! check needs to know of tools comes in through [`ToolLookup`].

pub mod code;
pub mod digest;
pub mod model;
pub mod expr;
pub mod tool;
pub mod violation_code;

pub use code::{ErrorCode, Severity};
pub use digest::{Digest, canonical_json};
pub use model::{
    ApplyMode, ArgRule, BadPattern, Budget, CodeRule, Compensate, Constraints, FailureAction,
    ForEach, Input, Invariant, Matcher, Mode, OnFailure, OnItemFailure, OnViolation, Pattern,
    PatternKind, Plan, Retry, Rules, Step, Workspace,
};
pub use tool::{Effect, Facts, ToolLookup, ToolSpec};
pub use violation_code::ViolationCode;
