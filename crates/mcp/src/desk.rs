//! What the gateway asks of the host, in the name of one visitor.

use crate::seat::now_ms;
use mandate_engine::{Event, State};
use mandate_host::{
    AgentAnswer, AgentWish, Answered, HostError, Issued, Local, Outlook, Proposal, Shown,
    Submitted, Update, recovery,
};
use mandate_store::{Batch, Journal, NewRecord, SYSTEM};
use mandate_tools::ToolStatus;
use serde_json::Value;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::watch;

/// What comes of a wish.
pub type Answering = Pin<Box<dyn Future<Output = Result<AgentAnswer, HostError>> + Send>>;

/// The host, asked in somebody's name. Every method but the one for agents may wait: for the disk, for a tool, for a server that starts.
pub trait Desk: Send + Sync {
    /// Has a plan run.
    ///
    /// # Errors
    /// What is wrong with it, or that policy denies it.
    fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError>;

    /// Does what somebody with a token wants: [`HostError::Refused`], or why nothing can be done. It is awaited by a task, on a
    /// runtime, and holds up no thread while a call is made.
    fn agent_soon(self: Arc<Self>, shown: Shown, wish: AgentWish) -> Answering;

    /// Gives a token out.
    ///
    /// # Errors
    /// When the execution is somebody else's, or has no tokens.
    fn token(&self, execution_id: &str) -> Result<Issued, HostError>;

    /// Answers a request.
    ///
    /// # Errors
    /// When it is not open, or the one who answers may not.
    fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError>;

    /// Tells everything that happens in an execution from here on.
    ///
    /// # Errors
    /// When the host does not drive it.
    fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError>;

    /// What an agent could call in an execution, now and whenever that changes.
    ///
    /// # Errors
    /// When the host does not drive it.
    fn outlook(&self, execution_id: &str) -> Result<watch::Receiver<Outlook>, HostError>;

    /// Where an execution is, as the journal says.
    ///
    /// # Errors
    /// There is none of that id, or its journal does not fold.
    fn state(&self, execution_id: &str) -> Result<State, HostError>;

    /// Everything that happened in an execution, as the journal says.
    ///
    /// # Errors
    /// It cannot be read.
    fn events(&self, execution_id: &str) -> Result<Vec<Event>, HostError>;

    /// Ends an execution.
    ///
    /// # Errors
    /// They may not, or it is ending already.
    fn cancel(&self, execution_id: &str, reason: &str) -> Result<(), HostError>;

    /// Writes down, in the audit log, something that belongs to no execution's own journal.
    fn note(&self, kind: &'static str, payload: Value);

    /// The tools that there are: these, or all.
    ///
    /// # Errors
    /// They cannot be found out.
    fn tools(&self, named: Option<&BTreeSet<String>>) -> Result<Vec<ToolStatus>, HostError>;
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Visitor {
    /// The host, asked in their name.
    pub desk: Arc<dyn Desk>,
    /// Who they are.
    pub principal: String,
}

/// Whoever lets visitors in.
pub trait Reception: Send + Sync {
    /// The visitor that these parts of an HTTP request speak for; none: the one at the other end of standard input.
    ///
    /// # Errors
    /// Nobody is known by them.
    fn receive(&self, parts: Option<&axum::http::request::Parts>) -> Result<Visitor, String>;
}

/// How the tools are found out.
pub type Tools =
    Arc<dyn Fn(Option<&BTreeSet<String>>) -> Result<Vec<ToolStatus>, HostError> + Send + Sync>;

/// A desk of the host in this process.
pub struct HostDesk {
    host: Local,
    journal: Arc<dyn Journal>,
    tools: Tools,
}

impl HostDesk {
    /// Asks `host`, and reads what happened in `journal`.
    pub fn new(host: Local, journal: Arc<dyn Journal>, tools: Tools) -> Self {
        Self {
            host,
            journal,
            tools,
        }
    }
}

impl Desk for HostDesk {
    fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        self.host.submit(proposal)
    }

    fn agent_soon(self: Arc<Self>, shown: Shown, wish: AgentWish) -> Answering {
        Box::pin(self.host.agent_soon(shown, wish))
    }

    fn token(&self, execution_id: &str) -> Result<Issued, HostError> {
        self.host.token(execution_id, None)
    }

    fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError> {
        self.host.answer(execution_id, answer)
    }

    fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        self.host.watch(execution_id)
    }

    fn outlook(&self, execution_id: &str) -> Result<watch::Receiver<Outlook>, HostError> {
        self.host.outlook(execution_id)
    }

    fn state(&self, execution_id: &str) -> Result<State, HostError> {
        recovery::load(self.journal.as_ref(), execution_id)
    }

    fn events(&self, execution_id: &str) -> Result<Vec<Event>, HostError> {
        recovery::events(self.journal.as_ref(), execution_id)
    }

    fn cancel(&self, execution_id: &str, reason: &str) -> Result<(), HostError> {
        let reason = Some(reason.to_owned());
        self.host.cancel(execution_id, reason, false)
    }

    fn note(&self, kind: &'static str, payload: Value) {
        let record = NewRecord {
            at_ms: now_ms(),
            kind,
            payload: payload.to_string().into_bytes(),
        };
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![record],
            ..Batch::default()
        };
        self.journal.append(
            batch,
            Box::new(move |stored| {
                if let Err(error) = stored {
                    tracing::warn!(%error, kind, "what happened cannot be written down");
                }
            }),
        );
    }

    fn tools(&self, named: Option<&BTreeSet<String>>) -> Result<Vec<ToolStatus>, HostError> {
        (self.tools)(named)
    }
}
