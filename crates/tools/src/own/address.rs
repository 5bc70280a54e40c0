//! A tool that is an address: JSON posted, JSON answered.

use crate::{
    CallContext, Fault, MAX_OUTPUT_BYTES, Outcome,
    builtin::http::client::innermost,
    secret::{SecretText, SecretValue},
    trace::TRACEPARENT,
};
use mandate_plan::ErrorCode;
use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::OnceLock,
    time::Duration,
};
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);
/// How much of an error response is kept, in bytes.
const EXCERPT: usize = 4096;

/// An address as a tool.
pub(super) struct Address {
    url: Url,
    headers: Vec<(HeaderName, SecretText)>,
    timeout: Duration,
    /// It is a status look-up.
    asks: bool,
    /// Made at the first call: a machine without root certificates may do everything else.
    client: OnceLock<Result<Client, String>>,
}

impl Address {
    /// The address as configured.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(
        url: &str,
        headers: &BTreeMap<String, String>,
        timeout_ms: Option<u64>,
    ) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("its `url` is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("its `url` is neither http nor https".to_owned());
        }
        let mut all = Vec::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("`{name}` is not a header name"))?;
            let Ok(text) = SecretText::read(value, |plain| Ok::<_, Infallible>(plain.to_owned()));
            header(&name, &text.shown())?;
            all.push((name, text));
        }
        Ok(Self {
            url,
            headers: all,
            timeout: timeout_ms.map_or(TIMEOUT, Duration::from_millis),
            asks: false,
            client: OnceLock::new(),
        })
    }

    /// The same as a status look-up.
    pub(super) fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// The host that it is sent to.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_end_matches('.').to_owned()
    }

    /// The names of the secrets that its configuration hands it.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        let texts = self.headers.iter();
        texts.flat_map(|(_, text)| text.names()).collect()
    }

    fn headers(&self, secrets: &BTreeMap<String, SecretValue>) -> Result<HeaderMap, String> {
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, text) in &self.headers {
            all.insert(name, header(name, &text.with(secrets))?);
        }
        Ok(all)
    }

    pub(super) async fn call(
        &self,
        call: &CallContext,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> Outcome {
        let headers = match self.headers(secrets) {
            Ok(headers) => headers,
            Err(why) => return Outcome::Refused(Fault::new(ErrorCode::ContextMissing, why)),
        };
        let client = match self.client.get_or_init(build) {
            Ok(client) => client,
            Err(cause) => {
                return Outcome::Refused(Fault::new(
                    ErrorCode::ToolFailed,
                    format!("the HTTP client cannot be set up: {cause}"),
                ));
            }
        };
        let mut request = client
            .post(self.url.clone())
            .headers(headers)
            .timeout(self.timeout)
            .body(call.args.to_string());
        // What remembers answers by this header must not take a look-up for the call.
        if !self.asks
            && let Ok(key) = HeaderValue::from_str(&call.idempotency_key)
        {
            request = request.header("idempotency-key", key);
        }
        if let Some(place) = &call.trace {
            request = request.header(TRACEPARENT, place.traceparent());
        }
        match request.send().await {
            Ok(response) => self.read(response, call).await,
            Err(error) if error.is_connect() || error.is_builder() => {
                let message = format!("no connection to `{}`: {}", self.host(), innermost(&error));
                Outcome::Refused(Fault::new(ErrorCode::ToolFailed, message))
            }
            Err(error) => self.lost(&error),
        }
    }

    async fn read(&self, mut response: reqwest::Response, call: &CallContext) -> Outcome {
        let status = response.status();
        let most = if status.is_success() {
            MAX_OUTPUT_BYTES
        } else {
            EXCERPT
        };
        let mut body: Vec<u8> = Vec::new();
        let mut more = false;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) if !status.is_success() => break,
                Err(error) => return self.lost(&error),
            }
            if body.len() > most {
                more = true;
                break;
            }
        }
        if !status.is_success() {
            if more {
                call.scrubber.cut(&mut body, most);
            }
            let message = format!("`{}` answered with status {}", call.tool, status.as_u16());
            return Outcome::Failed(Fault::new(ErrorCode::ToolFailed, message).with_details(
                json!({ "status": status.as_u16(), "body": String::from_utf8_lossy(&body) }),
            ));
        }
        let invalid = |code, message| Outcome::Invalid {
            output: None,
            fault: Fault::new(code, message),
        };
        if more {
            return invalid(
                ErrorCode::ResourceExhausted,
                format!("the answer of `{}` has more than {most} bytes", call.tool),
            );
        }
        match super::parse(&body) {
            Ok(output) => Outcome::Completed { output },
            Err(why) => invalid(
                ErrorCode::OutputInvalid,
                format!("the answer of `{}` is not JSON: {why}", call.tool),
            ),
        }
    }

    /// The request went out, and no whole answer came back.
    fn lost(&self, error: &reqwest::Error) -> Outcome {
        if error.is_timeout() {
            let message = format!(
                "no whole answer within {} ms (`timeout_ms` of the tool)",
                self.timeout.as_millis()
            );
            return Outcome::Unknown(Fault::new(ErrorCode::StepTimeout, message));
        }
        let message = format!(
            "the connection was lost before the whole answer came: {}",
            innermost(error)
        );
        Outcome::Unknown(Fault::new(ErrorCode::ToolFailed, message))
    }
}

fn header(name: &HeaderName, value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        format!("the value of the header `{name}` holds characters that no header may")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client that goes nowhere but to the address itself. Private addresses are allowed: the operator named it.
fn build() -> Result<Client, String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be faster; then its provider is used, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        // A kept connection may be closed just when a request is sent; then nobody knows whether it was seen.
        .pool_max_idle_per_host(0)
        .retry(reqwest::retry::never())
        .user_agent(concat!("mandate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| innermost(&error))
}
