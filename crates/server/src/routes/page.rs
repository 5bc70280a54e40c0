//! What people open in a browser: the console, the API's description, and the pages of error codes.

use super::seen::{At, has};
use crate::assets::{Asset, asset, names};
use crate::openapi;
use crate::problem::Problem;
use crate::site::Site;
use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use mandate_plan::ErrorCode;
use std::fmt::Write as _;
use std::sync::Arc;

/// The pages.
pub(super) fn router() -> Router<Arc<Site>> {
    let mut router = Router::new()
        .route("/openapi.json", get(description))
        .route("/errors/{code}", get(error));
    for name in names() {
        let page = move |headers: HeaderMap| async move { file(name, &headers) };
        router = router.route(&format!("/{name}"), get(page));
    }
    for (path, name) in [("/", "index.html"), ("/docs", "docs.html")] {
        let page = move |headers: HeaderMap| async move { file(name, &headers) };
        router = router.route(path, get(page));
    }
    router
}

fn file(name: &str, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let found = asset(name).ok_or_else(|| Problem::not_found("page", name))?;
    let Asset { content, kind, tag } = found;
    let known = has(headers, tag);
    let body = if known {
        Body::empty()
    } else {
        Body::from(*content)
    };
    let mut response = Response::new(body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Asked again each time, since the next version of the program may bring another.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

async fn description() -> Response<Body> {
    let mut response = Response::new(Body::from(openapi::text()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The page that the `type` of a problem leads to.
async fn error(At(name): At<String>) -> Result<Response<Body>, Problem> {
    let mut codes = ErrorCode::ALL.iter();
    let code = codes.find(|code| code.as_str() == name);
    let code = code.ok_or_else(|| Problem::not_found("error code", &name))?;
    let again = if code.recoverable() { "yes" } else { "no" };
    let mut text = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "<meta name=\"viewport\" content=\"width=device-width\"><title>{name}</title>\
         <link rel=\"stylesheet\" href=\"/docs.css\"><main><h1>{name}</h1><p>{meaning}</p>\
         <p>A later try may succeed: {again}.</p><h2>What to do</h2><p>{remedy}</p>\
         <p><a href=\"/docs\">The API</a></p></main>",
        name = code.as_str(),
        meaning = escaped(code.meaning()),
        remedy = escaped(code.remedy()),
    );
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
