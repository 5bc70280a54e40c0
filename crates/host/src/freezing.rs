//! Freezing: while it lasts, no call gets a permit, whatever execution it is of. What is held back meanwhile goes on when
//! it is over.

use crate::ask::HostError;
use crate::host::{Host, Input};
use crate::switch::{Freeze, Switch};
use mandate_engine::Body;
use mandate_store::{Appended, StoreError};
use std::sync::mpsc::Sender;

impl Host {
    /// Throws the switch. A freeze holds from here on, whatever becomes of its row; a thaw once the disk has it.
    pub(crate) fn throw(
        &mut self,
        switch: Switch,
        by: String,
        reply: Sender<Result<(), HostError>>,
    ) {
        if let Err(error) = switch.fits(self.frozen.as_ref()) {
            let _ = reply.send(Err(error));
            return;
        }
        let now_ms = self.parts.clock.now_ms();
        let batch = switch.batch(&by, now_ms);
        if let Switch::Freeze { reason } = &switch {
            self.frozen = Some(Freeze {
                by: by.clone(),
                reason: reason.clone(),
                since_ms: now_ms,
            });
        }
        let post = self.post.clone();
        self.parts.journal.append(
            batch,
            Box::new(move |result| {
                post(Input::Thrown {
                    switch,
                    by,
                    result,
                    reply,
                })
            }),
        );
    }

    /// The disk has the switch, or failed to take it.
    pub(crate) fn thrown(
        &mut self,
        switch: &Switch,
        by: &str,
        result: Result<Appended, StoreError>,
        reply: &Sender<Result<(), HostError>>,
    ) {
        if result.is_ok() && matches!(switch, Switch::Thaw { .. }) {
            self.frozen = None;
            self.try_held(by);
        }
        let _ = reply.send(result.map(|_| ()).map_err(HostError::Store));
    }

    /// What was held back is tried anew.
    fn try_held(&mut self, by: &str) {
        let held: Vec<String> = self
            .drives
            .iter()
            .filter(|(_, drive)| drive.state.is_frozen())
            .map(|(execution_id, _)| execution_id.clone())
            .collect();
        for execution_id in held {
            self.take_turn(&execution_id, Body::Thawed { by: by.to_owned() });
            self.reschedule(&execution_id);
        }
    }
}
