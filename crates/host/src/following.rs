//! Followers: whoever learns from the journal what happens in an execution, and is told only how far the disk is.
//!
//! A follower holds one value that is overwritten, so that one who is slow, or never looks, costs nothing and delays
//! nobody. What it reads are facts: they are on the disk.

use crate::ask::HostError;
use crate::drive::Drive;
use crate::host::Host;
use mandate_engine::WaitingFor;
use mandate_store::Head;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Where an execution rests, for those who fold its events themselves.
#[derive(Debug, Clone)]
pub struct Resting {
    /// `seq` of the last event.
    pub seq: u64,
    /// What it waits for; none when it has ended.
    pub waiting_for: Option<WaitingFor>,
    /// The journal's head.
    pub head: Option<Head>,
}

/// What a follower is told.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// `seq` up to which the disk has the events.
    pub durable_seq: u64,
    /// Where it rests, if it does.
    pub rest: Option<Arc<Resting>>,
    /// The execution cannot be driven any further by this host.
    pub lost: Option<HostError>,
}

/// Where a follower is told. The other end is dropped to stop following.
pub type Follower = tokio::sync::watch::Sender<Notice>;

impl Drive {
    /// Whether somebody waits for the disk to learn what happened. One commit at a time is owed for that.
    pub(crate) fn followers_wait(&self) -> bool {
        !self.followers.is_empty() && self.sent_seq == self.durable_seq
    }

    pub(crate) fn tell_followers(&mut self) {
        self.followers.retain(|follower| !follower.is_closed());
        if self.followers.is_empty() {
            return;
        }
        let rests = self.lost.is_none()
            && self.stays()
            && self.durable_seq >= self.state.seq
            && self.at_rest();
        let notice = Notice {
            durable_seq: self.durable_seq,
            rest: rests.then(|| {
                Arc::new(Resting {
                    seq: self.state.seq,
                    waiting_for: self.state.waiting_for(),
                    head: self.head,
                })
            }),
            lost: self.lost.clone(),
        };
        for follower in &self.followers {
            follower.send_replace(notice.clone());
        }
    }
}

impl Host {
    /// Tells `follower` how far the disk is. The reply comes when it has everything up to here.
    pub(crate) fn follow(
        &mut self,
        execution_id: &str,
        follower: Follower,
        reply: Sender<Result<(), HostError>>,
    ) {
        if !self.drives.contains_key(execution_id) {
            match self.notice_of_ended(execution_id) {
                Ok(Some(notice)) => {
                    follower.send_replace(notice);
                    let _ = reply.send(Ok(()));
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    let _ = reply.send(Err(error));
                    return;
                }
            }
        }
        let driven = self.have_driven(execution_id);
        let Some(drive) = self.drives.get_mut(execution_id) else {
            let _ = reply.send(driven);
            return;
        };
        if let Err(error) = driven {
            let _ = reply.send(Err(error));
            return;
        }
        drive.followers.push(follower);
        // First, so that the answer finds in the notice what it rests on.
        drive.tell_followers();
        let seq = drive.state.seq;
        drive.replies.push((
            seq,
            Box::new(move |result| {
                let _ = reply.send(result);
            }),
        ));
        drive.give_replies();
        self.flush(execution_id);
    }

    fn notice_of_ended(&self, execution_id: &str) -> Result<Option<Notice>, HostError> {
        let journal = &self.parts.journal;
        let row = journal
            .execution(execution_id)?
            .ok_or_else(|| HostError::NoSuchExecution(execution_id.to_owned()))?;
        if row.finished_at_ms.is_none() {
            return Ok(None);
        }
        Ok(Some(Notice {
            durable_seq: row.last_seq,
            rest: Some(Arc::new(Resting {
                seq: row.last_seq,
                waiting_for: None,
                head: journal.head().ok(),
            })),
            lost: None,
        }))
    }

    /// Forgets followers that have gone.
    pub(crate) fn unfollow(&mut self, execution_id: &str) {
        if let Some(drive) = self.drives.get_mut(execution_id) {
            drive.followers.retain(|follower| !follower.is_closed());
        }
        self.park(execution_id);
    }
}
