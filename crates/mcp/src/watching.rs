//! Looking on while an execution that a session drives goes on without it: somebody approves, cancels or answers, and the
//! list of tools changes.

use crate::desk::Desk;
use crate::seat::Seat;
use mandate_host::Outlook;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How often it looks whether anybody is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits before it asks again, when the host is gone.
const AGAIN: Duration = Duration::from_millis(500);
/// Changes that follow each other as closely as this are told once. The agent's own calls say themselves what comes next.
const SOON: Duration = Duration::from_millis(20);

/// Begins looking on, for as long as the session drives that execution. On a runtime's thread.
pub(crate) fn begin(seat: &Arc<Seat>, desk: Arc<dyn Desk>, execution_id: String) {
    let seat = Arc::downgrade(seat);
    tokio::spawn(async move {
        while drives(&seat, &execution_id).is_some() {
            let (asked, id) = (desk.clone(), execution_id.clone());
            let outlook = tokio::task::spawn_blocking(move || asked.outlook(&id)).await;
            if let Ok(Ok(outlook)) = outlook
                && look_on(&seat, outlook, &execution_id).await
            {
                return;
            }
            sleep(AGAIN).await;
        }
    });
}

fn drives(seat: &Weak<Seat>, execution_id: &str) -> Option<Arc<Seat>> {
    seat.upgrade().filter(|seat| seat.drives(execution_id))
}

/// Looks on until there is nothing more to see, or, with false, until the host is gone.
async fn look_on(
    seat: &Weak<Seat>,
    mut outlook: watch::Receiver<Outlook>,
    execution_id: &str,
) -> bool {
    loop {
        let now = outlook.borrow_and_update().clone();
        let Some(seated) = drives(seat, execution_id) else {
            return true;
        };
        seated.noticed(execution_id, &now);
        drop(seated);
        if now.ending {
            return true;
        }
        sleep(SOON).await;
        loop {
            match timeout(LOOK, outlook.changed()).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) => return false,
                Err(_) if drives(seat, execution_id).is_none() => return true,
                Err(_) => {}
            }
        }
    }
}
