//! When the journal accepts nothing any more, nothing is driven any more: what would be done could not be recorded.

use crate::ask::HostError;
use crate::host::Host;

impl Host {
    /// Ends driving everything once the journal has failed as a whole. Calls under way are cut short; the next host finds
    /// their start in the journal, and treats them as after a crash.
    pub(crate) fn lose_all(&mut self) {
        let Some(error) = self.parts.journal.failure() else {
            return;
        };
        for drive in self.drives.values_mut() {
            if drive.lost.is_none() {
                drive.lose(HostError::Store(error.clone()));
            }
        }
        self.away.clear();
        self.backlog.clear();
    }
}
