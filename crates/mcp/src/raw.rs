//! Messages as they come, before a library has read them: what JSON leaves open is looked at here.
//!
//! A reader that keeps the last of two keys, or rounds a number, would let a client say two things at once. A message that
//! does so is not passed on. Where it is a call, what stood there for arguments goes to the host as text, which refuses it
//! and writes the refusal down; everything else is answered with an error of the protocol.

use mandate_plan::{Format, Violation, is_plain_json, parse_value};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The key under `_meta` with arguments as they stood there.
pub(crate) const RAW_ARGUMENTS: &str = "dev.mandate/arguments";
/// The longest message.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What becomes of a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Screened {
    /// It says one thing.
    Good,
    /// This is to be read in its place.
    Instead(String),
    /// It is answered with this.
    Bad(String),
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: String,
    #[serde(borrow, default)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    name: Option<String>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(rename = "_meta", default)]
    meta: Option<Value>,
}

#[derive(Deserialize)]
struct Id<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// Looks at a message.
pub(crate) fn screen(message: &[u8]) -> Screened {
    if is_plain_json(message) {
        return Screened::Good;
    }
    match parse_value(message, Format::Json) {
        Ok(_) => Screened::Good,
        Err(found) => instead(message, &found),
    }
}

fn instead(message: &[u8], found: &[Violation]) -> Screened {
    let call: Option<Call<'_>> = serde_json::from_slice(message).ok();
    if let Some(call) = &call
        && call.method == "tools/call"
        && let (Some(id), Some(params)) = (call.id, &call.params)
        && let (Some(name), Some(arguments)) = (&params.name, params.arguments)
    {
        let mut meta = match &params.meta {
            Some(Value::Object(meta)) => meta.clone(),
            _ => serde_json::Map::new(),
        };
        meta.insert(RAW_ARGUMENTS.to_owned(), arguments.get().into());
        let id: Value = serde_json::from_str(id.get()).unwrap_or_default();
        let params = json!({ "name": name, "arguments": {}, "_meta": meta });
        let again = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        return Screened::Instead(again.to_string());
    }
    let id = serde_json::from_slice::<Id<'_>>(message).ok();
    let id = id.and_then(|message| serde_json::from_str::<Value>(message.id?.get()).ok());
    let why = found.first().map(|violation| violation.message.clone());
    let why = why.unwrap_or_default();
    let known = call.is_some() || id.is_some();
    let code = if known { -32600 } else { -32700 };
    let error = json!({ "code": code, "message": format!("the message cannot be read: {why}") });
    let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    Screened::Bad(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instead(text: &str) -> Value {
        match screen(text.as_bytes()) {
            Screened::Instead(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_that_says_one_thing_passes() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1}}}"#;
        assert_eq!(screen(text.as_bytes()), Screened::Good);
    }

    #[test]
    fn arguments_that_say_two_things_go_on_as_text() {
        let text =
            r#"{"id":7,"method":"tools/call","params":{"name":"a","arguments":{"x":1, "x":2}}}"#;
        let read = instead(text);
        assert_eq!(read["id"], 7);
        assert_eq!(read["params"]["arguments"], json!({}));
        assert_eq!(read["params"]["_meta"][RAW_ARGUMENTS], r#"{"x":1, "x":2}"#);
        let number = r#"{"id":7,"method":"tools/call","params":{"name":"a","arguments":{"x":12345678901234567890123}}}"#;
        assert!(instead(number)["params"]["_meta"][RAW_ARGUMENTS].is_string());
    }

    #[test]
    fn two_names_are_an_error_of_the_protocol() {
        let text =
            r#"{"id":7,"method":"tools/call","params":{"name":"a","name":"b","arguments":{}}}"#;
        let Screened::Bad(answer) = screen(text.as_bytes()) else {
            panic!()
        };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(7), &json!(-32600))
        );
        let Screened::Bad(answer) = screen(b"{") else {
            panic!()
        };
        assert!(answer.contains("-32700"), "{answer}");
    }
}
