//! The sessions of the past as the candidate would have seen them.

use crate::sessions::IDLE_MS;
use mandate_policy::classify::Category;
use mandate_policy::{SessionView, session::RECENT};
use std::collections::{BTreeMap, VecDeque};

const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Default)]
struct Session {
    calls: u64,
    last_minute: VecDeque<i64>,
    recent: VecDeque<Category>,
    last_ms: Option<i64>,
}

/// Counters and recent categories, by session.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<String, Session>);

impl Sessions {
    /// The session as a call at this time finds it.
    pub(super) fn view(&mut self, session: &str, principal: &str, now_ms: i64) -> SessionView {
        let known = self.0.entry(session.to_owned()).or_default();
        let idle = |last_ms: i64| now_ms.saturating_sub(last_ms) > IDLE_MS;
        if known.last_ms.is_some_and(idle) {
            *known = Session::default();
        }
        let over = now_ms.saturating_sub(MINUTE_MS);
        while known
            .last_minute
            .front()
            .is_some_and(|at_ms| *at_ms <= over)
        {
            known.last_minute.pop_front();
        }
        SessionView {
            session_id: session.to_owned(),
            principal: principal.to_owned(),
            calls: known.calls,
            calls_last_minute: known.last_minute.len() as u64,
            recent: known.recent.iter().copied().collect(),
            ..SessionView::default()
        }
    }

    /// A call got its permit.
    pub(super) fn count(&mut self, session: &str, category: Category, at_ms: i64) {
        let known = self.0.entry(session.to_owned()).or_default();
        known.last_ms = known.last_ms.max(Some(at_ms));
        known.calls = known.calls.saturating_add(1);
        known.last_minute.push_back(at_ms);
        known.recent.push_back(category);
        if known.recent.len() > RECENT {
            known.recent.pop_front();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
