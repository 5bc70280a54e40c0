//! JSON Schema 2020-12, as inputs and tools use it: without references to elsewhere, with patterns in linear time.

use crate::{document::child, violation::quoted};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

/// A schema made ready for use.
#[derive(Debug)]
pub(crate) struct JsonSchema(Validator);

/// What a value or a schema breaks, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The JSON pointer in the value; for a property that must not be there, its own.
    pub(crate) pointer: String,
    /// What is wrong, without the value itself.
    pub(crate) message: String,
    /// The name of a property that must not be there.
    pub(crate) unexpected: Option<String>,
}

impl JsonSchema {
    pub(crate) fn compile(schema: &Value) -> Result<Self, Vec<Mismatch>> {
        let against_meta: Vec<Mismatch> = jsonschema::draft202012::meta::validator()
            .iter_errors(schema)
            .flat_map(|error| mismatches(&error))
            .collect();
        if !against_meta.is_empty() {
            return Err(against_meta);
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .offline()
            .build(schema)
            .map(Self)
            .map_err(|error| mismatches(&error))
    }

    /// What `value` breaks. `holes` are pointers of places whose value is not known yet.
    pub(crate) fn mismatches(&self, value: &Value, holes: &[String]) -> Vec<Mismatch> {
        self.0
            .iter_errors(value)
            .filter(|error| !depends_on_holes(error, holes))
            .flat_map(|error| mismatches(&error))
            .collect()
    }
}

/// Whether an error could go away once the holes are filled.
fn depends_on_holes(error: &ValidationError<'_>, holes: &[String]) -> bool {
    let place = error.instance_path().as_str();
    holes.iter().any(|hole| {
        let inside = |outer: &str, inner: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // Around a hole, only what is said of the keys and the number of items is settled already.
        inside(hole, place)
            || (inside(place, hole)
                && !matches!(
                    error.kind(),
                    ValidationErrorKind::Type { .. }
                        | ValidationErrorKind::Required { .. }
                        | ValidationErrorKind::AdditionalProperties { .. }
                        | ValidationErrorKind::PropertyNames { .. }
                        | ValidationErrorKind::MinItems { .. }
                        | ValidationErrorKind::MaxItems { .. }
                        | ValidationErrorKind::MinProperties { .. }
                        | ValidationErrorKind::MaxProperties { .. }
                ))
    })
}

fn mismatches(error: &ValidationError<'_>) -> Vec<Mismatch> {
    let place = error.instance_path().as_str().to_owned();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| Mismatch {
                pointer: child(&place, name),
                message: format!("`{}` is not known here", quoted(name)),
                unexpected: Some(name.clone()),
            })
            .collect(),
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![Mismatch {
                pointer: place,
                message: format!("`{}` is missing", quoted(name)),
                unexpected: None,
            }]
        }
        _ => {
            let label = match place.rsplit_once('/') {
                None => "the value".to_owned(),
                Some((_, token)) => format!("`{}`", quoted(token)),
            };
            let mut message = error.masked_with(label).to_string();
            if message.len() > 300 {
                let end = message.floor_char_boundary(300);
                message.truncate(end);
                message.push('…');
            }
            vec![Mismatch {
                pointer: place,
                message,
                unexpected: None,
            }]
        }
    }
}

/// What a value breaks of a JSON Schema 2020-12, in one sentence that quotes nothing of it; none when it fits. A schema
/// that cannot be used is broken by everything.
pub fn misfit(schema: &Value, value: &Value) -> Option<String> {
    let describe = |found: &[Mismatch]| {
        let first = found.first()?;
        let more = match found.len() {
            0 | 1 => String::new(),
            several => format!(" (and {} more)", several - 1),
        };
        Some(match first.pointer.as_str() {
            "" => format!("{}{more}", first.message),
            pointer => format!("at `{}`: {}{more}", quoted(pointer), first.message),
        })
    };
    match JsonSchema::compile(schema) {
        Ok(compiled) => describe(&compiled.mismatches(value, &[])),
        Err(found) => {
            let why = describe(&found).unwrap_or_default();
            Some(format!("the schema cannot be used: {why}"))
        }
    }
}

/// Why a value is no JSON Schema that a plan may hold; none when it is one.
pub fn schema_fault(schema: &Value) -> Option<String> {
    if let Some(pointer) = first_reference(schema, "") {
        return Some(format!(
            "at `{}`: references are not taken here",
            quoted(&pointer)
        ));
    }
    let found = JsonSchema::compile(schema).err()?;
    let first = found.first().map(|first| first.message.clone());
    Some(first.unwrap_or_else(|| "it is not a JSON Schema".to_owned()))
}

/// The pointer of the first reference to another schema within this one.
///
/// A plan's own schemas hold none: chains of references grow without bound while they are followed.
pub(crate) fn first_reference(schema: &Value, pointer: &str) -> Option<String> {
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let place = child(pointer, key);
            match key.as_str() {
                "$ref" | "$dynamicRef" => Some(place),
                // Data, not schemas.
                "const" | "enum" | "default" | "examples" => None,
                _ => first_reference(value, &place),
            }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| first_reference(item, &child(pointer, index))),
        _ => None,
    }
}
