//! The session that a client without one of the protocol's own names, with each request.

use axum::http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::RequestMetaObject;
use serde_json::Value;

/// The header and, under `_meta`, the key with which a client names its session.
const SESSION_HEADER: &str = "x-governance-session-id";
const SESSION_KEY: &str = "dev.mandate/session";

/// The session that a client without one of the protocol's own names.
pub(crate) fn session_name(parts: &Parts, meta: &RequestMetaObject) -> Result<String, ErrorData> {
    let header = parts
        .headers
        .get(SESSION_HEADER)
        .map(|value| value.to_str());
    let in_meta = meta.0.0.get(SESSION_KEY);
    match (header, in_meta) {
        (Some(Ok(name)), None) => Ok(name.to_owned()),
        (None, Some(Value::String(name))) => Ok(name.clone()),
        (None, None) => Ok(String::new()),
        _ => Err(ErrorData::invalid_params(
            format!(
                "give one of the header `{SESSION_HEADER}` and `_meta[\"{SESSION_KEY}\"]`, as text"
            ),
            None,
        )),
    }
}
