//! Running calls beside the host, and dropping them.

use futures_util::future::BoxFuture;

/// Runs futures. Nothing in the host depends on when or on which thread.
pub trait Spawn: Send + Sync {
    /// Runs `task` to its end unless it is aborted.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Box<dyn Task>;
}

/// A future that was spawned.
pub trait Task: Send {
    /// Drops the future as soon as it can be; what it holds (a process group, a connection) ends with it.
    fn abort(&self);
}

/// Spawns on a Tokio runtime.
#[derive(Debug, Clone)]
pub struct OnTokio(pub tokio::runtime::Handle);

struct TokioTask(tokio::task::AbortHandle);

impl Spawn for OnTokio {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Box<dyn Task> {
        Box::new(TokioTask(self.0.spawn(task).abort_handle()))
    }
}

impl Task for TokioTask {
    fn abort(&self) {
        self.0.abort();
    }
}
