//! From the arguments of `http.request` to its outcome.

use super::{
    address::Exceptions,
    client::{innermost, is_private_host},
    hop::{Hop, check_target, is_redirect, private},
};
use crate::{
    CallContext, Fault, HttpConfig, Outcome, TracePlace, builtin::stop::Stop,
    builtin::typed::answer, trace::TRACEPARENT,
};
use base64::Engine as _;
use mandate_plan::ErrorCode;
use reqwest::{
    Client, Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;

/// How much of an error response is kept.
const EXCERPT: usize = 4096;
/// Headers that are the client's own business, or that would send the request to another host than the URL says.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The method (GET).
    #[serde(default = "get")]
    #[schemars(regex(pattern = r"^[A-Za-z]{1,20}$"))]
    method: String,
    /// The URL, http or https.
    url: String,
    /// Headers, name to value.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body, as text.
    body: Option<String>,
    /// The body, as JSON; sets `Content-Type` unless the headers do.
    json: Option<Value>,
    /// The time limit for all of it, in milliseconds.
    #[schemars(range(min = 1))]
    timeout_ms: Option<u64>,
    /// The most bytes of the response body.
    #[schemars(range(min = 1))]
    max_bytes: Option<u64>,
    /// Follow redirects (default for GET and HEAD only); each target is checked like the first.
    follow_redirects: Option<bool>,
    /// Take a status of 400 and above for a failure (default).
    #[serde(default = "yes")]
    fail_on_status: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Response {
    /// The status.
    status: u16,
    /// The URL that answered, after redirects, without user and password.
    url: String,
    /// The headers, names in lower case; several of one name are joined by `, `.
    headers: BTreeMap<String, String>,
    /// The body as a value, if it is JSON by its content type and parses.
    json: Option<Value>,
    /// The body as text, or as base64; null if `json` holds it.
    body: Option<String>,
    /// How `body` is given: `utf8` or `base64`.
    encoding: &'static str,
    /// The size of the body in bytes.
    size: u64,
    /// How many redirects were followed.
    redirects: u32,
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}

pub(super) struct Exchange<'a> {
    call: &'a CallContext,
    exceptions: &'a Exceptions,
    client: Client,
    first: Hop,
    max_redirects: u32,
    max_bytes: u64,
    timeout: Duration,
    fail_on_status: bool,
}

impl<'a> Exchange<'a> {
    pub(super) fn prepare(
        config: &HttpConfig,
        exceptions: &'a Arc<Exceptions>,
        client: Client,
        request: Request,
        call: &'a CallContext,
    ) -> Result<Self, Stop> {
        let bad = |message: String| Stop::refused(ErrorCode::InvalidPayload, message);
        let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| bad(format!("`{}` is not an HTTP method", request.method)))?;
        if method == Method::CONNECT {
            return Err(bad("CONNECT is not sent".to_owned()));
        }
        let url = Url::parse(&request.url)
            .map_err(|error| bad(format!("`url` is not a URL: {error}")))?;
        check_target(&url, exceptions, call)?;
        let mut headers = HeaderMap::new();
        let mut secret_headers = Vec::new();
        for (name, value) in &request.headers {
            let header = header_name(name)?;
            let value = HeaderValue::from_str(value).map_err(|_| {
                bad(format!(
                    "the value of the header `{name}` holds characters that no header may"
                ))
            })?;
            if call.secret_places.contains(&pointer_of_header(name)) {
                secret_headers.push(header.clone());
            }
            headers.insert(header, value);
        }
        let body = match (request.body, request.json) {
            (Some(_), Some(_)) => return Err(bad("give `body` or `json`, not both".to_owned())),
            (Some(body), None) => Some(body.into_bytes()),
            (None, Some(value)) => {
                headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
                Some(value.to_string().into_bytes())
            }
            (None, None) => None,
        };
        let looks_only = method == Method::GET || method == Method::HEAD;
        if !looks_only && let Ok(key) = HeaderValue::from_str(&call.idempotency_key) {
            headers
                .entry(HeaderName::from_static("idempotency-key"))
                .or_insert(key);
        }
        let place = call.trace.as_ref().map(TracePlace::traceparent);
        if let Some(Ok(place)) = place.map(HeaderValue::from_str) {
            headers
                .entry(HeaderName::from_static(TRACEPARENT))
                .or_insert(place);
        }
        let in_body = |place: &String| place.starts_with("/body") || place.starts_with("/json");
        Ok(Self {
            call,
            exceptions,
            client,
            first: Hop {
                method,
                url,
                headers,
                body,
                secret_headers,
                secret_body: call.secret_places.iter().any(in_body),
            },
            max_redirects: if request.follow_redirects.unwrap_or(looks_only) {
                config.max_redirects
            } else {
                0
            },
            max_bytes: request
                .max_bytes
                .unwrap_or(config.max_bytes)
                .min(config.max_bytes),
            timeout: Duration::from_millis(request.timeout_ms.unwrap_or(config.timeout_ms)),
            fail_on_status: request.fail_on_status,
        })
    }

    pub(super) async fn run(self) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        let mut hop = self.first.clone();
        let mut redirects = 0;
        loop {
            let response = match self.send(&hop, deadline, redirects).await {
                Ok(response) => response,
                Err(stop) => return stop.into(),
            };
            let status = response.status();
            let target = response.headers().get(LOCATION).cloned();
            let (true, Some(target)) = (self.max_redirects > 0 && is_redirect(status), target)
            else {
                return self.read(response, redirects).await;
            };
            redirects += 1;
            if redirects > self.max_redirects {
                return Stop::failed(format!("more than {} redirects", self.max_redirects)).into();
            }
            match self.next(hop, status, &target) {
                Ok(next) => hop = next,
                // A server has answered; what is refused is only to go on.
                Err(Stop::Refused(fault)) => return Outcome::Failed(fault),
                Err(stop) => return stop.into(),
            }
        }
    }

    fn next(&self, hop: Hop, status: StatusCode, target: &HeaderValue) -> Result<Hop, Stop> {
        let target = target
            .to_str()
            .ok()
            .and_then(|target| hop.url.join(target).ok());
        let target = target
            .ok_or_else(|| Stop::failed("the server redirects to something that is not a URL"))?;
        check_target(&target, self.exceptions, self.call)?;
        hop.redirected(status, target, self.call)
    }

    async fn send(
        &self,
        hop: &Hop,
        deadline: Instant,
        redirects: u32,
    ) -> Result<reqwest::Response, Stop> {
        let mut request = self
            .client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone())
            .timeout(deadline.saturating_duration_since(Instant::now()));
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        request
            .send()
            .await
            .map_err(|error| self.explain(&error, hop, redirects))
    }

    fn explain(&self, error: &reqwest::Error, hop: &Hop, redirects: u32) -> Stop {
        let host = hop.url.host_str().unwrap_or_default();
        let stop = if is_private_host(error) {
            private(host)
        } else if error.is_connect() || error.is_builder() {
            let kind = json!({ "kind": "connect", "host": host });
            let message = format!("no connection to `{host}`: {}", innermost(error));
            Stop::Refused(Fault::new(ErrorCode::ToolFailed, message).with_details(kind))
        } else {
            self.lost(error)
        };
        match stop {
            // The first server was asked and answered: "nothing was sent" would not be true.
            Stop::Refused(fault) if redirects > 0 => Stop::Failed(fault),
            stop => stop,
        }
    }

    /// The request went out, and no whole answer came back.
    fn lost(&self, error: &reqwest::Error) -> Stop {
        if error.is_timeout() {
            let limit = self.timeout.as_millis();
            return Stop::Unknown(Fault::new(
                ErrorCode::StepTimeout,
                format!("no whole response within {limit} ms (`timeout_ms`)"),
            ));
        }
        Stop::Unknown(Fault::new(
            ErrorCode::ToolFailed,
            format!(
                "the connection was lost before the whole response came: {}",
                innermost(error)
            ),
        ))
    }

    async fn read(&self, mut response: reqwest::Response, redirects: u32) -> Outcome {
        let status = response.status();
        let is_failure = self.fail_on_status && status.as_u16() >= 400;
        let limit = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let keep = if is_failure {
            limit.min(EXCERPT)
        } else {
            limit
        };
        let mut body: Vec<u8> = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) if is_failure => break,
                Err(error) => return self.lost(&error).into(),
            }
            if body.len() > keep {
                if is_failure {
                    self.call.scrubber.cut(&mut body, keep);
                    break;
                }
                return self.too_large();
            }
        }
        if is_failure {
            return failure(&response, &body);
        }
        let headers = joined(response.headers());
        answer(Ok(present(&response, headers, body, redirects)))
    }

    fn too_large(&self) -> Outcome {
        let fault = Fault::new(
            ErrorCode::ResourceExhausted,
            format!(
                "the response body has more than {} bytes; raise `max_bytes` or `[http] max_bytes`",
                self.max_bytes
            ),
        );
        if self.first.method == Method::GET || self.first.method == Method::HEAD {
            Outcome::Failed(fault)
        } else {
            // The server did what it was asked to.
            Outcome::Invalid {
                output: None,
                fault,
            }
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, Stop> {
    let bad = |message: String| Stop::refused(ErrorCode::InvalidPayload, message);
    let header = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| bad(format!("`{name}` is not a header name")))?;
    if OWN_HEADERS.contains(&header.as_str()) {
        return Err(bad(format!(
            "the header `{name}` is set by the client itself; leave it out"
        )));
    }
    Ok(header)
}

fn pointer_of_header(name: &str) -> String {
    format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn failure(response: &reqwest::Response, body: &[u8]) -> Outcome {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("no reason given");
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let fault = Fault::new(
        ErrorCode::ToolFailed,
        format!("the server answered {} ({reason})", status.as_u16()),
    );
    Outcome::Failed(fault.with_details(json!({
        "status": status.as_u16(),
        "body": String::from_utf8_lossy(body),
        "retry_after": retry_after,
    })))
}

fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str().to_owned())
            .and_modify(|present| {
                present.push_str(", ");
                present.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

fn present(
    response: &reqwest::Response,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    redirects: u32,
) -> Response {
    let size = body.len() as u64;
    let media = headers
        .get(CONTENT_TYPE.as_str())
        .map(|media| media.to_ascii_lowercase())
        .unwrap_or_default();
    let media = media
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let is_json = media == "application/json" || media.ends_with("+json");
    let json = is_json
        .then(|| serde_json::from_slice::<Value>(&body).ok())
        .flatten();
    let (body, encoding) = match (&json, String::from_utf8(body)) {
        (Some(_), _) => (None, "utf8"),
        (None, Ok(text)) => (Some(text), "utf8"),
        (None, Err(error)) => (
            Some(base64::engine::general_purpose::STANDARD.encode(error.as_bytes())),
            "base64",
        ),
    };
    let mut url = response.url().clone();
    // They cannot fail to be removed from a URL that has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Response {
        status: response.status().as_u16(),
        url: url.into(),
        headers,
        json,
        body,
        encoding,
        size,
        redirects,
    }
}
