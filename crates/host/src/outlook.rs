//! What an agent could call next, for whoever lists its tools: one value that is overwritten when it changes, so that one who
//! is slow costs nothing. Nothing is copied while it stays the same, however many calls are made.

use crate::ask::HostError;
use crate::drive::Drive;
use crate::host::Host;
use crate::recovery::load;
use mandate_engine::{Phase, State};
use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tokio::sync::watch;

/// What an agent could call in an execution. A hint: whether a call may be made is found out when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// What was approved: another digest after a revision.
    pub execution_digest: Digest,
    /// Every tool that the plan names, once each.
    pub tools: Vec<String>,
    /// The tools of the agent's steps, in the plan's order; none before the approval and after the end.
    pub agents: Vec<String>,
    /// Those of them whose turn it is.
    pub callable: Vec<String>,
    /// The execution is ending, or has ended.
    pub ending: bool,
}

impl Outlook {
    /// Of this state.
    pub fn of(state: &State) -> Self {
        let agents = { state.plan().steps().iter() }
            .filter(|step| state.is_agents_step(step))
            .map(|step| step.step.tool.as_str());
        Self {
            execution_digest: state.created.execution_digest,
            tools: once_each(state.plan().tools()),
            agents: match is_agents(state) {
                true => once_each(agents),
                false => Vec::new(),
            },
            callable: callable(state),
            ending: state.ending.is_some(),
        }
    }

    /// Whether it is of this state, too.
    fn is_of(&self, state: &State) -> bool {
        self.execution_digest == state.created.execution_digest
            && self.ending == state.ending.is_some()
            && (!self.agents.is_empty() || !is_agents(state))
            && self.callable == callable(state)
    }
}

fn is_agents(state: &State) -> bool {
    state.is_agents() && state.phase == Phase::Active
}

/// The tools whose turn it is, once each.
pub(crate) fn callable(state: &State) -> Vec<String> {
    if !is_agents(state) {
        return Vec::new();
    }
    once_each(
        state
            .callable_steps()
            .map(|(step, _)| step.step.tool.as_str()),
    )
}

/// Each of them once, where it comes first.
fn once_each<'a>(tools: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let fresh = tools.into_iter().filter(|tool| seen.insert(*tool));
    fresh.map(str::to_owned).collect()
}

impl Drive {
    /// Tells those who list tools, once the disk has what it rests on.
    pub(crate) fn tell_outlooks(&mut self) {
        self.outlooks.retain(|outlook| !outlook.is_closed());
        if self.durable_seq < self.state.seq {
            return;
        }
        for told in &self.outlooks {
            told.send_if_modified(|told| {
                let changed = !told.is_of(&self.state);
                if changed {
                    *told = Outlook::of(&self.state);
                }
                changed
            });
        }
    }
}

impl Host {
    /// What an agent could call, now and whenever that changes.
    pub(crate) fn outlook(
        &mut self,
        execution_id: &str,
    ) -> Result<watch::Receiver<Outlook>, HostError> {
        if self.is_parked(execution_id) {
            self.unpark(execution_id)?;
        }
        let Some(drive) = self.drives.get_mut(execution_id) else {
            let state = load(self.parts.journal.as_ref(), execution_id)?;
            if state.phase != Phase::Ended {
                return Err(HostError::NoSuchExecution(execution_id.to_owned()));
            }
            return Ok(watch::Sender::new(Outlook::of(&state)).subscribe());
        };
        if let Some(lost) = &drive.lost {
            return Err(lost.clone());
        }
        let told = watch::Sender::new(Outlook::of(&drive.state));
        let outlook = told.subscribe();
        drive.outlooks.push(told);
        Ok(outlook)
    }
}
