//! Server-Sent Events: how a message is written, and answers that go on.

use crate::site::Site;
use crate::telemetry::ReadsAlong;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, HeaderName, Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::json;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How often something is said where nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What comes first: how soon a browser comes again after a break.
const BEGIN: &str = "retry: 1000\n\n";
const STILL_HERE: &str = ": nothing new\n\n";
/// Where a browser says how far it is when it comes again.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A message. JSON has no line breaks of its own, so that its text is one line.
pub(crate) fn message(id: Option<&str>, event: Option<&str>, data: &impl Serialize) -> Bytes {
    let mut text = String::new();
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    if let Some(event) = event {
        let _ = writeln!(text, "event: {event}");
    }
    text.push_str("data: ");
    text.push_str(&serde_json::to_string(data).unwrap_or_default());
    text.push_str("\n\n");
    text.into()
}

/// Whether a request wants events, and not JSON.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(axum::http::header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

/// What is told next.
pub(crate) enum Next {
    /// These messages, and more will come.
    Say(Bytes),
    /// These, and nothing more.
    End(Bytes),
    /// Nothing more: the server is to say that it stops.
    Stop,
}

/// Somebody who tells something. What is told is asked for only when what came before is on its way, so that a reader
/// who is slow holds up nothing and nothing is kept for them.
pub(crate) trait Teller: Send + 'static {
    /// Waits until there is something, and gives it.
    fn next(&mut self) -> impl Future<Output = Next> + Send;
}

/// The answer that tells what `teller` says.
pub(crate) fn answer(site: &Arc<Site>, teller: impl Teller) -> Response<Body> {
    let telling = Telling {
        teller,
        stopping: site.stopping.clone(),
        begun: false,
        ended: false,
        _reads: site.telemetry.metrics.reads_along(),
    };
    let stream = unfold(telling, |mut telling| async move {
        let bytes = telling.next().await?;
        Some((Ok::<Bytes, Infallible>(bytes), telling))
    });
    let mut response = Response::new(Body::from_stream(stream.fuse()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What stands in between may hold nothing back.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

struct Telling<T> {
    teller: T,
    stopping: watch::Receiver<bool>,
    begun: bool,
    ended: bool,
    /// Counts as long as somebody reads.
    _reads: ReadsAlong,
}

impl<T: Teller> Telling<T> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Bytes::from_static(BEGIN.as_bytes()));
        }
        let stopping = self.stopping.wait_for(|stopping| *stopping);
        let next = tokio::select! {
            biased;
            _ = stopping => Next::Stop,
            next = timeout(KEEP_ALIVE, self.teller.next()) => match next {
                Ok(next) => next,
                Err(_) => return Some(Bytes::from_static(STILL_HERE.as_bytes())),
            },
        };
        let (said, more) = match next {
            Next::Say(said) => (said, true),
            Next::End(said) => (said, false),
            Next::Stop => (message(None, Some("bye"), &json!({})), false),
        };
        self.ended = !more;
        Some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_data() {
        let told = message(Some("7"), Some("step_started"), &json!({ "a": "x\ny" }));
        let text = String::from_utf8(told.to_vec()).unwrap();
        assert_eq!(
            text,
            "id: 7\nevent: step_started\ndata: {\"a\":\"x\\ny\"}\n\n"
        );
    }
}
