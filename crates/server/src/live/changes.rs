//! What changed at all: the newest place of everything that did, so that whoever looks on sees each once and as it is,
//! however slow they are. Only so much is kept in mind; whoever is further behind looks at everything anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Changes that are kept in mind.
const KEPT: usize = 8_192;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Changed {
    /// An execution.
    Execution(String),
    /// A request.
    Request(String),
    /// What belongs to no execution.
    System,
}

#[derive(Default)]
struct Recent {
    number: u64,
    /// What is not known any more lies at or before this.
    forgotten: u64,
    by_number: BTreeMap<u64, Changed>,
    numbers: HashMap<Changed, u64>,
}

/// What changed.
pub(crate) struct Changes {
    epoch: String,
    newest: watch::Sender<u64>,
    recent: Mutex<Recent>,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            epoch: uuid::Uuid::now_v7().simple().to_string(),
            newest: watch::Sender::new(0),
            recent: Mutex::default(),
        }
    }

    /// What tells this run of the server from others: numbers of one mean nothing in another.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The newest change's number, and whenever there is a newer one.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, changed: Vec<Changed>) {
        let mut recent = self.recent();
        for one in changed {
            recent.number = recent.number.saturating_add(1);
            let number = recent.number;
            if let Some(before) = recent.numbers.insert(one.clone(), number) {
                recent.by_number.remove(&before);
            }
            recent.by_number.insert(number, one);
            if recent.by_number.len() > KEPT
                && let Some((number, gone)) = recent.by_number.pop_first()
            {
                recent.forgotten = number;
                recent.numbers.remove(&gone);
            }
        }
        let number = recent.number;
        drop(recent);
        self.newest.send_replace(number);
    }

    /// What changed after that number, at most `limit`, the oldest first; none = too much is forgotten.
    pub(crate) fn after(&self, number: u64, limit: usize) -> Option<Vec<(u64, Changed)>> {
        let recent = self.recent();
        if number < recent.forgotten || number > recent.number {
            return None;
        }
        let newer = recent.by_number.range(number.saturating_add(1)..);
        let newer = newer.take(limit);
        Some(newer.map(|(number, one)| (*number, one.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_seen_once_and_at_its_newest() {
        let changes = Changes::new();
        let execution = |id: &str| Changed::Execution(id.to_owned());
        changes.note(vec![execution("a"), execution("b"), execution("a")]);
        let seen = changes.after(0, 10).unwrap();
        assert_eq!(seen, [(2, execution("b")), (3, execution("a"))]);
        assert_eq!(changes.after(3, 10).unwrap(), []);
        assert_eq!(changes.after(4, 10), None, "a number of another run");
        for number in 0..KEPT {
            changes.note(vec![execution(&format!("x{number}"))]);
        }
        assert_eq!(changes.after(0, 10), None, "too much is forgotten");
        assert_eq!(changes.after(3, 10).unwrap().len(), 10);
    }
}
