//! The policy that is in force: one or more sets, all of which must allow, and the limits of a session.

use crate::set::PolicySet;
use mandate_plan::Digest;
use mandate_policy::{
    Classification, Limits, Outcome, RuleSeen, Rules,
    risk::Level,
    rules::{Case, RuleError, Ruling},
};
use serde_json::Map;
use std::sync::Arc;

/// One or more sets, from the first source of configuration to the last. A later one can only narrow what the ones
/// before it say: the strictest over all sets counts, and a set of which no rule matches denies.
#[derive(Debug)]
pub struct Active {
    sets: Vec<Arc<PolicySet>>,
    limits: Limits,
}

impl Active {
    /// These sets with these limits. Without any set everything is denied.
    pub fn new(sets: Vec<Arc<PolicySet>>, limits: Limits) -> Self {
        Self { sets, limits }
    }

    /// The sets.
    pub fn sets(&self) -> &[Arc<PolicySet>] {
        &self.sets
    }
}

impl Rules for Active {
    fn version(&self) -> String {
        match self.sets.as_slice() {
            [one] => one.version().to_owned(),
            several => {
                let versions = several.iter().map(|set| set.version().as_bytes());
                Digest::framed("mandate/policies/v1", versions).to_string()
            }
        }
    }

    fn classification(&self) -> &Classification {
        match self.sets.first() {
            Some(set) => set.classification(),
            None => Classification::standard(),
        }
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let mut rulings = Vec::new();
        for (index, set) in self.sets.iter().enumerate() {
            // The call comes as the first set's tables see it; each set goes by its own.
            let own = (index > 0).then(|| case.call.reclassified(set.classification(), case.found));
            let said = set.judge(&Case {
                call: own.as_ref().unwrap_or(case.call),
                ..*case
            })?;
            if said.is_empty() {
                rulings.push(silence(set, self.sets.len()));
            }
            rulings.extend(said);
        }
        Ok(rulings)
    }

    fn rule_ids(&self) -> Vec<String> {
        let ids = self.sets.iter().flat_map(|set| set.rule_ids());
        ids.collect()
    }

    fn explain(&self, case: &Case<'_>) -> Vec<RuleSeen> {
        let mut seen = Vec::new();
        for (index, set) in self.sets.iter().enumerate() {
            let own = (index > 0).then(|| case.call.reclassified(set.classification(), case.found));
            seen.extend(set.explain(&Case {
                call: own.as_ref().unwrap_or(case.call),
                ..*case
            }));
        }
        seen
    }

    fn texts(&self) -> serde_json::Value {
        Active::texts(self)
    }

    /// The lowest that the configuration or a set says.
    fn limits(&self) -> Limits {
        let sets = self.sets.iter().map(|set| set.limits());
        sets.fold(self.limits, Limits::and)
    }
}

fn silence(set: &PolicySet, sets: usize) -> Ruling {
    let name = set.sources().first().map(|source| &*source.name);
    let message = match (name, sets) {
        (Some(name), 2..) => format!("no rule of `{name}` allows it"),
        _ => "no rule allows it".to_owned(),
    };
    Ruling {
        rule: "default-deny".to_owned(),
        outcome: Outcome::Deny,
        message,
        severity: Level::Critical,
        approvers: Vec::new(),
        absolute: true,
        inputs: Map::new(),
    }
}
