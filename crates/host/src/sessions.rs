//! The counters of sessions: what the permitted calls add up to, kept while a session is in use, and read from the journal
//! when it is met for the first time.
//!
//! The host alone writes the journal, and everything that is permitted comes through its one thread: a call is counted as
//! its permit is given, and its row goes to the disk with the event that begins it, in one transaction.

use mandate_engine::{Body, Event, State};
use mandate_policy::classify::Category;
use mandate_policy::{Limits, Purpose, RECENT, SessionView, counts_as_call};
use mandate_store::{CallRow, Journal, StoreError, Tally};
use std::collections::{BTreeMap, VecDeque};

/// How long a session may be idle before its count begins anew, in milliseconds.
pub const IDLE_MS: i64 = 3_600_000;
/// The stretch that `calls_per_minute` is about, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// How many sessions are kept before those that are idle are forgotten.
const KEPT: usize = 1_024;

/// The call that an event begins, if it counts: what reaches nothing outside does not.
pub fn call_row(state: &State, event: &Event) -> Option<CallRow> {
    let (step, tool, purpose) = match &event.body {
        Body::StepStarted { step, tool, .. } => (step, tool, Purpose::Run),
        Body::CompensationStarted { step, tool, .. } => (step, tool, Purpose::Compensate),
        _ => return None,
    };
    if !counts_as_call(tool, Purpose::Run) {
        return None;
    }
    let assessed = state.created.decision.assessment(step, purpose);
    let category = assessed.map_or(Category::Unknown, |assessed| assessed.category);
    Some(CallRow {
        execution_id: state.execution_id().to_owned(),
        seq: event.seq,
        session: state.created.session.clone(),
        at_ms: event.at_ms,
        category: category.as_str().to_owned(),
    })
}

/// One session.
#[derive(Debug, Clone, Default)]
struct Counted {
    calls: u64,
    minute: VecDeque<i64>,
    recent: VecDeque<Category>,
    last_ms: Option<i64>,
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        let recent = tally.recent.iter().map(|name| category(name));
        Self {
            calls: tally.calls,
            minute: tally.minute.into(),
            recent: recent.collect(),
            last_ms: tally.last_ms,
        }
    }
}

impl Counted {
    fn settle(&mut self, now_ms: i64) {
        if self.is_idle(now_ms) {
            *self = Self::default();
        }
        while self
            .minute
            .front()
            .is_some_and(|at_ms| now_ms.saturating_sub(*at_ms) >= MINUTE_MS)
        {
            self.minute.pop_front();
        }
    }

    fn is_idle(&self, now_ms: i64) -> bool {
        self.last_ms
            .is_some_and(|last_ms| now_ms.saturating_sub(last_ms) > IDLE_MS)
    }

    fn add(&mut self, category: Category, at_ms: i64) {
        self.settle(at_ms);
        self.calls = self.calls.saturating_add(1);
        self.minute.push_back(at_ms);
        self.recent.push_back(category);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.last_ms = self.last_ms.max(Some(at_ms));
    }
}

/// The sessions that are in use.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    counted: BTreeMap<String, Counted>,
    /// What the operator allows, whatever the policy says.
    limits: Limits,
}

impl Sessions {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            counted: BTreeMap::new(),
            limits,
        }
    }

    /// Reads a session from the journal unless it is known.
    ///
    /// # Errors
    /// The store's failure.
    pub(crate) fn meet(
        &mut self,
        journal: &dyn Journal,
        session: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        if self.counted.contains_key(session) {
            return Ok(());
        }
        if self.counted.len() >= KEPT {
            self.counted
                .retain(|_, counted| !counted.is_idle(now_ms) && counted.last_ms.is_some());
        }
        let tally = journal.tally(session, now_ms, IDLE_MS)?;
        self.counted.insert(session.to_owned(), tally.into());
        Ok(())
    }

    /// A session as calls are judged by it.
    pub(crate) fn view(&mut self, session: &str, principal: &str, now_ms: i64) -> SessionView {
        let mut view = SessionView {
            session_id: session.to_owned(),
            principal: principal.to_owned(),
            limits: self.limits,
            ..SessionView::default()
        };
        let Some(counted) = self.counted.get_mut(session) else {
            // Its journal cannot be read: nothing is permitted on a count that nobody knows.
            view.calls = u64::MAX;
            view.calls_last_minute = u64::MAX;
            return view;
        };
        counted.settle(now_ms);
        view.calls = counted.calls;
        view.calls_last_minute = u64::try_from(counted.minute.len()).unwrap_or(u64::MAX);
        view.recent = counted.recent.iter().copied().collect();
        view.minute_frees_ms = counted
            .minute
            .front()
            .map(|at_ms| at_ms.saturating_add(MINUTE_MS));
        view.resets_ms = counted
            .last_ms
            .map(|last_ms| last_ms.saturating_add(IDLE_MS).saturating_add(1));
        view
    }

    /// A call was permitted.
    pub(crate) fn add(&mut self, row: &CallRow) {
        let counted = self.counted.entry(row.session.clone()).or_default();
        counted.add(category(&row.category), row.at_ms);
    }
}

fn category(name: &str) -> Category {
    let known = Category::ALL
        .into_iter()
        .find(|known| known.as_str() == name);
    known.unwrap_or(Category::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_ms: i64) -> CallRow {
        CallRow {
            execution_id: "e".to_owned(),
            seq: 2,
            session: "s".to_owned(),
            at_ms,
            category: "file_read".to_owned(),
        }
    }

    fn sessions() -> Sessions {
        let mut sessions = Sessions::new(Limits::default());
        sessions.counted.insert("s".to_owned(), Counted::default());
        sessions
    }

    #[test]
    fn the_last_minute_slides() {
        let mut sessions = sessions();
        for at_ms in [0, 1, 59_999] {
            sessions.add(&row(at_ms));
        }
        let minute = |sessions: &mut Sessions, now_ms| {
            let view = sessions.view("s", "ann", now_ms);
            (view.calls_last_minute, view.minute_frees_ms)
        };
        assert_eq!(minute(&mut sessions, 59_999), (3, Some(60_000)));
        assert_eq!(minute(&mut sessions, 60_000), (2, Some(60_001)));
        assert_eq!(minute(&mut sessions, 60_001), (1, Some(119_999)));
        assert_eq!(minute(&mut sessions, 119_999), (0, None));
    }

    #[test]
    fn a_session_that_was_idle_for_long_counts_anew() {
        let mut sessions = sessions();
        sessions.add(&row(5));
        assert_eq!(sessions.view("s", "ann", 5 + IDLE_MS).calls, 1);
        let view = sessions.view("s", "ann", 6 + IDLE_MS);
        assert_eq!(
            (view.calls, view.recent.len(), view.resets_ms),
            (0, 0, None)
        );
    }

    #[test]
    fn a_session_that_cannot_be_read_permits_nothing() {
        let mut sessions = sessions();
        assert_eq!(sessions.view("other", "ann", 0).calls, u64::MAX);
    }
}
