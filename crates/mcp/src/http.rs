//! Clients over HTTP: `/mcp`, streamable HTTP of both kinds. Who asks was found out by the server that this is a part of.

use crate::desk::Reception;
use crate::handler::{BENEATH, Gateway, Shared};
use crate::raw::{MAX_BYTES, Screened, screen};
use crate::settings::GatewaySettings;
use crate::traces::Traces;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use http_body_util::Full;
use mandate_tools::Registry;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::sync::Arc;

/// Where clients come to.
const PATH: &str = "/mcp";

/// Everything at and beneath `/mcp`: beneath it, `/mcp/EXECUTION` is for clients that come to drive that one.
pub struct Endpoint(StreamableHttpService<Gateway, LocalSessionManager>);

impl Endpoint {
    /// Names and origins are checked by the server around it, for this path as for every other.
    /// `servers` are those of which something may be passed on besides calls; in `traces` calls are shown.
    pub fn new(
        reception: Arc<dyn Reception>,
        settings: GatewaySettings,
        servers: Arc<Registry>,
        traces: Option<Arc<dyn Traces>>,
    ) -> Self {
        let shared = Shared::new(reception, settings, Some(servers), traces);
        let config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .disable_allowed_hosts()
            .with_max_request_body_bytes(MAX_BYTES);
        let sessions = Arc::new(LocalSessionManager::default());
        Self(StreamableHttpService::new(
            move || Ok(Gateway::new(shared.clone(), None, None)),
            sessions,
            config,
        ))
    }

    /// Whether it answers what is asked under that path.
    pub fn has(path: &str) -> bool {
        let beneath = path.strip_prefix(BENEATH);
        path == PATH || beneath.is_some_and(|id| !id.is_empty() && !id.contains('/'))
    }

    /// Answers a request. Only messages that say one thing are passed on.
    pub async fn answer(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let mut message = Bytes::new();
        if parts.method == Method::POST {
            let Ok(body) = to_bytes(body, MAX_BYTES).await else {
                let why = format!("the message is longer than {MAX_BYTES} bytes");
                return (StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
            };
            message = match screen(&body) {
                Screened::Good => body,
                Screened::Instead(text) => {
                    parts.headers.remove(CONTENT_LENGTH);
                    text.into()
                }
                Screened::Bad(answer) => {
                    let kind = [(CONTENT_TYPE, "application/json")];
                    return (StatusCode::BAD_REQUEST, kind, answer).into_response();
                }
            };
        }
        let request = Request::from_parts(parts, Full::new(message));
        self.0.handle(request).await.map(Body::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_path_of_it_is_left_to_others() {
        assert!(Endpoint::has("/mcp") && Endpoint::has("/mcp/abc"));
        for other in ["/", "/mcp/", "/mcp/a/b", "/mcpx", "/v1/mcp", "//mcp"] {
            assert!(!Endpoint::has(other), "{other}");
        }
    }
}
