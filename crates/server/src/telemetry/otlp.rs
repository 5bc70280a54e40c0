//! Spans as OTLP has them in JSON: `ExportTraceServiceRequest`, as a collector takes it at `/v1/traces`.

use super::conventions as names;
use super::trace_context::hex;
use serde_json::{Value as Json, json};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// The code that it ended with, where it did not succeed.
    pub(super) error: Option<String>,
    pub(super) kind: SpanKind,
    /// Spans elsewhere that belong to it: trace and span.
    pub(super) links: Vec<([u8; 16], [u8; 8])>,
}

/// On which side of a call a span is, in OTLP's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// What happens within this service.
    Internal = 1,
    /// Somebody asked.
    Server = 2,
    /// Somebody is asked.
    Client = 3,
}

const STATUS_ERROR: u8 = 2;

/// The body of an export.
pub(super) fn request(resource: &[(String, String)], spans: &[Span]) -> Json {
    let resource: Vec<Json> = { resource.iter() }
        .map(|(name, text)| json!({ "key": name, "value": { "stringValue": text } }))
        .collect();
    let scope = json!({ "name": "mandate", "version": env!("CARGO_PKG_VERSION") });
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
}

/// What this process is, beside what the operator says of it.
pub(super) fn resource(service: &str, further: &[(String, String)]) -> Vec<(String, String)> {
    let own = [
        (names::SERVICE_NAME, service.to_owned()),
        (names::SERVICE_VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        (names::SERVICE_INSTANCE, uuid::Uuid::now_v7().to_string()),
    ];
    let named = |name: &str| further.iter().any(|(key, _)| key == name);
    let own = own
        .into_iter()
        .filter(|(name, _)| *name == names::SERVICE_NAME || !named(name));
    let further = further.iter().filter(|(key, _)| key != names::SERVICE_NAME);
    own.map(|(name, text)| (name.to_owned(), text))
        .chain(further.cloned())
        .collect()
}

fn span(span: &Span) -> Json {
    let attributes: Vec<Json> = { span.attributes.iter() }
        .map(|(name, value)| {
            let value = match value {
                Value::Text(text) => json!({ "stringValue": text }),
                // 64-bit numbers are texts in the JSON of Protocol Buffers.
                Value::Number(number) => json!({ "intValue": number.to_string() }),
            };
            json!({ "key": name, "value": value })
        })
        .collect();
    let status = match &span.error {
        Some(code) => json!({ "code": STATUS_ERROR, "message": code }),
        None => json!({}),
    };
    let mut written = json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.from_ms),
        "endTimeUnixNano": nanos(span.until_ms),
        "attributes": attributes,
        "status": status,
    });
    let Some(map) = written.as_object_mut() else {
        return written;
    };
    if let Some(parent) = span.parent {
        map.insert("parentSpanId".to_owned(), json!(hex(&parent)));
    }
    if !span.links.is_empty() {
        let link = |(trace, span): &([u8; 16], [u8; 8])| json!({ "traceId": hex(trace), "spanId": hex(span) });
        let links: Vec<Json> = span.links.iter().map(link).collect();
        map.insert("links".to_owned(), Json::Array(links));
    }
    written
}

fn nanos(ms: i64) -> String {
    i128::from(ms).saturating_mul(1_000_000).to_string()
}
