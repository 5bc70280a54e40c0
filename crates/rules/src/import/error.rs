//! What cannot be imported.

use thiserror::Error;

/// Why rules were not imported: which rule, what about it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// The text is not a list of rules.
    #[error("the rules cannot be read: {0}")]
    NotRules(String),
    /// A part of one rule.
    #[error("rule `{rule}`: {message}")]
    Rule {
        /// The rule's id, or its place in the list.
        rule: String,
        /// What, and what to do.
        message: String,
    },
    /// The priority of one rule over another cannot be kept.
    #[error(
        "rule `{winner}` has priority over rule `{loser}` and is milder, and that cannot be written as an exception: {message}"
    )]
    Priority {
        /// The rule of higher priority.
        winner: String,
        /// The stricter rule that it beats.
        loser: String,
        /// Why, and what to do.
        message: String,
    },
}

impl ImportError {
    pub(super) fn rule(rule: &str, message: impl Into<String>) -> Self {
        let (rule, message) = (rule.to_owned(), message.into());
        ImportError::Rule { rule, message }
    }
}
