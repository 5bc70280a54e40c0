//! What is asked for: the plan document, its model, checks, expressions, hash, graph and diff.
//!
//! Pure: no clock, no I/O, no randomness, no threads. It knows nothing of policies, engines or providers; what a
//! check needs to know of tools comes in through [`ToolLookup`].

mod canonical;
pub mod check;
mod checked;
pub mod code;
pub mod diff;
pub mod digest;
pub mod document;
pub mod expr;
mod features;
pub mod graph;
mod inputs;
mod json_schema;
pub mod model;
mod narrowing;
pub mod schema;
pub mod show;
pub mod tool;
mod violation;
pub mod violation_code;

pub use canonical::canonical_json;
pub use check::{Checked, check, reload};
pub use checked::{CheckedInvariant, CheckedPlan, CheckedStep, execution_digest};
pub use code::{ErrorCode, Severity};
pub use digest::Digest;
pub use document::{Document, Format, is_plain_json, parse, parse_value};
pub use features::{Feature, FeatureKind};
pub use inputs::BoundInputs;
pub use json_schema::{misfit, schema_fault};
pub use model::{
    ApplyMode, ArgRule, BadPattern, Budget, CodeRule, Compensate, Constraints, FailureAction,
    ForEach, Input, Invariant, Matcher, Mode, OnFailure, OnItemFailure, OnViolation, Pattern,
    PatternKind, Plan, Retry, Rules, Step, Workspace,
};
pub use narrowing::{Narrowing, Widening, narrows};
pub use tool::{Effect, Facts, ToolLookup, ToolSpec};
pub use violation::{Level, Position, Violation};
pub use violation_code::ViolationCode;
