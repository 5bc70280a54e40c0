//! Freezing: while it lasts, no call gets a permit, whatever execution it is of. What is held back meanwhile goes on when
//! it is over.

use crate::host::Host;
use mandate_engine::Body;

impl Host {
    /// Stops new permits everywhere.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Lets calls be permitted again: what was held back is tried anew.
    pub fn thaw(&mut self, by: &str) {
        self.frozen = false;
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
