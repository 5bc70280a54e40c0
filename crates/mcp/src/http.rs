//! Clients over HTTP: `/mcp`, streamable HTTP of both kinds. Who asks was found out by the server that this is a part of.

use crate::desk::Reception;
use crate::handler::{Gateway, Shared};
use crate::raw::{MAX_BYTES, Screened, screen};
use crate::settings::GatewaySettings;
use crate::traces::Traces;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode, header::CONTENT_TYPE};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use mandate_tools::Registry;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::sync::Arc;

/// Everything beneath `/mcp`: beneath `/mcp/EXECUTION` for clients that come to drive that one.
///
/// Names and origins are checked by the server around it, for this route as for every other.
/// `servers` are those of which something may be passed on besides calls; in `traces` calls are shown.
pub fn router(
    reception: Arc<dyn Reception>,
    settings: GatewaySettings,
    servers: Arc<Registry>,
    traces: Option<Arc<dyn Traces>>,
) -> Router {
    let shared = Shared::new(reception, settings, Some(servers), traces);
    let config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(MAX_BYTES);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(
        move || Ok(Gateway::new(shared.clone(), None, None)),
        sessions,
        config,
    );
    Router::new()
        .route_service("/mcp", service.clone())
        .route_service("/mcp/{execution}", service)
        .layer(from_fn(screened))
}

/// Only messages that say one thing are passed on.
async fn screened(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        let why = format!("the message is longer than {MAX_BYTES} bytes");
        return (StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
    };
    let body = match screen(&body) {
        Screened::Good => Body::from(body),
        Screened::Instead(text) => {
            parts.headers.remove(CONTENT_LENGTH);
            Body::from(text)
        }
        Screened::Bad(answer) => {
            let kind = [(CONTENT_TYPE, "application/json")];
            return (StatusCode::BAD_REQUEST, kind, answer).into_response();
        }
    };
    next.run(Request::from_parts(parts, body)).await
}
