//! One running server: requests and their answers, whatever the order.

use super::{
    lines::{self, Line, MAX_LINE},
    listener::Listener,
    message::{self, Incoming, RpcError},
    process::{Leash, Started},
    remote::{NamedSession, Poster},
    stderr::Stderr,
};
use crate::Pass;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::{Notify, mpsc, oneshot},
    task::AbortHandle,
};

/// A running server. Dropping it ends its process group.
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// None of a server that is no process here.
    leash: Option<Leash>,
    /// None of one that is.
    session: Option<NamedSession>,
    /// The revision of the protocol that was agreed on.
    agreed: OnceLock<String>,
    writer: AbortHandle,
}

/// What the connection and its tasks share.
struct Shared {
    server: String,
    state: Mutex<State>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    stderr: Arc<Stderr>,
    /// It said that its tools have changed.
    stale: AtomicBool,
    changed: Arc<Notify>,
    /// It did not answer in time: what comes next goes to another process.
    retired: AtomicBool,
}

#[derive(Default)]
struct State {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Why nothing more will come.
    closed: Option<String>,
}

/// Somebody who waits for an answer.
struct Waiting {
    answer: oneshot::Sender<Result<Value, RequestError>>,
    /// Whoever made the call, where what the server says meanwhile is passed on.
    listener: Option<Listener>,
}

/// A message on its way out.
pub(super) struct Outgoing {
    pub(super) line: Vec<u8>,
    /// Of a request whose answer somebody waits for.
    pub(super) id: Option<u64>,
    /// It is a request, whether or not somebody waits.
    asks: bool,
    way: Option<Arc<Way>>,
}

impl Outgoing {
    /// What nobody waits for an answer to.
    fn plain(line: Vec<u8>) -> Self {
        Self {
            line,
            id: None,
            asks: false,
            way: None,
        }
    }

    /// From now on the server may have read it; false if it was taken back.
    pub(super) fn sets_out(&self) -> bool {
        self.way.as_ref().is_none_or(|way| way.advance(SENT))
    }

    pub(super) fn is_request(&self) -> bool {
        self.asks
    }
}

/// Where what a server says is put.
#[derive(Clone)]
pub(super) struct Inbox(Arc<Shared>);

impl Inbox {
    /// `about` is the request that it came with the answer to.
    pub(super) fn take(&self, about: Option<u64>, incoming: Incoming) {
        self.0.take(about, incoming);
    }

    /// Whether somebody waits for the answer to that request.
    pub(super) fn is_awaited(&self, id: u64) -> bool {
        self.0.state().waiting.contains_key(&id)
    }

    /// Ends the wait for an answer.
    pub(super) fn settle(&self, id: u64, answer: Result<Value, RequestError>) {
        self.0.settle(id, answer);
    }

    /// Nothing more will come.
    pub(super) fn close(&self, why: &str) {
        self.0.close(why);
    }
}

/// How far a request has come on its way out.
struct Way(AtomicU8);

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Way {
    /// From queued to this, unless it is neither any more.
    fn advance(&self, to: u8) -> bool {
        self.0
            .compare_exchange(QUEUED, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RequestError {
    /// Nothing of it reached the server.
    NotSent(String),
    /// It was sent, and the server is gone.
    Lost(String),
    /// The server answered with an error.
    Answered(RpcError),
}

impl Connection {
    /// Takes a started server over; its tasks run on the current runtime.
    pub(super) fn new(
        server: &str,
        started: Started,
        stderr: Arc<Stderr>,
        changed: Arc<Notify>,
    ) -> Self {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            state: Mutex::default(),
            outgoing,
            stderr: Arc::clone(&stderr),
            stale: AtomicBool::new(false),
            changed,
            retired: AtomicBool::new(false),
        });
        let leash = started.leash;
        let writer = tokio::spawn(write(Arc::clone(&shared), started.stdin, queue));
        tokio::spawn(read(Arc::clone(&shared), started.stdout));
        let name = server.to_owned();
        let said = {
            let stderr = Arc::clone(&stderr);
            tokio::spawn(async move { stderr.read(&name, started.stderr).await })
        };
        let watched = Arc::clone(&shared);
        tokio::spawn(async move {
            let how = started.end.told().await;
            // What it wrote last says why.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), said).await;
            watched.close(&how);
        });
        Self {
            shared,
            leash: Some(leash),
            session: None,
            agreed: OnceLock::new(),
            writer: writer.abort_handle(),
        }
    }

    /// The same over HTTP.
    pub(super) fn remote(
        server: &str,
        poster: Poster,
        stderr: Arc<Stderr>,
        changed: Arc<Notify>,
    ) -> Self {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            state: Mutex::default(),
            outgoing,
            stderr,
            stale: AtomicBool::new(false),
            changed,
            retired: AtomicBool::new(false),
        });
        let session = poster.session();
        let writer = tokio::spawn(poster.run(Inbox(Arc::clone(&shared)), queue));
        Self {
            shared,
            leash: None,
            session: Some(session),
            agreed: OnceLock::new(),
            writer: writer.abort_handle(),
        }
    }

    /// Sends a request and waits for its answer. Dropped before that, the request is taken back, or the server told.
    pub(super) async fn request(
        &self,
        method: &str,
        params: impl FnOnce(u64) -> Value,
    ) -> Result<Value, RequestError> {
        self.request_for(None, method, params).await
    }

    /// The same for somebody who is told and asked meanwhile.
    pub(super) async fn request_for(
        &self,
        listener: Option<Listener>,
        method: &str,
        params: impl FnOnce(u64) -> Value,
    ) -> Result<Value, RequestError> {
        let (answer, answered) = oneshot::channel();
        let way = Arc::new(Way(AtomicU8::new(QUEUED)));
        let id = {
            let mut state = self.shared.state();
            if let Some(why) = &state.closed {
                return Err(RequestError::NotSent(why.clone()));
            }
            state.last_id += 1;
            let id = state.last_id;
            state.waiting.insert(id, Waiting { answer, listener });
            id
        };
        let _guard = InFlight {
            shared: Arc::clone(&self.shared),
            id,
            way: Arc::clone(&way),
            // The protocol forbids to cancel this one.
            cancellable: method != "initialize",
        };
        let line = message::request(id, method, &params(id));
        let outgoing = Outgoing {
            line,
            id: Some(id),
            asks: true,
            way: Some(Arc::clone(&way)),
        };
        // Without a reader of the queue the connection is closed, and the answer's sender dropped.
        let _ = self.shared.outgoing.send(outgoing);
        match answered.await {
            Ok(answer) => answer,
            Err(_) => {
                let why = self.shared.state().closed.clone().unwrap_or_default();
                Err(if way.advance(WITHDRAWN) {
                    RequestError::NotSent(why)
                } else {
                    RequestError::Lost(why)
                })
            }
        }
    }

    /// Sends a request whose answer nobody waits for.
    pub(super) fn post(&self, method: &str, params: &Value) {
        let id = {
            let mut state = self.shared.state();
            state.last_id += 1;
            state.last_id
        };
        let line = message::request(id, method, params);
        let outgoing = Outgoing {
            asks: true,
            ..Outgoing::plain(line)
        };
        let _ = self.shared.outgoing.send(outgoing);
    }

    /// Sends a notification.
    pub(super) fn notify(&self, method: &str, params: &Value) {
        let line = message::notice(method, params);
        let _ = self.shared.outgoing.send(Outgoing::plain(line));
    }

    /// The revision of the protocol that was agreed on when its session began.
    pub(super) fn agree(&self, revision: &str) {
        let _ = self.agreed.set(revision.to_owned());
    }

    /// The same; nothing before it was.
    pub(super) fn agreed(&self) -> &str {
        self.agreed.get().map_or("", String::as_str)
    }

    /// What the server calls the session, if it keeps one and names it.
    pub(super) fn session(&self) -> Option<String> {
        self.session.as_ref().and_then(NamedSession::id)
    }

    /// Whether calls may go to it.
    pub(super) fn usable(&self) -> bool {
        self.shared.state().closed.is_none() && !self.shared.retired.load(Ordering::Acquire)
    }

    /// Whether it said that its tools have changed, and nobody has asked since.
    pub(super) fn is_stale(&self) -> bool {
        self.shared.stale.load(Ordering::Acquire)
    }

    /// Whether it has something to do.
    pub(super) fn is_busy(&self) -> bool {
        !self.shared.state().waiting.is_empty()
    }

    /// Whether it said, since this was last asked, that its tools have changed.
    pub(super) fn take_stale(&self) -> bool {
        self.shared.stale.swap(false, Ordering::AcqRel)
    }

    /// No further calls go to it. It ends when the calls that it has are over; without any, now.
    pub(super) fn retire(&self, why: &str) {
        self.shared.retired.store(true, Ordering::Release);
        let idle = self.shared.state().waiting.is_empty();
        if idle {
            self.shared.close(why);
            if let Some(leash) = &self.leash {
                leash.end();
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close("it was shut down");
        // Closes its input.
        self.writer.abort();
        if let Some(leash) = &self.leash {
            leash.ask_to_end();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more will come: whoever waits learns it.
    fn close(&self, why: &str) {
        let mut state = self.state();
        if state.closed.is_none() {
            state.closed = Some(self.stderr.explain(why));
        }
        state.waiting.clear();
    }

    /// Ends a wait; false if nobody waits.
    fn settle(&self, id: u64, answer: Result<Value, RequestError>) -> bool {
        let waiting = self.state().waiting.remove(&id);
        let waits = waiting.is_some();
        if let Some(waiting) = waiting {
            let _ = waiting.answer.send(answer);
        }
        waits
    }

    /// Whom the server means: whoever waits for that request, or the only one that waits for any.
    fn listener(&self, about: Option<u64>) -> Option<Listener> {
        let state = self.state();
        let found = match (about, state.waiting.len()) {
            (Some(id), _) => state.waiting.get(&id),
            (None, 1) => state.waiting.values().next(),
            (None, _) => None,
        };
        found?.listener.clone()
    }

    fn take(self: &Arc<Self>, about: Option<u64>, incoming: Incoming) {
        match incoming {
            Incoming::Answer { id, answer } => {
                if !self.settle(id, answer.map_err(RequestError::Answered)) {
                    tracing::debug!(server = %self.server, id, "an answer that nobody waits for");
                }
            }
            Incoming::Request { id, method, params } => {
                let listener = self.listener(about);
                if let Some(asked) = listener.and_then(|it| it.asked(&method, &params)) {
                    let shared = Arc::clone(self);
                    tokio::spawn(async move {
                        let line = match asked.await {
                            Some(result) => message::result(&id, &result),
                            None => message::unanswered(&id),
                        };
                        let _ = shared.outgoing.send(Outgoing::plain(line));
                    });
                    return;
                }
                let line = message::reply(&id, &method);
                let _ = self.outgoing.send(Outgoing::plain(line));
            }
            Incoming::Notice { method, params } => match method.as_str() {
                "notifications/tools/list_changed" => {
                    self.stale.store(true, Ordering::Release);
                    self.changed.notify_one();
                }
                "notifications/progress" => {
                    // Numbers only: its text could hold what a call was given.
                    let number = |key: &str| params.get(key).and_then(Value::as_f64);
                    let (progress, total) = (number("progress"), number("total"));
                    tracing::debug!(server = %self.server, ?progress, ?total, "progress");
                    let token = params.get("progressToken").and_then(Value::as_u64);
                    if let Some(listener) = token.and_then(|id| self.listener(Some(id))) {
                        listener.told(Pass::Progress, &method, params);
                    }
                }
                "notifications/message" => {
                    if let Some(listener) = self.listener(about) {
                        listener.told(Pass::Logging, &method, params);
                    }
                }
                other => tracing::trace!(server = %self.server, method = %other, "a notification"),
            },
            Incoming::Junk => {
                tracing::debug!(server = %self.server, "a line that is no message");
            }
        }
    }
}

/// A request under way. However it ends, nobody waits for its answer any more.
struct InFlight {
    shared: Arc<Shared>,
    id: u64,
    way: Arc<Way>,
    cancellable: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let waited = self.shared.state().waiting.remove(&self.id).is_some();
        if waited && !self.way.advance(WITHDRAWN) && self.cancellable {
            let params = json!({ "requestId": self.id, "reason": "the call was stopped" });
            let line = message::notice("notifications/cancelled", &params);
            let _ = self.shared.outgoing.send(Outgoing::plain(line));
        }
    }
}

async fn write(
    shared: Arc<Shared>,
    mut stdin: ChildStdin,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
) {
    while let Some(outgoing) = queue.recv().await {
        if !outgoing.sets_out() {
            continue;
        }
        let Outgoing { line, way, .. } = outgoing;
        let written = match stdin.write_all(&line).await {
            Ok(()) => stdin.flush().await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            // Nobody has read the line to its end, so that nobody has acted on it.
            if let Some(way) = way {
                way.0.store(QUEUED, Ordering::Release);
            }
            // Its end, which says more, is seen elsewhere; unless it lives on without an input.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            shared.close("it reads no more");
            return;
        }
    }
}

async fn read(shared: Arc<Shared>, stdout: ChildStdout) {
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    loop {
        match lines::next(&mut stdout, MAX_LINE).await {
            Line::Whole(line) => {
                for incoming in message::read(&line) {
                    shared.take(None, incoming);
                }
            }
            Line::TooLong => {
                shared.close(&format!("it wrote a line of more than {MAX_LINE} bytes"));
                return;
            }
            Line::End => {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                shared.close("it closed its output");
                return;
            }
        }
    }
}
