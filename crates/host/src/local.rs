//! The local host: the reactor on a thread of its own, calls on a Tokio runtime, and a handle for surfaces.

use crate::ask::{Ask, HostError, Submission, Submitted, Update};
use crate::clock::{Clock, SystemClock};
use crate::host::{Host, Ids, Input, Parts, Post};
use crate::spawn::OnTokio;
use mandate_engine::event::{Answer, Resolution};
use mandate_store::Journal;
use mandate_tools::Tools;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// UUID v7 ids, random seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    fn seed(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        // Without randomness the jitter is the same everywhere, which harms nothing but load.
        let _ = getrandom::fill(&mut bytes);
        // 53 bits, so that the number survives JSON.
        u64::from_be_bytes(bytes) >> 11
    }
}

enum Message {
    Input(Input),
    Stop,
}

/// A host that runs on a thread of this process.
pub struct LocalHost {
    to_host: Sender<Message>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LocalHost {
    /// Starts the host's thread. Calls run on `runtime`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        journal: Arc<dyn Journal>,
        tools: Arc<dyn Tools>,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, HostError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let parts = Parts {
            clock: clock.clone(),
            journal,
            tools,
            spawn: Arc::new(OnTokio(runtime)),
            ids: Arc::new(RandomIds),
        };
        let (to_host, inbox) = channel();
        let poster = to_host.clone();
        let post: Post = Arc::new(move |input| {
            // A host that is gone needs no input: the next one folds the journal.
            let _ = poster.send(Message::Input(input));
        });
        let thread = std::thread::Builder::new()
            .name("mandate-host".to_owned())
            .spawn(move || run(Host::new(parts, post), &inbox, clock.as_ref()))
            .map_err(|_| HostError::Stopped)?;
        Ok(Self {
            to_host,
            thread: Some(thread),
        })
    }

    fn ask<T>(
        &self,
        ask: impl FnOnce(Sender<Result<T, HostError>>) -> Ask,
    ) -> Result<T, HostError> {
        let (reply, answer) = channel();
        self.to_host
            .send(Message::Input(Input::Ask(ask(reply))))
            .map_err(|_| HostError::Stopped)?;
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

    /// Answers a request.
    ///
    /// # Errors
    /// When it is not open, or the answer does not fit.
    pub fn answer(&self, execution_id: &str, answer: Answer) -> Result<(), HostError> {
        self.ask(|reply| Ask::Answer(execution_id.to_owned(), answer, reply))
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

    /// Says what became of a step in doubt.
    ///
    /// # Errors
    /// When the step is not in doubt.
    pub fn resolve(
        &self,
        execution_id: &str,
        (step, item): (&str, Option<u32>),
        by: &str,
        resolution: Resolution,
    ) -> Result<(), HostError> {
        let (execution_id, step, by) = (execution_id.to_owned(), step.to_owned(), by.to_owned());
        self.ask(|reply| Ask::Resolve {
            execution_id,
            step,
            item,
            by,
            resolution,
            reply,
        })
    }
}

impl Drop for LocalHost {
    /// Stops taking inputs. What was appended reaches the disk when the store is dropped; calls under way are dropped
    /// with the runtime and found again by the next host.
    fn drop(&mut self) {
        let _ = self.to_host.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut host: Host, inbox: &Receiver<Message>, clock: &dyn Clock) {
    loop {
        let message = match host.next_due_ms() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due_ms) => {
                let left_ms = due_ms.saturating_sub(clock.now_ms()).max(0);
                inbox.recv_timeout(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
            }
        };
        match message {
            Ok(Message::Input(input)) => host.handle(input),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        host.tick();
    }
}
