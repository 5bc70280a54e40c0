//! Rules of the JSON format, read and turned into a Cedar policy set with a `policy.toml`.
//!
//! The JSON rules have priorities: the highest that matches decides. Here the strictest of all that match decides. So a
//! rule that would be beaten by a milder one of higher priority is written with an `unless`: then the strictest of what
//! still matches is what the first match was. Whatever cannot be carried over is refused with the rule's id; whatever
//! comes out stricter than it was is told in a note.

mod condition;
mod error;
mod pattern;
mod priority;
mod render;
mod rule;

pub use error::ImportError;
pub use rule::{Effect, Rule};

use condition::Compiled;
use mandate_policy::Outcome;

/// What becomes of a call that no rule matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// A rule for everything is added; none = it is denied, as by every policy here.
    pub unmatched: Option<Unmatched>,
}

/// A rule for what no other rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// It runs.
    Allow,
    /// It needs an approval.
    RequireApproval,
}

/// A policy set made of JSON rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of `imported.cedar`.
    pub cedar: String,
    /// The text of `policy.toml`.
    pub policy_toml: String,
    /// Where the set is stricter than the rules were, and what was taken for what.
    pub notes: Vec<String>,
    /// How many rules were read.
    pub rules: usize,
}

/// Turns JSON rules into a policy set.
///
/// # Errors
/// Everything that cannot be carried over, at once, by rule.
pub fn import(text: &str, options: ImportOptions) -> Result<Imported, Vec<ImportError>> {
    let rules = rule::read(text)?;
    let mut notes = Vec::new();
    let mut errors = Vec::new();
    let mut compiled: Vec<Compiled> = Vec::new();
    for rule in &rules {
        match condition::compile(rule, &mut notes) {
            Ok(one) => compiled.push(one),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let beaten = priority::beaten(&compiled, &mut notes)?;
    render::render(&compiled, &beaten, options, notes)
}

impl Effect {
    /// The outcome that the effect stands for.
    pub fn outcome(self) -> Outcome {
        match self {
            Effect::Allow => Outcome::Allow,
            Effect::RequireApproval => Outcome::RequireApproval,
            Effect::Deny => Outcome::Deny,
        }
    }
}
