//! Calls of clients as parts of traces: where each is, and what is shown of it when it was answered.
//!
//! A client says in `_meta` where it is, under `traceparent` and without a prefix, as the protocol has it. What it asks for
//! goes on from the span that is shown for its request.

use crate::acts::Client;
use crate::handler::{PROTOCOL_SESSION, Placed};
use crate::own_tools::own_tool;
use axum::http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::CallToolResponse;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

/// The key under `_meta`, the header of HTTP, and the correlation that an execution keeps.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// An execution, and the place in a trace that it was asked for at.
pub type OfExecution<'a> = (&'a str, Option<&'a str>);

/// Where a call is in a trace, as W3C Trace Context writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where {
    /// Its own span.
    pub own: String,
    /// The span above; none where a trace begins.
    pub above: Option<String>,
}

/// Whoever shows calls in traces.
pub trait Traces: Send + Sync {
    /// A place for a call, and the one above it: what its client gives, else its execution's. None: it is not shown.
    fn place(&self, given: Option<&str>, execution: Option<OfExecution<'_>>) -> Option<Where>;

    /// A call was answered.
    fn answered(&self, call: Traced);
}

/// A call that was answered.
#[derive(Debug, Clone)]
pub struct Traced {
    /// Where it is.
    pub place: Where,
    /// The execution that it was about.
    pub execution_id: Option<String>,
    /// The tool, as the client calls it; nothing where there is none of that name.
    pub tool: String,
    /// The id of the request.
    pub request_id: String,
    /// The revision of the protocol.
    pub protocol: String,
    /// The session that the protocol keeps.
    pub protocol_session: Option<String>,
    /// The session that calls are counted for.
    pub session: String,
    /// It came over HTTP.
    pub over_http: bool,
    /// When it came, Unix milliseconds.
    pub from_ms: i64,
    /// When it was answered.
    pub until_ms: i64,
    /// The code that it was answered with, where it was no success.
    pub code: Option<String>,
    /// The same of an error of the protocol.
    pub rpc_code: Option<i32>,
}

/// A call that is under way and is shown when it is answered.
pub(crate) struct Tracing {
    traced: Traced,
}

impl Tracing {
    /// Begins. What `placed` does from here on goes on from there.
    pub(crate) fn begin(
        placed: &mut Placed,
        tool: &str,
        context: &RequestContext<RoleServer>,
    ) -> Option<Self> {
        let traces = placed.shared.traces.clone()?;
        let parts = context.extensions.get::<Parts>();
        let given = given(context, parts);
        let bound = placed.seat.bound(&placed.visitor);
        let execution = bound
            .as_ref()
            .map(|bound| (bound.execution_id.as_str(), bound.asked_within.as_deref()));
        let place = traces.place(given.as_deref(), execution);
        let Some(place) = place else {
            // It is not shown here; what it asks for belongs to its client's trace all the same.
            placed.within = given;
            return None;
        };
        placed.within = Some(place.own.clone());
        let planned = { bound.iter() }.any(|bound| bound.names.is_name(tool));
        let known = planned || own_tool(tool).is_some();
        let session = parts.and_then(|parts| parts.headers.get(PROTOCOL_SESSION));
        let Client { protocol, .. } = &placed.client;
        let now_ms = crate::seat::now_ms();
        Some(Self {
            traced: Traced {
                place,
                execution_id: None,
                tool: if known {
                    tool.to_owned()
                } else {
                    String::new()
                },
                request_id: context.id.to_string(),
                protocol: protocol.clone(),
                protocol_session: session.and_then(|id| id.to_str().ok()).map(str::to_owned),
                session: placed.seat.session.clone(),
                over_http: parts.is_some(),
                from_ms: now_ms,
                until_ms: now_ms,
                code: None,
                rpc_code: None,
            },
        })
    }

    /// Shows it.
    pub(crate) fn end(self, placed: &Placed, answer: &Result<CallToolResponse, ErrorData>) {
        let mut traced = self.traced;
        traced.until_ms = crate::seat::now_ms();
        match answer {
            Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => {
                let said = result.structured_content.as_ref();
                let code = said.and_then(|said| said.pointer("/error/code"));
                let code = code.and_then(Value::as_str).unwrap_or("UNKNOWN_ERROR");
                traced.code = Some(code.to_owned());
            }
            Ok(_) => {}
            Err(error) => traced.rpc_code = Some(error.code.0),
        }
        // It may be what made the execution.
        let bound = placed.seat.bound(&placed.visitor);
        traced.execution_id = bound.map(|bound| bound.execution_id);
        if let Some(traces) = &placed.shared.traces {
            traces.answered(traced);
        }
    }
}

/// Where in a trace the client says that it is; else where the request over HTTP is.
fn given(context: &RequestContext<RoleServer>, parts: Option<&Parts>) -> Option<String> {
    let in_meta = context.meta.0.0.get(TRACEPARENT);
    let in_meta = in_meta.and_then(Value::as_str).map(str::to_owned);
    let in_header = || {
        let header = parts?.headers.get(TRACEPARENT)?;
        header.to_str().ok().map(str::to_owned)
    };
    in_meta.or_else(in_header)
}
