//! The tools of a test: those that are there, and those that it declares.

use mandate_plan::{Digest, Facts, ToolLookup, ToolSpec};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is declared comes first, so that a test means the same where a tool is there and where it is not.
pub(super) struct TestTools<'a> {
    known: &'a dyn ToolLookup,
    declared: BTreeMap<String, (ToolSpec, Facts)>,
}

impl<'a> TestTools<'a> {
    pub(super) fn new(known: &'a dyn ToolLookup, declared: &BTreeMap<String, Facts>) -> Self {
        let spec = |name: &String| ToolSpec {
            name: name.clone(),
            description: "declared by a test".to_owned(),
            input_schema: Value::Bool(true),
            output_schema: None,
            digest: Digest::of(name.as_bytes()),
            engine_handled: false,
            external: false,
        };
        let declared = declared
            .iter()
            .map(|(name, facts)| (name.clone(), (spec(name), *facts)));
        Self {
            known,
            declared: declared.collect(),
        }
    }
}

impl ToolLookup for TestTools<'_> {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        match self.declared.get(name) {
            Some((spec, _)) => Some(spec),
            None => self.known.spec(name),
        }
    }

    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts> {
        match self.declared.get(name) {
            Some((_, facts)) => Some(*facts),
            None => self.known.facts(name, args),
        }
    }

    fn names(&self) -> Vec<&str> {
        let mut names = self.known.names();
        names.extend(self.declared.keys().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}
