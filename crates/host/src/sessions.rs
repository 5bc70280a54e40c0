//! The counters of sessions: what the permitted calls add up to, kept while a session is in use, and read from the journal
//! when it is met for the first time.
//!
//! A session is one principal's: another one that names the same id has a session of its own. What an execution may still
//! call is set aside for it when it starts, and what that is follows from its own journal.
//!
//! The host alone writes the journal, and everything that is permitted comes through its one thread: a call is counted as
//! its permit is given, and its row goes to the disk with the event that begins it, in one transaction.

use crate::queue::Turn;
use mandate_engine::event::NoRoom;
use mandate_engine::{Body, Event, Phase, State};
use mandate_policy::classify::Category;
use mandate_policy::{Limits, Purpose, RECENT, SessionView, counts_as_call};
use mandate_store::{CallRow, Tally};
use std::cmp::Reverse;
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

/// What an execution, with its nested plans, has set aside.
#[derive(Debug, Clone, Default)]
struct Held {
    /// What its own journal says.
    amount: u64,
    /// What nested plans that have not ended used of it.
    drawn: BTreeMap<String, u64>,
}

impl Held {
    fn left(&self) -> u64 {
        let drawn = self.drawn.values().copied().fold(0, u64::saturating_add);
        self.amount.saturating_sub(drawn)
    }
}

/// One session of one principal.
#[derive(Debug, Clone, Default)]
struct Counted {
    calls: u64,
    minute: VecDeque<i64>,
    recent: VecDeque<Category>,
    last_ms: Option<i64>,
    /// What is set aside, by the execution at the top.
    held: BTreeMap<String, Held>,
    /// What is left of all that, counted as it changes: every call asks for it.
    reserved: u128,
    /// Executions that wait until others have given calls back, and how many they need: the first in line goes first.
    line: BTreeMap<Turn, u64>,
    /// Executions about which somebody is asked, because the session has too few calls left; and how many they need.
    asked: BTreeMap<String, u64>,
    /// The limit, as the last one that had to wait was told it.
    limit: u64,
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        let recent = tally.recent.iter().map(|name| category(name));
        Self {
            calls: tally.calls,
            minute: tally.minute.into(),
            recent: recent.collect(),
            last_ms: tally.last_ms,
            ..Self::default()
        }
    }
}

impl Counted {
    fn settle(&mut self, now_ms: i64) {
        if self.is_idle(now_ms) {
            self.calls = 0;
            self.minute.clear();
            self.recent.clear();
            self.last_ms = None;
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

    fn is_unused(&self, now_ms: i64) -> bool {
        let idle = self.last_ms.is_none() || self.is_idle(now_ms);
        idle && self.held.is_empty() && !self.is_waited_for()
    }

    fn is_waited_for(&self) -> bool {
        !(self.line.is_empty() && self.asked.is_empty())
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

    /// What is set aside for all but this one.
    fn reserved_beside(&self, root: &str) -> u64 {
        let beside = self.reserved.saturating_sub(self.left_of(root));
        u64::try_from(beside).unwrap_or(u64::MAX)
    }

    fn left_of(&self, root: &str) -> u128 {
        self.held.get(root).map_or(0, |held| held.left().into())
    }

    /// Changes what the execution `root` has set aside.
    fn change_held(&mut self, root: &str, change: impl FnOnce(&mut BTreeMap<String, Held>)) {
        let before = self.left_of(root);
        change(&mut self.held);
        let others = self.reserved.saturating_sub(before);
        self.reserved = others.saturating_add(self.left_of(root));
    }

    /// What an execution has set aside now.
    fn hold(&mut self, id: &str, amount: u64) {
        self.change_held(id, |held| match held.get_mut(id) {
            Some(held) if amount > 0 => held.amount = amount,
            Some(_) => {
                held.remove(id);
            }
            None if amount > 0 => {
                let new = Held {
                    amount,
                    ..Held::default()
                };
                held.insert(id.to_owned(), new);
            }
            None => {}
        });
    }

    /// An execution waits no more.
    fn leave_line(&mut self, id: &str) {
        self.line.retain(|(_, _, waiting), _| waiting != id);
        self.asked.remove(id);
    }

    fn resets_ms(&self) -> Option<i64> {
        self.last_ms
            .map(|last_ms| last_ms.saturating_add(IDLE_MS).saturating_add(1))
    }
}

/// Whether an execution may start in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// So many calls are set aside for it.
    Free(u64),
    /// Others have set aside what it may need, and give back what they do not use: it stands in line, from now on or
    /// already. If the session is idle until then, it counts anew.
    Line { new: bool, resets_ms: Option<i64> },
    /// The session has made too many calls.
    Short(NoRoom),
}

/// The sessions that are in use: by principal, then by id.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    counted: BTreeMap<String, BTreeMap<String, Counted>>,
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

    fn get(&self, principal: &str, session: &str) -> Option<&Counted> {
        self.counted.get(principal)?.get(session)
    }

    fn get_mut(&mut self, principal: &str, session: &str) -> Option<&mut Counted> {
        self.counted.get_mut(principal)?.get_mut(session)
    }

    /// Whether a session was read from the journal.
    pub(crate) fn knows(&self, principal: &str, session: &str) -> bool {
        self.get(principal, session).is_some()
    }

    /// Notes a session as it was read from the journal.
    pub(crate) fn meet(&mut self, principal: &str, session: &str, tally: Tally, now_ms: i64) {
        if self.counted.values().map(BTreeMap::len).sum::<usize>() >= KEPT {
            for sessions in self.counted.values_mut() {
                sessions.retain(|_, counted| !counted.is_unused(now_ms));
            }
            self.counted.retain(|_, sessions| !sessions.is_empty());
        }
        let sessions = self.counted.entry(principal.to_owned()).or_default();
        sessions.insert(session.to_owned(), tally.into());
    }

    /// A session as the calls of one execution, or of a nested plan of it, are judged by it.
    pub(crate) fn view(
        &mut self,
        session: &str,
        principal: &str,
        root: &str,
        now_ms: i64,
    ) -> SessionView {
        let mut view = SessionView {
            session_id: session.to_owned(),
            principal: principal.to_owned(),
            limits: self.limits,
            ..SessionView::default()
        };
        let Some(counted) = self.get_mut(principal, session) else {
            // Its journal cannot be read: nothing is permitted on a count that nobody knows.
            view.calls = u64::MAX;
            view.calls_last_minute = u64::MAX;
            return view;
        };
        counted.settle(now_ms);
        view.calls = counted.calls;
        view.reserved = counted.reserved_beside(root);
        view.calls_last_minute = u64::try_from(counted.minute.len()).unwrap_or(u64::MAX);
        view.recent = counted.recent.iter().copied().collect();
        view.minute_frees_ms = counted
            .minute
            .front()
            .map(|at_ms| at_ms.saturating_add(MINUTE_MS));
        view.resets_ms = counted.resets_ms();
        view
    }

    /// A call was permitted.
    pub(crate) fn add(&mut self, principal: &str, row: &CallRow) {
        let sessions = self.counted.entry(principal.to_owned()).or_default();
        let counted = sessions.entry(row.session.clone()).or_default();
        counted.add(category(&row.category), row.at_ms);
    }

    /// Notes what an execution has set aside now, or, of a nested plan, what it has used of that. True: others wait for
    /// calls of the session, so that it is worth a look whether they may start.
    pub(crate) fn note(&mut self, state: &State, root: &str) -> bool {
        let created = &state.created;
        let Some(counted) = self.get_mut(&created.principal, &created.session) else {
            return false;
        };
        let id = state.execution_id();
        if id == root {
            counted.hold(id, state.set_aside());
        } else {
            counted.change_held(root, |held| {
                let Some(held) = held.get_mut(root) else {
                    return;
                };
                match state.phase {
                    Phase::Ended => held.drawn.remove(id),
                    _ => held.drawn.insert(id.to_owned(), state.calls_made()),
                };
            });
        }
        if counted.is_waited_for() && !state.awaits_admission() {
            counted.leave_line(id);
        }
        counted.is_waited_for()
    }

    /// Whether an execution may start: the calls that it may need must be left. One that may need more than the session has
    /// in all, which no session could keep for it, takes all that is left, once nothing is set aside for others.
    pub(crate) fn place_for(&mut self, state: &State, limits: Limits, now_ms: i64) -> Place {
        let most = state.worst_case();
        let limit = limits.and(self.limits).calls_per_session;
        let created = &state.created;
        let known = self.get_mut(&created.principal, &created.session);
        let (Some(limit), Some(counted)) = (limit, known) else {
            return Place::Free(most);
        };
        counted.settle(now_ms);
        let (id, turn) = (state.execution_id(), turn_of(state));
        let room = NoRoom {
            needs: most,
            limit,
            counted: counted.calls,
            reserved: counted.reserved_beside(id),
            resets_ms: counted.resets_ms(),
        };
        let needs = match most > limit {
            true => ALL,
            false => most,
        };
        let before = counted.line.first_key_value();
        let first = needs == 0 || before.is_none_or(|(before, _)| *before >= turn);
        let short = state.start.as_ref().is_some_and(|start| start.short);
        if (first && fits(needs, &room)) || short {
            return Place::Free(most.min(room.left()));
        }
        counted.limit = limit;
        let alone = NoRoom {
            reserved: 0,
            ..room
        };
        if fits(needs, &alone) {
            counted.asked.remove(id);
            let new = counted.line.insert(turn, needs).is_none();
            let resets_ms = room.resets_ms;
            return Place::Line { new, resets_ms };
        }
        // Whoever stands behind it is asked about too: nothing more is given back that it could wait for.
        counted.line.remove(&turn);
        counted.asked.insert(id.to_owned(), needs);
        Place::Short(room)
    }

    /// When a session counts anew if it is idle until then, Unix milliseconds; none if it has.
    pub(crate) fn resets_ms(&mut self, principal: &str, session: &str, now_ms: i64) -> Option<i64> {
        let counted = self.get_mut(principal, session)?;
        counted.settle(now_ms);
        counted.resets_ms()
    }

    /// Of those that wait for calls of a session, the one that can start now: the first in line, else one that somebody is
    /// asked about.
    pub(crate) fn ready(&mut self, principal: &str, session: &str, now_ms: i64) -> Option<String> {
        let counted = self.get_mut(principal, session)?;
        counted.settle(now_ms);
        let room = NoRoom {
            needs: 0,
            limit: counted.limit,
            counted: counted.calls,
            reserved: counted.reserved_beside(""),
            resets_ms: None,
        };
        let line = counted.line.first_key_value();
        let alone = NoRoom {
            reserved: 0,
            ..room
        };
        // Or it waits for more than others can give back: then somebody is asked about it.
        let first = line.filter(|(_, needs)| fits(**needs, &room) || !fits(**needs, &alone));
        let asked = || counted.asked.iter().find(|(_, needs)| fits(**needs, &room));
        first
            .map(|((_, _, id), _)| id)
            .or_else(|| asked().map(|(id, _)| id))
            .cloned()
    }
}

/// What a plan needs that may make more calls than its session has in all.
const ALL: u64 = u64::MAX;

fn fits(needs: u64, room: &NoRoom) -> bool {
    match needs {
        ALL => room.reserved == 0 && room.left() > 0,
        needs => needs <= room.left(),
    }
}

fn turn_of(state: &State) -> Turn {
    (
        Reverse(state.plan().plan().priority),
        state.created_ms,
        state.execution_id().to_owned(),
    )
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
        sessions.meet("ann", "s", Tally::default(), 0);
        sessions
    }

    #[test]
    fn the_last_minute_slides() {
        let mut sessions = sessions();
        for at_ms in [0, 1, 59_999] {
            sessions.add("ann", &row(at_ms));
        }
        let minute = |sessions: &mut Sessions, now_ms| {
            let view = sessions.view("s", "ann", "", now_ms);
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
        sessions.add("ann", &row(5));
        assert_eq!(sessions.view("s", "ann", "", 5 + IDLE_MS).calls, 1);
        let view = sessions.view("s", "ann", "", 6 + IDLE_MS);
        assert_eq!(
            (view.calls, view.recent.len(), view.resets_ms),
            (0, 0, None)
        );
    }

    #[test]
    fn principals_with_the_same_id_have_sessions_of_their_own() {
        let mut sessions = sessions();
        sessions.meet("bob", "s", Tally::default(), 0);
        sessions.add("ann", &row(5));
        assert_eq!(sessions.view("s", "ann", "", 6).calls, 1);
        assert_eq!(sessions.view("s", "bob", "", 6).calls, 0);
    }

    #[test]
    fn a_session_that_cannot_be_read_permits_nothing() {
        let mut sessions = sessions();
        assert_eq!(sessions.view("other", "ann", "", 0).calls, u64::MAX);
    }
}
