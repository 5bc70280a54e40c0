//! Asking the host of another process, over its socket.

mod agents;
mod reading;
mod unfold;

use crate::ask::{HostError, Submitted, Update};
use crate::intake::Proposal;
use crate::keys::{ApiKey, KeyAct, KeyActed};
use crate::outlook::Outlook;
use crate::socket;
use crate::standing::StandingAct;
use crate::switch::Switch;
use crate::tool_acts::{ToolAct, ToolActed};
use crate::wire::{AgentSaid, Answered, Farewell, Hello, PROTOCOL, Request, Said, Wish, line};
use mandate_engine::event::Resolution;
use mandate_store::Removal;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use unfold::Unfolding;

/// How long the host may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// The longest hello.
const HELLO_BYTES: u64 = 4_096;
/// How long the host may take to answer. Tool servers may be started for it, and downloaded.
const ANSWER: Duration = Duration::from_secs(180);
/// How often somebody who waits for an answer looks whether to give up.
const MOMENT: Duration = Duration::from_millis(100);
/// How long the host may leave what is asked unread.
const UNREAD: Duration = Duration::from_secs(30);

/// Where an answer is awaited.
enum Reply {
    Thread(Sender<Answer>),
    Task(oneshot::Sender<Answer>),
}

impl Reply {
    /// Whoever has gone is not told.
    fn give(self, answer: Answer) {
        match self {
            Reply::Thread(reply) => drop(reply.send(answer)),
            Reply::Task(reply) => drop(reply.send(answer)),
        }
    }
}

/// What is told from when it was asked for on.
enum Telling {
    /// Everything that happens.
    Everything(Box<Unfolding>, Sender<Update>),
    /// What an agent could call; none before the host said it first.
    Outlook(Option<watch::Sender<Outlook>>),
}

/// What is awaited under one id.
struct Open {
    /// The answer.
    reply: Option<Reply>,
    /// What goes on being told, where that was asked for.
    telling: Option<Telling>,
}

/// What reading and asking share.
#[derive(Default)]
struct Shared {
    open: BTreeMap<u64, Open>,
    last_id: u64,
    over: bool,
    farewell: Option<Farewell>,
}

/// A conversation with the host of a data directory.
pub struct Client {
    abandon: Box<dyn Fn() -> bool + Send + Sync>,
    pid: u32,
    stream: UnixStream,
    /// Held while a line is written, so that it stays in one piece.
    writing: Mutex<()>,
    shared: Arc<Mutex<Shared>>,
}

impl Client {
    /// Connects to the host of the data directory `dir`. Where that is done within a runtime with threads of its own,
    /// what the host says is read by one of its tasks, so that a task that waits for an answer goes on where it was read, and
    /// nobody may wait for an answer on those threads; else it is read by a thread.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] while there is none; [`HostError::OtherVersion`].
    pub fn connect(dir: &Path) -> Result<Self, HostError> {
        let unreachable = |error: io::Error| HostError::Unreachable(plain(&error));
        let mut stream = socket::connect(dir).map_err(unreachable)?;
        stream
            .set_write_timeout(Some(UNREAD))
            .map_err(unreachable)?;
        stream.set_read_timeout(Some(HELLO)).map_err(unreachable)?;
        let hello = line(&Hello::new("client", None)).map_err(unreachable)?;
        // A host of another version may have gone by now, and its hello says so.
        let greeted = stream.write_all(&hello);
        let reader = stream.try_clone().map_err(unreachable)?;
        let mut reader = BufReader::new(reader);
        let theirs = read_hello(&mut reader, &mut stream)?;
        greeted.map_err(unreachable)?;
        let here = socket::identity(dir).map_err(unreachable)?;
        if theirs.directory != Some(here) {
            let message = "the socket belongs to another data directory".to_owned();
            return Err(HostError::Unreachable(message));
        }
        stream.set_read_timeout(None).map_err(unreachable)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        reading::begin(reader, shared.clone()).map_err(unreachable)?;
        Ok(Self {
            abandon: Box::new(|| false),
            pid: theirs.pid,
            stream,
            writing: Mutex::default(),
            shared,
        })
    }

    /// Connects, and speaks as whoever has the key.
    ///
    /// # Errors
    /// As [`Client::connect`]; the key is none of this host's, or was revoked.
    pub fn connect_as(dir: &Path, key: Option<&ApiKey>) -> Result<Self, HostError> {
        let client = Self::connect(dir)?;
        if let Some(key) = key {
            client.ask(Wish::Authenticate(key.clone()))?;
        }
        Ok(client)
    }

    /// Waits for no answer any longer when `abandon` says so.
    #[must_use]
    pub fn abandon_when(mut self, abandon: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.abandon = Box::new(abandon);
        self
    }

    /// The host's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the conversation has ended.
    pub fn is_over(&self) -> bool {
        let shared = lock(&self.shared);
        shared.over || shared.farewell.is_some()
    }

    /// What the host said when it ended the conversation.
    pub fn farewell(&self) -> Option<Farewell> {
        lock(&self.shared).farewell
    }

    fn put(&self, ask: Wish, telling: Option<Telling>) -> Answer {
        self.put_for(ask, telling, Some(ANSWER))
    }

    fn put_for(&self, ask: Wish, telling: Option<Telling>, patience: Option<Duration>) -> Answer {
        let (reply, answer) = channel();
        let open = Open {
            reply: Some(Reply::Thread(reply)),
            telling,
        };
        self.say(ask, open)?;
        self.answered(&answer, patience)
    }

    /// Asks the host, and waits for nothing.
    fn say(&self, ask: Wish, open: Open) -> Result<(), HostError> {
        let id = {
            let mut shared = lock(&self.shared);
            if shared.over || shared.farewell.is_some() {
                return Err(HostError::Gone);
            }
            shared.last_id = shared.last_id.saturating_add(1);
            let id = shared.last_id;
            shared.open.insert(id, open);
            id
        };
        let asked = line(&Request { id, ask }).and_then(|line| {
            let _whole = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            reading::write_all(&self.stream, &line, UNREAD)
        });
        asked.map_err(|_| {
            lock(&self.shared).open.remove(&id);
            HostError::Gone
        })
    }

    fn answered(&self, answer: &Receiver<Answer>, patience: Option<Duration>) -> Answer {
        let begun = Instant::now();
        let too_long = || patience.is_some_and(|patience| begun.elapsed() > patience);
        loop {
            match answer.recv_timeout(MOMENT) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(HostError::Gone),
                Err(RecvTimeoutError::Timeout) if too_long() || (self.abandon)() => {
                    return Err(HostError::Unreachable("it does not answer".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn ask(&self, ask: Wish) -> Result<(), HostError> {
        self.put(ask, None).map(|_| ())
    }

    /// Has a plan run.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        self.put(Wish::Submit(Box::new(proposal)), None)?
            .submitted
            .ok_or_else(|| HostError::Protocol("a submission has no answer".to_owned()))
    }

    /// Has something done to tools.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn act_on_tools(&self, act: ToolAct) -> Result<ToolActed, HostError> {
        self.put(Wish::Tools(act), None)?
            .acted
            .ok_or_else(|| HostError::Protocol("nothing is said of the tools".to_owned()))
    }

    /// Has something done to standing approvals, and gives the id of the one.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn act_on_standing(&self, act: StandingAct) -> Result<String, HostError> {
        self.put(Wish::Standing(act), None)?
            .standing
            .ok_or_else(|| HostError::Protocol("nothing is said of the approval".to_owned()))
    }

    /// Has executions removed that were archived.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn remove(&self, removal: Removal) -> Result<(), HostError> {
        self.ask(Wish::Remove(removal))
    }

    /// Has a host in the background leave, since this process takes over.
    ///
    /// # Errors
    /// [`HostError::NotNow`] from one that somebody looks at; [`HostError::Gone`].
    pub fn hand_over(&self) -> Result<(), HostError> {
        self.ask(Wish::HandOver)
    }

    /// Has something done to keys.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn act_on_keys(&self, act: KeyAct) -> Result<KeyActed, HostError> {
        self.put(Wish::Keys(act), None)?
            .keys
            .ok_or_else(|| HostError::Protocol("nothing is said of the keys".to_owned()))
    }

    /// Has an unfinished execution taken up.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn take_up(&self, execution_id: &str) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Continue { execution_id })
    }

    /// Tells where an execution is, and everything that happens from here on.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        let (watcher, updates) = channel();
        let execution_id = execution_id.to_owned();
        let telling = Telling::Everything(Box::new(Unfolding::new(&execution_id)), watcher);
        self.put(Wish::Watch { execution_id }, Some(telling))?;
        Ok(updates)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Why the host does not take it, or [`HostError::Gone`].
    pub fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Answer {
            execution_id,
            answer,
        })
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn cancel(
        &self,
        execution_id: &str,
        reason: Option<String>,
        force: bool,
    ) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Cancel {
            execution_id,
            reason,
            force,
        })
    }

    /// Freezes calls everywhere, or thaws them.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn throw(&self, switch: Switch) -> Result<(), HostError> {
        self.ask(Wish::Switch(switch))
    }

    /// Takes the approval back that an execution runs on.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn revoke(&self, execution_id: &str, reason: Option<String>) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Revoke {
            execution_id,
            reason,
        })
    }

    /// Lets one call of a step pass a policy deny.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn override_step(
        &self,
        execution_id: &str,
        (step, item): (&str, Option<u32>),
        reason: &str,
    ) -> Result<(), HostError> {
        self.ask(Wish::Override {
            execution_id: execution_id.to_owned(),
            step: step.to_owned(),
            item,
            reason: reason.to_owned(),
        })
    }

    /// Lets no more steps start.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn pause(&self, execution_id: &str) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Pause { execution_id })
    }

    /// Lets steps start again.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn resume(&self, execution_id: &str) -> Result<(), HostError> {
        let execution_id = execution_id.to_owned();
        self.ask(Wish::Resume { execution_id })
    }

    /// Says what became of a step in doubt.
    ///
    /// # Errors
    /// Why the host does not take it, or [`HostError::Gone`].
    pub fn resolve(
        &self,
        execution_id: &str,
        (step, item): (&str, Option<u32>),
        resolution: Resolution,
    ) -> Result<(), HostError> {
        let (execution_id, step) = (execution_id.to_owned(), step.to_owned());
        self.ask(Wish::Resolve {
            execution_id,
            step,
            item,
            resolution,
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Ends the reading too.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

type Answer = Result<Done, HostError>;

/// What an answer holds besides that it is done.
#[derive(Default)]
struct Done {
    submitted: Option<Submitted>,
    acted: Option<ToolActed>,
    agent: Option<AgentSaid>,
    keys: Option<KeyActed>,
    standing: Option<String>,
    outlook: Option<watch::Receiver<Outlook>>,
}

fn unanswered() -> HostError {
    HostError::Protocol("what was asked has no answer".to_owned())
}

fn read_hello(
    reader: &mut BufReader<UnixStream>,
    stream: &mut UnixStream,
) -> Result<Hello, HostError> {
    let mut read = Vec::new();
    reader
        .by_ref()
        .take(HELLO_BYTES)
        .read_until(b'\n', &mut read)
        .map_err(|error| HostError::Unreachable(plain(&error)))?;
    if read.is_empty() {
        return Err(HostError::Unreachable("it says nothing".to_owned()));
    }
    let hello: Option<Hello> = serde_json::from_slice(&read).ok();
    match hello {
        Some(hello) if hello.protocol == PROTOCOL => Ok(hello),
        other => {
            let known = rustix::net::sockopt::socket_peercred(&*stream);
            let pid = known.map(|peer| peer.pid.as_raw_nonzero().to_string());
            Err(HostError::OtherVersion {
                ours: env!("CARGO_PKG_VERSION").to_owned(),
                theirs: other.map_or_else(|| "unknown".to_owned(), |hello| hello.version),
                pid: pid.unwrap_or_else(|_| "unknown".to_owned()),
            })
        }
    }
}

fn hear(said: Said, shared: &mut Shared) {
    match said {
        Said::Done {
            id,
            submitted,
            acted,
            agent,
            keys,
            standing,
        } => {
            let done = Done {
                submitted: submitted.map(|boxed| *boxed),
                acted: acted.map(|boxed| *boxed),
                agent: agent.map(|boxed| *boxed),
                keys: keys.map(|boxed| *boxed),
                standing,
                outlook: None,
            };
            settle(id, Ok(done), shared);
        }
        Said::Failed { id, error } => {
            settle(id, Err(error.into()), shared);
            shared.open.remove(&id);
        }
        Said::Bye(farewell) => shared.farewell = Some(farewell),
        Said::Plan { id, canonical } => {
            unfold(id, shared, |unfolding| unfolding.plan(&canonical));
        }
        Said::Event { id, event } => unfold(id, shared, |unfolding| unfolding.event(*event)),
        Said::Now { id } => unfold(id, shared, Unfolding::now),
        Said::Rest {
            id,
            waiting_for,
            head,
        } => unfold(id, shared, |unfolding| unfolding.rest(waiting_for, head)),
        Said::Outlook { id, outlook } => agents::look(id, outlook, shared),
        Said::Lost { id, error } => {
            unfold(id, shared, |_| Ok(Some(Update::Lost(error.into()))));
            shared.open.remove(&id);
        }
    }
}

fn settle(id: u64, answer: Answer, shared: &mut Shared) {
    let Some(open) = shared.open.get_mut(&id) else {
        return;
    };
    if let Some(reply) = open.reply.take() {
        reply.give(answer);
    }
    if open.telling.is_none() {
        shared.open.remove(&id);
    }
}

/// Tells a watcher what follows from what the host said. One that went away is forgotten.
fn unfold(
    id: u64,
    shared: &mut Shared,
    heard: impl FnOnce(&mut Unfolding) -> Result<Option<Update>, HostError>,
) {
    let open = shared.open.get_mut(&id);
    let Some(Telling::Everything(unfolding, watcher)) = open.and_then(|open| open.telling.as_mut())
    else {
        return;
    };
    let (update, over) = match heard(unfolding) {
        Ok(update) => (update, false),
        Err(error) => (Some(Update::Lost(error)), true),
    };
    let gone = update.is_some_and(|update| watcher.send(update).is_err());
    if gone || over {
        shared.open.remove(&id);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The system's words for it, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .to_lowercase()
}
