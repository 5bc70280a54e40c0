//! What the registry counts of each tool, and the state a tool is in.

use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Where a tool is in its life. Success and error of calls are no states: [`Metrics`] count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lifecycle {
    /// Its definition was read.
    Loaded,
    /// It can be called.
    Initialized,
    /// At least one call is under way.
    Running,
    /// It cannot be called: its definition is broken, or its provider does not start.
    Failed,
    /// Its provider is gone, or was switched off.
    Unavailable,
}

impl Lifecycle {
    /// The state as it is written everywhere outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Loaded => "LOADED",
            Lifecycle::Initialized => "INITIALIZED",
            Lifecycle::Running => "RUNNING",
            Lifecycle::Failed => "FAILED",
            Lifecycle::Unavailable => "UNAVAILABLE",
        }
    }
}

/// What was counted since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Calls that completed.
    pub success_count: u64,
    /// Calls that ended otherwise, dropped ones included.
    pub error_count: u64,
    /// How long the last call took, in milliseconds.
    pub last_execution_time_ms: Option<f64>,
    /// How long a call takes on average, in milliseconds.
    pub avg_execution_time_ms: Option<f64>,
    /// When the last call ended, in milliseconds since 1970 (UTC).
    pub last_used: Option<i64>,
}

/// The life of one tool, shared by its calls.
#[derive(Debug)]
pub(crate) struct Life {
    inner: Mutex<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    /// `Running` is not stored: it follows from the count.
    state: Lifecycle,
    why: Option<String>,
    running: u64,
    metrics: Metrics,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: Lifecycle::Loaded,
                why: None,
                running: 0,
                metrics: Metrics::default(),
            }),
        }
    }

    /// A thread that panicked has left numbers behind that are whole all the same.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; a tool that is gone or broken does not come back, a new one is loaded in its place.
    pub(crate) fn move_to(&self, state: Lifecycle, why: Option<String>) {
        let mut inner = self.lock();
        if matches!(inner.state, Lifecycle::Loaded | Lifecycle::Initialized) {
            inner.state = state;
            inner.why = why;
        }
    }

    pub(crate) fn state(&self) -> (Lifecycle, Option<String>) {
        let inner = self.lock();
        match inner.state {
            Lifecycle::Initialized if inner.running > 0 => (Lifecycle::Running, None),
            state => (state, inner.why.clone()),
        }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        self.lock().metrics
    }
}

/// One call under way. However it ends, by an outcome, a panic or a drop, it is counted.
pub(crate) struct Running {
    life: Arc<Life>,
    begun: Instant,
    succeeded: bool,
}

impl Running {
    pub(crate) fn begin(life: Arc<Life>) -> Self {
        life.lock().running += 1;
        Self {
            life,
            begun: Instant::now(),
            succeeded: false,
        }
    }

    pub(crate) fn succeeded(&mut self) {
        self.succeeded = true;
    }

    /// How long it has been under way, in milliseconds.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let took = self.begun.elapsed().as_secs_f64() * 1000.0;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut inner = self.life.lock();
        inner.running = inner.running.saturating_sub(1);
        let metrics = &mut inner.metrics;
        if self.succeeded {
            metrics.success_count += 1;
        } else {
            metrics.error_count += 1;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "an average over 2^53 calls may be a little off"
        )]
        let count = (metrics.success_count + metrics.error_count) as f64;
        let average = metrics.avg_execution_time_ms.unwrap_or(0.0);
        metrics.avg_execution_time_ms = Some(average + (took - average) / count);
        metrics.last_execution_time_ms = Some(took);
        metrics.last_used = Some(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    }
}
