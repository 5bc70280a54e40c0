//! From our shapes to the library's.

use crate::own_tools::OwnTool;
use crate::told::Told;
use mandate_tools::{NotPassed, ToolStatus};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, ContentBlock, ElicitRequestParams, ErrorCode, MetaObject, Tool, ToolAnnotations,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn object(value: Value) -> Arc<Map<String, Value>> {
    Arc::new(match value {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

/// One of the gateway's own tools.
pub(crate) fn listed(tool: &OwnTool) -> Tool {
    let annotations = ToolAnnotations::new()
        .read_only(tool.read_only)
        .open_world(false);
    Tool::new(tool.name, tool.description, object(tool.schema()))
        .with_title(tool.title)
        .with_annotations(annotations)
}

/// A tool of the plan.
pub(crate) fn planned_tool(name: String, tool: &ToolStatus) -> Tool {
    use mandate_plan::Effect;
    let facts = tool.facts;
    let destroys = !matches!(facts.effect, Effect::Read | Effect::Write);
    let annotations = ToolAnnotations::new()
        .read_only(facts.read_only())
        .destructive(destroys)
        .idempotent(facts.idempotent)
        .open_world(facts.open_world);
    let description = format!(
        "{} (`{}` of the approved plan: call it as the plan says, `status` shows with which arguments.)",
        tool.description, tool.name
    );
    let listed = Tool::new(name, description, object(tool.input_schema.clone()));
    let mut listed = listed.with_annotations(annotations);
    listed.output_schema = tool.output_schema.as_ref().and_then(or_refusal).map(object);
    listed
}

/// The schema of a tool's output where a refusal may come in its place: some clients hold that against the schema, too. None
/// of one that cannot be put beside another.
fn or_refusal(schema: &Value) -> Option<Value> {
    let mut own = schema.as_object()?.clone();
    if own.get("type") != Some(&json!("object")) || refers_to_itself(schema) {
        return None;
    }
    let mut whole = Map::from_iter([("type".to_owned(), json!("object"))]);
    // What is referred to from the root stays at the root.
    for key in ["$schema", "$defs", "definitions"] {
        whole.extend(own.remove(key).map(|value| (key.to_owned(), value)));
    }
    let refusal = json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "type": "object", "required": ["code", "message"] } },
    });
    whole.insert("anyOf".to_owned(), json!([own, refusal]));
    Some(Value::Object(whole))
}

/// Whether something in a schema refers to the whole, or to a place that would be another one.
fn refers_to_itself(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef", Value::String(to)) => {
                !to.starts_with("#/$defs/") && !to.starts_with("#/definitions/")
            }
            _ => refers_to_itself(value),
        }),
        Value::Array(items) => items.iter().any(refers_to_itself),
        _ => false,
    }
}

/// What a call is answered with.
///
/// # Errors
/// What the protocol has an error of its own for.
pub(crate) fn result(told: Told) -> Result<CallToolResult, ErrorData> {
    if let Some(error) = told.protocol {
        return Err(error_data(error));
    }
    let content = match told.blocks {
        Some(blocks) => blocks.into_iter().map(block).collect(),
        None => vec![ContentBlock::text(told.text)],
    };
    let mut result = match told.is_error {
        true => CallToolResult::error(content),
        false => CallToolResult::success(content),
    };
    result.structured_content = told.structured;
    if !told.meta.is_empty() {
        result.meta = Some(MetaObject(told.meta));
    }
    Ok(result)
}

/// A block of a tool server; one that the library does not know as text.
fn block(value: Value) -> ContentBlock {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|_| ContentBlock::text(text))
}

/// A server's own no.
pub(crate) fn error_data(no: NotPassed) -> ErrorData {
    let code = i32::try_from(no.code).unwrap_or(ErrorCode::INTERNAL_ERROR.0);
    ErrorData::new(ErrorCode(code), no.message, no.data)
}

/// A question as the protocol puts it.
pub(crate) fn question(text: &str) -> Option<ElicitRequestParams> {
    let form = crate::approving::form();
    let form = json!({ "mode": "form", "message": text, "requestedSchema": form });
    serde_json::from_value(form).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_fits_the_schema_of_a_tools_output() {
        let schema = json!({
            "type": "object",
            "properties": { "at": { "$ref": "#/$defs/time" } },
            "required": ["at"],
            "additionalProperties": false,
            "$defs": { "time": { "type": "string" } },
        });
        let listed = or_refusal(&schema).unwrap();
        let fits = |value: Value| mandate_plan::misfit(&listed, &value).is_none();
        assert!(fits(json!({ "at": "now" })));
        assert!(fits(
            json!({ "error": { "code": "SEQUENCE_VIOLATION", "message": "no" } })
        ));
        assert!(!fits(json!({ "at": 1 })) && !fits(json!({})));
        assert_eq!(listed["type"], "object");
        for whole in [
            json!({ "type": "array" }),
            json!({ "type": "object", "items": { "$ref": "#" } }),
        ] {
            assert_eq!(or_refusal(&whole), None);
        }
    }
}
