//! Leaving: no new step starts, calls under way may end, and the journal says that nobody drives from there on.

use crate::ask::{Ask, HostError};
use crate::host::Host;
use mandate_engine::{Body, Phase};
use std::sync::mpsc::Sender;

/// What goes on in a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Doings {
    /// Executions of which something runs, or is about to.
    pub running: usize,
    /// Executions that wait for a timer or a back-off, and go on by themselves.
    pub timed: usize,
    /// Unfinished executions that recovery has not looked at yet.
    pub unknown: usize,
}

impl Doings {
    /// Whether nothing happens unless somebody asks for it.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

impl Host {
    /// What goes on, leaving out the executions `but`.
    pub(crate) fn doings(&self, but: &[String]) -> Doings {
        let counts = |id: &str| !but.iter().any(|other| other == id);
        let mut doings = Doings::default();
        for (id, drive) in &self.drives {
            if drive.lost.is_some() || !counts(id) {
                continue;
            }
            if !drive.at_rest() || drive.state.phase == Phase::Ended {
                doings.running = doings.running.saturating_add(1);
            } else if drive.state.goes_on() {
                doings.timed = doings.timed.saturating_add(1);
            }
        }
        let timed = self
            .away
            .iter()
            .filter(|(id, away)| away.goes_on && counts(&id.to_string()));
        doings.timed = doings.timed.saturating_add(timed.count());
        let queued = self.queue.waiting();
        let queued = queued.filter(|id| !self.drives.contains_key(*id) && counts(id));
        doings.running = doings.running.saturating_add(queued.count());
        doings.unknown = match but.is_empty() {
            true => self.backlog.len(),
            false => {
                let left = self.backlog.iter();
                left.filter(|id| counts(&id.to_string())).count()
            }
        };
        doings
    }

    /// Gives back what may be asked; a host that leaves takes nothing up any more, and says so.
    pub(crate) fn turned_away(&self, ask: Ask) -> Option<Ask> {
        if !self.leaving {
            return Some(ask);
        }
        let reply = match ask {
            Ask::Submit(_, reply) => {
                let _ = reply.send(Err(HostError::Leaving));
                return None;
            }
            Ask::Agent(_, reply) => {
                reply.give(Err(HostError::Leaving));
                return None;
            }
            Ask::Token { reply, .. } => {
                let _ = reply.send(Err(HostError::Leaving));
                return None;
            }
            Ask::RotateTokens(_, _, reply) => {
                let _ = reply.send(Err(HostError::Leaving));
                return None;
            }
            Ask::Continue(_, reply)
            | Ask::Answer(_, _, reply)
            | Ask::Pause(_, _, reply)
            | Ask::Resume(_, _, reply)
            | Ask::Recover(reply)
            | Ask::Cancel { reply, .. }
            | Ask::Revoke { reply, .. }
            | Ask::Override(_, _, reply)
            | Ask::Resolve { reply, .. } => reply,
            // Looking on is let be, where there is something to look at.
            Ask::Outlook(execution_id, reply) if !self.drives.contains_key(&execution_id) => {
                let _ = reply.send(Err(HostError::Leaving));
                return None;
            }
            Ask::Watch(execution_id, _, reply) | Ask::Follow(execution_id, _, reply)
                if !self.drives.contains_key(&execution_id) =>
            {
                reply
            }
            other => return Some(other),
        };
        let _ = reply.send(Err(HostError::Leaving));
        None
    }

    /// Begins to leave; the reply comes when no call is under way any more and the disk has everything.
    pub(crate) fn leave(&mut self, only_if_idle: bool, reply: Sender<Result<(), HostError>>) {
        if only_if_idle && !self.doings(&[]).is_idle() {
            let message = "executions go on here".to_owned();
            let _ = reply.send(Err(HostError::NotNow(message)));
            return;
        }
        self.left.push(reply);
        if !self.leaving {
            self.sum_refusals(self.parts.clock.now_ms(), true);
            // What rests is with the next host as if it had been parked here all along.
            self.park_all();
            self.leaving = true;
            let all: Vec<String> = self.drives.keys().cloned().collect();
            for execution_id in all {
                if !self.let_go(&execution_id) {
                    let host = self.id.clone();
                    self.take_turn(&execution_id, Body::HostLeaving { host });
                }
                self.reschedule(&execution_id);
            }
        }
        self.tell_left();
    }

    /// Lets go of an execution if no call of it is under way; says whether that is so.
    pub(crate) fn let_go(&mut self, execution_id: &str) -> bool {
        let Some(drive) = self.drives.get(execution_id).filter(|_| self.leaving) else {
            return false;
        };
        let under_way = drive.open.values().any(|open| open.task.is_some());
        let settled = !under_way && drive.held.is_empty() && drive.reading == 0;
        if settled && drive.state.driven && drive.state.phase != Phase::Ended {
            let reason = "the host that drove it has left".to_owned();
            self.take_turn(execution_id, Body::HostStopped { reason });
        }
        settled
    }

    /// Says that everything is let go of and on the disk, when it is.
    pub(crate) fn tell_left(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let over = self.drives.values().all(|drive| {
            drive.lost.is_some()
                || ((!drive.state.driven || drive.state.phase == Phase::Ended)
                    && drive.durable_seq >= drive.state.seq)
        });
        if over {
            for reply in std::mem::take(&mut self.left) {
                let _ = reply.send(Ok(()));
            }
        }
    }
}
