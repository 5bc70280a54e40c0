//! The handle of a host that runs in this process: what is asked is put into its inbox, and the answer awaited.

use crate::agent::{AgentAnswer, AgentAsk, AgentReply};
use crate::ask::{Ask, HostError, Submission, Submitted, Update};
use crate::following::Notice;
use crate::host::Input;
use crate::leaving::Doings;
use crate::outlook::Outlook;
use crate::overriding::Overriding;
use crate::reactor::Reactor;
use crate::switch::Switch;
use crate::tokens::Issued;
use mandate_engine::event::{Answer, Resolution};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What the host's thread takes up.
#[expect(
    clippy::large_enum_variant,
    reason = "`Stop` comes once; a box would cost every input"
)]
pub(crate) enum Message {
    /// An input.
    Input(Input),
    /// Look at the time: something is due sooner than it was.
    Look,
    /// Nothing more.
    Stop,
}

/// Asks a host on a thread of this process. Each call waits for the answer.
#[derive(Clone)]
pub struct Handle {
    pub(crate) reactor: Arc<Reactor>,
}

impl Handle {
    fn put(&self, ask: Ask) -> Result<(), HostError> {
        let message = Message::Input(Input::Ask(ask));
        self.reactor.send(message)
    }

    fn ask<T>(
        &self,
        ask: impl FnOnce(Sender<Result<T, HostError>>) -> Ask,
    ) -> Result<T, HostError> {
        let (reply, answer) = channel();
        self.put(ask(reply))?;
        answer.recv().map_err(|_| HostError::Stopped)?
    }

    /// Creates an execution. Returns when it is on the disk; what policy allows is running by then.
    ///
    /// # Errors
    /// What does not fit, policy's refusal, or the store's failure.
    pub fn submit(&self, submission: Submission) -> Result<Submitted, HostError> {
        self.ask(|reply| Ask::Submit(Box::new(submission), reply))
    }

    /// Takes an unfinished execution up.
    ///
    /// # Errors
    /// When there is none of that id, or its journal does not fold.
    pub fn resume_from_journal(&self, execution_id: &str) -> Result<(), HostError> {
        self.ask(|reply| Ask::Continue(execution_id.to_owned(), reply))
    }

    /// Tells where an execution rests, and everything that happens from here on.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        let (watcher, updates) = channel();
        self.ask(|reply| Ask::Watch(execution_id.to_owned(), watcher, reply))?;
        Ok(updates)
    }

    /// Tells where an execution rests, whenever it does from here on. Costs nothing while it goes on.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn await_rest(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        let (awaiting, rests) = channel();
        self.ask(|reply| Ask::AwaitRest(execution_id.to_owned(), awaiting, reply))?;
        Ok(rests)
    }

    /// Tells how far the disk is with an execution. Returns when it has everything up to here.
    ///
    /// # Errors
    /// There is none of that id, or it cannot be driven.
    pub fn follow(
        &self,
        execution_id: &str,
    ) -> Result<tokio::sync::watch::Receiver<Notice>, HostError> {
        let (follower, notices) = tokio::sync::watch::channel(Notice::default());
        self.ask(|reply| Ask::Follow(execution_id.to_owned(), follower, reply))?;
        Ok(notices)
    }

    /// Says that somebody who followed has gone.
    pub fn unfollow(&self, execution_id: &str) {
        let _ = self.put(Ask::Unfollow(execution_id.to_owned()));
    }

    /// What goes on in executions other than these.
    ///
    /// # Errors
    /// The host has stopped.
    pub fn doings_but(&self, these: &[String]) -> Result<Doings, HostError> {
        let (reply, answer) = channel();
        self.put(Ask::Doings(these.to_vec(), reply))?;
        answer.recv().map_err(|_| HostError::Stopped)
    }

    /// Has everything taken up that is unfinished, in the background.
    ///
    /// # Errors
    /// The store's failure.
    pub fn recover(&self) -> Result<(), HostError> {
        self.ask(Ask::Recover)
    }

    /// Lets no new step start and no more work come; with `only_if_idle`, only if nothing goes on. The answer comes when
    /// calls under way have ended and the disk has everything.
    ///
    /// # Errors
    /// The host has stopped.
    pub fn leave(&self, only_if_idle: bool) -> Result<Receiver<Result<(), HostError>>, HostError> {
        let (reply, answer) = channel();
        self.put(Ask::Leave(only_if_idle, reply))?;
        Ok(answer)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When it is not open, or the answer does not fit.
    pub fn answer(&self, execution_id: &str, answer: Answer) -> Result<(), HostError> {
        self.ask(|reply| Ask::Answer(execution_id.to_owned(), Box::new(answer), reply))
    }

    /// Does what somebody with a token wants. Returns when what came of it is on the disk.
    ///
    /// # Errors
    /// [`HostError::Refused`], or why nothing can be done.
    pub fn agent(&self, ask: AgentAsk) -> Result<AgentAnswer, HostError> {
        self.ask(|reply| Ask::Agent(Box::new(ask), AgentReply::Thread(reply)))
    }

    /// The same, awaited by a task: it is asked at once, and no thread waits.
    pub fn agent_soon(
        &self,
        ask: AgentAsk,
    ) -> impl Future<Output = Result<AgentAnswer, HostError>> + Send + use<> {
        let (reply, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let ask = Ask::Agent(Box::new(ask), AgentReply::Task(reply));
        let asked = self.reactor.take_up(Input::Ask(ask));
        async move {
            asked?;
            answered.recv().await.unwrap_or(Err(HostError::Stopped))
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
        self.ask(|reply| Ask::Outlook(execution_id.to_owned(), reply))
    }

    /// Gives a token out to the one who asked for the execution.
    ///
    /// # Errors
    /// When it is somebody else, or the execution has no tokens.
    pub fn token(
        &self,
        execution_id: &str,
        by: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Issued, HostError> {
        let (execution_id, by) = (execution_id.to_owned(), by.to_owned());
        self.ask(|reply| Ask::Token {
            execution_id,
            by,
            steps,
            reply,
        })
    }

    /// Makes a new key for tokens; those before it may go at once.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn rotate_tokens(&self, by: &str, at_once: bool) -> Result<String, HostError> {
        self.ask(|reply| Ask::RotateTokens(by.to_owned(), at_once, reply))
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// When it is ending already.
    pub fn cancel(
        &self,
        execution_id: &str,
        by: &str,
        reason: Option<String>,
        force: bool,
    ) -> Result<(), HostError> {
        let (execution_id, by) = (execution_id.to_owned(), by.to_owned());
        self.ask(|reply| Ask::Cancel {
            execution_id,
            by,
            reason,
            force,
            reply,
        })
    }

    /// Lets no more steps start.
    ///
    /// # Errors
    /// When it is paused or ending already.
    pub fn pause(&self, execution_id: &str, by: &str) -> Result<(), HostError> {
        self.ask(|reply| Ask::Pause(execution_id.to_owned(), by.to_owned(), reply))
    }

    /// Lets steps start again.
    ///
    /// # Errors
    /// When it is not paused.
    pub fn resume(&self, execution_id: &str, by: &str) -> Result<(), HostError> {
        self.ask(|reply| Ask::Resume(execution_id.to_owned(), by.to_owned(), reply))
    }

    /// Freezes calls everywhere, or thaws them. Returns when the disk has it.
    ///
    /// # Errors
    /// When it stands like that already.
    pub fn throw(&self, switch: Switch, by: &str) -> Result<(), HostError> {
        self.ask(|reply| Ask::Switch(switch, by.to_owned(), reply))
    }

    /// Executions were removed from the journal.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn removed(&self) -> Result<(), HostError> {
        self.ask(Ask::Removed)
    }

    /// Takes the approval back that an execution runs on.
    ///
    /// # Errors
    /// When nobody approved it, or it is ending already.
    pub fn revoke(
        &self,
        execution_id: &str,
        by: &str,
        reason: Option<String>,
    ) -> Result<(), HostError> {
        let (execution_id, by) = (execution_id.to_owned(), by.to_owned());
        self.ask(|reply| Ask::Revoke {
            execution_id,
            by,
            reason,
            reply,
        })
    }

    /// Lets one call of a step pass a policy deny.
    ///
    /// # Errors
    /// When the step has begun, or its arguments are not known yet.
    pub fn override_step(
        &self,
        execution_id: &str,
        overriding: Overriding,
    ) -> Result<(), HostError> {
        self.ask(|reply| Ask::Override(execution_id.to_owned(), overriding, reply))
    }

    /// Says what became of a step in doubt.
    ///
    /// # Errors
    /// When the step is not in doubt.
    pub fn resolve(
        &self,
        execution_id: &str,
        (step, item): (&str, Option<u32>),
        (by, channel): (&str, &str),
        resolution: Resolution,
    ) -> Result<(), HostError> {
        let (execution_id, step, by) = (execution_id.to_owned(), step.to_owned(), by.to_owned());
        let channel = channel.to_owned();
        self.ask(|reply| Ask::Resolve {
            execution_id,
            step,
            item,
            by,
            channel,
            resolution,
            reply,
        })
    }
}
