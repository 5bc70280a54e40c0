//! What is looked at before anything else, and what every answer carries: the name that the server is called by, and the
//! headers that tell browsers what pages may do.

use crate::problem::Problem;
use crate::settings::ServerSettings;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use std::net::IpAddr;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether the server is called by a name that is its own. A name that somebody else can point here is not: a page of
/// theirs could speak in the user's name. An address cannot be pointed anywhere.
///
/// # Errors
/// It is another's, or none is given.
pub(crate) fn check_host(
    headers: &HeaderMap,
    uri: &Uri,
    settings: &ServerSettings,
) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let host = first.filter(|_| second.is_none());
    let Some(host) = host.and_then(|host| host.to_str().ok()) else {
        return Err(Problem::usage("a request needs one header `Host`"));
    };
    let named = std::iter::once(host).chain(uri.authority().map(|authority| authority.as_str()));
    for name in named {
        if !is_own(name, settings) {
            let message = format!("this server does not go by the name `{}`", bare(name));
            return Err(Problem::http(StatusCode::MISDIRECTED_REQUEST, message)
                .remedy("add the name to `server.allowed_hosts`"));
        }
    }
    Ok(())
}

fn bare(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_own(host: &str, settings: &ServerSettings) -> bool {
    let name = bare(host);
    let named = |own: &String| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(host);
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || settings.allowed_hosts.iter().any(named)
}

/// Puts on every answer what browsers are to keep to.
pub(crate) fn harden(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What the API says is for whoever asked, and true for a moment.
    let unsaid = !headers.contains_key(CACHE_CONTROL);
    if unsaid {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_and_addresses_pass() {
        let settings = ServerSettings {
            allowed_hosts: vec!["mandate.example".to_owned()],
            ..ServerSettings::default()
        };
        for own in [
            "localhost",
            "LOCALHOST:7447",
            "127.0.0.1:7447",
            "[::1]:7447",
            "10.0.0.5",
            "mandate.example",
            "mandate.example:443",
        ] {
            assert!(is_own(own, &settings), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
        ] {
            assert!(!is_own(other, &settings), "{other}");
        }
    }
}
