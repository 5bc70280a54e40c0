//! The local host: the reactor on a thread of its own, calls on a Tokio runtime.

use crate::ask::HostError;
use crate::clock::{Clock, SystemClock};
use crate::handle::{Handle, Message};
use crate::host::{Host, Ids, Parts, Post};
use crate::spawn::OnTokio;
use mandate_store::Journal;
use mandate_tools::Tools;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
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

/// A host that runs on a thread of this process.
pub struct LocalHost {
    handle: Handle,
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
            handle: Handle { to_host },
            thread: Some(thread),
        })
    }

    /// A handle that may be handed on, to other threads too.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl std::ops::Deref for LocalHost {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for LocalHost {
    /// Stops taking inputs. What was appended reaches the disk when the store is dropped; calls under way are dropped
    /// with the runtime and found again by the next host.
    fn drop(&mut self) {
        let _ = self.handle.to_host.send(Message::Stop);
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
