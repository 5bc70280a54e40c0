//! The rules on what is known only while a call runs: the file behind a link, the address behind a redirect.

use crate::{
    Refusal,
    argument_rules::RuleSet,
    normalise::{path_readings, url_readings},
    resources::{Found, Operation, Resource, ResourceKind},
};
use std::sync::Arc;

/// A step's rules on resources, for the tool that carries its call out. A permit holds it.
#[derive(Debug, Clone)]
pub struct ResourceGuard {
    /// The plan's `forbidden_*` and the step's `deny`.
    deny: Vec<Arc<RuleSet>>,
    /// The step's `allow`.
    allow: Option<Arc<RuleSet>>,
}

impl ResourceGuard {
    pub(crate) fn new(deny: Vec<Arc<RuleSet>>, allow: Option<Arc<RuleSet>>) -> Self {
        Self { deny, allow }
    }

    /// Whether the real path of an opened file is one that is forbidden. What is allowed was asked of the path as the
    /// call gave it: a real path is absolute, and `allow.paths` need not be.
    ///
    /// # Errors
    /// `ARGUMENT_VIOLATION`.
    pub fn check_real_path(&self, path: &str) -> Result<(), Refusal> {
        let found = [found(ResourceKind::File, path)];
        self.deny
            .iter()
            .try_for_each(|rules| rules.check_resources(&found))
    }

    /// Whether an address that the call did not name itself, such as a redirect's, is allowed.
    ///
    /// # Errors
    /// `ARGUMENT_VIOLATION`.
    pub fn check_url(&self, url: &str) -> Result<(), Refusal> {
        let found = [found(ResourceKind::Url, url)];
        self.deny
            .iter()
            .chain(&self.allow)
            .try_for_each(|rules| rules.check_resources(&found))
    }
}

fn found(kind: ResourceKind, text: &str) -> Found {
    let readings = match kind {
        ResourceKind::File | ResourceKind::Command => path_readings(text),
        ResourceKind::Url => url_readings(text),
    };
    let resource = Resource {
        kind,
        value: readings.normal.clone(),
        operation: Operation::Read,
    };
    Found {
        resource,
        readings,
        pointer: "(while running)".to_owned(),
    }
}
