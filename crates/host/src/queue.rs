//! How many executions are active at a time: beyond the limit they wait to be started, the highest priority first, then
//! the oldest. What waits for a human or a timer is not active, and goes on without queueing again.

use crate::host::Host;
use mandate_engine::Phase;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How many executions are active at a time where nothing is said.
pub const MAX_ACTIVE: usize = 256;

/// Priority, then age, then the id: who comes first.
pub(crate) type Turn = (Reverse<i64>, i64, String);

/// Executions that wait to be started or to be taken up again, and those that are active.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: BTreeSet<Turn>,
    active: BTreeSet<String>,
    most: usize,
}

impl Queue {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            waiting: BTreeSet::new(),
            active: BTreeSet::new(),
            most: most.max(1),
        }
    }

    fn has_place(&self) -> bool {
        self.active.len() < self.most
    }

    /// Whether something that waits may start.
    pub(crate) fn may_start(&self) -> bool {
        self.has_place() && !self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, execution_id: &str, priority: i64, created_ms: i64) {
        let turn = (Reverse(priority), created_ms, execution_id.to_owned());
        self.waiting.insert(turn);
    }

    /// Who may start now.
    pub(crate) fn pop(&mut self) -> Option<String> {
        if !self.has_place() {
            return None;
        }
        self.waiting.pop_first().map(|(_, _, id)| id)
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|(_, _, id)| id.as_str())
    }
}

impl Host {
    /// Admits an execution if there is place for one more and none before it waits; else it waits.
    pub(crate) fn admit_in_turn(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        if self.leaving {
            return;
        }
        let state = &drive.state;
        let turn = (
            Reverse(state.plan().plan().priority),
            state.created_ms,
            execution_id.to_owned(),
        );
        // A nested one has the place of the plan that holds it.
        let nested = state.created.parent.is_some();
        let first = self
            .queue
            .waiting
            .first()
            .is_none_or(|first| turn <= *first);
        if nested || (first && self.queue.has_place()) {
            self.queue.waiting.remove(&turn);
            self.admit(execution_id);
        } else {
            self.queue.waiting.insert(turn);
        }
    }

    /// Notes whether an execution is active.
    pub(crate) fn note_active(&mut self, execution_id: &str) {
        let active = self.drives.get(execution_id).is_some_and(|drive| {
            let begun = !matches!(drive.state.phase, Phase::Created | Phase::Ended);
            let nested = drive.state.created.parent.is_some();
            begun && !nested && drive.lost.is_none() && !drive.at_rest()
        });
        if active {
            if !self.queue.active.contains(execution_id) {
                self.queue.active.insert(execution_id.to_owned());
            }
        } else {
            self.queue.active.remove(execution_id);
        }
    }

    /// Starts the first that waits, if there is place.
    pub(crate) fn start_next(&mut self) {
        let Some(execution_id) = self.queue.pop() else {
            return;
        };
        if self.drives.contains_key(&execution_id) {
            self.admit(&execution_id);
            self.flush(&execution_id);
        } else if self.is_away(&execution_id).is_none()
            && let Err(error) = self.take_up(&execution_id)
        {
            self.report(&execution_id, &error);
        }
        self.reschedule(&execution_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_comes_first_then_the_oldest() {
        let mut queue = Queue::new(2);
        for (id, priority, created_ms) in [("a", 0, 5), ("b", 0, 3), ("c", 9, 7), ("d", -1, 1)] {
            queue.push(id, priority, created_ms);
        }
        let mut order = Vec::new();
        while let Some(id) = queue.pop() {
            order.push(id);
        }
        assert_eq!(order, ["c", "b", "a", "d"]);
        queue.push("e", 0, 0);
        queue.active.extend(["x".to_owned(), "y".to_owned()]);
        assert!(!queue.may_start());
        assert_eq!(queue.pop(), None);
    }
}
