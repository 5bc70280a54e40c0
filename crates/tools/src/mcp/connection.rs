//! One running server: requests and their answers, whatever the order.

use super::{
    lines::{self, Line, MAX_LINE},
    message::{self, Incoming, RpcError},
    process::{self, Leash, Started},
    stderr::Stderr,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
    leash: Leash,
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
    waiting: BTreeMap<u64, oneshot::Sender<Result<Value, RpcError>>>,
    /// Why nothing more will come.
    closed: Option<String>,
}

struct Outgoing {
    line: Vec<u8>,
    way: Option<Arc<Way>>,
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
            let how = process::end(started.end).await;
            // What it wrote last says why.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), said).await;
            watched.close(&how);
        });
        Self {
            shared,
            leash,
            writer: writer.abort_handle(),
        }
    }

    /// Sends a request and waits for its answer. Dropped before that, the request is taken back, or the server told.
    pub(super) async fn request(
        &self,
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
            state.waiting.insert(id, answer);
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
        let way_out = Some(Arc::clone(&way));
        // Without a reader of the queue the connection is closed, and the answer's sender dropped.
        let _ = self.shared.outgoing.send(Outgoing { line, way: way_out });
        match answered.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(RequestError::Answered(error)),
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
        let _ = self.shared.outgoing.send(Outgoing { line, way: None });
    }

    /// Sends a notification.
    pub(super) fn notify(&self, method: &str, params: &Value) {
        let line = message::notice(method, params);
        let _ = self.shared.outgoing.send(Outgoing { line, way: None });
    }

    /// Whether calls may go to it.
    pub(super) fn usable(&self) -> bool {
        self.shared.state().closed.is_none() && !self.shared.retired.load(Ordering::Acquire)
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
            self.leash.end();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close("it was shut down");
        // Closes its input.
        self.writer.abort();
        self.leash.ask_to_end();
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

    fn take(&self, incoming: Incoming) {
        match incoming {
            Incoming::Answer { id, answer } => {
                let waiting = self.state().waiting.remove(&id);
                match waiting {
                    Some(waiting) => drop(waiting.send(answer)),
                    None => {
                        tracing::debug!(server = %self.server, id, "an answer that nobody waits for")
                    }
                }
            }
            Incoming::Request { id, method } => {
                let line = message::reply(&id, &method);
                let _ = self.outgoing.send(Outgoing { line, way: None });
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
            let _ = self.shared.outgoing.send(Outgoing { line, way: None });
        }
    }
}

async fn write(
    shared: Arc<Shared>,
    mut stdin: ChildStdin,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
) {
    while let Some(Outgoing { line, way }) = queue.recv().await {
        if way.as_ref().is_some_and(|way| !way.advance(SENT)) {
            continue;
        }
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
                    shared.take(incoming);
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
