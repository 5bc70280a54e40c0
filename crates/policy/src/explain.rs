//! Why each rule did or did not match: for people who ask, beside the judging itself.

use crate::{
    Classification, Limits, Outcome, Purpose,
    rules::{Case, RuleError, Rules, Ruling},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// One rule before one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSeen {
    /// The rule's id.
    pub rule: String,
    /// What it wants where it matches.
    pub outcome: Outcome,
    /// Whether it matched.
    pub matched: bool,
    /// Of one that did not: the part of it that did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What it looked at, by name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

/// Everything that was said about one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallSeen {
    /// The step.
    pub step: String,
    /// Run the step, or undo it.
    pub purpose: Purpose,
    /// Every rule, in the policy's order.
    pub rules: Vec<RuleSeen>,
}

/// A policy that notes how it came to what it says. What it says is the policy's own.
pub struct Explaining<'a> {
    rules: &'a dyn Rules,
    seen: Mutex<Vec<CallSeen>>,
}

impl<'a> Explaining<'a> {
    /// Looks on while `rules` judge.
    pub fn new(rules: &'a dyn Rules) -> Self {
        let seen = Mutex::default();
        Self { rules, seen }
    }

    /// What was noted, in the order of the calls.
    pub fn into_seen(self) -> Vec<CallSeen> {
        self.seen
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Explaining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explaining")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Rules for Explaining<'_> {
    fn version(&self) -> String {
        self.rules.version()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let rules = self.rules.explain(case);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(CallSeen {
            step: case.call.step.clone(),
            purpose: case.call.purpose,
            rules,
        });
        drop(seen);
        self.rules.judge(case)
    }

    fn classification(&self) -> &Classification {
        self.rules.classification()
    }

    fn rule_ids(&self) -> Vec<String> {
        self.rules.rule_ids()
    }

    fn explain(&self, case: &Case<'_>) -> Vec<RuleSeen> {
        self.rules.explain(case)
    }

    fn limits(&self) -> Limits {
        self.rules.limits()
    }
}
