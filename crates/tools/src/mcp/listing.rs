//! `tools/list`: all pages, as they came.

use super::{
    connection::{Connection, RequestError},
    era::Era,
};
use mandate_plan::canonical_json;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most tools of one server.
const MAX_TOOLS: usize = 2000;
/// The most that their definitions may hold together, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The raw definitions of all tools of a server.
///
/// # Errors
/// Why there is no list.
pub(super) async fn list(connection: &Connection, era: Era) -> Result<Vec<Value>, String> {
    let mut tools: Vec<Value> = Vec::new();
    let mut cursors = BTreeSet::new();
    let mut bytes = 0;
    let mut cursor: Option<String> = None;
    loop {
        let asked = cursor.take();
        let page = connection.request("tools/list", |_| {
            let mut params = json!({ "_meta": era.meta() });
            if let (Some(params), Some(cursor)) = (params.as_object_mut(), asked) {
                params.insert("cursor".to_owned(), Value::String(cursor));
            }
            params
        });
        let mut page = page.await.map_err(|error| match error {
            RequestError::Answered(error) => {
                format!("it does not list its tools: {}", error.message)
            }
            RequestError::NotSent(why) | RequestError::Lost(why) => why,
        })?;
        let Some(Value::Array(found)) = page.get_mut("tools").map(Value::take) else {
            return Err("its list of tools is none".to_owned());
        };
        bytes += found
            .iter()
            .map(|tool| canonical_json(tool).len())
            .sum::<usize>();
        tools.extend(found);
        if tools.len() > MAX_TOOLS || bytes > MAX_BYTES {
            return Err(format!(
                "it lists more than {MAX_TOOLS} tools or {MAX_BYTES} bytes"
            ));
        }
        match page.get("nextCursor").and_then(Value::as_str) {
            None => return Ok(tools),
            Some(next) if !cursors.insert(next.to_owned()) => {
                return Err("its list of tools does not end: a cursor came twice".to_owned());
            }
            Some(next) => cursor = Some(next.to_owned()),
        }
    }
}
