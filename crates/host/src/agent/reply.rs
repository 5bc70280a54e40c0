//! Where an agent is answered: on a thread that waits for it, or in a task.

use super::AgentAnswer;
use crate::ask::HostError;
use crate::host::Host;
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

impl Host {
    /// Answers when the disk has what the answer says. Reads that lingered are written for it, so that whoever looks into the
    /// journal next finds them.
    pub(super) fn told_from_disk(
        &mut self,
        id: &str,
        answer: AgentAnswer,
        reply: AgentReply,
    ) -> Result<(), HostError> {
        let drive = self.drive(id)?;
        let seq = drive.state.seq;
        let told = move |stored: Result<(), HostError>| reply.give(stored.map(|()| answer));
        drive.replies.push((seq, Box::new(told)));
        drive.give_replies();
        self.flush(id);
        Ok(())
    }
}
