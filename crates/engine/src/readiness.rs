//! What may happen now: whether a step is in order, an attempt may begin, the plan may be admitted, the execution end.
//! `apply`, `decide` and the turn that `enforce` asks for all look here.

use crate::apply::{SLEEP, is_counted};
use crate::event::RequestKind;
use crate::life::{Phase, StepState};
use crate::question::ASK;
use crate::state::{Hold, OpenRequest, State, StepData, Unit};
use mandate_plan::{CheckedStep, model::OnItemFailure};
use mandate_policy::Outcome;

impl State {
    /// The request for approval of the plan, whatever became of it; one that was taken back is none.
    pub(crate) fn plan_request(&self) -> Option<&OpenRequest> {
        self.requests.values().find(|open| {
            open.request.kind == RequestKind::Plan && open.closed.as_deref() != Some("withdrawn")
        })
    }

    pub(crate) fn plan_approved(&self) -> bool {
        self.plan_request()
            .is_some_and(|open| open.closed.as_deref() == Some("approve"))
    }

    /// Somebody approved what runs, so that the approval can be taken back.
    pub(crate) fn may_be_revoked(&self) -> bool {
        let approved = self.requests.values().any(|open| {
            matches!(open.request.kind, RequestKind::Plan | RequestKind::Revision)
                && open.closed.as_deref() == Some("approve")
        });
        approved || self.approved_with_parent()
    }

    /// It is a nested plan, and the approval of the plan that holds it covers it.
    pub(crate) fn approved_with_parent(&self) -> bool {
        let parent = self.created.parent.as_ref();
        parent.is_some_and(|parent| parent.approval.is_some())
    }

    /// Nothing but the admission is missing for the first step.
    pub fn awaits_admission(&self) -> bool {
        self.phase == Phase::Created
            && self.paused.is_none()
            && match self.created.decision.outcome {
                Outcome::Allow => true,
                Outcome::RequireApproval => self.plan_approved() || self.approved_with_parent(),
                Outcome::RateLimited | Outcome::Deny => false,
            }
    }

    /// When the approval must have been given and used, Unix milliseconds.
    pub(crate) fn approval_due_ms(&self) -> Option<i64> {
        let open = self.plan_request()?;
        let usable = matches!(open.closed.as_deref(), None | Some("approve"));
        open.request.expires_ms.filter(|_| usable)
    }

    pub(crate) fn approval_overdue(&self) -> bool {
        self.approval_due_ms().is_some_and(|due| due <= self.at_ms)
    }

    /// `constraints.timeout_ms`.
    pub(crate) fn timeout_ms(&self) -> i64 {
        i64::try_from(self.plan.plan().constraints.timeout_ms).unwrap_or(i64::MAX)
    }

    /// Every step before this one that must be settled is. Steps before the frontier are.
    pub(crate) fn in_order(&self, step: &CheckedStep) -> bool {
        let settled = |index: usize| self.steps.get(index).is_some_and(StepData::is_settled);
        if step.index >= self.plan.first_finally() {
            return self.finally_in_order(step);
        }
        if step.index >= self.plan.steps().len() {
            return self.fallback_in_order(step);
        }
        let open = step.order.iter().rev();
        let mut open = open.take_while(|index| **index >= self.frontier);
        open.all(|index| settled(*index))
            && (!self.plan.plan().constraints.sequential
                || (self.frontier..step.index).all(settled))
    }

    /// Whether the unit may begin as far as those before it go: one at a time where the plan is sequential.
    pub(crate) fn is_next_unit(&self, data: &StepData, number: usize) -> bool {
        let before = data.units.iter().take(number);
        !self.plan.plan().constraints.sequential
            || !before.into_iter().any(|unit| !unit.state.settled())
    }

    pub(crate) fn needs_met(&self, step: &CheckedStep) -> bool {
        step.needs.iter().all(|group| self.need_met(group))
    }

    /// Whether a need is met: one of the group is there to be used.
    pub(crate) fn need_met(&self, group: &[usize]) -> bool {
        group.iter().any(|index| {
            self.steps
                .get(*index)
                .is_some_and(|data| data.state.usable())
        })
    }

    /// Whether the execution may end as it stands: the plan is through, or it stops and nothing is open any more.
    pub(crate) fn may_finish(&self) -> bool {
        if self.running > 0 || self.paused.is_some() {
            return false;
        }
        match (self.phase, &self.stop) {
            (Phase::Active, _) => {
                self.frontier == self.plan.steps().len()
                    && self.unresolved().is_none()
                    && self.proposed.is_none()
            }
            (Phase::Stopping, Some(stop)) => {
                let mut units = self.steps.iter().flat_map(|data| &data.units);
                let lost = |unit: &Unit| unit.state == StepState::Waiting && unit.is_lost();
                (self.doubtful == 0 || stop.force) && !units.any(lost)
            }
            (Phase::Compensating, _) => self.may_end_undo(),
            (Phase::Closing, _) => self.may_end_finally(),
            _ => false,
        }
    }
}

/// What an attempt itself waits for, where the engine carries the tool out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnWait {
    /// Nothing: a provider is called.
    None,
    /// The end of a sleep.
    Sleep,
    /// The answer to a question.
    Question,
}

impl State {
    /// What attempts of the step of that number wait for themselves.
    pub(crate) fn own_wait(&self, step: usize) -> OwnWait {
        let tool = self.plan.numbered(step).map(|step| step.step.tool.as_str());
        match tool {
            Some(SLEEP) => OwnWait::Sleep,
            Some(ASK) => OwnWait::Question,
            _ => OwnWait::None,
        }
    }

    /// Whether calls of the step of that number count against `max_tool_calls`.
    pub(crate) fn is_counted_step(&self, step: usize) -> bool {
        let step = self.plan.numbered(step);
        step.is_some_and(|step| is_counted(&step.step.tool))
    }

    /// Nothing new starts while a violated invariant waits for somebody's word, or a revision is awaited or proposed.
    pub(crate) fn is_stalled(&self) -> bool {
        self.phase == Phase::Active && (self.unresolved().is_some() || self.is_replanning())
    }
}

impl StepData {
    /// A `for_each` step whose items are not bound yet.
    pub(crate) fn is_unbound(&self) -> bool {
        self.units.is_empty() && self.items.is_none()
    }
}

impl Unit {
    /// Whether its next attempt may begin now, as far as the unit itself goes.
    pub(crate) fn may_start(&self, now_ms: i64, own: OwnWait) -> bool {
        let is_due = self.due_ms.is_some_and(|due| due <= now_ms);
        match (self.state, &self.hold) {
            (StepState::Pending, _) => true,
            (StepState::Waiting, Some(Hold::Rate)) => is_due,
            (StepState::Waiting, Some(Hold::Request(_) | Hold::Frozen)) => false,
            (StepState::Waiting, None) if self.orphaned => self.can_be_repeated(),
            // What waits without a due time waits for its back-off to be recorded, or for an answer.
            (StepState::Waiting, None) => own != OwnWait::Sleep && is_due,
            _ => false,
        }
    }

    /// Its host is gone, and with it the answer of a call that must not be repeated.
    pub(crate) fn is_lost(&self) -> bool {
        self.orphaned && !self.facts().repeatable()
    }
}

/// Whether a failed item keeps the others from starting.
pub(crate) fn stops_at_failure(step: &CheckedStep) -> bool {
    step.step
        .for_each
        .as_ref()
        .is_some_and(|each| each.on_item_failure == OnItemFailure::Stop)
}

/// Whether no further item of the step starts, because one failed.
pub(crate) fn is_closed(step: &CheckedStep, data: &StepData) -> bool {
    let failed = |unit: &Unit| matches!(unit.state, StepState::Failed | StepState::Blocked);
    stops_at_failure(step) && data.units.iter().any(failed)
}
