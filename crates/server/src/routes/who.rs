//! Logging in and out, and who somebody is here.

use super::guard::Peer;
use crate::access::{self, Caller, Right};
use crate::body::{Given, MayBeGiven};
use crate::forms::{LogIn, Nothing};
use crate::problem::Problem;
use crate::site::Site;
use axum::extract::{Extension, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Who somebody is here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Who {
    /// The name that the journal keeps.
    principal: String,
    /// The key that showed it.
    key_id: Option<String>,
    /// The roles of that key.
    roles: Vec<String>,
    /// `key`, `console`, `link` or `loopback`.
    via: &'static str,
    /// What they may do.
    rights: Vec<&'static str>,
    /// Of a log-in: what its changing requests must carry in `X-Mandate-Csrf`.
    csrf: Option<String>,
    /// Of a log-in: when it ends, Unix milliseconds.
    expires_at_ms: Option<i64>,
    /// Nobody is logged in, and more could be done if somebody were.
    needs_login: bool,
    /// The version of the program.
    version: &'static str,
}

impl Who {
    fn of(caller: Caller) -> Self {
        let rights = Right::ALL.into_iter().filter(|right| caller.may(*right));
        Self {
            rights: rights.map(Right::as_str).collect(),
            needs_login: caller.via == access::Via::Loopback,
            via: caller.via.as_str(),
            key_id: caller.principal.key,
            roles: caller.principal.roles.into_iter().collect(),
            principal: caller.principal.name,
            csrf: caller.csrf,
            expires_at_ms: caller.expires_ms,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Says who asks, and what they may do.
#[utoipa::path(get, operation_id = "whoami", path = "/v1/whoami", tag = "access", responses((status = 200, body = Who)))]
pub(crate) async fn whoami(caller: Caller) -> axum::Json<Who> {
    axum::Json(Who::of(caller))
}

/// Logs in to the console, with an API key or with the link that the server printed.
#[utoipa::path(post, operation_id = "log_in", path = "/login", tag = "access", request_body = LogIn, responses((status = 200, body = Who)))]
pub(crate) async fn log_in(
    State(site): State<Arc<Site>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Given(form): Given<LogIn>,
) -> Result<Response, Problem> {
    if !access::is_own(&headers) {
        return Err(Problem::denied(
            "the request comes from a page of another site",
        ));
    }
    let shown = match (form.key, form.link) {
        (Some(key), None) => access::Shown::Key(key),
        (None, Some(link)) => access::Shown::Link(link),
        _ => return Err(Problem::usage("give one of `key` and `link`")),
    };
    let peer = peer.map_or_else(|| Peer::of(&axum::http::Extensions::new()), |peer| peer.0.0);
    // Whoever guesses has no more tries than anybody else.
    let tries = site
        .tries
        .take(&peer.to_string(), std::time::Instant::now());
    tries.map_err(|after_s| Problem::too_many("too many log-ins", after_s))?;
    let (caller, cookie) = access::log_in(&site, shown, peer).await?;
    let mut response = axum::Json(Who::of(caller)).into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// Ends a log-in.
#[utoipa::path(post, operation_id = "log_out", path = "/logout", tag = "access", request_body(content = Nothing, description = "may be left out"), responses((status = 204, description = "it is over")))]
pub(crate) async fn log_out(
    State(site): State<Arc<Site>>,
    _: Caller,
    headers: HeaderMap,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = access::log_out(&site, &headers).ok_or_else(Problem::internal)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}
