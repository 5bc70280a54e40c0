//! Requests to people as they are shown.

use mandate_store::RequestRow;
use serde_json::{Value, json};

/// A request for programs.
pub(crate) fn to_json(row: &RequestRow) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    json!({
        "request_id": row.request_id,
        "execution_id": row.execution_id,
        "kind": row.kind,
        "step": row.step,
        "state": row.state,
        "subject": row.subject,
        "detail": parsed(&row.detail),
        "answer": row.answer.as_deref().map(parsed),
        "opened_at_ms": row.opened_at_ms,
        "expires_at_ms": row.expires_at_ms,
        "closed_at_ms": row.closed_at_ms,
    })
}

/// A field of a request's detail, as text.
pub(crate) fn detail(row: &RequestRow, name: &str) -> Option<String> {
    let detail: Value = serde_json::from_str(&row.detail).ok()?;
    Some(detail.get(name)?.as_str()?.to_owned())
}
