//! What is wrong with a document.

use mandate_plan::{Level, Violation, ViolationCode};
use serde::Serialize;
use utoipa::ToSchema;

/// One thing that is wrong with a document, or hardly meant.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Violation)]
pub struct ViolationView {
    /// The stable code.
    #[schema(value_type = String)]
    pub code: ViolationCode,
    /// `error` or `warning`.
    #[schema(value_type = String)]
    pub level: Level,
    /// For people.
    pub message: String,
    /// Where: a JSON pointer.
    pub pointer: String,
    /// The line, from 1.
    #[schema(value_type = Option<u64>)]
    pub line: Option<usize>,
    /// The column, from 1.
    #[schema(value_type = Option<u64>)]
    pub column: Option<usize>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// A violation for programs.
pub fn violation(violation: &Violation) -> ViolationView {
    ViolationView {
        code: violation.code,
        level: violation.level,
        message: violation.message.clone(),
        pointer: violation.pointer.clone(),
        line: violation.line,
        column: violation.column,
        suggestion: violation.suggestion.clone(),
    }
}
