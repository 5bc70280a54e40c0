//! Where the servers' pipes are read and written: on the threads of a process that has some for as long as it lives, so that
//! a call and its answer are handed to no other thread; else on one thread of their own, whatever drives the calls.
//!
//! Servers outlive the runtime of a single command's call, and are started by code that has none.

use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that the servers are on.
pub(super) enum ServerThread {
    /// One that lives as long as the process.
    Given(Handle),
    /// One of their own, which begins when it is first needed.
    Own(Mutex<Option<Runtime>>),
}

impl ServerThread {
    pub(super) fn new(given: Option<Handle>) -> Self {
        given.map_or_else(|| Self::Own(Mutex::default()), Self::Given)
    }

    /// The runtime's handle.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn handle(&self) -> Result<Handle, String> {
        let own = match self {
            Self::Given(handle) => return Ok(handle.clone()),
            Self::Own(own) => own,
        };
        let mut runtime = own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let made = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mandate-servers")
            .enable_all()
            .build()
            .map_err(|error| format!("no thread for tool servers: {error}"))?;
        Ok(runtime.insert(made).handle().clone())
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        let Self::Own(own) = self else { return };
        let runtime = own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.take() {
            // Waiting would panic where this is dropped by a task.
            runtime.shutdown_background();
        }
    }
}
