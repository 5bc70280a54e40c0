//! What a tool gave, as a client is handed it: the blocks of a tool server as they came, else text and an object; no more
//! than the operator allows, and marked where another party may have written it.

use crate::settings::GatewaySettings;
use crate::told::Told;
use mandate_tools::ToolStatus;
use serde_json::{Map, Value, json};

/// A tool result. What is said of it besides is put under `meta`.
///
/// `blocks` are those that the server gave, where they are passed on whatever the output is.
pub(crate) fn told(
    output: &Value,
    blocks: Option<Vec<Value>>,
    tool: Option<&ToolStatus>,
    settings: &GatewaySettings,
    meta: &mut Map<String, Value>,
) -> Told {
    let untrusted = tool.is_none_or(|tool| tool.facts.open_world);
    let name = tool.map(|tool| tool.name.as_str());
    let labels = json!({ "untrusted": untrusted, "from": name });
    meta.insert("dev.mandate/labels".to_owned(), labels);
    let mut told = shaped(output);
    if blocks.is_some() {
        told.blocks = blocks;
    }
    let most = settings.max_output_bytes;
    let blocks = told.blocks.as_ref().map(|blocks| json!(blocks).to_string());
    let bytes = blocks.as_ref().map_or(told.text.len(), String::len);
    if bytes > most {
        let whole = blocks.unwrap_or(told.text);
        let cut = json!({ "bytes": bytes, "kept_bytes": most });
        meta.insert("dev.mandate/cut".to_owned(), cut);
        told = Told {
            text: format!(
                "{}\n[cut: {most} of {bytes} bytes; the whole output is in the journal]",
                head(&whole, most)
            ),
            ..Told::default()
        };
    }
    told
}

fn shaped(output: &Value) -> Told {
    match output {
        Value::String(text) => Told {
            text: text.clone(),
            ..Told::default()
        },
        Value::Object(map) => match map.get("content") {
            Some(Value::Array(blocks)) if map.len() == 1 && blocks.iter().all(is_block) => Told {
                blocks: Some(blocks.clone()),
                ..Told::default()
            },
            _ => Told {
                structured: Some(output.clone()),
                text: output.to_string(),
                ..Told::default()
            },
        },
        other => Told {
            text: other.to_string(),
            ..Told::default()
        },
    }
}

/// The blocks of a server's answer.
pub(crate) fn blocks(result: &Value) -> Option<Vec<Value>> {
    let blocks = result.get("content")?.as_array()?;
    blocks.iter().all(is_block).then(|| blocks.clone())
}

fn is_block(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str);
    matches!(
        kind,
        Some("text" | "image" | "audio" | "resource" | "resource_link")
    )
}

/// As much of a text as fits, whole characters.
fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(output: &Value, most: usize) -> (Told, Map<String, Value>) {
        let settings = GatewaySettings {
            max_output_bytes: most,
            ..GatewaySettings::default()
        };
        let mut meta = Map::new();
        (told(output, None, None, &settings, &mut meta), meta)
    }

    #[test]
    fn each_kind_of_output_has_its_shape() {
        let (text, _) = of(&json!("a\nb"), 100);
        assert_eq!((text.text.as_str(), text.structured), ("a\nb", None));
        let (object, _) = of(&json!({ "a": 1 }), 100);
        assert_eq!(object.structured, Some(json!({ "a": 1 })));
        let image =
            json!({ "content": [{ "type": "image", "data": "aa", "mimeType": "image/png" }] });
        let (blocks, _) = of(&image, 1_000);
        assert_eq!(blocks.blocks.unwrap().len(), 1);
        let (own, _) = of(&json!({ "content": [1, 2] }), 100);
        assert!(own.structured.is_some());
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_said() {
        let (cut, meta) = of(&json!("ääää"), 5);
        assert!(
            cut.text.starts_with("ää\n[cut: 5 of 8 bytes"),
            "{}",
            cut.text
        );
        assert_eq!(meta["dev.mandate/cut"]["bytes"], 8);
    }

    #[test]
    fn what_nobody_knows_is_untrusted() {
        let (_, meta) = of(&json!(1), 10);
        assert_eq!(meta["dev.mandate/labels"]["untrusted"], true);
    }
}
