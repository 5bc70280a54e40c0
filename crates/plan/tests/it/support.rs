//! What the tests share: reading, checking, a small set of tools.

use mandate_plan::{
    Checked, CheckedPlan, Digest, Document, Effect, Facts, Format, ToolLookup, ToolSpec, Violation,
    check, parse,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) fn yaml(text: &str) -> Document {
    parse(text.as_bytes(), Format::Yaml)
        .unwrap_or_else(|violations| panic!("{text}\n{}", lines(&violations)))
}

pub(crate) fn refused(text: impl AsRef<[u8]>, format: Format) -> Vec<Violation> {
    parse(text.as_ref(), format).expect_err("the document is refused")
}

pub(crate) fn check_yaml(text: &str) -> Checked {
    check(&yaml(text), Some(&Tools::default()))
}

/// The plan of a text that has no violation at all.
pub(crate) fn plan(text: &str) -> Arc<CheckedPlan> {
    let checked = check_yaml(text);
    assert_eq!(lines(&checked.violations), "", "{text}");
    checked.plan.expect("a plan")
}

/// One line a violation: place, code, pointer.
pub(crate) fn lines(violations: &[Violation]) -> String {
    violations
        .iter()
        .map(|v| {
            let place = match (v.line, v.column) {
                (Some(line), Some(column)) => format!("{line}:{column}"),
                _ => "-".to_owned(),
            };
            format!("{place} {} {}\n", v.code, v.pointer)
        })
        .collect()
}

/// A few tools as the registry would show them.
pub(crate) struct Tools(BTreeMap<String, (ToolSpec, Facts)>);

impl Default for Tools {
    fn default() -> Self {
        let any = json!({ "type": "object" });
        let path = json!({
            "type": "object",
            "properties": { "path": { "type": "string" }, "limit": { "type": "integer", "minimum": 1 } },
            "required": ["path"],
            "additionalProperties": false,
        });
        let content = json!({
            "type": "object",
            "properties": { "path": { "type": "string" }, "content": { "type": "string" } },
            "required": ["path", "content"],
            "additionalProperties": false,
        });
        let plan = json!({
            "type": "object",
            "properties": { "plan": {}, "inputs": { "type": "object" } },
            "required": ["plan"],
            "additionalProperties": false,
        });
        let mut tools = BTreeMap::new();
        for (name, schema, effect) in [
            ("data.value", &any, Effect::Read),
            ("fs.list", &path, Effect::Read),
            ("fs.read", &path, Effect::Read),
            ("fs.write", &content, Effect::Write),
            ("fs.delete", &path, Effect::Delete),
            ("http.request", &any, Effect::Network),
            ("human.ask", &any, Effect::Read),
            ("llm.generate", &any, Effect::Network),
            ("plan.run", &plan, Effect::Execute),
            ("process.exec", &any, Effect::Execute),
            ("time.sleep", &any, Effect::Read),
            ("out.charge", &any, Effect::Network),
        ] {
            let spec = ToolSpec {
                name: name.to_owned(),
                description: String::new(),
                input_schema: schema.clone(),
                output_schema: None,
                digest: Digest::of(name.as_bytes()),
                engine_handled: false,
                external: name.starts_with("out."),
            };
            let facts = Facts {
                effect,
                idempotent: true,
                open_world: false,
            };
            tools.insert(name.to_owned(), (spec, facts));
        }
        Self(tools)
    }
}

impl ToolLookup for Tools {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.0.get(name).map(|(spec, _)| spec)
    }
    fn facts(&self, name: &str, _: Option<&Value>) -> Option<Facts> {
        self.0.get(name).map(|(_, facts)| *facts)
    }
    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}
