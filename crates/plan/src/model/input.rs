//! One input of a plan: a JSON Schema with three keys of our own.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// An input: a JSON Schema 2020-12 of its value, and beside the schema's own keywords `required` (as true or false),
/// `default` and `secret`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Input {
    /// Whether the caller must give it; unsaid, it must be given unless there is a default.
    pub required: Option<bool>,
    /// The value where the caller gives none.
    pub default: Option<Value>,
    /// The caller gives the name of a secret, never a value.
    pub secret: bool,
    /// The JSON Schema of the value: all other keys. A `required` that is a list is the schema's.
    pub schema: Map<String, Value>,
}

impl Input {
    /// Whether the caller must give it.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(self.default.is_none())
    }
}

/// One of the three keys of an input has the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` of an input is true or false")]
pub struct NotAnInput(pub &'static str);

impl TryFrom<Map<String, Value>> for Input {
    type Error = NotAnInput;
    fn try_from(mut schema: Map<String, Value>) -> Result<Self, NotAnInput> {
        let required = match schema.get("required") {
            None | Some(Value::Array(_)) => None,
            Some(Value::Bool(required)) => Some(*required),
            Some(_) => return Err(NotAnInput("required")),
        };
        if required.is_some() {
            schema.remove("required");
        }
        let secret = match schema.remove("secret") {
            None => false,
            Some(Value::Bool(secret)) => secret,
            Some(_) => return Err(NotAnInput("secret")),
        };
        let default = schema.remove("default");
        Ok(Self {
            required,
            default,
            secret,
            schema,
        })
    }
}

impl From<Input> for Map<String, Value> {
    fn from(input: Input) -> Self {
        let mut map = input.schema;
        if let Some(required) = input.required {
            map.insert("required".to_owned(), Value::Bool(required));
        }
        if let Some(default) = input.default {
            map.insert("default".to_owned(), default);
        }
        if input.secret {
            map.insert("secret".to_owned(), Value::Bool(true));
        }
        map
    }
}

impl JsonSchema for Input {
    fn schema_name() -> Cow<'static, str> {
        "Input".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A JSON Schema 2020-12 of the input's value, with three keys of our own.",
            "type": "object",
            "properties": {
                "required": {
                    "description": "Whether the caller must give it; unsaid, it must be given unless there is a default. A list is JSON Schema's own keyword.",
                    "type": ["boolean", "array"]
                },
                "default": { "description": "The value where the caller gives none." },
                "secret": {
                    "description": "The caller gives the name of a secret, never a value.",
                    "type": "boolean"
                }
            }
        })
    }
}
