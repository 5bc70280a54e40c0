//! Logging in to the console: with an API key, or with the link that the server printed.

use super::caller::{Caller, Via};
use super::identify::{refused, shown};
use super::sessions::LoggedIn;
use crate::problem::Problem;
use crate::site::Site;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use mandate_host::{ApiKey, HostError};
use mandate_policy::Principal;
use std::net::IpAddr;
use std::sync::Arc;

/// What somebody logs in with.
pub(crate) enum Shown {
    Key(String),
    Link(String),
}

/// Logs somebody in, and puts it on record.
///
/// # Errors
/// What they show does not hold.
pub(crate) async fn log_in(
    site: &Arc<Site>,
    with: Shown,
    peer: IpAddr,
) -> Result<(Caller, HeaderValue), Problem> {
    let (principal, via) = match with {
        Shown::Key(text) => {
            let key = ApiKey::parse(&text)
                .map_err(|error| Problem::unauthenticated(error.to_string()))?;
            (shown(site, key, peer).await?, Via::Console)
        }
        Shown::Link(token) => {
            if !site.link.take(&token, crate::when::now_ms()) {
                let error = HostError::NoSuchKey("link".to_owned());
                refused(site, "link", peer, &error);
                return Err(
                    Problem::unauthenticated("this link does not work, or not any more")
                        .remedy("`mandate serve` prints a new one when it starts"),
                );
            }
            site.print_link();
            (Principal::local(site.uid), Via::Link)
        }
    };
    let (who, channel) = (principal.clone(), via.as_str());
    site.waiting(move |site| site.keys().logged_in(&who, channel, &peer.to_string()))
        .await?;
    let begun = site
        .sessions
        .begin(principal, via, crate::when::now_ms())
        .ok_or_else(Problem::internal)?;
    let LoggedIn { cookie, caller } = begun;
    let lasts = site.settings.session_lasts.as_secs();
    let cookie = set_cookie(site, &cookie, lasts).ok_or_else(Problem::internal)?;
    Ok((caller, cookie))
}

/// Ends the log-in of a request, and gives the cookie that says so.
pub(crate) fn log_out(site: &Site, headers: &HeaderMap) -> Option<HeaderValue> {
    if let Some(cookie) = cookie_of(headers) {
        site.sessions.end(&cookie);
    }
    set_cookie(site, "", 0)
}

/// Browsers let nobody else set a cookie of the first name, which needs TLS.
const NAMES: [&str; 2] = ["__Host-mandate", "mandate"];

fn set_cookie(site: &Site, value: &str, lasts_s: u64) -> Option<HeaderValue> {
    let [hosted, plain] = NAMES;
    let (name, secure) = match site.settings.behind_tls {
        true => (hosted, "; Secure"),
        false => (plain, ""),
    };
    let text =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts_s}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// What the cookie of a log-in holds.
pub(super) fn cookie_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(name, _)| NAMES.contains(name));
    found.map(|(_, value)| value.to_owned())
}
