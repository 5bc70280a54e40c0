//! What a policy is to the rest: rules that look at one call and say what they want. And the first policy.

mod first;

pub use first::FirstPolicy;

use crate::{
    Classification, Limits, SessionView,
    approver::Approver,
    classify::Category,
    decision::{Outcome, StepAssessment},
    explain::RuleSeen,
    flow::CallFlow,
    resources::Found,
    risk::Level,
};
use serde_json::{Map, Value};
use std::fmt;

/// When a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the plan runs, over the worst case of what is not known yet.
    Plan,
    /// Just before a call, over what it really is.
    Call,
}

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Before the plan runs, or just before a call.
    pub moment: Moment,
    /// Who acts.
    pub principal: &'a str,
    /// The session's counters.
    pub session: &'a SessionView,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// The call; its `outcome` is not decided yet.
    pub call: &'a StepAssessment,
    /// The arguments, as far as they are known.
    pub args: &'a Value,
    /// What is touched, as far as the arguments tell, with every way in which it may be read.
    pub found: &'a [Found],
    /// The categories of the plan's calls before this one, in the order of the document.
    pub before: &'a [Category],
    /// Where its arguments come from.
    pub flow: &'a CallFlow,
}

/// What one rule that matches wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The rule's id.
    pub rule: String,
    /// What it wants.
    pub outcome: Outcome,
    /// For people.
    pub message: String,
    /// How grave the rule's author finds it.
    pub severity: Level,
    /// Who may approve, where it wants an approval.
    pub approvers: Vec<Approver>,
    /// No override passes it.
    pub absolute: bool,
    /// What the rule looked at, by name.
    pub inputs: Map<String, Value>,
}

/// A rule could not be evaluated. That counts as a deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule `{rule}` failed: {message}")]
pub struct RuleError {
    /// The rule's id.
    pub rule: String,
    /// What went wrong.
    pub message: String,
}

/// A policy. An approved plan carries the one that it was admitted under; without another, it is [`FirstPolicy`].
pub trait Rules: Send + Sync + fmt::Debug {
    /// A digest over the policy's text.
    fn version(&self) -> String;

    /// All rules that match a call. None that matches is a deny.
    ///
    /// # Errors
    /// A rule that fails, which is a deny.
    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError>;

    /// The tables that calls are classified by.
    fn classification(&self) -> &Classification {
        Classification::standard()
    }

    /// Everything that the policy is made of, so that it can be had again; null where it is part of the program.
    fn texts(&self) -> Value {
        Value::Null
    }

    /// The ids of all rules, as [`Ruling::rule`] names them; empty where a policy does not list them.
    fn rule_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Every rule before a call, with why it did not match; where a policy cannot tell, only those that did.
    fn explain(&self, case: &Case<'_>) -> Vec<RuleSeen> {
        let matched = self.judge(case).unwrap_or_default();
        let seen = matched.into_iter().map(|ruling| RuleSeen {
            rule: ruling.rule,
            outcome: ruling.outcome,
            matched: true,
            why_not: None,
            inputs: ruling.inputs,
        });
        seen.collect()
    }

    /// How many calls a session may make.
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

/// What the rules say about a call, with the strictest counting and failure, or silence, meaning deny.
pub(crate) fn judge(rules: &dyn Rules, case: &Case<'_>) -> (Outcome, Vec<Ruling>) {
    let deny = |rule: &str, message: String| {
        let (rule, severity) = (rule.to_owned(), Level::Critical);
        (
            Outcome::Deny,
            vec![Ruling {
                rule,
                outcome: Outcome::Deny,
                message,
                severity,
                approvers: Vec::new(),
                absolute: true,
                inputs: Map::new(),
            }],
        )
    };
    match rules.judge(case).map(|rulings| answerable(rulings, case)) {
        Err(error) => deny(&error.rule, error.to_string()),
        Ok(rulings) => match rulings.iter().map(|ruling| ruling.outcome).max() {
            Some(strictest) => (strictest, rulings),
            None => deny("default-deny", "no rule allows it".to_owned()),
        },
    }
}

/// The rulings with approvers of whom somebody can say yes, also where an agent asks.
fn answerable(mut rulings: Vec<Ruling>, case: &Case<'_>) -> Vec<Ruling> {
    let roles = &case.session.roles;
    for ruling in rulings.iter_mut().filter(|_| !roles.is_empty()) {
        let approvers = std::mem::take(&mut ruling.approvers);
        let approvers = approvers.into_iter();
        ruling.approvers = approvers.map(|one| one.where_asked_with(roles)).collect();
    }
    rulings
}
