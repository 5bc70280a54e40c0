//! What Prometheus reads.

use crate::problem::Problem;
use crate::site::Site;
use crate::telemetry::{Reading, UNFINISHED};
use crate::view::freeze;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Gives what is counted, as Prometheus reads it.
#[utoipa::path(get, operation_id = "show_metrics", path = "/metrics", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn show(State(site): State<Arc<Site>>) -> Result<Response, Problem> {
    let text = site
        .waiting(|site| -> Result<String, Problem> {
            let reader = site.reader();
            let reading = Reading {
                unfinished: reader.count_in_states(&UNFINISHED)?,
                open_requests: reader.count_open_requests()?,
                tools: site.registry().list(),
                frozen: freeze(reader)?.is_some(),
            };
            Ok(site.telemetry.metrics.text(&reading))
        })
        .await?;
    let mut response = text.into_response();
    let kind = HeaderValue::from_static(TEXT);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}
