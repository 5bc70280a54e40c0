//! A policy: rules that were checked, ready to judge calls.

use crate::{definitions::Definitions, error::Source, prepared::Prepared, rule::Rule};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// What a preparation depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) principal: String,
    pub(crate) roles: Vec<String>,
    pub(crate) tool: String,
    pub(crate) effect: &'static str,
    pub(crate) idempotent: bool,
    pub(crate) open_world: bool,
    pub(crate) category: &'static str,
}

/// One or more texts in Cedar with their definitions, checked. Made by [`crate::load`].
pub struct PolicySet {
    pub(crate) rules: Vec<Rule>,
    /// The rules for Cedar, in the order of `rules`, each as a permit: so that it names every one that matches.
    pub(crate) compiled: Vec<cedar_policy::Policy>,
    pub(crate) definitions: Definitions,
    pub(crate) sources: Vec<Source>,
    pub(crate) version: String,
    /// What the rules together read of a call.
    pub(crate) reads: std::collections::BTreeSet<String>,
    pub(crate) prepared: Mutex<BTreeMap<Subject, Arc<Prepared>>>,
}

impl PolicySet {
    /// The rules in the order of their texts.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What stands beside them in `policy.toml`.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// The texts that it was made of: rules, then definitions.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A digest over all its texts.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("version", &self.version)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

impl Default for PolicySet {
    /// A policy without rules, which denies everything.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            compiled: Vec::new(),
            definitions: Definitions::default(),
            sources: Vec::new(),
            version: "none".to_owned(),
            reads: std::collections::BTreeSet::new(),
            prepared: Mutex::new(BTreeMap::new()),
        }
    }
}
