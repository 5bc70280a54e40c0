//! Signals: the first Ctrl-C cancels, everything after it, SIGTERM and SIGHUP mean "leave it".

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::signal::unix::{SignalKind, signal};

/// The signals that came in so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupts {
    presses: Arc<AtomicU32>,
    terminations: Arc<AtomicU32>,
}

impl Interrupts {
    /// Counts signals from here on; they no longer end the process by themselves.
    pub(crate) fn listen(runtime: &tokio::runtime::Runtime) -> Self {
        let this = Self::default();
        let kinds = [
            (SignalKind::interrupt(), &this.presses),
            (SignalKind::terminate(), &this.terminations),
            (SignalKind::hangup(), &this.terminations),
        ];
        for (kind, count) in kinds {
            let count = Arc::clone(count);
            runtime.spawn(async move {
                // A signal that cannot be watched keeps its usual meaning.
                let Ok(mut signals) = signal(kind) else {
                    return;
                };
                while signals.recv().await.is_some() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        this
    }

    /// How often Ctrl-C was pressed.
    pub(crate) fn presses(&self) -> u32 {
        self.presses.load(Ordering::Relaxed)
    }

    /// How many signals of any kind came.
    pub(crate) fn all(&self) -> u32 {
        self.presses()
            .saturating_add(self.terminations.load(Ordering::Relaxed))
    }

    /// Whether the process was asked to go.
    pub(crate) fn must_leave(&self) -> bool {
        self.terminations.load(Ordering::Relaxed) > 0 || self.presses() > 1
    }
}
