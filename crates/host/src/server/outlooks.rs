//! Telling somebody what an agent could call in an execution, as often as they can use it.

use super::lines::Mouth;
use super::{Desk, waiting};
use crate::ask::HostError;
use crate::wire::Said;
use std::sync::Arc;
use std::time::Duration;

/// What changes within this time is told once.
const SOON: Duration = Duration::from_millis(20);

/// Tells it until the execution is ending or nobody listens.
pub(super) async fn tell(desk: Arc<Desk>, id: u64, execution_id: String, mouth: Mouth) {
    let host = desk.host.clone();
    let mut outlook = match waiting(move || host.outlook(&execution_id)).await {
        Ok(outlook) => outlook,
        Err(error) => {
            let error = error.into();
            mouth.say(&Said::Failed { id, error }).await;
            return;
        }
    };
    loop {
        let now = outlook.borrow_and_update().clone();
        let ending = now.ending;
        let said = Said::Outlook { id, outlook: now };
        if !mouth.say(&said).await || ending {
            return;
        }
        tokio::time::sleep(SOON).await;
        let changed = tokio::select! {
            changed = outlook.changed() => changed.is_ok(),
            () = mouth.closed() => return,
        };
        if !changed {
            // It is driven no more by this host.
            let error = HostError::Stopped.into();
            mouth.say(&Said::Lost { id, error }).await;
            return;
        }
    }
}
