//! Tools that exist, and literal arguments that fit them.

use super::reader::Reader;
use crate::{
    ToolLookup, Violation, ViolationCode,
    document::child,
    expr::Template,
    json_schema::JsonSchema,
    violation::{nearest, quoted},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// The input schemas of tools, compiled once each; `None`: cannot be used.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Option<Arc<JsonSchema>>>);

impl Schemas {
    fn of(&mut self, tool: &str, schema: &Value) -> Option<Arc<JsonSchema>> {
        match self.0.entry(tool.to_owned()) {
            Entry::Occupied(known) => known.get().clone(),
            // A tool's broken schema is no fault of the plan; the registry reports it.
            Entry::Vacant(new) => new
                .insert(JsonSchema::compile(schema).ok().map(Arc::new))
                .clone(),
        }
    }
}

impl Reader<'_> {
    /// Whether the tool exists; if not, that is noted.
    pub(super) fn tool_exists(
        &mut self,
        tool: &str,
        pointer: &str,
        tools: &dyn ToolLookup,
    ) -> bool {
        let exists = tools.spec(tool).is_some();
        if !exists {
            let message = format!("there is no tool `{}`", quoted(tool));
            let near = nearest(tool, tools.names());
            self.note(
                Violation::new(ViolationCode::ActionNotFound, pointer, message).suggest(near),
            );
        }
        exists
    }

    /// Checks the arguments as far as they are literal. Those in `open` are somebody else's to choose, when it is called.
    pub(super) fn arguments(
        &mut self,
        tool: &str,
        template: &Template,
        pointer: &str,
        tools: &dyn ToolLookup,
        schemas: &mut Schemas,
        open: &[&str],
    ) {
        let Some(spec) = tools.spec(tool) else { return };
        let Some(schema) = schemas.of(tool, &spec.input_schema) else {
            return;
        };
        let (mut known, mut holes) = (template.known(), template.holes().to_vec());
        if let Some(args) = known.as_object_mut() {
            for key in open {
                args.insert((*key).to_owned(), Value::Null);
                holes.push(child("", key));
            }
        }
        for mismatch in schema.mismatches(&known, &holes) {
            let place = format!("{pointer}{}", mismatch.pointer);
            let message = format!("`{tool}`: {}", mismatch.message);
            let violation = Violation::new(ViolationCode::ArgumentInvalid, place, message);
            match mismatch.unexpected {
                Some(name) => {
                    let near = nearest(&name, properties(&spec.input_schema));
                    self.note_key(violation.suggest(near));
                }
                None => self.note(violation),
            }
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = &str> {
    let known: Option<&Map<String, Value>> = schema.get("properties").and_then(Value::as_object);
    known
        .into_iter()
        .flat_map(|map| map.keys())
        .map(String::as_str)
}

/// The pointers of the strings that may hold `${…}`.
pub(super) fn templates_in(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains("${") => found.push(pointer.to_owned()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                templates_in(item, &child(pointer, index), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                templates_in(item, &child(pointer, key), found);
            }
        }
        _ => {}
    }
}
