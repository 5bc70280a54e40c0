//! Calls of MCP on both sides of us: the requests of clients, and what the way to a tool server was like.

use super::conventions as names;
use super::otlp::{Span, SpanKind, Value};
use super::trace_context::TraceContext;
use mandate_tools::{Wire, WireError};

/// A request of an MCP client that was answered: `tools/call`.
#[derive(Debug, Clone, Default)]
pub struct ClientCall {
    /// Where it is in a trace, as [`Telemetry::place_of_call`](super::Telemetry::place_of_call) said.
    pub place: String,
    /// The span above, as it said.
    pub above: Option<String>,
    /// The execution that it was about.
    pub execution_id: Option<String>,
    /// The tool, as the client calls it; nothing where there is none of that name.
    pub tool: String,
    /// The id of the request.
    pub request_id: String,
    /// The revision of the protocol that is spoken.
    pub protocol: String,
    /// The session that the protocol keeps, over HTTP.
    pub protocol_session: Option<String>,
    /// The session that the calls are counted for.
    pub session: String,
    /// It came over HTTP, and not over standard input.
    pub over_http: bool,
    /// When it came, Unix milliseconds.
    pub from_ms: i64,
    /// When it was answered.
    pub until_ms: i64,
    /// The code of what was answered, where it was no success.
    pub code: Option<String>,
    /// It was answered with an error of the protocol, with this code.
    pub rpc_code: Option<i32>,
}

/// The span of a client's request.
pub(super) fn of_client(call: ClientCall) -> Option<Span> {
    let own = TraceContext::parse(&call.place)?;
    let above = call.above.as_deref().and_then(TraceContext::parse);
    let mut attributes = vec![
        (names::METHOD, Value::text(names::TOOLS_CALL)),
        (names::OPERATION, Value::text(names::EXECUTE_TOOL)),
        (names::RPC_ID, Value::text(&call.request_id)),
        (names::CONVERSATION, Value::text(&call.session)),
    ];
    let mut name = names::TOOLS_CALL.to_owned();
    if !call.tool.is_empty() {
        attributes.push((names::TOOL, Value::text(&call.tool)));
        name = format!("{name} {}", call.tool);
    }
    if !call.protocol.is_empty() {
        attributes.push((names::PROTOCOL_VERSION, Value::text(&call.protocol)));
    }
    attributes.extend(transport(call.over_http));
    let session = call.protocol_session.as_deref();
    attributes.extend(session.map(|id| (names::SESSION_ID, Value::text(id))));
    let id = call.execution_id.as_deref();
    attributes.extend(id.map(|id| (names::EXECUTION_ID, Value::text(id))));
    let code = call.code.as_deref();
    attributes.extend(code.map(|code| (names::ERROR_CODE, Value::text(code))));
    let kind_of_error = match call.rpc_code {
        Some(code) => {
            attributes.push((names::RPC_STATUS, Value::text(&code.to_string())));
            Some(code.to_string())
        }
        None => code.map(|_| names::TOOL_ERROR.to_owned()),
    };
    let error = kind_of_error.map(|kind| {
        attributes.push((names::ERROR_TYPE, Value::text(&kind)));
        call.code.clone().unwrap_or(kind)
    });
    Some(Span {
        trace: own.trace,
        id: own.parent?,
        parent: above.and_then(|above| above.parent),
        name,
        from_ms: call.from_ms,
        until_ms: call.until_ms,
        attributes,
        error,
        kind: SpanKind::Server,
        links: Vec::new(),
    })
}

/// What is said of an attempt that went to a tool server. What the server said counts more than what became of it here.
pub(super) fn of_server(wire: &Wire, span: &mut Span) {
    span.kind = SpanKind::Client;
    let all = &mut span.attributes;
    all.push((names::METHOD, Value::text(names::TOOLS_CALL)));
    all.push((names::RPC_ID, Value::text(&wire.request_id.to_string())));
    if !wire.protocol.is_empty() {
        all.push((names::PROTOCOL_VERSION, Value::text(&wire.protocol)));
    }
    let session = wire.session.as_deref();
    all.extend(session.map(|id| (names::SESSION_ID, Value::text(id))));
    all.extend(transport(wire.address.is_some()));
    if let Some((host, port)) = &wire.address {
        all.push((names::SERVER_ADDRESS, Value::text(host)));
        all.extend(port.map(|port| (names::SERVER_PORT, Value::Number(port.into()))));
    }
    let kind = match wire.error {
        Some(WireError::Tool) => names::TOOL_ERROR.to_owned(),
        Some(WireError::Code(code)) => {
            all.push((names::RPC_STATUS, Value::text(&code.to_string())));
            code.to_string()
        }
        None => return,
    };
    all.retain(|(name, _)| *name != names::ERROR_TYPE);
    all.push((names::ERROR_TYPE, Value::text(&kind)));
}

fn transport(over_http: bool) -> impl Iterator<Item = (&'static str, Value)> {
    let (transport, protocol) = match over_http {
        true => (names::TCP, Some(names::HTTP)),
        false => (names::PIPE, None),
    };
    let protocol = protocol.map(|name| (names::PROTOCOL_NAME, Value::text(name)));
    [(names::TRANSPORT, Value::text(transport))]
        .into_iter()
        .chain(protocol)
}
