//! JSON-RPC messages as they stand on a line.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a server sent, as far as it concerns a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    /// The answer to a request of ours.
    Answer {
        /// Our request's id.
        id: u64,
        /// Its result, or the error.
        answer: Result<Value, RpcError>,
    },
    /// A request of the server's, to be answered with the same id.
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    /// A notification.
    Notice { method: String, params: Value },
    /// Something that is no message of the protocol.
    Junk,
}

/// A server's error answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

/// Reads one line; an old revision allows several messages on one.
pub(super) fn read(line: &[u8]) -> Vec<Incoming> {
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Array(several)) => several.into_iter().map(classify).collect(),
        Ok(one) => vec![classify(one)],
        Err(_) => vec![Incoming::Junk],
    }
}

fn classify(message: Value) -> Incoming {
    let Value::Object(mut message) = message else {
        return Incoming::Junk;
    };
    if message.get("jsonrpc") != Some(&json!("2.0")) {
        return Incoming::Junk;
    }
    let id = message.remove("id").filter(|id| !id.is_null());
    let method = match message.remove("method") {
        Some(Value::String(method)) => Some(method),
        _ => None,
    };
    match (id, method) {
        (Some(id), Some(method)) => Incoming::Request {
            id,
            method,
            params: message.remove("params").unwrap_or_default(),
        },
        (None, Some(method)) => Incoming::Notice {
            method,
            params: message.remove("params").unwrap_or_default(),
        },
        (Some(id), None) => match id.as_u64() {
            Some(id) => answer(id, &mut message),
            None => Incoming::Junk,
        },
        (None, None) => Incoming::Junk,
    }
}

fn answer(id: u64, message: &mut Map<String, Value>) -> Incoming {
    let answer = match (message.remove("result"), message.remove("error")) {
        (Some(result), None) => Ok(result),
        (_, Some(error)) => Err(RpcError {
            code: error.get("code").and_then(Value::as_i64).unwrap_or(0),
            message: error
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or("no message")
                .to_owned(),
            data: error.get("data").cloned(),
        }),
        (None, None) => return Incoming::Junk,
    };
    Incoming::Answer { id, answer }
}

/// A request, or a notification, which has no id. It is written as it stands: what it holds is not copied for it.
#[derive(Serialize)]
struct Asked<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    params: &'a Value,
}

/// A request's line.
pub(super) fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    line(&Asked {
        jsonrpc: "2.0",
        id: Some(id),
        method,
        params,
    })
}

/// A notification's line.
pub(super) fn notice(method: &str, params: &Value) -> Vec<u8> {
    line(&Asked {
        jsonrpc: "2.0",
        id: None,
        method,
        params,
    })
}

/// The line that answers a server's request: only `ping` has an answer.
pub(super) fn reply(id: &Value, method: &str) -> Vec<u8> {
    line(&if method == "ping" {
        json!({ "jsonrpc": "2.0", "id": id, "result": {} })
    } else {
        let error = json!({ "code": -32601, "message": "this client does not offer that" });
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    })
}

/// The line that answers a server's request with this.
pub(super) fn result(id: &Value, result: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// The line that says that nobody answers a server's request.
pub(super) fn unanswered(id: &Value) -> Vec<u8> {
    let error = json!({ "code": -1, "message": "nobody answered" });
    line(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

fn line(message: &impl Serialize) -> Vec<u8> {
    // JSON text as serde_json writes it holds no line break. What is written here has texts for keys, and memory takes it all.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_message_is_told_apart() {
        let read = |text: &str| read(text.as_bytes());
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":3,"result":{"a":1}}"#),
            [Incoming::Answer {
                id: 3,
                answer: Ok(json!({"a": 1}))
            }]
        );
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":"x","method":"ping"}"#),
            [Incoming::Request {
                id: json!("x"),
                method: "ping".to_owned(),
                params: Value::Null
            }]
        );
        let several = read(
            r#"[{"jsonrpc":"2.0","method":"n","params":{}},{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}]"#,
        );
        assert!(matches!(
            several.as_slice(),
            [Incoming::Notice { .. }, Incoming::Answer { answer: Err(error), .. }] if error.code == -1
        ));
        for junk in [
            "starting up…",
            "{",
            "3",
            "{}",
            r#"{"id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"1","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
        ] {
            assert_eq!(read(junk), [Incoming::Junk], "{junk}");
        }
        assert_eq!(super::read(b"\xff\xfe"), [Incoming::Junk]);
    }

    #[test]
    fn a_line_is_one_line() {
        let line = request(1, "tools/call", &json!({"text": "a\nb\u{2028}"}));
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(line.ends_with(b"\n"));
    }
}
