//! Threads that serve connections. What is asked on a connection is done and answered on one thread, as far as it goes: work
//! that is handed from one thread to another waits until that one is awake, and begins with cold caches.

use crate::errors::Failure;
use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// The most threads. Where there are more processors, tools and the journal have them.
const MOST: usize = 8;

/// The threads. Dropped, they end, and what still waits on them is dropped.
pub(crate) struct Lanes {
    runtimes: Vec<Runtime>,
    first: Handle,
    all: Vec<Handle>,
}

impl Lanes {
    /// One for each processor.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn start() -> Result<Self, Failure> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(processors.min(MOST))
    }

    /// Only one: for conversations over the socket.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn one() -> Result<Self, Failure> {
        Self::of(1)
    }

    fn of(count: usize) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::io("cannot start the threads that serve connections", &error)
        };
        let first_one = lane().map_err(failed)?;
        let first = first_one.handle().clone();
        let mut runtimes = vec![first_one];
        for _ in 1..count {
            runtimes.push(lane().map_err(failed)?);
        }
        let all = runtimes.iter().map(|lane| lane.handle().clone()).collect();
        Ok(Self {
            runtimes,
            first,
            all,
        })
    }

    /// The one where the pipes of tool servers and the conversations over the socket are.
    pub(crate) fn first(&self) -> &Handle {
        &self.first
    }

    /// All of them, that one first.
    pub(crate) fn all(&self) -> &[Handle] {
        &self.all
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for lane in std::mem::take(&mut self.runtimes) {
            lane.shutdown_background();
        }
    }
}

/// With threads beside it for what waits, unlike a runtime of the current thread.
fn lane() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("mandate-serving")
        .enable_all()
        .build()
}
