//! Where the servers' pipes are read and written: one thread, whatever drives the calls.
//!
//! Servers outlive the runtime of a single command's call, and are started by code that has none.

use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime that begins when it is first needed.
#[derive(Default)]
pub(super) struct ServerThread(Mutex<Option<Runtime>>);

impl ServerThread {
    /// The runtime's handle.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn handle(&self) -> Result<Handle, String> {
        let mut runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.take() {
            // Waiting would panic where this is dropped by a task.
            runtime.shutdown_background();
        }
    }
}
