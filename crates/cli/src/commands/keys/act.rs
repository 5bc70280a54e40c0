//! What is done to keys, by the host if one runs: it is the one that writes.

use crate::{config::Settings, errors::Failure, hosting::open, who};
use mandate_host::{HostError, KeyAct, KeyActed, Keys};
use mandate_store::StoreError;
use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a process may hold the journal without answering: it opens it, or it is about to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Has it done.
///
/// # Errors
/// Why it is not done.
pub(super) fn act(settings: &Settings, act: KeyAct) -> Result<KeyActed, Failure> {
    let begun = Instant::now();
    loop {
        let locked = match open(settings) {
            Ok(store) => {
                // A program that a plan started cannot give keys in the name of a human.
                if std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
                    let pid = std::process::id();
                    return Err(HostError::FromATool { pid }.into());
                }
                let by = who::principal(&store)?;
                return Ok(Keys::new(Arc::new(store)).act(act, &by)?);
            }
            Err(error @ StoreError::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match who::connect(settings) {
            Ok(host) => return Ok(host.act_on_keys(act)?),
            Err(HostError::Unreachable(_)) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Err(HostError::Unreachable(_)) => return Err(locked.into()),
            Err(error) => return Err(error.into()),
        }
    }
}
