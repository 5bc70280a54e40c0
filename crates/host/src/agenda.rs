//! When each execution is next due: kept by time, so that what waits costs nothing while others run.

use crate::packed::PackedId;
use std::collections::{BTreeMap, BTreeSet};

/// Executions by the time at which something is next to be done for them, Unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    by_time: BTreeSet<(i64, PackedId)>,
    noted: BTreeMap<PackedId, i64>,
}

impl Agenda {
    /// Notes when an execution is next due; none takes it off.
    pub(crate) fn note(&mut self, execution_id: &str, due_ms: Option<i64>) {
        let id = PackedId::from(execution_id);
        let noted = self.noted.get(&id).copied();
        if noted == due_ms {
            return;
        }
        if let Some(before_ms) = noted {
            self.by_time.remove(&(before_ms, id.clone()));
        }
        match due_ms {
            Some(due_ms) => {
                self.by_time.insert((due_ms, id.clone()));
                self.noted.insert(id, due_ms);
            }
            None => {
                self.noted.remove(&id);
            }
        }
    }

    /// What is due by now, the longest overdue first.
    pub(crate) fn due(&self, now_ms: i64) -> Vec<String> {
        let due = self
            .by_time
            .iter()
            .take_while(|(due_ms, _)| *due_ms <= now_ms);
        due.map(|(_, id)| id.to_string()).collect()
    }

    /// When the first is due.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.by_time.first().map(|(due_ms, _)| *due_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_counts() {
        let mut agenda = Agenda::default();
        agenda.note("a", Some(5));
        agenda.note("b", Some(3));
        agenda.note("a", Some(2));
        agenda.note("c", Some(9));
        assert_eq!(agenda.next_due_ms(), Some(2));
        assert_eq!(agenda.due(3), ["a", "b"]);
        agenda.note("a", None);
        agenda.note("b", None);
        agenda.note("b", None);
        assert_eq!(agenda.due(8), Vec::<String>::new());
        assert_eq!(agenda.next_due_ms(), Some(9));
    }
}
