//! Between the host and the disk: what is applied is handed to the journal when something waits for it, and what waited goes on
//! when the disk has it.

use crate::ask::HostError;
use crate::host::{Host, Input};
use mandate_store::{Appended, StoreError};

impl Host {
    /// Hands what is owed to the journal.
    pub(crate) fn flush(&mut self, execution_id: &str) {
        let post = self.post.clone();
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        if drive.lost.is_some() {
            return;
        }
        if !drive.owes_disk() {
            let now_ms = self.parts.clock.now_ms();
            if drive.linger(now_ms).is_none_or(|due_ms| due_ms > now_ms) {
                return;
            }
        }
        let Some(batch) = drive.take_batch() else {
            return;
        };
        let (execution_id, last_seq) = (execution_id.to_owned(), drive.sent_seq);
        self.parts.journal.append(
            batch,
            Box::new(move |result| {
                post(Input::Stored {
                    execution_id,
                    last_seq,
                    result,
                })
            }),
        );
    }

    pub(crate) fn stored(
        &mut self,
        execution_id: &str,
        last_seq: u64,
        result: Result<Appended, StoreError>,
    ) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        match result {
            Ok(appended) => {
                drive.durable_seq = drive.durable_seq.max(last_seq);
                drive.head = Some(appended.head);
                // First, so that whoever is answered now finds in the notice what the answer rests on.
                drive.tell_followers();
                drive.give_replies();
                self.dispatch(execution_id);
                self.ask_tools(execution_id);
                self.flush(execution_id);
                self.settle_down(execution_id);
            }
            Err(error) => {
                drive.lose(HostError::Store(error));
                self.lose_all();
            }
        }
    }

    /// Tells watchers where the execution rests; one that has ended leaves memory.
    pub(crate) fn settle_down(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        if !drive.is_over() {
            drive.tell_rest();
        }
        drive.tell_followers();
        drive.tell_outlooks();
        self.tell_parent(execution_id);
        if self
            .drives
            .get(execution_id)
            .is_none_or(|drive| !drive.is_over())
        {
            self.park(execution_id);
        } else if let Some(drive) = self.drives.remove(execution_id) {
            self.parts.tools.forget(execution_id);
            drive.tell_end();
        }
    }
}
