//! Where in a trace a call is, and what its way over the wire was like. Nothing of the call depends on either.

use std::sync::{Arc, Mutex, PoisonError};

/// The name under which a place in a trace goes with a call, whether among the headers of HTTP or in the `_meta` of MCP.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// A place in a trace, for whoever is called to go on from.
#[derive(Debug, Clone)]
pub struct TracePlace {
    traceparent: String,
    wire: Arc<Mutex<Option<Wire>>>,
}

/// How a call of a tool server was put on the wire, and what the server said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The id of the request.
    pub request_id: u64,
    /// The revision of the protocol that is spoken.
    pub protocol: String,
    /// The session that the server keeps, if it named one.
    pub session: Option<String>,
    /// The host and port of a server that is reached over HTTP; none of a process.
    pub address: Option<(String, Option<u16>)>,
    /// What the server said of it, where that was no success.
    pub error: Option<WireError>,
}

/// That a server did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The tool's own: the answer is marked as an error.
    Tool,
    /// The protocol's: an error with this code came instead of an answer.
    Code(i64),
}

impl TracePlace {
    /// A place, as W3C Trace Context writes it.
    pub fn new(traceparent: String) -> Self {
        Self {
            traceparent,
            wire: Arc::default(),
        }
    }

    /// The place, as W3C Trace Context writes it.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// What the call's way was like, as far as it has one. Of a call that was sent again, it is the last one's.
    pub fn wire(&self) -> Option<Wire> {
        let wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.clone()
    }

    /// Keeps what its way is like.
    pub(crate) fn went(&self, wire: Wire) {
        *self.wire.lock().unwrap_or_else(PoisonError::into_inner) = Some(wire);
    }

    /// Keeps what the server said of it.
    pub(crate) fn ended(&self, error: Option<WireError>) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wire) = wire.as_mut() {
            wire.error = error;
        }
    }
}
