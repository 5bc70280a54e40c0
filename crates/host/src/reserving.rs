//! Calls of a session that are set aside: before a plan starts, those that it may need; what it gives back starts others.
//!
//! Nothing about that is stored beside the executions' own journals: `execution_started` says what was set aside, and the
//! rest is folded. A host that meets a session folds the executions of it that have begun.

use crate::ask::HostError;
use crate::drive::Drive;
use crate::host::Host;
use crate::recovery::{load, load_with};
use crate::sessions::{IDLE_MS, Place};
use mandate_engine::{Body, State};
use mandate_store::{Journal, Tally};
use std::collections::{BTreeMap, BTreeSet};

impl Host {
    /// Reads a session from the journal unless it is known: its calls, and what is set aside in it.
    pub(crate) fn meet(&mut self, principal: &str, session: &str, now_ms: i64) {
        if self.sessions.knows(principal, session) {
            return;
        }
        let tally = match self
            .parts
            .journal
            .tally(principal, session, now_ms, IDLE_MS)
        {
            Ok(tally) => tally,
            Err(error) => {
                tracing::error!(session, %error, "the calls of the session cannot be counted");
                return;
            }
        };
        let open = tally.open.clone();
        self.sessions.meet(principal, session, tally, now_ms);
        let mut loaded: BTreeMap<&str, State> = BTreeMap::new();
        for id in open.iter().filter(|id| !self.drives.contains_key(*id)) {
            match load_with(self.parts.journal.as_ref(), id, &mut self.plans) {
                Ok(state) => {
                    loaded.insert(id, state);
                }
                // Nor can it be driven, and call anything.
                Err(error) => unknown(id, &error),
            }
        }
        let driven = |id: &str| self.drives.get(id).map(|drive| &drive.state);
        for (state, root) in with_roots(&open, |id| driven(id).or_else(|| loaded.get(id))) {
            self.sessions.note(state, &root);
        }
    }

    /// The event that a start is: with the calls that are set aside for it, or with what its session lacks. None: it
    /// stands in line behind others of its session.
    pub(crate) fn start_of(
        &mut self,
        execution_id: &str,
        approval: Option<String>,
    ) -> Option<Body> {
        let drive = self.drives.get(execution_id)?;
        if drive.state.created.parent.is_some() {
            // What it may need is set aside with what the plan that holds it may need.
            return Some(Body::ExecutionStarted {
                approval,
                reserved: None,
            });
        }
        let began_under = drive.state.created.policy_version.clone();
        let limits = self.rules_for(&began_under).limits();
        let now_ms = self.parts.clock.now_ms();
        let drive = self.drives.get(execution_id)?;
        let place = self.sessions.place_for(&drive.state, limits, now_ms);
        let drive = self.drives.get_mut(execution_id)?;
        drive.line_ms = match place {
            Place::Line { resets_ms, .. } => resets_ms,
            Place::Free(_) | Place::Short(_) => None,
        };
        match place {
            Place::Free(reserved) => Some(Body::ExecutionStarted {
                approval,
                reserved: Some(reserved),
            }),
            Place::Short(room) => Some(Body::StartHeld { room }),
            Place::Line { new, .. } => {
                if new {
                    let session = &drive.state.created.session;
                    (self.parts.report)(&format!(
                        "execution `{execution_id}` waits until others of the session `{session}` give calls back"
                    ));
                }
                None
            }
        }
    }

    /// Notes what an execution has set aside after a turn.
    pub(crate) fn note_set_aside(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let root = root_of(&self.drives, execution_id).unwrap_or(execution_id);
        if self.sessions.note(&drive.state, root) {
            let created = &drive.state.created;
            let freed = (created.principal.clone(), created.session.clone());
            self.freed.insert(freed);
        }
    }

    /// Starts those that waited for what others of their sessions have given back.
    pub(crate) fn start_what_fits(&mut self) {
        while let Some((principal, session)) = self.freed.pop_first() {
            let mut tried = BTreeSet::new();
            let now_ms = self.parts.clock.now_ms();
            while let Some(id) = self.sessions.ready(&principal, &session, now_ms) {
                if self.leaving || !tried.insert(id.clone()) {
                    break;
                }
                self.start_waiting(&id);
            }
        }
    }

    /// Looks at those in line where the session of one of them may count anew by now.
    pub(crate) fn look_at_line(&mut self, execution_id: &str, now_ms: i64) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        if drive.line_ms.is_none_or(|at_ms| at_ms > now_ms) {
            return;
        }
        let created = &drive.state.created;
        let whose = (created.principal.clone(), created.session.clone());
        drive.line_ms = match drive.state.awaits_admission() {
            true => self.sessions.resets_ms(&whose.0, &whose.1, now_ms),
            false => None,
        };
        self.freed.insert(whose);
    }

    fn start_waiting(&mut self, execution_id: &str) {
        if self.is_parked(execution_id)
            && let Err(error) = self.unpark(execution_id)
        {
            self.report(execution_id, &error);
            return;
        }
        let waits = |state: &State| state.driven && state.awaits_admission();
        if self.state(execution_id).is_some_and(waits) {
            self.admit_in_turn(execution_id);
            self.flush(execution_id);
            self.settle_down(execution_id);
            self.reschedule(execution_id);
        }
    }
}

/// The execution at the top of those that hold each other; none for one that is no nested plan.
pub(crate) fn root_of<'a>(
    drives: &'a BTreeMap<String, Box<Drive>>,
    execution_id: &str,
) -> Option<&'a str> {
    let parent = |id: &str| {
        let created = &drives.get(id)?.state.created;
        let parent = created.parent.as_ref()?;
        Some(parent.execution_id.as_str())
    };
    let mut root = parent(execution_id)?;
    while let Some(above) = parent(root) {
        root = above;
    }
    Some(root)
}

fn unknown(execution_id: &str, error: &HostError) {
    tracing::warn!(execution = execution_id, %error, "what is set aside for it is not known");
}

/// The states of these executions, each with the id of the one at the top of those that hold each other: the ones at the
/// top first, since what nested plans used is taken off what those have.
fn with_roots<'s>(
    ids: &[String],
    get: impl Fn(&str) -> Option<&'s State>,
) -> Vec<(&'s State, String)> {
    let parent = |id: &str| {
        let parent = get(id)?.created.parent.as_ref()?;
        Some(parent.execution_id.clone())
    };
    let root = |id: &str| {
        let mut root = id.to_owned();
        while let Some(above) = parent(&root) {
            root = above;
        }
        root
    };
    let states = ids.iter().filter_map(|id| get(id));
    let mut found: Vec<_> = states
        .map(|state| (state, root(state.execution_id())))
        .collect();
    found.sort_by_key(|(state, _)| state.created.parent.is_some());
    found
}

/// What is set aside in a session, by execution, as its tally found it: for those that only look on.
///
/// # Errors
/// The store's failure.
pub fn set_aside(journal: &dyn Journal, tally: &Tally) -> Result<Vec<(String, u64)>, HostError> {
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    for id in &tally.open {
        match load(journal, id) {
            Ok(state) => {
                states.insert(id, state);
            }
            Err(HostError::Store(error)) => return Err(HostError::Store(error)),
            Err(error) => unknown(id, &error),
        }
    }
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for (state, root) in with_roots(&tally.open, |id| states.get(id)) {
        if state.created.parent.is_none() {
            held.insert(root, state.set_aside());
        } else if let Some(left) = held.get_mut(&root) {
            *left = left.saturating_sub(state.calls_made());
        }
    }
    held.retain(|_, left| *left > 0);
    Ok(held.into_iter().collect())
}
