//! What a call is answered with, in shapes of our own.

use crate::approving::Asks;
use crate::handles::Handle;
use mandate_host::HostError;
use mandate_plan::ErrorCode;
use mandate_policy::Refusal;
use mandate_tools::NotPassed;
use serde_json::{Map, Value, json};

/// A tool result.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    /// What it says, for programs: an object.
    pub(crate) structured: Option<Value>,
    /// The same for a model.
    pub(crate) text: String,
    /// Blocks that a tool server gave, in place of the text.
    pub(crate) blocks: Option<Vec<Value>>,
    /// It was refused, or it failed.
    pub(crate) is_error: bool,
    /// What the client's user can be asked about, so that it goes on.
    pub(crate) asks: Option<Asks>,
    /// What the client can come back for, in place of waiting for it.
    pub(crate) handle: Option<Handle>,
    /// It is answered with an error of the protocol instead.
    pub(crate) protocol: Option<NotPassed>,
    /// What is said of it besides.
    pub(crate) meta: Map<String, Value>,
}

impl Told {
    /// An object.
    pub(crate) fn value(value: Value) -> Self {
        Self {
            text: pretty(&value),
            structured: Some(value),
            ..Self::default()
        }
    }

    /// A no: `error` has at least `code` and `message`.
    pub(crate) fn no(error: Value) -> Self {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut lines = format!("{}: {}", text("code"), text("message"));
        let rest: Map<String, Value> = { error.as_object().into_iter().flatten() }
            .filter(|(key, value)| !matches!(key.as_str(), "code" | "message") && !value.is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !rest.is_empty() {
            lines.push('\n');
            lines.push_str(&pretty(&Value::Object(rest)));
        }
        Self {
            structured: Some(json!({ "error": error })),
            text: lines,
            is_error: true,
            ..Self::default()
        }
    }

    /// The same behind what a tool server said itself.
    pub(crate) fn after(self, blocks: Option<Vec<Value>>) -> Self {
        let blocks = blocks.map(|mut blocks| {
            blocks.push(json!({ "type": "text", "text": self.text }));
            blocks
        });
        Self { blocks, ..self }
    }

    /// That what was given is wrong.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::no(json!({ "code": ErrorCode::InvalidPayload, "message": message.into() }))
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// What a refusal says; `allowed` is what could be called instead.
pub(crate) fn refusal(refusal: &Refusal, allowed: Option<Value>) -> Value {
    json!({
        "code": refusal.code,
        "message": refusal.message,
        "rule": refusal.rule,
        "expected": refusal.expected,
        "retry_after_ms": refusal.retry_after_ms,
        "allowed": allowed,
        "remedy": refusal.code.remedy(),
    })
}

/// What the host says where it did not do what it was asked for.
pub(crate) fn host_error(error: &HostError) -> Value {
    let code = error.code();
    let mut said = json!({ "code": code, "message": error.to_string(), "remedy": code.remedy() });
    let more = match error {
        HostError::Plan(found) | HostError::Inputs(found) => ("violations", json!(found)),
        HostError::Denied(decision) => (
            "decision",
            json!({ "outcome": decision.outcome, "reasons": decision.reasons, "risk": decision.risk }),
        ),
        HostError::Refused(no) => ("refusal", refusal(no, None)),
        _ => return said,
    };
    if let Value::Object(map) = &mut said {
        map.insert(more.0.to_owned(), more.1);
    }
    said
}
