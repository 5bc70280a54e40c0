//! What somebody who is asked about a plan compares it with: the last plan of the same name that anybody approved. It is
//! looked up once, when the plan is submitted, and journaled; nothing looks for it again.

use crate::ask::HostError;
use crate::projection::approved_plan;
use mandate_engine::{ApprovedBefore, Body, Created, Event, State};
use mandate_plan::{Digest, diff::PlanDiff, diff::diff, reload};
use mandate_store::{Journal, LastApproved, StoreError};
use std::collections::BTreeMap;

/// How many names are remembered.
const REMEMBERED: usize = 1_024;

/// The last approvals by the plans' names, as far as they were asked for: the host writes all that changes them.
#[derive(Debug, Default)]
pub(crate) struct LastApprovals(BTreeMap<String, Option<LastApproved>>);

impl LastApprovals {
    /// Takes note of the last one in what an execution begins with, if somebody is asked about its plan.
    pub(crate) fn note(
        &mut self,
        created: &mut Created,
        name: &str,
        journal: &dyn Journal,
    ) -> Result<(), HostError> {
        if created.approval_expires_ms.is_none() {
            return Ok(());
        }
        let last = match self.0.get(name) {
            Some(known) => known.clone(),
            None => {
                let found = journal.last_approved(name)?;
                self.remember(name.to_owned(), found.clone());
                found
            }
        };
        created.approved_before = last.map(|last| {
            Box::new(ApprovedBefore {
                plan_hash: last.plan_hash,
                execution_id: last.execution_id,
                request_id: last.request_id,
                by: last.by,
                at_ms: last.at_ms,
            })
        });
        Ok(())
    }

    /// Something happened to an execution that may approve its plan, or take that back. It is in the journal before whatever
    /// stands on it, because both go there in the order of their time.
    pub(crate) fn happened(&mut self, state: &State, events: &[Event]) {
        for event in events {
            match &event.body {
                Body::RequestAnswered(answer) => {
                    let Some(open) = state.requests.get(&answer.request_id) else {
                        continue;
                    };
                    let Some((name, plan_hash)) = approved_plan(state, open) else {
                        continue;
                    };
                    match plan_hash {
                        Some(plan_hash) => {
                            let last = LastApproved {
                                execution_id: state.execution_id().to_owned(),
                                request_id: answer.request_id.clone(),
                                plan_hash,
                                by: open.by.clone().unwrap_or_default().0,
                                at_ms: open.closed_ms.unwrap_or(event.at_ms),
                            };
                            self.remember(name, Some(last));
                        }
                        None => drop(self.0.remove(&name)),
                    }
                }
                // The one before it counts again, which only the journal knows.
                Body::ApprovalRevoked { .. } => self.forget(),
                _ => {}
            }
        }
    }

    /// What is remembered may not be in the journal any more.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    fn remember(&mut self, name: String, last: Option<LastApproved>) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(name, last);
    }
}

/// A plan beside the one that was approved before it.
#[derive(Debug, Clone)]
pub struct Compared {
    /// That approval.
    pub before: ApprovedBefore,
    /// What is different in the plan that is asked about; none = what was approved cannot be read here.
    pub diff: Option<PlanDiff>,
}

/// The plan that was submitted beside the one that was approved before it; none where none was. `plan_of` gives the
/// canonical bytes of a stored plan.
///
/// # Errors
/// What `plan_of` fails with.
pub fn compared(
    state: &State,
    plan_of: impl FnOnce(&Digest) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Compared>, StoreError> {
    let (created, plan) = state.submitted();
    let Some(before) = created.approved_before.as_deref() else {
        return Ok(None);
    };
    let diff = match before.plan_hash == created.plan_hash {
        true => Some(PlanDiff::default()),
        false => {
            let old = plan_of(&before.plan_hash)?;
            let old = old.and_then(|canonical| reload(&canonical).ok());
            old.map(|old| diff(old.plan(), plan.plan()))
        }
    };
    let before = before.clone();
    Ok(Some(Compared { before, diff }))
}
