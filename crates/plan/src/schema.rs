//! The published JSON Schema of the plan document, made from the model's types.

use crate::model::Plan;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The JSON Schema 2020-12 of the plan document, with every limit that a schema can say.
pub fn plan_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Plan>().to_value();
    tidy(&mut schema);
    if let Value::Object(root) = &mut schema {
        let id = "https://mandate.dev/schemas/plan-1.json";
        root.insert("$id".to_owned(), id.into());
    }
    schema
}

/// Takes out what comes from Rust and not from the format: null for what may be left out, and names of number types.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            without_null(map);
            if map
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(is_rust_format)
            {
                map.remove("format");
            }
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            for (key, value) in map.iter_mut() {
                if key != "default" && key != "const" && key != "enum" {
                    tidy(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn is_rust_format(format: &str) -> bool {
    matches!(format, "uint" | "uint32" | "uint64" | "int64" | "double")
}

/// A key that may be left out is never null.
fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = map.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            map.insert("type".to_owned(), kind);
        }
    }
    let Some(Value::Array(choices)) = map.get_mut("anyOf") else {
        return;
    };
    let nullable = choices.len();
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    if choices.len() < nullable
        && let [Value::Object(only)] = choices.as_slice()
    {
        let only = only.clone();
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}
