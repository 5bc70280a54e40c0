//! `http.request`: one HTTP request, redirects included.

mod address;
pub(crate) mod client;
mod exchange;
mod hop;

use super::{
    stop::Stop,
    typed::{arguments, define},
};
use crate::{Authorized, CallContext, Definition, Destination, HttpConfig, Outcome, Provider};
use address::Exceptions;
use exchange::{Exchange, Request, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, ErrorCode, Facts};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use url::Url;

/// `http.request` as a provider.
pub struct HttpTools {
    shared: Arc<Shared>,
}

struct Shared {
    config: HttpConfig,
    exceptions: Arc<Exceptions>,
    /// Made at the first request: a machine without root certificates may do everything else.
    client: OnceLock<Result<reqwest::Client, String>>,
}

/// `[http]` cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` in `[http] allow_private` is neither a host name, an address nor a network such as `10.1.0.0/16`"
)]
pub struct HttpToolsError(String);

impl HttpTools {
    /// `http.request` as configured.
    ///
    /// # Errors
    /// An entry of `allow_private` that is not understood.
    pub fn new(config: &HttpConfig) -> Result<Self, HttpToolsError> {
        let exceptions = Exceptions::parse(&config.allow_private).map_err(HttpToolsError)?;
        Ok(Self {
            shared: Arc::new(Shared {
                config: config.clone(),
                exceptions: Arc::new(exceptions),
                client: OnceLock::new(),
            }),
        })
    }
}

impl Shared {
    fn client(&self) -> Result<reqwest::Client, Stop> {
        let made = self
            .client
            .get_or_init(|| client::build(&self.config, Arc::clone(&self.exceptions)));
        made.clone().map_err(|cause| {
            Stop::refused(
                ErrorCode::ToolFailed,
                format!("the HTTP client cannot be set up: {cause}"),
            )
        })
    }
}

/// The method as it will be sent; `None` if the arguments do not tell yet.
fn method(args: &Value) -> Option<String> {
    match args.get("method") {
        None => Some("GET".to_owned()),
        Some(Value::String(method)) => Some(method.to_ascii_uppercase()),
        Some(_) => None,
    }
}

impl Provider for HttpTools {
    fn name(&self) -> &str {
        "http"
    }

    fn definitions(&self) -> Vec<Definition> {
        vec![define::<Request, Response>(
            "http.request",
            "Sends an HTTP request and gives the response.",
        )]
    }

    fn facts(&self, _: &str, args: Option<&Value>) -> Facts {
        let (effect, idempotent) = match args.and_then(method).as_deref() {
            Some("GET" | "HEAD") => (Effect::Read, true),
            Some("PUT" | "DELETE") => (Effect::Network, true),
            _ => (Effect::Network, false),
        };
        Facts {
            effect,
            idempotent,
            open_world: true,
        }
    }

    fn destination(&self, _: &str, args: &Value) -> Destination {
        let url = args.get("url").and_then(Value::as_str).map(Url::parse);
        match url {
            Some(Ok(url)) => url.host_str().map_or(Destination::Unclear, |host| {
                Destination::Host(host.trim_end_matches('.').to_owned())
            }),
            _ => Destination::Unclear,
        }
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let shared = Arc::clone(&self.shared);
        async move {
            let begun = arguments::<Request>(call.args.clone())
                .and_then(|request| Ok((request, shared.client()?)))
                .and_then(|(request, client)| {
                    Exchange::prepare(&shared.config, &shared.exceptions, client, request, &call)
                });
            match begun {
                Ok(exchange) => exchange.run().await,
                Err(stop) => stop.into(),
            }
        }
        .boxed()
    }
}
