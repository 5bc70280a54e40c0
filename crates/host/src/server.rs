//! The host's socket: other processes ask what this one's commands ask through a [`Handle`].
//!
//! Every conversation runs on the Tokio runtime beside the host's thread. One that is slow, silent or mad holds up
//! nobody else: what it may send is bounded, what it is told comes from the disk at its own pace, and the host is
//! asked the same way as by everybody.

mod conversation;
mod lines;
mod outlooks;
mod watching;

use crate::ask::HostError;
use crate::handle::Handle;
use crate::intake::Intake;
use crate::keys::Keys;
use crate::socket::{self, Bound};
pub use crate::wire::Farewell;
use mandate_store::Journal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// How many conversations there may be at a time.
const CONVERSATIONS: usize = 256;
/// How long the end of a conversation may take when the host leaves.
const FAREWELL: Duration = Duration::from_secs(4);

/// What a conversation needs.
pub(crate) struct Desk {
    host: Handle,
    journal: Arc<dyn Journal>,
    intake: Arc<Intake>,
    keys: Arc<Keys>,
    directory: (u64, u64),
    replacing: Arc<Replacing>,
}

/// Whether another process may take this one's place, and whether one wants to.
#[derive(Default)]
struct Replacing {
    may: AtomicBool,
    wanted: AtomicBool,
}

impl Desk {
    /// Another process wants to take this one's place.
    fn hand_over(&self) -> Result<(), HostError> {
        if !self.replacing.may.load(Ordering::Acquire) {
            return Err(HostError::NotNow(
                "somebody looks at what this process does: it leaves when that is done".to_owned(),
            ));
        }
        self.replacing.wanted.store(true, Ordering::Release);
        Ok(())
    }
}

/// Serves the socket until it is dropped.
pub struct Server {
    // Removed first, so that whoever comes now finds nobody.
    bound: Option<Bound>,
    end: watch::Sender<Option<Farewell>>,
    places: Arc<Semaphore>,
    replacing: Arc<Replacing>,
}

impl Server {
    /// Serves the socket of the data directory `dir`, whose lock this process holds.
    ///
    /// # Errors
    /// There can be no socket.
    pub fn start(
        dir: &Path,
        host: Handle,
        journal: Arc<dyn Journal>,
        intake: Arc<Intake>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, HostError> {
        let failed = |error: std::io::Error| {
            let dir = dir.display();
            HostError::Unreachable(format!("no socket can be made for `{dir}`: {error}"))
        };
        let directory = socket::identity(dir).map_err(failed)?;
        let (listener, bound) = socket::bind(dir).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::UnixListener::from_std(listener).map_err(failed)?
        };
        let replacing = Arc::<Replacing>::default();
        let desk = Arc::new(Desk {
            replacing: replacing.clone(),
            host,
            keys: Arc::new(Keys::new(journal.clone())),
            journal,
            intake,
            directory,
        });
        let (end, ending) = watch::channel(None);
        let places = Arc::new(Semaphore::new(CONVERSATIONS));
        runtime.spawn(accept(listener, desk, ending, places.clone()));
        Ok(Self {
            bound: Some(bound),
            end,
            places,
            replacing,
        })
    }

    /// Lets other processes take this one's place.
    pub fn may_hand_over(&self) {
        self.replacing.may.store(true, Ordering::Release);
    }

    /// Whether one wants to.
    pub fn is_to_hand_over(&self) -> bool {
        self.replacing.wanted.load(Ordering::Acquire)
    }

    /// How many conversations there are.
    pub fn conversations(&self) -> usize {
        // The one who waits for the next caller has a place too.
        let taken = CONVERSATIONS.saturating_sub(self.places.available_permits());
        taken.saturating_sub(1)
    }

    /// Ends every conversation with these words, and removes the socket. To be called when the host has stopped, so that
    /// its last events can be told.
    pub fn stop(&mut self, farewell: Farewell) {
        self.bound = None;
        self.end.send_replace(Some(farewell));
        let begun = Instant::now();
        while self.places.available_permits() < CONVERSATIONS && begun.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.bound.is_some() {
            self.stop(Farewell::Stop);
        }
    }
}

async fn accept(
    listener: tokio::net::UnixListener,
    desk: Arc<Desk>,
    mut ending: watch::Receiver<Option<Farewell>>,
    places: Arc<Semaphore>,
) {
    loop {
        // Beyond the limit, callers wait in the kernel's queue.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let conversation = conversation::hold(stream, desk.clone(), ending.clone());
                tokio::spawn(async move {
                    conversation.await;
                    drop(place);
                });
            }
            // Out of file descriptors, for example: that passes.
            Err(error) => {
                tracing::warn!(%error, "the host's socket does not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Does what waits on a thread that may wait.
pub(crate) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(HostError::Stopped))
}
