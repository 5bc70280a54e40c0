//! Parts of paths, and whether whoever asks may know of what they name.

use crate::access::{Caller, Right};
use crate::problem::Problem;
use crate::site::Site;
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use mandate_store::{ExecutionRow, Page, RequestFilter, RequestRow};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The parts of a path.
pub(crate) struct At<T>(pub(crate) T);

impl<S: Sync + Send, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        match path {
            Ok(Path(path)) => Ok(Self(path)),
            Err(error) => Err(Problem::usage(format!(
                "the path cannot be read: {}",
                error.body_text()
            ))),
        }
    }
}

/// An execution that whoever asks may know of.
///
/// # Errors
/// There is none, as far as they may know.
pub(super) fn execution(
    site: &Site,
    caller: &Caller,
    execution_id: &str,
) -> Result<ExecutionRow, Problem> {
    let row = match site.row(execution_id) {
        Ok(row) => row,
        // Where an archived one went is for those who may see all.
        Err(_) if !caller.may(Right::ViewAll) => {
            return Err(Problem::not_found("execution", execution_id));
        }
        Err(problem) => return Err(problem),
    };
    if caller.may_see(&row) || asks(site, caller, execution_id)? {
        return Ok(row);
    }
    Err(Problem::not_found("execution", execution_id))
}

fn asks(site: &Site, caller: &Caller, execution_id: &str) -> Result<bool, Problem> {
    let filter = RequestFilter {
        execution_id: Some(execution_id.to_owned()),
        ..RequestFilter::default()
    };
    let requests = site.reader().requests(&filter, &Page::default())?;
    Ok(requests.rows.iter().any(|row| caller.is_asked(row)))
}

/// A request that whoever asks may know of.
///
/// # Errors
/// There is none, as far as they may know.
pub(super) fn request(
    site: &Site,
    caller: &Caller,
    request_id: &str,
) -> Result<RequestRow, Problem> {
    let absent = || Problem::not_found("request", request_id);
    let row = site.reader().request(request_id)?.ok_or_else(absent)?;
    if caller.is_asked(&row) || caller.may(Right::ViewAll) {
        return Ok(row);
    }
    let of = site.reader().execution(&row.execution_id)?;
    match of.is_some_and(|of| caller.may_see(&of)) {
        true => Ok(row),
        false => Err(absent()),
    }
}

/// Whether somebody has this version already.
pub(super) fn has(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok());
    given.is_some_and(|given| given.split(',').any(|one| one.trim() == tag))
}

/// An answer with its version, or that it is still the one that somebody has.
pub(super) fn tagged<T: Serialize>(tag: &str, body: Option<T>) -> Response {
    let mut response = match body {
        Some(body) => axum::Json(body).into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(CACHE_CONTROL, private);
    response
}
