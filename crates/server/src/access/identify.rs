//! From a request to whoever sends it.

use super::caller::{Caller, Via};
use super::log_in::cookie_of;
use super::origin::is_own;
use crate::problem::Problem;
use crate::site::Site;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use mandate_host::{ApiKey, HostError};
use mandate_policy::Principal;
use std::net::IpAddr;
use std::sync::Arc;

/// What a request of a log-in that changes something must carry.
pub(crate) const CSRF: &str = "x-mandate-csrf";

/// Who sends this request; none = nobody who is known.
///
/// # Errors
/// What is shown does not hold, or a page of another site has sent it.
pub(crate) async fn identify(
    site: &Arc<Site>,
    method: &Method,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Option<Caller>, Problem> {
    if headers.contains_key(AUTHORIZATION) {
        return by_key(site, headers, peer).await.map(Some);
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    if changes && !is_own(headers) {
        return Err(Problem::denied(
            "the request comes from a page of another site",
        ));
    }
    if let Some(cookie) = cookie_of(headers) {
        let found = site.sessions.of(&cookie, crate::when::now_ms());
        let Some(caller) = found else {
            return Err(Problem::unauthenticated("the log-in is over").remedy("log in again"));
        };
        let who = caller.principal.clone();
        let still = site.of_keys(move |site| site.keys().still(&who)).await;
        still.map_err(|error| match error {
            HostError::NoSuchKey(_) | HostError::KeyRevoked(_) => {
                site.sessions.end(&cookie);
                Problem::unauthenticated(error.to_string()).remedy("log in again")
            }
            error => error.into(),
        })?;
        if changes && !carries(headers, caller.csrf.as_deref()) {
            return Err(Problem::denied(format!(
                "a request of a log-in that changes something needs the header `{CSRF}`"
            ))
            .remedy("`GET /v1/whoami` says what it must hold"));
        }
        return Ok(Some(caller));
    }
    if !peer.to_canonical().is_loopback() || was_forwarded(headers) {
        return Ok(None);
    }
    let keyed = site.of_keys(|site| site.keys().any_holds()).await?;
    Ok((!keyed).then(|| Caller {
        principal: Principal::local(site.uid),
        via: Via::Loopback,
        csrf: None,
        expires_ms: None,
    }))
}

/// Whether something in between sends it for somebody who may be anywhere.
fn was_forwarded(headers: &HeaderMap) -> bool {
    let marks = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    marks.iter().any(|mark| headers.contains_key(*mark))
}

fn carries(headers: &HeaderMap, csrf: Option<&str>) -> bool {
    let shown = headers.get(CSRF).and_then(|value| value.to_str().ok());
    shown
        .zip(csrf)
        .is_some_and(|(shown, csrf)| super::secret::is(shown, &super::secret::digest(csrf)))
}

async fn by_key(site: &Arc<Site>, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, Problem> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (all.next(), all.next());
    let text = first.and_then(|value| value.to_str().ok());
    let text = text.filter(|_| second.is_none()).unwrap_or_default();
    let bearer = text.split_once(' ');
    let key = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let key = key.and_then(|(_, key)| ApiKey::parse(key).ok());
    let Some(key) = key else {
        return Err(Problem::unauthenticated(
            "the header `Authorization` holds no API key",
        ));
    };
    let principal = shown(site, key, peer).await?;
    Ok(Caller {
        principal,
        via: Via::Key,
        csrf: None,
        expires_ms: None,
    })
}

/// Whose key it is. One that does not hold is put on record.
///
/// # Errors
/// It is nobody's, or was revoked.
pub(super) async fn shown(
    site: &Arc<Site>,
    key: ApiKey,
    peer: IpAddr,
) -> Result<Principal, Problem> {
    let id = key.id();
    let found = site.of_keys(move |site| site.keys().principal(&key)).await;
    found.map_err(|error| {
        refused(site, &id, peer, &error);
        match error {
            HostError::NoSuchKey(_) | HostError::KeyRevoked(_) => {
                Problem::unauthenticated(error.to_string())
            }
            error => error.into(),
        }
    })
}

/// Puts it on record that somebody showed what does not hold. So many that the journal would drown are not.
pub(super) fn refused(site: &Arc<Site>, what: &str, peer: IpAddr, error: &HostError) {
    tracing::warn!(%what, %peer, %error, "what was shown does not hold");
    if site.refusals.take("", std::time::Instant::now()).is_ok() {
        let from = format!("http:{peer}");
        site.keys().note_refused(what, &from, error);
    }
}
