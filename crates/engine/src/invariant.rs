//! Invariants: conditions that hold after every step, or the execution stops, or a human is asked.
//!
//! They are evaluated when a step settles, as part of what settling it means; the journal says only when one begins to
//! be violated, and when it holds again.

use crate::answer::Said;
use crate::ask::Asked;
use crate::decide::Command;
use crate::event::{Body, CONTINUE, Fault, HALT, Request, RequestKind};
use crate::life::{Illegal, Phase};
use crate::scope::View;
use crate::state::{InvariantData, State, StepData};
use mandate_plan::{CheckedPlan, ErrorCode, OnViolation};
use serde_json::json;

/// The invariants of an execution that has not begun: as far as is known, they hold.
pub(crate) fn at_first(plan: &CheckedPlan) -> Vec<InvariantData> {
    let unchecked = |_| InvariantData {
        holds: true,
        now: true,
        reason: None,
        unresolved: false,
    };
    plan.invariants().iter().map(unchecked).collect()
}

/// What follows from the invariants; nothing else does before that is recorded.
pub(crate) fn follow_up(state: &State, out: &mut Vec<Command>) {
    let plan = state.plan();
    for (invariant, data) in plan.invariants().iter().zip(&state.invariants) {
        if data.now != data.holds {
            out.push(Command::Record(Body::InvariantChecked {
                invariant: invariant.id.clone(),
                step: state.settled_last.clone(),
                holds: data.now,
                reason: data.reason.clone(),
            }));
        }
    }
    if !out.is_empty() {
        return;
    }
    for (invariant, data) in plan.invariants().iter().zip(&state.invariants) {
        if !data.unresolved || state.is_asked_about(&invariant.id) {
            continue;
        }
        let question = format!(
            "The invariant `{}` is violated. Go on all the same?",
            invariant.id
        );
        let mut asked =
            Asked::new(RequestKind::Invariant, question, &[CONTINUE, HALT]).defaulting_to(HALT);
        asked.invariant = Some(&invariant.id);
        asked.detail = json!({
            "invariant": invariant.id,
            "check": invariant.check.source(),
            "after": state.settled_last,
        });
        if let (Some(reason), Some(detail)) = (&data.reason, asked.detail.as_object_mut()) {
            detail.insert("reason".to_owned(), json!(reason));
        }
        asked.expires_ms = state.expiry();
        out.push(Command::Record(asked.open(state)));
    }
}

impl State {
    /// Evaluates the invariants if a step has settled, by the event that named it.
    pub(crate) fn check_invariants(&mut self, body: &Body) {
        if self.invariants.is_empty() || self.phase != Phase::Active {
            return;
        }
        let settled = self.steps_over();
        if settled == self.settled_steps {
            return;
        }
        let fewer = settled < self.settled_steps;
        self.settled_steps = settled;
        if fewer {
            return; // one is tried again
        }
        if let Some(step) = self.step_in(body) {
            self.settled_last = step;
        }
        let plan = self.plan.clone();
        for (at, invariant) in plan.invariants().iter().enumerate() {
            let found = invariant.check.eval_bool(&View::of(self));
            if let Some(data) = self.invariants.get_mut(at) {
                (data.now, data.reason) = match found {
                    Ok(now) => (now, None),
                    Err(error) => (false, Some(error.message)),
                };
            }
        }
    }

    /// The step that an event is about.
    fn step_in(&self, body: &Body) -> Option<String> {
        let of_request = |id: &String| self.requests.get(id)?.request.step.clone();
        match body {
            Body::StepCompleted { step, .. }
            | Body::StepFailed { step, .. }
            | Body::StepSkipped { step, .. }
            | Body::StepResolved { step, .. }
            | Body::ItemsBound { step, .. }
            | Body::FallbackEnded { step, .. } => Some(step.clone()),
            Body::RequestAnswered(answer) => of_request(&answer.request_id),
            Body::RequestExpired { request_id } => of_request(request_id),
            _ => None,
        }
    }

    /// What was found of an invariant is put on record; a violation stops the execution, or waits for a human.
    pub(crate) fn note_invariant(&mut self, id: &str, holds: bool) -> Result<(), Illegal> {
        let plan = self.plan.clone();
        let mut known = plan.invariants().iter().enumerate();
        let (at, invariant) = known.find(|(_, known)| known.id == id).ok_or(Illegal)?;
        let data = self.invariants.get_mut(at).ok_or(Illegal)?;
        if self.phase != Phase::Active || data.now != holds || data.holds == holds {
            return Err(Illegal);
        }
        data.holds = holds;
        if holds {
            return Ok(());
        }
        if invariant.on_violation == OnViolation::Ask {
            data.unresolved = true;
            return Ok(());
        }
        let fault = self.violation(at).ok_or(Illegal)?;
        self.stop(fault, false, false)
    }

    /// The error of a violated invariant.
    fn violation(&self, at: usize) -> Option<Fault> {
        let invariant = self.plan.invariants().get(at)?;
        let data = self.invariants.get(at)?;
        let when = match self.settled_last.as_str() {
            "" => "with what was carried over".to_owned(),
            step => format!("after step `{step}`"),
        };
        let mut message = format!(
            "the invariant `{}` does not hold {when}: {}",
            invariant.id,
            invariant.check.source()
        );
        if let Some(reason) = &data.reason {
            message.push_str(&format!(" ({reason})"));
        }
        let mut fault = Fault::new(ErrorCode::InvariantViolated, message);
        fault.details = Some(json!({ "invariant": invariant.id }));
        if !self.settled_last.is_empty() {
            fault = fault.at_step(&self.settled_last);
        }
        Some(fault)
    }

    /// The first invariant that was violated and that nobody has said anything about yet.
    pub(crate) fn unresolved(&self) -> Option<&str> {
        let known = self.plan.invariants().iter().zip(&self.invariants);
        let mut unresolved = known.filter(|(_, data)| data.unresolved || data.now != data.holds);
        unresolved
            .next()
            .map(|(invariant, _)| invariant.id.as_str())
    }

    fn is_asked_about(&self, invariant: &str) -> bool {
        self.open_requests()
            .any(|open| open.request.invariant.as_deref() == Some(invariant))
    }

    fn place_of(&self, request: &Request) -> Result<usize, Illegal> {
        let id = request.invariant.as_deref().ok_or(Illegal)?;
        let mut known = self.plan.invariants().iter();
        known.position(|known| known.id == id).ok_or(Illegal)
    }

    pub(crate) fn opens_invariant(&self, request: &Request) -> Result<(), Illegal> {
        let data = self.invariants.get(self.place_of(request)?);
        let unresolved = data.is_some_and(|data| data.unresolved);
        let asked = request
            .invariant
            .as_deref()
            .is_some_and(|id| self.is_asked_about(id));
        if self.phase == Phase::Active && unresolved && !asked {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    /// The violation is accepted, until the invariant has held again.
    pub(crate) fn accept_violation(&mut self, request: &Request) -> Result<(), Illegal> {
        let at = self.place_of(request)?;
        let data = self.invariants.get_mut(at).ok_or(Illegal)?;
        data.unresolved = false;
        Ok(())
    }

    pub(crate) fn halt_at_violation(
        &mut self,
        request: &Request,
        said: Said<'_>,
    ) -> Result<(), Illegal> {
        let at = self.place_of(request)?;
        let mut fault = self.violation(at).ok_or(Illegal)?;
        fault.message = format!("{}; {}", fault.message, said.that("stopped the execution"));
        self.stop(fault, false, false)
    }
}

impl StepData {
    /// Nothing more comes of it: it is settled, no fallback runs in its place, and nobody is asked about it.
    pub(crate) fn is_settled(&self) -> bool {
        self.state.settled()
            && !self.is_recovering()
            && !self.is_asking()
            && !self.awaits_revision()
    }
}
