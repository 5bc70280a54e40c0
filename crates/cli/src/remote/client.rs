//! Asking a server: one request, one answer, or the reason why not.

use super::{address::Named, problem, problem::Unreached};
use crate::{
    errors::{Exit, Failure, Kind},
    interrupt::Interrupts,
    who,
};
use mandate_host::{Ids as _, RandomIds};
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::runtime::{Handle, Runtime};

/// How long it may take until there is a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an ordinary answer may take.
const ANSWER: Duration = Duration::from_secs(120);
/// How long a server may be away that answered before: it is started again.
const AWAY: Duration = Duration::from_secs(15);
/// How soon it is asked again.
const AGAIN: Duration = Duration::from_millis(100);
/// The largest answer that is taken in one piece.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A server, and whoever asks it.
pub(super) struct Client {
    base: Url,
    http: reqwest::Client,
    runtime: Runtime,
    /// It has answered to this command already.
    answered: AtomicBool,
}

/// What is asked with `?…`.
pub(super) type Query<'a> = [(&'a str, Option<String>)];

impl Client {
    /// Gets ready to ask a server.
    ///
    /// # Errors
    /// It is no address, the key is none or may not go there, or there are no threads or roots to ask with.
    pub(super) fn new(named: &Named) -> Result<Self, Failure> {
        let key = std::env::var(who::VARIABLE).ok();
        let key = key.filter(|key| !key.is_empty());
        // What is no key is said as it is without a server.
        who::key()?;
        let base = named.url(key.is_some())?;
        let cannot = |why: String| Failure::new(Kind::Io, format!("cannot ask a server: {why}"));
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|error| cannot(error.to_string()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may be faster; then its provider is used, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .user_agent(concat!("mandate/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // A proxy would see the key.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| cannot(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("mandate-remote")
            .build()
            .map_err(|error| Failure::io("cannot start the thread that asks the server", &error))?;
        Ok(Self {
            base,
            http,
            runtime,
            answered: AtomicBool::new(false),
        })
    }

    /// Where it is, for people.
    pub(super) fn name(&self) -> String {
        self.base.to_string().trim_end_matches('/').to_owned()
    }

    /// The threads that ask.
    pub(super) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Counts signals from here on.
    pub(super) fn interrupts(&self) -> Interrupts {
        Interrupts::listen(&self.runtime)
    }

    /// A request that nobody has sent yet. What is put into `path` is escaped.
    pub(super) fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &Query<'_>,
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        let given = query.iter();
        let mut given = given
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .peekable();
        if given.peek().is_some() {
            url.query_pairs_mut().extend_pairs(given);
        }
        self.http.request(method, url)
    }

    /// Waits for what the threads do.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Looks something up. It is asked for again where the connection breaks.
    ///
    /// # Errors
    /// What the server says, or that it says nothing.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Query<'_>,
    ) -> Result<T, Failure> {
        self.read(self.repeated(|| self.request(Method::GET, path, query)))
    }

    /// Has something done.
    ///
    /// # Errors
    /// What the server says, or that it says nothing.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.answer(self.posting(path, body).timeout(ANSWER))
    }

    /// The same for what takes as long as it takes.
    ///
    /// # Errors
    /// What the server says, or that it says nothing.
    pub(super) fn post_and_wait<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.answer(self.posting(path, body))
    }

    /// Has something made, once: a connection that breaks does not make it twice.
    ///
    /// # Errors
    /// What the server says, or that it says nothing, twice.
    pub(super) fn make<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let key = RandomIds.id();
        let told = self.repeated(|| {
            let request = self.posting(path, body);
            request.header("idempotency-key", &key)
        });
        self.read(told)
    }

    /// Sends what may be sent again until there is an answer: once more, and where the server has answered before, until it
    /// is back.
    fn repeated(&self, request: impl Fn() -> RequestBuilder) -> Result<Vec<u8>, Unreached> {
        let begun = Instant::now();
        let mut tries = 0_u32;
        loop {
            let answered = self.wait(told(request().timeout(ANSWER)));
            tries = tries.saturating_add(1);
            let Err(Unreached::Lost(why)) = answered else {
                self.answered.store(true, Ordering::Relaxed);
                return answered;
            };
            let known = self.answered.load(Ordering::Relaxed);
            if begun.elapsed() > AWAY || (tries > 1 && !known) {
                return Err(Unreached::Lost(why));
            }
            if tries > 1 {
                tracing::info!(%why, "the connection is lost; asking again");
                std::thread::sleep(AGAIN);
            }
        }
    }

    fn posting(&self, path: &[&str], body: &impl Serialize) -> RequestBuilder {
        let request = self.request(Method::POST, path, &[]);
        let text = json!(body).to_string();
        request
            .header("content-type", "application/json")
            .body(text)
    }

    fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        self.read(self.wait(told(request)))
    }

    fn read<T: DeserializeOwned>(&self, told: Result<Vec<u8>, Unreached>) -> Result<T, Failure> {
        let bytes = told.map_err(|why| why.failure(&self.name()))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            problem::strange(&self.name(), &format!("its answer cannot be read: {error}"))
        })
    }
}

/// Sends a request; an answer that is no success is the reason.
pub(super) async fn sent(request: RequestBuilder) -> Result<Response, Unreached> {
    let response = request
        .send()
        .await
        .map_err(|error| Unreached::of(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = whole(response).await.unwrap_or_default();
    Err(Unreached::Told(status, body))
}

async fn told(request: RequestBuilder) -> Result<Vec<u8>, Unreached> {
    whole(sent(request).await?).await
}

async fn whole(mut response: Response) -> Result<Vec<u8>, Unreached> {
    let mut bytes = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| Unreached::of(&error))?
    {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_BYTES {
            return Err(Unreached::Lost("its answer does not end".to_owned()));
        }
    }
    Ok(bytes)
}

/// Tells what was done to an execution: as the server shows it to programs, in words to people.
pub(super) fn tell_steered(shown: &Value, words: &str, context: &crate::context::Context) -> Exit {
    let out = context.out();
    match out.is_json() {
        true => out.value(shown),
        false => out.line(&format!("{words}; the server drives it")),
    }
    Exit::Success
}
