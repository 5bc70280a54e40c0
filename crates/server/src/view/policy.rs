//! The policy that holds: its rules, and the texts that they stand in.

use mandate_policy::{Limits, Outcome, Rules as _, risk::Level};
use mandate_rules::{Active, PolicyError, PolicySet, Rule};
use serde::Serialize;
use utoipa::ToSchema;

/// The policy that holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Policy)]
pub struct PolicyView {
    /// Digest over all texts.
    pub version: String,
    /// The limits of a session.
    #[schema(value_type = Object)]
    pub limits: Limits,
    /// Its sets, all of which must allow.
    pub sets: Vec<PolicySetView>,
}

/// One set of rules.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PolicySet)]
pub struct PolicySetView {
    /// Digest over its texts.
    pub version: String,
    /// The names of its texts.
    pub files: Vec<String>,
    /// Its rules.
    pub rules: Vec<RuleView>,
}

/// One rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Rule)]
pub struct RuleView {
    /// Its id.
    pub id: String,
    /// What it asks for.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// How grave; none = as the call.
    #[schema(value_type = Option<String>)]
    pub severity: Option<Level>,
    /// For people.
    pub message: Option<String>,
    /// Who may approve what it wants approved.
    pub approvers: Vec<String>,
    /// No override passes it.
    pub absolute: bool,
    /// What its conditions look at.
    pub reads: Vec<String>,
    /// The text that it stands in.
    pub file: String,
    /// The line, from 1.
    #[schema(value_type = u64)]
    pub line: usize,
    /// The column, from 1.
    #[schema(value_type = u64)]
    pub column: usize,
}

/// A text that a set was made of.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PolicySource)]
pub struct SourceView {
    /// A path, or what else it is called.
    pub name: String,
    /// The text.
    pub text: String,
}

/// The policy for programs.
pub fn policy(active: &Active) -> PolicyView {
    PolicyView {
        version: active.version(),
        limits: active.limits(),
        sets: active.sets().iter().map(|set| of_set(set)).collect(),
    }
}

fn of_set(set: &PolicySet) -> PolicySetView {
    let sources = set.sources().iter();
    PolicySetView {
        version: set.version().to_owned(),
        files: sources.map(|source| source.name.to_string()).collect(),
        rules: set.rules().iter().map(of_rule).collect(),
    }
}

fn of_rule(rule: &Rule) -> RuleView {
    let (line, column) = rule.source.line_column(rule.span.start);
    RuleView {
        id: rule.id.clone(),
        outcome: rule.outcome,
        severity: rule.severity,
        message: rule.message.clone(),
        approvers: rule.approvers.iter().map(ToString::to_string).collect(),
        absolute: rule.absolute,
        reads: rule.reads.iter().cloned().collect(),
        file: rule.source.name.to_string(),
        line,
        column,
    }
}

/// The texts of all sets.
pub fn sources(active: &Active) -> Vec<Vec<SourceView>> {
    let of = |set: &PolicySet| {
        let sources = set.sources().iter();
        sources
            .map(|source| SourceView {
                name: source.name.to_string(),
                text: source.text.to_string(),
            })
            .collect()
    };
    active.sets().iter().map(|set| of(set)).collect()
}

/// What is wrong with a policy's text, or hardly meant.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PolicyError)]
pub struct PolicyErrorView {
    /// `error` or `warning`.
    pub level: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The rule that it is about.
    pub rule: Option<String>,
    /// The text that it is in.
    pub file: String,
    /// The line, from 1.
    #[schema(value_type = Option<u64>)]
    pub line: Option<usize>,
    /// The column, from 1.
    #[schema(value_type = Option<u64>)]
    pub column: Option<usize>,
}

/// A mistake for programs.
pub fn policy_error(found: &PolicyError, level: &'static str) -> PolicyErrorView {
    let place = found.span.as_ref();
    let place = place.map(|span| found.source.line_column(span.start));
    PolicyErrorView {
        level,
        message: found.message.clone(),
        help: found.help.clone(),
        rule: found.rule.clone(),
        file: found.source.name.to_string(),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}
