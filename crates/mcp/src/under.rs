//! Calls that are under way: what a tool server says and asks meanwhile, for the client that made the call.
//!
//! Clients of the older revisions are told and asked over their connection. One of 2026-07-28 is asked by the answer to its
//! call, and the call goes on when it comes back with the word that it was given; meanwhile it waits here.

use mandate_tools::{About, Caller};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::handles::Handle;
use crate::told::Told;

/// From which level on this request wants to be told what is logged.
fn log_level(context: &RequestContext<RoleServer>) -> Option<String> {
    let level = context.meta.0.0.get("io.modelcontextprotocol/logLevel")?;
    level.as_str().map(str::to_owned)
}

/// Answers by their keys.
pub(crate) type Answers = Map<String, Value>;

/// What a server says during a call.
pub(crate) enum Word {
    /// The method and the parameters of a notification.
    Told(String, Value),
    /// Requests by their keys, and where the answers go.
    Asked(Map<String, Value>, oneshot::Sender<Answers>),
}

/// What a call has come to that is under way, where its client can come back for it.
#[derive(Debug, Clone)]
pub(crate) enum Spot {
    /// Something that a task stands for.
    At(Handle),
    /// A call of that tool of that execution, with arguments that read so.
    Calls(String, String, String),
}

/// Where that is written down.
pub(crate) type Spots = Arc<Mutex<Option<Spot>>>;

/// A call that is under way.
pub(crate) struct Under {
    /// What comes of it.
    pub(crate) done: JoinHandle<Told>,
    /// How many of how many steps are settled, and which was the last.
    pub(crate) steps: UnboundedReceiver<(usize, usize, String)>,
    /// What the server says meanwhile.
    pub(crate) words: UnboundedReceiver<Word>,
    /// What it has come to.
    pub(crate) spots: Spots,
    /// How far it was when that was last told.
    pub(crate) last: f64,
}

impl Under {
    pub(crate) fn new(
        done: JoinHandle<Told>,
        steps: UnboundedReceiver<(usize, usize, String)>,
        words: UnboundedReceiver<Word>,
        spots: Spots,
    ) -> Self {
        Self {
            done,
            steps,
            words,
            spots,
            last: -1.0,
        }
    }
}

/// A call that waits for its client's answers.
pub(crate) struct Parked {
    pub(crate) under: Under,
    pub(crate) answers: oneshot::Sender<Answers>,
}

/// Writes down what a server asked and what was answered, if it was; false: it cannot be written down.
pub(crate) type Note =
    Arc<dyn Fn(&About, &Map<String, Value>, Option<&Answers>) -> bool + Send + Sync>;

/// The client's end of a call, as a tool server sees it.
pub(crate) struct Line {
    can: Value,
    level: Option<String>,
    words: UnboundedSender<Word>,
    note: Note,
    whole: Mutex<Option<Value>>,
}

impl Line {
    /// The line of whoever asks with that context. `level` is what it said before.
    pub(crate) fn new(
        context: &RequestContext<RoleServer>,
        level: Option<String>,
        note: Note,
    ) -> (Arc<Self>, UnboundedReceiver<Word>) {
        let (words, heard) = unbounded_channel();
        let can = context.client_capabilities();
        let line = Self {
            can: serde_json::to_value(can).unwrap_or_default(),
            level: log_level(context).or(level),
            words,
            note,
            whole: Mutex::default(),
        };
        (Arc::new(line), heard)
    }

    /// The whole answer of the server, if it gave one.
    pub(crate) fn whole(&self) -> Option<Value> {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.take()
    }
}

impl Caller for Line {
    fn capabilities(&self) -> Value {
        self.can.clone()
    }

    fn log_level(&self) -> Option<String> {
        self.level.clone()
    }

    fn told(&self, method: &str, params: Value) {
        // Nobody is left to be told.
        let _ = self.words.send(Word::Told(method.to_owned(), params));
    }

    fn answered(&self, result: &Value) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        *whole = Some(result.clone());
    }

    fn asked(
        &self,
        about: &About,
        requests: Map<String, Value>,
    ) -> Pin<Box<dyn Future<Output = Option<Answers>> + Send>> {
        let (reply, answers) = oneshot::channel();
        let sent = self.words.send(Word::Asked(requests.clone(), reply));
        let (note, about) = (self.note.clone(), about.clone());
        Box::pin(async move {
            let answered = match sent {
                Ok(()) => answers.await.ok(),
                Err(_) => None,
            };
            // It is in the journal before the server has it.
            let noted = tokio::task::spawn_blocking(move || {
                let noted = note(&about, &requests, answered.as_ref());
                answered.filter(|_| noted)
            });
            noted.await.ok().flatten()
        })
    }
}
