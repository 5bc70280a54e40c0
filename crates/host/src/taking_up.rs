//! Executions that are in the journal and not in memory: how this host comes to drive them.

use crate::ask::HostError;
use crate::drive::Drive;
use crate::host::Host;
use crate::recovery::load_with;
use mandate_engine::{Body, Phase};

impl Host {
    /// Takes an unfinished execution up from the journal.
    pub(crate) fn take_up(&mut self, execution_id: &str) -> Result<(), HostError> {
        if self.drives.contains_key(execution_id) {
            return Ok(());
        }
        if self.is_parked(execution_id) {
            return self.unpark(execution_id);
        }
        self.load(execution_id)?;
        let drive = self.drives.get(execution_id);
        let parent = drive.and_then(|drive| drive.state.created.parent.clone());
        if let Some(parent) = parent {
            // What the host before this one left is found by the step that it is, and not here.
            self.drives.remove(execution_id);
            self.take_up(&parent.execution_id)?;
            self.begin_child(&parent.execution_id, &parent.step, parent.item);
            return Ok(());
        }
        self.start_driving(execution_id);
        Ok(())
    }

    /// Sees to it that this host drives an execution that is not over.
    pub(crate) fn have_driven(&mut self, execution_id: &str) -> Result<(), HostError> {
        if self.unfold(execution_id)? {
            self.start_driving(execution_id);
        }
        Ok(())
    }

    /// Has an execution that is not over in memory. True: nobody drives it yet, so that an input can be taken before
    /// anything follows from that somebody does: what is cancelled or paused starts nothing more.
    pub(crate) fn unfold(&mut self, execution_id: &str) -> Result<bool, HostError> {
        if let Some(drive) = self.drives.get(execution_id) {
            return drive.lost.clone().map_or(Ok(false), Err);
        }
        if self.is_parked(execution_id) {
            self.unpark(execution_id)?;
            return Ok(false);
        }
        if let Some(row) = self.parts.journal.execution(execution_id)?
            && row.finished_at_ms.is_some()
        {
            let state = row.state;
            let ended = format!("execution `{execution_id}` has ended: it is {state}");
            return Err(HostError::NotNow(ended));
        }
        self.load(execution_id)?;
        let driven = self
            .drives
            .get(execution_id)
            .is_some_and(|drive| drive.state.driven);
        if driven {
            let reason = "the host that drove it is gone".to_owned();
            self.take_turn(execution_id, Body::HostStopped { reason });
        }
        Ok(true)
    }

    pub(crate) fn start_driving(&mut self, execution_id: &str) {
        let drive = self.drives.get(execution_id);
        let parent = drive.and_then(|drive| drive.state.created.parent.clone());
        if let Some(parent) = parent {
            // It is driven as the step that it is: with its parent it comes along.
            if self.drives.contains_key(&parent.execution_id) {
                self.begin_child(&parent.execution_id, &parent.step, parent.item);
            } else {
                if let Err(error) = self.take_up(&parent.execution_id) {
                    self.report(&parent.execution_id, &error);
                }
            }
            return;
        }
        let host = self.id.clone();
        self.take_turn(execution_id, Body::HostStarted { host });
        self.find_children(execution_id);
        self.find_outside(execution_id);
    }

    fn load(&mut self, execution_id: &str) -> Result<(), HostError> {
        let state = load_with(self.parts.journal.as_ref(), execution_id, &mut self.plans)?;
        if state.phase == Phase::Ended {
            return Err(HostError::NoSuchExecution(execution_id.to_owned()));
        }
        let durable_seq = state.seq;
        self.no_longer_away(execution_id);
        let drive = Box::new(Drive::new(state, None, durable_seq));
        self.drives.insert(execution_id.to_owned(), drive);
        // Before anything else: what comes next is judged by the policy that is in force.
        self.renew_policy(execution_id);
        Ok(())
    }
}
