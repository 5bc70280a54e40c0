//! Notices as signed requests to an address of the operator: best effort, a few times, in the background.

use super::{Notice, Notify};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Url, redirect::Policy};
use sha2::Sha256;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many notices may wait. Further ones are dropped.
const WAITING: usize = 256;
/// How often one is tried.
const ATTEMPTS: u32 = 5;
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The shortest secret, in bytes.
const SHORTEST: usize = 16;

/// The address or the secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// The address.
    #[error("the address of the webhook must be `https://…`, or `http://` on this machine")]
    Address,
    /// The secret.
    #[error("the secret of the webhook needs 16 bytes or more")]
    Secret,
    /// There is no client.
    #[error("the webhook cannot be called: {0}")]
    Client(String),
}

/// Sends notices to one address.
pub struct Webhook {
    queue: Sender<Notice>,
    waiting: Arc<AtomicUsize>,
}

/// What every attempt needs.
struct Target {
    url: Url,
    secret: Vec<u8>,
    client: Client,
    pause: Duration,
}

impl Webhook {
    /// Sends to `url`, signed with `secret`; a failed attempt is made again after `pause`, then after twice that, and so
    /// on.
    ///
    /// # Errors
    /// The address or the secret cannot be used.
    pub fn start(
        url: &str,
        secret: &[u8],
        pause: Duration,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, BadWebhook> {
        let url = Url::parse(url).map_err(|_| BadWebhook::Address)?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(here && url.scheme() == "http") {
            return Err(BadWebhook::Address);
        }
        if secret.len() < SHORTEST {
            return Err(BadWebhook::Secret);
        }
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
            .map_err(|error| BadWebhook::Client(error.to_string()))?;
        let target = Target {
            url,
            secret: secret.to_vec(),
            client,
            pause,
        };
        let (queue, notices) = channel(WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        runtime.spawn(deliver(target, notices, waiting.clone()));
        Ok(Self { queue, waiting })
    }

    /// Waits until nothing is left to be told, but no longer than this.
    pub fn settle(&self, most: Duration) {
        let begun = Instant::now();
        while self.waiting.load(Ordering::Acquire) > 0 && begun.elapsed() < most {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Notify for Webhook {
    fn notify(&self, notice: Notice) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = self.queue.try_send(notice) {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "a notice is dropped: too many wait");
        }
    }
}

async fn deliver(target: Target, mut notices: Receiver<Notice>, waiting: Arc<AtomicUsize>) {
    while let Some(notice) = notices.recv().await {
        let mut pause = target.pause;
        for attempt in 1..=ATTEMPTS {
            match send(&target, &notice).await {
                Ok(()) => break,
                Err(Failed { why, again }) => {
                    tracing::warn!(id = %notice.id, attempt, %why, "a notice was not delivered");
                    if !again || attempt == ATTEMPTS {
                        break;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Failed {
    why: String,
    /// Whether another attempt may do better.
    again: bool,
}

async fn send(target: &Target, notice: &Notice) -> Result<(), Failed> {
    let body = serde_json::to_string(notice).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // Of each attempt, so that a receiver can refuse old ones.
    let timestamp = now.map_or(0, |now| now.as_secs());
    let signed = signature(&target.secret, timestamp, &body);
    let answer = target
        .client
        .post(target.url.clone())
        .header("content-type", "application/json")
        .header("mandate-event", notice.kind)
        .header("mandate-delivery", &notice.id)
        .header("mandate-timestamp", timestamp.to_string())
        .header("mandate-signature", format!("v1={signed}"))
        .body(body)
        .send()
        .await;
    match answer {
        // The address may hold a token, and is not logged.
        Err(error) => Err(Failed {
            why: error.without_url().to_string(),
            again: true,
        }),
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            let status = answer.status();
            Err(Failed {
                why: format!("the receiver answers {status}"),
                again: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            })
        }
    }
}

/// The signature of a notice: HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal.
pub fn signature(secret: &[u8], timestamp: u64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    let code = mac.finalize().into_bytes();
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_other_programs() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'sixteen bytes ok'
        let found = signature(b"sixteen bytes ok", 1_700_000_000, r#"{"a":1}"#);
        assert_eq!(
            found,
            "78630ef9b11f6acdbd19f29a83f37af37e04ebd1256616baf168cca5d353b112"
        );
    }

    #[test]
    fn only_safe_addresses_and_secrets_are_taken() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let start = |url: &str, secret: &[u8]| {
            Webhook::start(url, secret, Duration::ZERO, runtime.handle()).err()
        };
        let good = b"sixteen bytes ok";
        for bad in ["http://example.com/x", "ftp://localhost/", "nonsense"] {
            assert_eq!(start(bad, good), Some(BadWebhook::Address), "{bad}");
        }
        assert_eq!(
            start("https://example.com/x", b"short"),
            Some(BadWebhook::Secret)
        );
        assert_eq!(start("https://example.com/x", good), None);
        assert_eq!(start("http://127.0.0.1:9/x", good), None);
    }
}
