//! Where an agent is answered: on a thread that waits for it, or in a task.

use super::AgentAnswer;
use crate::ask::HostError;
use std::sync::mpsc::Sender;
use tokio::sync::mpsc::UnboundedSender;

/// Where an agent is answered, once.
#[derive(Debug, Clone)]
pub enum AgentReply {
    /// A thread waits.
    Thread(Sender<Result<AgentAnswer, HostError>>),
    /// A task does, and no thread.
    Task(UnboundedSender<Result<AgentAnswer, HostError>>),
}

impl AgentReply {
    /// Answers. Whoever has gone is not told.
    pub(crate) fn give(&self, answer: Result<AgentAnswer, HostError>) {
        match self {
            AgentReply::Thread(reply) => {
                let _ = reply.send(answer);
            }
            AgentReply::Task(reply) => {
                let _ = reply.send(answer);
            }
        }
    }
}
