//! Parking: an execution that waits for a human or for a time far off leaves memory, and is folded again from the journal
//! when there is something to do for it. The host that parks it drives it on; nothing is written for that.

use crate::ask::HostError;
use crate::drive::Drive;
use crate::host::Host;
use crate::packed::PackedId;
use crate::recovery::load_with;
use mandate_engine::Phase;

/// A wait that is shorter is not worth the fold at its end.
const WORTH_MS: i64 = 10_000;

/// An execution that is not over and not in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Away {
    /// When there is something to do for it, Unix milliseconds.
    pub(crate) due_ms: Option<i64>,
    /// This host drives it: it is parked. Otherwise no host has taken it up since the last one went.
    pub(crate) parked: bool,
    /// It goes on by itself at its time.
    pub(crate) goes_on: bool,
}

impl Drive {
    /// Whether nothing about it is in memory only, and nobody looks on. A family of executions stays together.
    fn may_be_parked(&self) -> bool {
        self.lost.is_none()
            && self.state.phase != Phase::Ended
            && self.state.created.parent.is_none()
            && self.at_rest()
            && !self.state.is_frozen()
            // Its next call is near.
            && !self.state.awaits_agent()
            && self.open.is_empty()
            && self.unsent.is_empty()
            && self.durable_seq >= self.state.seq
            && self.replies.is_empty()
            && self.watchers.is_empty()
            && self.awaiting.is_empty()
            && self.followers.is_empty()
            && self.outlooks.iter().all(|outlook| outlook.is_closed())
    }
}

impl Host {
    /// Has an execution leave memory if it may, and if that is worth while; the last ones that came to rest stay, since
    /// many an answer comes at once.
    pub(crate) fn park(&mut self, execution_id: &str) {
        if self.parts.kept_at_rest == 0 {
            self.park_now(execution_id);
            return;
        }
        let rests = |drive: &Drive| drive.may_be_parked();
        if !self
            .drives
            .get(execution_id)
            .is_some_and(|drive| rests(drive))
        {
            return;
        }
        // It may be in the line already, further ahead: then it leaves sooner, which harms nothing.
        if self.resting.back().is_none_or(|last| last != execution_id) {
            self.resting.push_back(execution_id.to_owned());
        }
        while self.resting.len() > self.parts.kept_at_rest {
            if let Some(first) = self.resting.pop_front() {
                self.park_now(&first);
            }
        }
    }

    /// Has everything leave memory that may.
    pub(crate) fn park_all(&mut self) {
        for execution_id in std::mem::take(&mut self.resting) {
            self.park_now(&execution_id);
        }
    }

    fn park_now(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let due_ms = drive.next_due_ms();
        let now_ms = self.parts.clock.now_ms();
        let worth = due_ms.is_none_or(|due_ms| due_ms.saturating_sub(now_ms) >= WORTH_MS);
        if !worth || self.leaving || !drive.may_be_parked() {
            return;
        }
        let away = Away {
            due_ms,
            parked: true,
            goes_on: drive.state.goes_on(),
        };
        self.drives.remove(execution_id);
        self.away.insert(execution_id.into(), away);
    }

    /// Has a parked execution in memory again, as it was.
    pub(crate) fn unpark(&mut self, execution_id: &str) -> Result<(), HostError> {
        let state = load_with(self.parts.journal.as_ref(), execution_id, &mut self.plans)?;
        let durable_seq = state.seq;
        let mut drive = Drive::new(state, None, durable_seq);
        drive.wake_ms = drive.state.next_due().map(|(due_ms, _)| due_ms);
        drive.head = self.parts.journal.head().ok();
        self.no_longer_away(execution_id);
        self.drives.insert(execution_id.to_owned(), Box::new(drive));
        Ok(())
    }

    /// Whether an execution is parked.
    pub fn is_parked(&self, execution_id: &str) -> bool {
        self.is_away(execution_id).is_some_and(|away| away.parked)
    }

    /// What is noted of an execution that is away.
    pub(crate) fn is_away(&self, execution_id: &str) -> Option<&Away> {
        // Most often nothing is, and the id need not be looked at.
        if self.away.is_empty() {
            return None;
        }
        self.away.get(&PackedId::from(execution_id))
    }

    pub(crate) fn no_longer_away(&mut self, execution_id: &str) {
        if !self.away.is_empty() {
            self.away.remove(&PackedId::from(execution_id));
        }
    }

    /// The time of an execution that is away has come.
    pub(crate) fn wake(&mut self, execution_id: &str) {
        let Some(away) = self.is_away(execution_id) else {
            return;
        };
        let woken = if away.parked {
            self.unpark(execution_id)
        } else {
            self.take_up(execution_id)
        };
        if let Err(error) = woken {
            self.no_longer_away(execution_id);
            self.report(execution_id, &error);
        }
    }
}
