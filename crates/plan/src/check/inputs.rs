//! The declarations of inputs: schemas that can be used, and defaults that fit them.

use super::reader::Reader;
use crate::{
    ViolationCode,
    document::child,
    inputs::misfits,
    json_schema::{JsonSchema, first_reference},
    model::{Input, Plan},
};
use serde_json::Value;

impl Reader<'_> {
    pub(super) fn input_declarations(&mut self, plan: &Plan, base: &str) {
        for (name, input) in &plan.inputs {
            let pointer = child(&format!("{base}/inputs"), name);
            if !self.afford_input(&pointer) {
                return;
            }
            self.exclusive_keys(input, name, &pointer);
            let usable = self.usable_schema(input, &pointer);
            if usable && let Some(default) = &input.default {
                for (below, message) in misfits(input, default) {
                    let place = format!("{pointer}/default{below}");
                    let message = format!("the default of `{name}` does not fit: {message}");
                    self.error(ViolationCode::DefaultInvalid, &place, message);
                }
            }
        }
    }

    fn exclusive_keys(&mut self, input: &Input, name: &str, pointer: &str) {
        if input.required == Some(true) && input.default.is_some() {
            let message = format!("`{name}` is required: its default would never be used");
            let place = format!("{pointer}/default");
            self.error(ViolationCode::KeyConflict, &place, message);
        }
    }

    fn usable_schema(&mut self, input: &Input, pointer: &str) -> bool {
        let schema = Value::Object(input.schema.clone());
        if let Some(place) = first_reference(&schema, pointer) {
            let message = "the schema of an input holds no references: write it out";
            self.error(ViolationCode::SchemaInvalid, &place, message);
            return false;
        }
        if input.secret
            && let Some(kind) = input.schema.get("type")
            && kind != "string"
        {
            let message = "a secret is a string";
            self.error(
                ViolationCode::SchemaInvalid,
                &format!("{pointer}/type"),
                message,
            );
            return false;
        }
        let Err(mismatches) = JsonSchema::compile(&schema) else {
            return true;
        };
        for mismatch in mismatches {
            let place = format!("{pointer}{}", mismatch.pointer);
            let message = format!("this is no JSON Schema: {}", mismatch.message);
            self.error(ViolationCode::SchemaInvalid, &place, message);
        }
        false
    }
}
