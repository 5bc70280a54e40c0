//! Connections: how many, how long their heads may take, and how they end.

use crate::head::{check_host, harden};
use crate::lanes::Lanes;
use crate::problem::{Problem, Told};
use crate::quiet::{Quiet, reads_along};
use crate::request_id;
use crate::routes::{Peer, Template};
use crate::serving::Answers;
use crate::site::Site;
use crate::verb;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Response, Uri};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// Connections that there may be at a time; beyond, callers wait in the kernel's queue.
const CONNECTIONS: usize = 4_096;
/// What the head of a request may hold.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 128;
/// How long connections may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Accepts connections until it is told to stop, and returns when they have ended. Those who read along are served by `quiet`, the
/// others by one of `lanes`.
pub(crate) async fn accept(
    listener: TcpListener,
    site: Arc<Site>,
    answers: Answers,
    mut stopping: watch::Receiver<bool>,
    (quiet, lanes): (Quiet, Lanes),
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Only when nothing of a connection is left is it over.
                let last = open.watcher();
                let held = hold(
                    stream,
                    peer,
                    (&site, &answers),
                    open.watcher(),
                    (quiet.handle(), lanes.clone()),
                );
                tokio::spawn(async move {
                    held.await;
                    drop((place, last));
                });
            }
            // Out of file descriptors, for example: that passes.
            Err(error) => {
                tracing::warn!(%error, "no connection is accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, open.shutdown()).await;
}

/// Has a connection served to its end.
fn hold(
    stream: TcpStream,
    peer: SocketAddr,
    (site, answers): (&Arc<Site>, &Answers),
    watcher: Watcher,
    (quiet, lanes): (Option<Handle>, Lanes),
) -> impl Future<Output = ()> + Send + 'static {
    // Small answers are not kept back.
    let _ = stream.set_nodelay(true);
    let (site, answers) = (site.clone(), answers.clone());
    async move {
        let Some((lane, seat)) = lanes.freest() else {
            return converse(stream, peer, site, answers, watcher).await;
        };
        let served = handed_to(&lane, stream, move |stream| async move {
            match quiet {
                Some(quiet) if reads_along(&stream).await => {
                    drop(seat);
                    let converse = move |stream| converse(stream, peer, site, answers, watcher);
                    handed_to(&quiet, stream, converse).await;
                }
                _ => {
                    converse(stream, peer, site, answers, watcher).await;
                    drop(seat);
                }
            }
        });
        served.await;
    }
}

/// Hands a connection to other threads, which alone are told of it from then on, and waits until they are done with it.
async fn handed_to<F>(
    threads: &Handle,
    stream: TcpStream,
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(stream) = stream.into_std() else {
        return;
    };
    let serving = threads.spawn(async move {
        match TcpStream::from_std(stream) {
            Ok(stream) => serve(stream).await,
            Err(error) => tracing::warn!(%error, "a connection cannot be handed over"),
        }
    });
    let _ = serving.await;
}

/// Answers what comes on a connection until it ends.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    site: Arc<Site>,
    answers: Answers,
    watcher: Watcher,
) {
    let read_timeout = site.settings.read_timeout;
    // A client may close its end as soon as it has said what it wants, and still read the answer. Where that is seen as soon as
    // the request is, it is no sign that it has gone.
    let ended = stream.ready(Interest::READABLE).now_or_never();
    let ended = ended.is_some_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed()));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (site, answers) = (site.clone(), answers.clone());
        async move { Ok::<_, Infallible>(answer(&site, answers, request.map(Body::new), peer).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .max_headers(HEADERS)
        .half_close(ended)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// The answer to a request, whatever happens: everything that is put on every answer is put on here.
async fn answer(
    site: &Arc<Site>,
    answers: Answers,
    mut request: Request,
    peer: SocketAddr,
) -> Response<Body> {
    let begun = Instant::now();
    let id = request_id::of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(Peer(peer.ip()));
    if let Ok(value) = HeaderValue::from_str(&id) {
        // Whoever answers knows it by the same name.
        request.headers_mut().insert(request_id::REQUEST_ID, value);
    }
    let answered = match ready(site, &mut request) {
        Ok(()) => {
            let routed = AssertUnwindSafe(answers.oneshot(request))
                .catch_unwind()
                .await;
            match routed {
                Ok(Ok(response)) => response.map(Body::new),
                Ok(Err(never)) => match never {},
                Err(_) => Problem::internal().into_response(),
            }
        }
        Err(problem) => problem.into_response(),
    };
    let template = answered.extensions().get::<Template>();
    let route = template.map_or("none", |template| template.0);
    let mut response = told(answered, &id);
    let headers = response.headers_mut();
    harden(headers);
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(request_id::REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let metrics = &site.telemetry.metrics;
    metrics.answered(method.as_str(), route, status, took);
    tracing::info!(
        event = "http.request",
        request_id = %id,
        %method,
        path = loggable(&path),
        status,
        took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        %peer,
    );
    response
}

/// The longest path in a log line, in bytes.
const LOGGED_PATH: usize = 256;

/// As much of a path as a log line holds.
fn loggable(path: &str) -> &str {
    path.get(..LOGGED_PATH).unwrap_or(path)
}

/// Looks at the head, and writes the path as the router knows it.
///
/// # Errors
/// The server does not go by that name, or there can be no such path.
fn ready(site: &Site, request: &mut Request) -> Result<(), Problem> {
    check_host(request.headers(), request.uri(), &site.settings)?;
    let uri = request.uri();
    let absent = || Problem::not_found("page", uri.path());
    let path = verb::routed(uri.path()).ok_or_else(absent)?;
    let written = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let written: PathAndQuery = written.parse().map_err(|_| absent())?;
    let mut parts = axum::http::uri::Parts::default();
    parts.path_and_query = Some(written);
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|_| Problem::usage("there is no such path"))?;
    Ok(())
}

/// The answer, a problem put into words.
fn told(mut answered: Response<Body>, request_id: &str) -> Response<Body> {
    let Some(Told(problem)) = answered.extensions_mut().remove::<Told>() else {
        return answered;
    };
    if problem.is_ours() {
        tracing::error!(%request_id, message = problem.message(), "a request was not done");
    }
    let mut response = problem.rendered(request_id);
    for (name, value) in answered.headers() {
        if !response.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
