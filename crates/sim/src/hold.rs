//! Holding what is shared: everything runs on one thread, but the host's traits may not know that.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the mutex guards; a panic of a simulated tool leaves nothing half done.
pub(crate) fn hold<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
