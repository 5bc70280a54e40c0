//! Bodies of requests: bounded, in time, and JSON. What is wrong with one is said, and where.

use crate::problem::Problem;
use crate::site::Site;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use mandate_plan::{Digest, canonical_json};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use std::sync::Arc;

/// A body that must be there.
pub(crate) struct Given<T>(pub(crate) T);

/// A body that may be left out.
pub(crate) struct MayBeGiven<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Site>> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        is_json(&head.headers)?;
        let bytes = read(body, &head.headers, site).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Arc<Site>> for MayBeGiven<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = read(body, &head.headers, site).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        is_json(&head.headers)?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let bare = given.map(|it| {
        it.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_lowercase()
    });
    match bare.as_deref() {
        Some("application/json") => Ok(()),
        Some(bare) if bare.starts_with("application/") && bare.ends_with("+json") => Ok(()),
        _ => Err(Problem::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON, and say so: `Content-Type: application/json`",
        )),
    }
}

async fn read(body: Body, headers: &HeaderMap, site: &Site) -> Result<Bytes, Problem> {
    let most = site.settings.max_body_bytes;
    let too_large = || {
        Problem::http(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {most} bytes"),
        )
    };
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > most) {
        return Err(too_large());
    }
    if headers.contains_key(axum::http::header::CONTENT_ENCODING) {
        return Err(Problem::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must not be compressed",
        ));
    }
    let collected = Limited::new(body, most).collect();
    match tokio::time::timeout(site.settings.read_timeout, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::usage("the body cannot be read to its end")),
        Err(_) => Err(Problem::http(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not come in time",
        )),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // The members of a list would be taken for those of an object, in the order in which they are declared.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::usage("the body is a list, and must be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let message = match error.classify() {
            Category::Data => format!("the body is not as it must be: {error}"),
            _ => format!("the body is not JSON: {error}"),
        };
        Problem::usage(message)
    })
}

/// A body that must be there, and the digest over the request: the same for the same wish, however it is written.
pub(crate) struct Fingerprinted<T>(pub(crate) T, pub(crate) Digest);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Site>> for Fingerprinted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = read(body, &head.headers, site).await?;
        let (form, value) = if bytes.is_empty() {
            (T::default(), Value::Null)
        } else {
            is_json(&head.headers)?;
            (parse(&bytes)?, parse(&bytes)?)
        };
        let path = head.uri.path().as_bytes();
        let canonical = canonical_json(&value);
        let digest = Digest::framed("mandate/http-request/v1", [path, canonical.as_slice()]);
        Ok(Self(form, digest))
    }
}
