//! What the way of a call to a server was like, for those who look at traces.

use super::connection::RequestError;
use super::server::{Live, Server};
use crate::{Wire, WireError};
use serde_json::Value;

impl Server {
    /// What the way of the request of that id is like.
    pub(super) fn wire(&self, live: &Live, request_id: u64) -> Wire {
        let launch = self.launch.as_ref().ok();
        let url = launch.and_then(|launch| launch.address.as_ref().map(|address| &address.url));
        let session = live.connection.session();
        Wire {
            request_id,
            protocol: live.era.revision(&live.connection),
            // Whatever a server names its session, no secret of its configuration is shown.
            session: session.map(|session| self.secrets.scrub(session.as_bytes())),
            address: url.and_then(|url| {
                let host = url.host_str()?.to_owned();
                Some((host, url.port_or_known_default()))
            }),
            error: None,
        }
    }
}

/// What an answer says of the call, where that is no success.
pub(super) fn error(answer: &Result<Value, RequestError>) -> Option<WireError> {
    match answer {
        Ok(result) => {
            let failed = result.get("isError") == Some(&Value::Bool(true));
            failed.then_some(WireError::Tool)
        }
        Err(RequestError::Answered(no)) => Some(WireError::Code(no.code)),
        Err(RequestError::NotSent(_) | RequestError::Lost(_)) => None,
    }
}
