//! Arguments that are repeated in headers (`x-mcp-header` in a tool's input schema), so that whoever passes a message on can
//! route it without reading it. Whoever sends one repeats them, and whoever reads it sees to it that both say the same.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What such a header's name begins with, in small letters.
pub const PARAM_PREFIX: &str = "mcp-param-";
/// Where a schema says what a header is called.
const KEY: &str = "x-mcp-header";
/// Around a value that no header could hold as it is.
const WRAP: (&str, &str) = ("=?base64?", "?=");
/// The largest whole number that every reader keeps.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// An argument that is repeated in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderParam {
    path: Vec<String>,
    /// The header's name, in small letters.
    pub header: String,
}

impl HeaderParam {
    /// The header's value for these arguments; none where the argument is not given.
    pub fn value(&self, args: &Value) -> Option<String> {
        let value = { self.path.iter() }.try_fold(args, |value, key| value.get(key))?;
        plain(value).map(|value| wrapped(&value).into_owned())
    }

    fn place(&self) -> String {
        self.path.join(".")
    }
}

/// The arguments of a tool that are repeated in headers.
///
/// # Errors
/// The schema says it in a place, or of a value, where it must not.
pub fn header_params(schema: &Value) -> Result<Vec<HeaderParam>, String> {
    let Value::Object(root) = schema else {
        return Ok(Vec::new());
    };
    if root.contains_key(KEY) {
        return Err(format!("`{KEY}` stands at the root"));
    }
    let mut found = Vec::new();
    beneath(root, &mut Vec::new(), &mut found)?;
    let mut names = BTreeSet::new();
    for param in &found {
        if !names.insert(param.header.clone()) {
            return Err(format!("`{KEY}` names `{}` twice", param.header));
        }
    }
    Ok(found)
}

fn beneath(
    schema: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<HeaderParam>,
) -> Result<(), String> {
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    path.push(name.clone());
                    if let Value::Object(property) = property {
                        if let Some(header) = property.get(KEY) {
                            found.push(param(path, property, header)?);
                        }
                        beneath(property, path, found)?;
                    }
                    path.pop();
                }
            }
            // These hold values, and no schemas.
            (KEY | "default" | "const" | "enum" | "examples", _) => {}
            (_, value) if says(value) => {
                return Err(format!(
                    "`{KEY}` stands beneath `{key}`, where it is not certain which value it is about"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn param(
    path: &[String],
    property: &Map<String, Value>,
    header: &Value,
) -> Result<HeaderParam, String> {
    let place = path.join(".");
    let header = header.as_str().unwrap_or_default();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if header.is_empty() || !header.chars().all(token) {
        return Err(format!("`{KEY}` of `{place}` is no name of a header"));
    }
    let kind = property.get("type").and_then(Value::as_str);
    if !matches!(kind, Some("string" | "integer" | "boolean" | "number")) {
        return Err(format!("`{KEY}` of `{place}`, which is no single value"));
    }
    Ok(HeaderParam {
        path: path.to_vec(),
        header: format!("{PARAM_PREFIX}{}", header.to_ascii_lowercase()),
    })
}

fn says(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| key == KEY || says(value)),
        Value::Array(all) => all.iter().any(says),
        _ => false,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            // The same number written in one way.
            Some(whole) if whole.fract() == 0.0 && whole.abs() <= SAFE => format!("{whole:.0}"),
            _ => number.to_string(),
        }),
        _ => None,
    }
}

/// The text as a header can hold it.
pub(crate) fn wrapped(text: &str) -> Cow<'_, str> {
    let padded = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    let visible = text.chars().all(|c| matches!(c, ' '..='~'));
    let looks_wrapped = text.starts_with(WRAP.0) && text.ends_with(WRAP.1);
    match padded || !visible || looks_wrapped {
        true => format!("{}{}{}", WRAP.0, BASE64_STANDARD.encode(text), WRAP.1).into(),
        false => text.into(),
    }
}

fn unwrapped(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix(WRAP.0)
        .and_then(|rest| rest.strip_suffix(WRAP.1));
    match inner {
        Some(inner) => String::from_utf8(BASE64_STANDARD.decode(inner).ok()?).ok(),
        None => Some(text.to_owned()),
    }
}

/// In what headers and arguments do not say the same; none if they do. `given` are the headers by their names in small
/// letters, those of one name side by side.
pub fn header_mismatch(
    params: &[HeaderParam],
    args: &Value,
    given: &[(String, String)],
) -> Option<String> {
    params.iter().find_map(|param| {
        let name = &param.header;
        let mut values = given.iter().filter(|(given, _)| given == name);
        let (header, more) = (values.next(), values.next());
        let place = param.place();
        let expected = { param.path.iter() }
            .try_fold(args, |value, key| value.get(key))
            .filter(|value| !value.is_null());
        match (header, expected) {
            _ if more.is_some() => Some(format!("the header `{name}` is there twice")),
            (None, None) => None,
            (Some(_), None) => Some(format!(
                "there is a header `{name}`, and no argument `{place}`"
            )),
            (None, Some(_)) => Some(format!("the header `{name}` is missing for `{place}`")),
            (Some((_, header)), Some(expected)) => match unwrapped(header) {
                None => Some(format!("the header `{name}` is no base64 of a text")),
                Some(said) if agrees(&said, expected) => None,
                Some(_) => Some(format!(
                    "the header `{name}` says something else than `{place}`"
                )),
            },
        }
    })
}

fn agrees(said: &str, expected: &Value) -> bool {
    match expected {
        Value::Number(_) => {
            let said: Option<Value> = serde_json::from_str(said).ok();
            said.filter(Value::is_number)
                .is_some_and(|said| plain(&said) == plain(expected))
        }
        expected => plain(expected).as_deref() == Some(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({ "type": "object", "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "in": { "type": "object", "properties": { "flag": { "type": "boolean", "x-mcp-header": "Flag" } } },
            "free": { "type": "string", "default": { "x-mcp-header": "none" } },
        } })
    }

    fn given(all: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| (format!("mcp-param-{name}"), value.to_string());
        all.iter().map(owned).collect()
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let params = header_params(&schema()).unwrap();
        assert_eq!(params.len(), 3);
        for region in [
            "eu",
            "",
            " eu",
            "eu\n",
            "zürich",
            "=?base64?SGVsbG8=?=",
            "=?base64?SGVsbG8=",
        ] {
            let args = json!({ "region": region, "count": 3, "in": { "flag": true } });
            let sent: Vec<(String, String)> = { params.iter() }
                .filter_map(|param| Some((param.header.clone(), param.value(&args)?)))
                .collect();
            assert_eq!(sent.len(), 3, "{region}");
            let fits =
                |(_, value): &(String, String)| value.chars().all(|c| matches!(c, ' '..='~'));
            assert!(sent.iter().all(fits), "{sent:?}");
            assert_eq!(header_mismatch(&params, &args, &sent), None, "{region}");
        }
    }

    #[test]
    fn both_say_the_same_or_it_is_said() {
        let params = header_params(&schema()).unwrap();
        let args = json!({ "region": "eu", "count": 3 });
        let right = [("region", "eu"), ("count", "3")];
        assert_eq!(header_mismatch(&params, &args, &given(&right)), None);
        assert_eq!(
            header_mismatch(
                &params,
                &args,
                &given(&[("region", "=?base64?ZXU=?="), ("count", "3.0")])
            ),
            None
        );
        for wrong in [
            vec![("region", "us"), ("count", "3")],
            vec![("region", "eu")],
            vec![("region", "eu"), ("count", "3"), ("count", "3")],
            vec![("region", "eu"), ("count", "3"), ("flag", "true")],
            vec![("region", "=?base64?ZXU?="), ("count", "3")],
            vec![("region", "=?base64?Z!XU=?="), ("count", "3")],
            vec![("region", "EU"), ("count", "3")],
            vec![("region", "eu"), ("count", "three")],
        ] {
            assert!(
                header_mismatch(&params, &args, &given(&wrong)).is_some(),
                "{wrong:?}"
            );
        }
        let nothing = json!({ "region": null });
        assert_eq!(header_mismatch(&params, &nothing, &[]), None);
        assert!(header_mismatch(&params, &nothing, &given(&[("region", "null")])).is_some());
    }

    #[test]
    fn a_schema_says_it_in_its_place_or_is_wrong() {
        let of = |property: Value| {
            header_params(&json!({ "type": "object", "properties": { "a": property } }))
        };
        assert_eq!(of(json!({ "type": "string" })), Ok(Vec::new()));
        for wrong in [
            json!({ "type": "string", "x-mcp-header": "" }),
            json!({ "type": "string", "x-mcp-header": "a b" }),
            json!({ "type": "string", "x-mcp-header": 3 }),
            json!({ "type": "object", "x-mcp-header": "A" }),
            json!({ "x-mcp-header": "A" }),
            json!({ "type": "array", "items": { "type": "string", "x-mcp-header": "A" } }),
            json!({ "oneOf": [{ "type": "string", "x-mcp-header": "A" }] }),
        ] {
            assert!(of(wrong.clone()).is_err(), "{wrong}");
        }
        let twice = json!({ "properties": {
            "a": { "type": "string", "x-mcp-header": "A" }, "b": { "type": "string", "x-mcp-header": "a" },
        } });
        assert!(header_params(&twice).is_err());
        assert!(header_params(&json!({ "x-mcp-header": "A" })).is_err());
        assert!(
            header_params(&json!({ "$defs": { "a": { "type": "string", "x-mcp-header": "A" } } }))
                .is_err()
        );
    }
}
