//! A server that is reached by a URL, over streamable HTTP: every message is a request of its own, and what the server says
//! comes with the answers.
//!
//! Which of both kinds the server is of, one with sessions or one without, shows in the messages themselves. What was sent
//! decides about doubt, as everywhere: a request that no server took is refused, one that got no answer is unknown.

use super::connection::{Inbox, Outgoing, RequestError};
use super::lines::MAX_LINE;
use super::message::{self, RpcError};
use crate::builtin::http::client::innermost;
use crate::header_params::{HeaderParam, header_params, wrapped};
use crate::secret::{SecretText, SecretValue};
use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The header with the session that a server keeps.
const SESSION: &str = "mcp-session-id";
/// The header with the revision of the protocol.
const VERSION: &str = "mcp-protocol-version";
/// Where a message without a session says the same.
const VERSION_KEY: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// By the server's own names of its tools: the arguments that are repeated in headers.
pub(super) type Repeated = Arc<RwLock<BTreeMap<String, Vec<HeaderParam>>>>;

/// Reads it from raw definitions. Those that say it wrongly are none that may be used, and are named.
pub(super) fn repeated(
    raw: &[Value],
) -> (BTreeMap<String, Vec<HeaderParam>>, BTreeMap<String, String>) {
    let (mut read, mut wrong) = (BTreeMap::new(), BTreeMap::new());
    for tool in raw {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        match header_params(tool.get("inputSchema").unwrap_or(&Value::Null)) {
            Ok(params) if params.is_empty() => {}
            Ok(params) => drop(read.insert(name.to_owned(), params)),
            Err(why) => drop(wrong.insert(name.to_owned(), why)),
        }
    }
    (read, wrong)
}

/// Where a server is, and what is said to it with every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: Url,
    /// Names of headers, in small letters.
    pub(super) headers: BTreeMap<String, SecretText>,
}

impl Address {
    /// Reads what the configuration says; `full` replaces variables.
    ///
    /// # Errors
    /// It is no such address.
    pub(super) fn read(
        url: &str,
        headers: &BTreeMap<String, String>,
        full: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        let url = Url::parse(&full(url)?).map_err(|error| format!("its `url` is none: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!(
                "its `url` is of `{}:`, not http or https",
                url.scheme()
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("its `url` holds a user; put what it shows into `headers`".to_owned());
        }
        let mut read = BTreeMap::new();
        for (name, value) in headers {
            let name = name.to_lowercase();
            let own = matches!(
                name.as_str(),
                "content-type" | "accept" | "host" | "content-length"
            );
            let valid = HeaderName::from_bytes(name.as_bytes()).is_ok();
            if !valid || own || name.starts_with("mcp-") {
                return Err(format!("`{name}` is not a header that can be set"));
            }
            read.insert(name, SecretText::read(value, full)?);
        }
        Ok(Self { url, headers: read })
    }

    /// The host that is given what the headers hold.
    pub(super) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// Ready to be asked.
    ///
    /// # Errors
    /// A header holds what no header can, or the system gives no client.
    pub(super) fn open(
        &self,
        secrets: &BTreeMap<String, SecretValue>,
        repeated: Repeated,
    ) -> Result<Poster, String> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may be faster; then its provider is used, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let mut value = HeaderValue::from_str(&value.with(secrets))
                .map_err(|_| format!("the header `{name}` holds what no header can"))?;
            value.set_sensitive(true);
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
            headers.insert(name, value);
        }
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .retry(reqwest::retry::never())
            .user_agent(concat!("mandate/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build()
            .map_err(|error| innermost(&error))?;
        Ok(Poster {
            client,
            url: self.url.clone(),
            session: Arc::default(),
            repeated,
        })
    }
}

/// What a server with sessions said when one began.
#[derive(Debug, Clone, Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

/// The session of a server, as far as it named one.
#[derive(Clone)]
pub(super) struct NamedSession(Arc<Mutex<Session>>);

impl NamedSession {
    /// What it is called.
    pub(super) fn id(&self) -> Option<String> {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = session.id.as_ref()?.to_str().ok()?;
        Some(id.to_owned())
    }
}

/// Sends messages to one server.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client,
    url: Url,
    session: Arc<Mutex<Session>>,
    repeated: Repeated,
}

/// How often a server is asked for the rest of an answer.
const RESUMES: usize = 20;
/// The longest pause before that.
const PAUSE: Duration = Duration::from_secs(5);

/// How far a stream was heard.
struct Heard {
    /// The last event that has an id.
    last: Option<String>,
    /// How long to wait before asking for the rest.
    again: Duration,
    /// Why it was not heard to its end.
    broken: Option<String>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            last: None,
            again: Duration::from_secs(1),
            broken: None,
        }
    }
}

/// What a message is, as far as its headers say it.
struct Kind {
    method: String,
    name: Option<String>,
    version: Option<String>,
    /// Arguments that are repeated in headers.
    params: Vec<(String, String)>,
}

impl Kind {
    fn of(line: &[u8], repeated: &Repeated) -> Self {
        let message: Value = serde_json::from_slice(line).unwrap_or_default();
        let text = |pointer: &str| {
            let value = message.pointer(pointer).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        let method = text("/method").unwrap_or_default();
        let name = text("/params/name").or_else(|| text("/params/uri"));
        let repeated = repeated.read().unwrap_or_else(PoisonError::into_inner);
        let params = match (&name, method.as_str()) {
            (Some(name), "tools/call") => repeated.get(name),
            _ => None,
        };
        let args = message.pointer("/params/arguments").unwrap_or(&Value::Null);
        let params = { params.into_iter().flatten() }
            .filter_map(|param| Some((param.header.clone(), param.value(args)?)));
        Self {
            params: params.collect(),
            method,
            name,
            version: text(VERSION_KEY),
        }
    }
}

impl Poster {
    /// The session that it is in.
    pub(super) fn session(&self) -> NamedSession {
        NamedSession(Arc::clone(&self.session))
    }

    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends everything that comes, until nothing more can.
    pub(super) async fn run(self, inbox: Inbox, mut queue: mpsc::UnboundedReceiver<Outgoing>) {
        while let Some(outgoing) = queue.recv().await {
            if !outgoing.sets_out() {
                continue;
            }
            let (poster, inbox, awaited) = (self.clone(), inbox.clone(), outgoing.is_request());
            let post = async move { poster.post(outgoing, &inbox).await };
            // What has no answer is short, and what comes behind it may rely on it.
            match awaited {
                true => drop(tokio::spawn(post)),
                false => post.await,
            }
        }
    }

    async fn post(&self, outgoing: Outgoing, inbox: &Inbox) {
        let kind = Kind::of(&outgoing.line, &self.repeated);
        let mut request = self.client.post(self.url.clone());
        match &kind.version {
            Some(version) => {
                request = request
                    .header(VERSION, version)
                    .header("mcp-method", &kind.method);
                if let Some(name) = &kind.name {
                    request = request.header("mcp-name", &*wrapped(name));
                }
                for (name, value) in &kind.params {
                    if let Ok(mut value) = HeaderValue::from_str(value) {
                        // It may hold what a secret stands for.
                        value.set_sensitive(true);
                        request = request.header(name, value);
                    }
                }
            }
            None => {
                let session = self.lock().clone();
                let headers = [(SESSION, session.id), (VERSION, session.version)];
                for (name, value) in headers {
                    if let Some(value) = value {
                        request = request.header(name, value);
                    }
                }
            }
        }
        let id = outgoing.id;
        let fail = |error| {
            if let Some(id) = id {
                inbox.settle(id, Err(error));
            }
        };
        let answer = match request.body(outgoing.line).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let why = format!("`{}` cannot be reached: {}", self.url, innermost(&error));
                // Without a connection nobody has read it.
                return fail(match error.is_connect() || error.is_builder() {
                    true => RequestError::NotSent(why),
                    false => RequestError::Lost(why),
                });
            }
        };
        if kind.method == "initialize"
            && let Some(session) = answer.headers().get(SESSION)
        {
            self.lock().id = Some(session.clone());
        }
        let status = answer.status();
        if !status.is_success() {
            let in_session = kind.version.is_none() && self.lock().id.is_some();
            let no = said_no(answer).await;
            if in_session && is_about_session(status, &no) {
                // It took nothing. The next request begins another session.
                fail(RequestError::NotSent("its session is over".to_owned()));
                return inbox.close("its session is over");
            }
            return fail(no);
        }
        let streams = content_type(&answer) == "text/event-stream";
        let about = (&kind, id);
        let mut heard = Heard::default();
        if streams {
            self.hear_stream(answer, about, inbox, &mut heard).await;
            self.hear_rest(about, inbox, &mut heard).await;
        } else {
            heard.broken = self.hear(answer, about, inbox).await.err();
        }
        // Whoever was answered does not wait any more.
        fail(RequestError::Lost(heard.broken.unwrap_or_else(|| {
            "it ended its answer without answering".to_owned()
        })));
    }

    async fn hear(
        &self,
        answer: Response,
        about: (&Kind, Option<u64>),
        inbox: &Inbox,
    ) -> Result<(), String> {
        let body = body_of(answer, MAX_LINE).await?;
        if !body.trim_ascii().is_empty() {
            self.take(&body, about, inbox);
        }
        Ok(())
    }

    /// A server with sessions may end a stream before its answer, and give the rest to who comes back for it. Nothing is
    /// asked twice by that.
    async fn hear_rest(&self, about: (&Kind, Option<u64>), inbox: &Inbox, heard: &mut Heard) {
        let in_session = about.0.version.is_none() && self.lock().id.is_some();
        for _ in 0..RESUMES {
            let waits = about.1.is_some_and(|id| inbox.is_awaited(id));
            let Some(last) = heard.last.clone().filter(|_| in_session && waits) else {
                return;
            };
            tokio::time::sleep(heard.again).await;
            let session = self.lock().clone();
            let mut request = { self.client.get(self.url.clone()) }
                .header(ACCEPT, "text/event-stream")
                .header("last-event-id", &last);
            for (name, value) in [(SESSION, session.id), (VERSION, session.version)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    heard.broken = None;
                    self.hear_stream(answer, about, inbox, heard).await;
                }
                Ok(answer) => {
                    return heard.broken = Some(format!("it answers {}", answer.status()));
                }
                Err(error) => heard.broken = Some(innermost(&error)),
            }
        }
    }

    /// Server-sent events: the lines `data:` of each make a message.
    async fn hear_stream(
        &self,
        answer: Response,
        about: (&Kind, Option<u64>),
        inbox: &Inbox,
        heard: &mut Heard,
    ) {
        heard.broken = self.hear_events(answer, about, inbox, heard).await.err();
    }

    async fn hear_events(
        &self,
        answer: Response,
        about: (&Kind, Option<u64>),
        inbox: &Inbox,
        heard: &mut Heard,
    ) -> Result<(), String> {
        let mut chunks = answer.bytes_stream();
        let (mut line, mut data) = (Vec::new(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            for byte in chunk.map_err(|error| innermost(&error))? {
                if byte != b'\n' {
                    line.push(byte);
                    if line.len().saturating_add(data.len()) > MAX_LINE {
                        return Err(format!("it sent a message of more than {MAX_LINE} bytes"));
                    }
                    continue;
                }
                let read = line.strip_suffix(b"\r").unwrap_or(&line);
                if let Some(rest) = read.strip_prefix(b"data:") {
                    data.extend_from_slice(rest.strip_prefix(b" ").unwrap_or(rest));
                    data.push(b'\n');
                } else if let Some(rest) = read.strip_prefix(b"id:") {
                    heard.last = std::str::from_utf8(rest)
                        .ok()
                        .map(|id| id.trim().to_owned());
                } else if let Some(rest) = read.strip_prefix(b"retry:") {
                    let ms = std::str::from_utf8(rest).ok();
                    let ms = ms.and_then(|ms| ms.trim().parse().ok());
                    heard.again = ms.map_or(heard.again, Duration::from_millis).min(PAUSE);
                } else if read.is_empty() && !data.is_empty() {
                    self.take(&std::mem::take(&mut data), about, inbox);
                }
                line.clear();
            }
        }
        Ok(())
    }

    fn take(&self, text: &[u8], (kind, id): (&Kind, Option<u64>), inbox: &Inbox) {
        if kind.method == "initialize" {
            let answer: Value = serde_json::from_slice(text).unwrap_or_default();
            let version = answer
                .pointer("/result/protocolVersion")
                .and_then(Value::as_str);
            if let Some(version) = version.and_then(|text| HeaderValue::from_str(text).ok()) {
                self.lock().version = Some(version);
            }
        }
        for incoming in message::read(text) {
            inbox.take(id, incoming);
        }
    }
}

fn content_type(answer: &Response) -> String {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().to_lowercase()
}

async fn body_of(answer: Response, most: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|error| innermost(&error))?);
        if body.len() > most {
            return Err(format!("it sent more than {most} bytes"));
        }
    }
    Ok(body)
}

/// Whether a session is not known any more. The protocol wants 404 for that; servers that answer 400 say so in words.
fn is_about_session(status: StatusCode, no: &RequestError) -> bool {
    let RequestError::Answered(error) = no else {
        return false;
    };
    let says_so = error.message.to_lowercase().contains("session");
    status == StatusCode::NOT_FOUND || (status == StatusCode::BAD_REQUEST && says_so)
}

/// What a status that is no success says of the request: the caller's mistake was looked at before anything was done.
async fn said_no(answer: Response) -> RequestError {
    let status = answer.status();
    let text = body_of(answer, 64 * 1024).await.unwrap_or_default();
    let told: Value = serde_json::from_slice(&text).unwrap_or_default();
    let error = told.get("error").filter(|error| error.is_object());
    let code = error
        .and_then(|error| error.get("code"))
        .and_then(Value::as_i64);
    let said = error
        .and_then(|error| error.get("message"))
        .and_then(Value::as_str);
    let message = match said {
        Some(said) => format!("it answers {status}: {said}"),
        None => format!("it answers {status}"),
    };
    match status.is_client_error() {
        true => RequestError::Answered(RpcError {
            code: code.unwrap_or_else(|| i64::from(status.as_u16()).saturating_neg()),
            message,
            data: error.and_then(|error| error.get("data")).cloned(),
        }),
        false => RequestError::Lost(message),
    }
}
