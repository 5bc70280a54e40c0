//! The HTTP client: no proxy, no redirects of its own, and a resolver that gives no private address away.

use super::address::Exceptions;
use crate::HttpConfig;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

/// The host has no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the host has only private addresses")]
pub(super) struct PrivateHost;

/// Whether an error of the client comes from [`PrivateHost`].
pub(super) fn is_private_host(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<PrivateHost>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause, which says the most in the fewest words; the outer ones repeat the URL.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

pub(super) fn build(config: &HttpConfig, exceptions: Arc<Exceptions>) -> Result<Client, String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be faster; then its provider is used, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
        // A connection kept open may be closed by the server just when the next request is sent, and then nobody
        // knows whether the server saw it.
        .pool_max_idle_per_host(0)
        .retry(reqwest::retry::never())
        .user_agent(concat!("mandate/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(PublicOnly { exceptions })
        .build()
        .map_err(|error| innermost(&error))
}

/// Resolves names, and keeps back addresses that may not be reached. What it gives is what is connected to: a second
/// look-up, which could answer otherwise, does not happen.
struct PublicOnly {
    exceptions: Arc<Exceptions>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let exceptions = Arc::clone(&self.exceptions);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if exceptions.host(name.as_str()) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|found| exceptions.address(found.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(Box::new(PrivateHost) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
