//! Watching: whoever looks on is told where an execution is, and what happens from there.

use crate::ask::{HostError, Rest, Update};
use crate::host::Host;
use crate::recovery::load;
use mandate_engine::Phase;
use std::sync::mpsc::Sender;

impl Host {
    pub(crate) fn watch(
        &mut self,
        execution_id: &str,
        watcher: Sender<Update>,
    ) -> Result<(), HostError> {
        if self.is_parked(execution_id) {
            self.unpark(execution_id)?;
        }
        if !self.drives.contains_key(execution_id) {
            return self.tell_ending(execution_id, &watcher);
        }
        let drive = self.drive(execution_id)?;
        if let Some(lost) = &drive.lost {
            return Err(lost.clone());
        }
        // What happened before the watch began is in the state; what follows comes event by event.
        let _ = watcher.send(Update::Now(Box::new(drive.state.clone())));
        drive.watchers.push(watcher);
        drive.told_rest = 0;
        drive.tell_rest();
        Ok(())
    }

    /// The same for one who wants to hear only where it rests.
    pub(crate) fn await_rest(
        &mut self,
        execution_id: &str,
        awaiting: Sender<Update>,
    ) -> Result<(), HostError> {
        if self.is_parked(execution_id) {
            self.unpark(execution_id)?;
        }
        if !self.drives.contains_key(execution_id) {
            let rest = self.ending(execution_id)?;
            let _ = awaiting.send(Update::Rest(Box::new(rest)));
            return Ok(());
        }
        let drive = self.drive(execution_id)?;
        if let Some(lost) = &drive.lost {
            return Err(lost.clone());
        }
        drive.awaiting.push(awaiting);
        drive.told_rest = 0;
        drive.tell_rest();
        Ok(())
    }

    /// An execution of reads alone may have ended before anybody could ask: its journal tells how.
    fn tell_ending(&self, execution_id: &str, watcher: &Sender<Update>) -> Result<(), HostError> {
        let rest = self.ending(execution_id)?;
        let _ = watcher.send(Update::Now(Box::new(rest.state.clone())));
        let _ = watcher.send(Update::Rest(Box::new(rest)));
        Ok(())
    }

    fn ending(&self, execution_id: &str) -> Result<Rest, HostError> {
        let state = load(self.parts.journal.as_ref(), execution_id)?;
        if state.phase != Phase::Ended {
            return Err(HostError::NoSuchExecution(execution_id.to_owned()));
        }
        Ok(Rest {
            waiting_for: None,
            state,
            head: self.parts.journal.head().ok(),
        })
    }
}
