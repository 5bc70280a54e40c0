//! What gateways ask of the host of another process: calls of agents, their tokens, and what could be called.

use super::{Answer, Client, Done, Open, Reply, Shared, Telling, settle, unanswered};
use crate::agent::{AgentAnswer, AgentWish, Shown};
use crate::ask::HostError;
use crate::outlook::Outlook;
use crate::tokens::Issued;
use crate::wire::{AgentSaid, Wish};
use std::collections::BTreeSet;
use tokio::sync::{oneshot, watch};

impl Client {
    /// Does what somebody with a token wants. A call takes as long as it takes.
    ///
    /// # Errors
    /// [`HostError::Refused`], or [`HostError::Gone`].
    pub fn agent(&self, shown: Shown, wish: AgentWish) -> Result<AgentAnswer, HostError> {
        answer(self.put_for(wanted(shown, wish), None, None))
    }

    /// The same, awaited by a task: it is asked at once, and no thread waits.
    pub fn agent_soon(
        &self,
        shown: Shown,
        wish: AgentWish,
    ) -> impl Future<Output = Result<AgentAnswer, HostError>> + Send + use<> {
        let (reply, answered) = oneshot::channel();
        let open = Open {
            reply: Some(Reply::Task(reply)),
            telling: None,
        };
        let asked = self.say(wanted(shown, wish), open);
        async move {
            asked?;
            answer(answered.await.unwrap_or(Err(HostError::Gone)))
        }
    }

    /// Gives a token out.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn token(
        &self,
        execution_id: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Issued, HostError> {
        let execution_id = execution_id.to_owned();
        let ask = Wish::Token {
            execution_id,
            steps,
        };
        match self.put(ask, None)?.agent {
            Some(AgentSaid::Issued(issued)) => Ok(issued),
            _ => Err(unanswered()),
        }
    }

    /// Makes a new key for tokens, and gives its id; those before it may go at once.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn rotate_tokens(&self, at_once: bool) -> Result<String, HostError> {
        match self.put(Wish::RotateTokens { at_once }, None)?.agent {
            Some(AgentSaid::Rotated(key)) => Ok(key),
            _ => Err(unanswered()),
        }
    }

    /// Tells what an agent could call in an execution, now and whenever that changes.
    ///
    /// # Errors
    /// Why the host does not, or [`HostError::Gone`].
    pub fn outlook(&self, execution_id: &str) -> Result<watch::Receiver<Outlook>, HostError> {
        let execution_id = execution_id.to_owned();
        let telling = Telling::Outlook(None);
        let done = self.put(Wish::Outlook { execution_id }, Some(telling))?;
        done.outlook.ok_or_else(unanswered)
    }
}

fn wanted(shown: Shown, wish: AgentWish) -> Wish {
    Wish::Agent {
        execution_id: shown.execution_id,
        token: shown.token,
        claims: shown.claims,
        beneath: shown.beneath,
        wish,
    }
}

fn answer(done: Answer) -> Result<AgentAnswer, HostError> {
    match done?.agent {
        Some(AgentSaid::Answer(answer)) => Ok(*answer),
        _ => Err(unanswered()),
    }
}

/// Takes what the host says of an outlook: the first is the answer to whoever asked.
pub(super) fn look(id: u64, outlook: Outlook, shared: &mut Shared) {
    let open = shared.open.get_mut(&id);
    let Some(Telling::Outlook(told)) = open.and_then(|open| open.telling.as_mut()) else {
        return;
    };
    match told {
        None => {
            let fresh = watch::Sender::new(outlook);
            let outlook = fresh.subscribe();
            *told = Some(fresh);
            let done = Done {
                outlook: Some(outlook),
                ..Done::default()
            };
            settle(id, Ok(done), shared);
        }
        Some(told) if told.is_closed() => {
            shared.open.remove(&id);
        }
        Some(told) => {
            told.send_replace(outlook);
        }
    }
}
