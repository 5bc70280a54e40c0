//! What a caller gives a plan, checked against what the plan declares.

use crate::{
    CheckedPlan, Digest, Violation, ViolationCode,
    document::child,
    json_schema::JsonSchema,
    model::Input,
    violation::{Violations, nearest, quoted},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The inputs of an execution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoundInputs {
    /// Every declared input: the value given, the default, or null. A secret input holds the secret's name.
    pub values: Map<String, Value>,
    /// The secret's name for each secret input that has one.
    pub secrets: BTreeMap<String, String>,
}

impl BoundInputs {
    /// The digest over the canonical values. That a value is a secret's name follows from the plan.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&Value::Object(self.values.clone()))
    }
}

impl CheckedPlan {
    /// Checks what a caller gives and fills in defaults. Every violation is reported; none quotes a value.
    pub fn bind_inputs(&self, given: &Map<String, Value>) -> Result<BoundInputs, Vec<Violation>> {
        let declared = &self.plan.inputs;
        let mut violations = Violations::default();
        for name in given.keys().filter(|name| !declared.contains_key(*name)) {
            let message = format!("the plan has no input `{}`", quoted(name));
            violations.push(
                Violation::new(ViolationCode::InputUnknown, child("", name), message)
                    .suggest(nearest(name, declared.keys().map(String::as_str))),
            );
        }
        let mut bound = BoundInputs::default();
        for (name, input) in declared {
            let value = match (given.get(name), &input.default) {
                (Some(value), _) => {
                    for (pointer, message) in misfits(input, value) {
                        let pointer = format!("{}{pointer}", child("", name));
                        violations.push(Violation::new(
                            ViolationCode::InputInvalid,
                            pointer,
                            format!("input `{name}`: {message}"),
                        ));
                    }
                    value.clone()
                }
                (None, _) if input.is_required() => {
                    let message = format!("the input `{name}` is missing");
                    violations.push(Violation::new(ViolationCode::InputMissing, "", message));
                    continue;
                }
                (None, Some(default)) => default.clone(),
                (None, None) => Value::Null,
            };
            if input.secret
                && let Value::String(secret) = &value
            {
                bound.secrets.insert(name.clone(), secret.clone());
            }
            bound.values.insert(name.clone(), value);
        }
        if violations.is_empty() {
            Ok(bound)
        } else {
            Err(violations.sorted())
        }
    }
}

/// What a value breaks of an input's schema: pointer in the value, and message.
pub(crate) fn misfits(input: &Input, value: &Value) -> Vec<(String, String)> {
    if input.secret && !value.as_str().is_some_and(is_secret_name) {
        let message = "it takes the name of a secret: letters, digits, `_`, `-` and `.`";
        return vec![(String::new(), message.to_owned())];
    }
    // A schema that cannot be used was reported when the plan was checked.
    let Ok(schema) = JsonSchema::compile(&Value::Object(input.schema.clone())) else {
        return Vec::new();
    };
    schema
        .mismatches(value, &[])
        .into_iter()
        .map(|mismatch| (mismatch.pointer, mismatch.message))
        .collect()
}

fn is_secret_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
