//! One request of an exchange: its target, and what may go along when a redirect leads on.

use super::address::Exceptions;
use crate::{CallContext, builtin::stop::Stop};
use mandate_plan::ErrorCode;
use reqwest::{
    Method, StatusCode,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderMap,
        HeaderName, PROXY_AUTHORIZATION,
    },
};
use std::net::IpAddr;
use url::{Host, Url};

/// What is sent to one target.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    /// Headers that hold a secret.
    pub(super) secret_headers: Vec<HeaderName>,
    /// The body holds a secret.
    pub(super) secret_body: bool,
}

/// Refuses targets that no request may go to.
pub(super) fn check_target(
    url: &Url,
    exceptions: &Exceptions,
    call: &CallContext,
) -> Result<(), Stop> {
    let refused = |message: String| Err(Stop::refused(ErrorCode::PolicyDenied, message));
    if !matches!(url.scheme(), "http" | "https") {
        return refused(format!(
            "`{}` URLs are not requested, only http and https",
            url.scheme()
        ));
    }
    let literal = match url.host() {
        None => return refused("the URL names no host".to_owned()),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
    };
    if let Some(address) = literal
        && !exceptions.address(address)
    {
        return Err(private(&address.to_string()));
    }
    (call.check_url)(url.as_str()).map_err(Stop::Refused)
}

/// The refusal of a host that is not public.
pub(super) fn private(host: &str) -> Stop {
    Stop::refused(
        ErrorCode::PolicyDenied,
        format!(
            "`{host}` is a private, loopback or link-local address; `[http] allow_private` in `mandate.toml` permits it"
        ),
    )
}

/// Whether a response asks for another request.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Hop {
    /// The request that a redirect asks for.
    pub(super) fn redirected(
        mut self,
        status: StatusCode,
        target: Url,
        call: &CallContext,
    ) -> Result<Self, Stop> {
        let to_get = match status.as_u16() {
            303 => self.method != Method::GET && self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if to_get {
            self.method = Method::GET;
            self.body = None;
            self.secret_body = false;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                self.headers.remove(name);
            }
        }
        if target.origin() != self.url.origin() {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION]
                .iter()
                .chain(&self.secret_headers)
            {
                self.headers.remove(name);
            }
            if self.secret_body || call.scrubber.finds(target.as_str()) {
                return Err(Stop::refused(
                    ErrorCode::PolicyDenied,
                    format!(
                        "a redirect to `{}` would carry a secret to another host",
                        target.host_str().unwrap_or_default()
                    ),
                ));
            }
        }
        self.url = target;
        Ok(self)
    }
}
