//! Sending spans to a collector: in the background, many at a time, and a few times where it does not answer. What does not
//! fit is dropped and counted, since nothing may wait for a collector.

use super::otlp::{Span, request, resource};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect::Policy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// Spans that may wait. Further ones are dropped.
const WAITING: usize = 8_192;
/// Spans that are sent at a time.
const AT_ONCE: usize = 512;
/// How long one waits for others to be sent with.
const GATHER: Duration = Duration::from_secs(1);
/// How often a batch is tried.
const ATTEMPTS: u32 = 4;
/// How long after the first attempt the next one is made; then twice that, and so on.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where spans go, and what is said of the process that they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The address that spans are posted to.
    pub endpoint: String,
    /// Headers that go with them.
    pub headers: Vec<(String, String)>,
    /// `service.name`.
    pub service_name: String,
    /// Further attributes of the resource.
    pub attributes: Vec<(String, String)>,
}

/// Spans cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExport {
    /// The address.
    #[error("traces cannot be sent: the address must be `http://…` or `https://…`")]
    Address,
    /// A header.
    #[error("traces cannot be sent: `{0}` is not a header, or its value is not one")]
    Header(String),
    /// There is no client.
    #[error("traces cannot be sent: {0}")]
    Client(String),
}

/// Sends spans to one collector.
pub(super) struct Exporter {
    queue: mpsc::Sender<Span>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    hurry: watch::Sender<bool>,
}

struct Target {
    client: Client,
    url: Url,
    headers: HeaderMap,
    resource: Vec<(String, String)>,
}

impl Exporter {
    pub(super) fn start(
        export: Export,
        dropped: Arc<AtomicU64>,
        runtime: &Handle,
    ) -> Result<Self, BadExport> {
        let url = Url::parse(&export.endpoint).map_err(|_| BadExport::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadExport::Address);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &export.headers {
            let bad = || BadExport::Header(name.clone());
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(name, value);
        }
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may be faster; then its provider is used, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(PATIENCE)
            .user_agent(concat!("mandate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BadExport::Client(error.to_string()))?;
        let target = Target {
            client,
            url,
            headers,
            resource: resource(&export.service_name, &export.attributes),
        };
        let (queue, spans) = mpsc::channel(WAITING);
        let (hurry, hurries) = watch::channel(false);
        let waiting = Arc::new(AtomicUsize::new(0));
        runtime.spawn(deliver(
            target,
            spans,
            waiting.clone(),
            dropped.clone(),
            hurries,
        ));
        Ok(Self {
            queue,
            waiting,
            dropped,
            hurry,
        })
    }

    pub(super) fn send(&self, span: Span) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.queue.try_send(span).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn settle(&self, most: Duration) {
        self.hurry.send_replace(true);
        let begun = Instant::now();
        while self.waiting.load(Ordering::Acquire) > 0 && begun.elapsed() < most {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn deliver(
    target: Target,
    mut spans: mpsc::Receiver<Span>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    mut hurries: watch::Receiver<bool>,
) {
    let mut batch = Vec::new();
    while spans.recv_many(&mut batch, AT_ONCE).await > 0 {
        let gathered = tokio::time::Instant::now() + GATHER;
        while batch.len() < AT_ONCE {
            let room = AT_ONCE.saturating_sub(batch.len());
            tokio::select! {
                biased;
                more = spans.recv_many(&mut batch, room) => if more == 0 { break },
                // Whoever held this end is gone: there is no hurry, and nothing more will come.
                _ = hurries.wait_for(|hurry| *hurry) => break,
                () = tokio::time::sleep_until(gathered) => break,
            }
        }
        if !sent(&target, &batch).await {
            let lost = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            dropped.fetch_add(lost, Ordering::Relaxed);
        }
        waiting.fetch_sub(batch.len(), Ordering::AcqRel);
        batch.clear();
    }
}

/// Whether the collector took them.
async fn sent(target: &Target, spans: &[Span]) -> bool {
    let body = request(&target.resource, spans).to_string();
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS {
        let post = target.client.post(target.url.clone());
        let post = post.headers(target.headers.clone()).body(body.clone());
        let (why, again) = match post.send().await {
            Ok(answer) if answer.status().is_success() => return true,
            Ok(answer) => {
                let status = answer.status();
                let again = matches!(status.as_u16(), 429 | 502 | 503 | 504);
                (format!("the collector answers {status}"), again)
            }
            // The address may hold a token, and is not logged.
            Err(error) => (error.without_url().to_string(), true),
        };
        tracing::warn!(spans = spans.len(), attempt, %why, "spans were not sent");
        if !again || attempt == ATTEMPTS {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    false
}
