//! One rule of a policy: what its text says beside its condition.

use crate::{condition::Condition, error::Source};
use mandate_policy::{Approver, Outcome, risk::Level};
use std::{collections::BTreeSet, ops::Range};

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `@id`.
    pub id: String,
    /// `forbid` is deny, `permit` is allow, `@decision("require_approval") permit` is just that.
    pub outcome: Outcome,
    /// `@severity`; without it, the level of the call's risk.
    pub severity: Option<Level>,
    /// `@message`, in which `{tool}` and the like stand for what the call is.
    pub message: Option<String>,
    /// `@approvers`; the requester, unless it says otherwise.
    pub approvers: Vec<Approver>,
    /// `@absolute`: no override passes it.
    pub absolute: bool,
    /// The text that it stands in.
    pub source: Source,
    /// Where in that text.
    pub span: Range<usize>,
    /// The attributes that its conditions name: `context.risk`, `resource.effect`, …
    pub reads: BTreeSet<String>,
    /// Whose calls it is about.
    pub principal: Scope,
    /// Which tools it is about.
    pub resource: Scope,
    /// It has a `when` or an `unless`.
    pub conditional: bool,
    /// What its `when` and `unless` say, as far as it can be told without Cedar.
    pub(crate) condition: Condition,
}

/// What a rule's head says about the principal or the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every one.
    Any,
    /// This one: a principal or a tool.
    Is(String),
    /// Those in this group: a role or a server.
    In(String),
    /// None at all: it names something of another type.
    None,
}

impl Scope {
    /// Whether whatever is in `other` is in this one. Says no where it cannot tell.
    pub(crate) fn covers(&self, other: &Self, group_of: impl Fn(&str) -> Option<String>) -> bool {
        match (self, other) {
            (Scope::Any, _) | (_, Scope::None) => true,
            (Scope::In(group), Scope::Is(one)) => group_of(one).as_ref() == Some(group),
            (this, other) => this == other,
        }
    }
}

/// What may stand between braces in `@message`.
pub(crate) const PLACEHOLDERS: &[&str] = &[
    "tool",
    "server",
    "effect",
    "category",
    "step",
    "principal",
    "risk",
];

/// The server of a tool's name.
pub(crate) fn server_of(tool: &str) -> &str {
    tool.split_once('.').map_or(tool, |(server, _)| server)
}
