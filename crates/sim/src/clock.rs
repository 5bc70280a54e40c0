//! Time that passes when the simulation says so, and jumps when it says so.

use mandate_host::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of the simulated machine.
#[derive(Debug)]
pub(crate) struct SimClock(AtomicI64);

impl SimClock {
    pub(crate) fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Time goes by; or back, where `by_ms` is negative.
    pub(crate) fn pass(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
