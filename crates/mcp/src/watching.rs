//! Looking on while an execution that a session drives goes on without it: somebody approves, cancels or answers, and the
//! list of tools changes.

use crate::desk::Desk;
use crate::seat::Seat;
use mandate_host::Update;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often it looks whether anybody is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits before it asks again, when the host is gone.
const AGAIN: Duration = Duration::from_millis(500);

/// Begins looking on, for as long as the session drives that execution.
pub(crate) fn begin(seat: &Arc<Seat>, desk: Arc<dyn Desk>, execution_id: String) {
    let seat = Arc::downgrade(seat);
    let begun = std::thread::Builder::new()
        .name("mandate-mcp-watch".to_owned())
        .spawn(move || look_on(&seat, desk.as_ref(), &execution_id));
    if let Err(error) = begun {
        tracing::warn!(%error, "changes of the tools are not told");
    }
}

fn look_on(seat: &Weak<Seat>, desk: &dyn Desk, execution_id: &str) {
    let drives = || seat.upgrade().filter(|seat| seat.drives(execution_id));
    while drives().is_some() {
        let Ok(updates) = desk.watch(execution_id) else {
            std::thread::sleep(AGAIN);
            continue;
        };
        loop {
            match updates.recv_timeout(LOOK) {
                Ok(Update::Rest(rest)) => {
                    let Some(seat) = drives() else { return };
                    seat.noticed(&rest.state);
                    if rest.state.ending.is_some() {
                        return;
                    }
                }
                Ok(Update::Lost(_)) | Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(AGAIN);
                    break;
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if drives().is_none() => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
