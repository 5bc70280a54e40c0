//! JSON Schema validators, compiled once per tool.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};

/// How many violations one message lists.
const MAX_LISTED: usize = 20;

/// A compiled schema.
pub(crate) struct Schema {
    validator: Validator,
}

/// The schema is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotASchema(String);

/// What breaks a schema, without the values that do.
pub(crate) struct Violations {
    /// For people: the first, and how many more there are.
    pub(crate) summary: String,
    /// For programs: each with its pointer into the value.
    pub(crate) details: Value,
}

impl Schema {
    /// Compiles a schema. References out of it are errors, and patterns run in linear time: schemas come from tools
    /// that nobody here wrote.
    pub(crate) fn compile(schema: &Value) -> Result<Self, NotASchema> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map(|validator| Self { validator })
            .map_err(|error| {
                NotASchema(format!(
                    "at `{}`: {}",
                    error.instance_path(),
                    error.masked()
                ))
            })
    }

    /// Checks a value.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Violations> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let listed: Vec<(String, String)> = self
            .validator
            .iter_errors(value)
            .take(MAX_LISTED)
            .map(|error| {
                (
                    error.instance_path().to_string(),
                    error.masked().to_string(),
                )
            })
            .collect();
        let first = listed.first().map_or_else(
            || "it does not fit the schema".to_owned(),
            |(pointer, message)| {
                format!(
                    "at `{}`: {message}",
                    if pointer.is_empty() { "/" } else { pointer }
                )
            },
        );
        let summary = match listed.len() {
            0 | 1 => first,
            several => format!("{first} (and {} more)", several - 1),
        };
        let details = listed
            .into_iter()
            .map(|(pointer, message)| json!({ "pointer": pointer, "message": message }))
            .collect();
        Err(Violations { summary, details })
    }
}
