//! The host, wherever it is: in this process, or in the one that has the data directory's lock.

use crate::agent::{AgentAnswer, AgentWish, Shown};
use crate::ask::{HostError, Submitted, Update};
use crate::asking::Local;
use crate::client::Client;
use crate::intake::Proposal;
use crate::outlook::Outlook;
use crate::tokens::Issued;
use crate::wire::Answered;
use mandate_engine::event::Resolution;
use std::collections::BTreeSet;
use std::sync::mpsc::Receiver;

/// A way to the host. Whatever is asked has the same answers and errors, wherever the host is.
pub enum Connection {
    /// It is in this process.
    Local(Local),
    /// It is in another one.
    Remote(Client),
}

impl Connection {
    /// Has a plan run. Returns when its execution is on the disk.
    ///
    /// # Errors
    /// What is wrong with it, policy's refusal, or the store's failure.
    pub fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        match self {
            Connection::Local(local) => local.submit(proposal),
            Connection::Remote(client) => client.submit(proposal),
        }
    }

    /// Has an unfinished execution taken up.
    ///
    /// # Errors
    /// When there is none of that id, or its journal does not fold.
    pub fn take_up(&self, execution_id: &str) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.take_up(execution_id),
            Connection::Remote(client) => client.take_up(execution_id),
        }
    }

    /// Tells where an execution is, and everything that happens from here on. Ends without a word when the host is gone.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        match self {
            Connection::Local(local) => local.watch(execution_id),
            Connection::Remote(client) => client.watch(execution_id),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When it is not open, the answer does not fit, or the one who answers may not.
    pub fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.answer(execution_id, answer),
            Connection::Remote(client) => client.answer(execution_id, answer),
        }
    }

    /// Does what somebody with a token wants. Returns when what came of it is on the disk.
    ///
    /// # Errors
    /// [`HostError::Refused`], or why nothing can be done.
    pub fn agent(&self, shown: Shown, wish: AgentWish) -> Result<AgentAnswer, HostError> {
        match self {
            Connection::Local(local) => local.agent(shown, wish),
            Connection::Remote(client) => client.agent(shown, wish),
        }
    }

    /// What an agent could call in an execution, now and whenever that changes.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn outlook(
        &self,
        execution_id: &str,
    ) -> Result<tokio::sync::watch::Receiver<Outlook>, HostError> {
        match self {
            Connection::Local(local) => local.outlook(execution_id),
            Connection::Remote(client) => client.outlook(execution_id),
        }
    }

    /// Gives a token out, for these steps only if any are named.
    ///
    /// # Errors
    /// When the execution is somebody else's, or has no tokens.
    pub fn token(
        &self,
        execution_id: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Issued, HostError> {
        match self {
            Connection::Local(local) => local.token(execution_id, steps),
            Connection::Remote(client) => client.token(execution_id, steps),
        }
    }

    /// Makes a new key for tokens, and gives its id; those before it may go at once.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn rotate_tokens(&self, at_once: bool) -> Result<String, HostError> {
        match self {
            Connection::Local(local) => local.rotate_tokens(at_once),
            Connection::Remote(client) => client.rotate_tokens(at_once),
        }
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// When it is ending already.
    pub fn cancel(
        &self,
        execution_id: &str,
        reason: Option<String>,
        force: bool,
    ) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.cancel(execution_id, reason, force),
            Connection::Remote(client) => client.cancel(execution_id, reason, force),
        }
    }

    /// Lets no more steps start.
    ///
    /// # Errors
    /// When it is paused or ending already.
    pub fn pause(&self, execution_id: &str) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.pause(execution_id),
            Connection::Remote(client) => client.pause(execution_id),
        }
    }

    /// Lets steps start again.
    ///
    /// # Errors
    /// When it is not paused.
    pub fn resume(&self, execution_id: &str) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.resume(execution_id),
            Connection::Remote(client) => client.resume(execution_id),
        }
    }

    /// Says what became of a step in doubt.
    ///
    /// # Errors
    /// When the step is not in doubt.
    pub fn resolve(
        &self,
        execution_id: &str,
        place: (&str, Option<u32>),
        resolution: Resolution,
    ) -> Result<(), HostError> {
        match self {
            Connection::Local(local) => local.resolve(execution_id, place, resolution, "cli"),
            Connection::Remote(client) => client.resolve(execution_id, place, resolution),
        }
    }
}
