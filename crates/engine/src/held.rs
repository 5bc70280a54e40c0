//! Refusals that wait: what `enforce` will not have now, and may have later. Everything else blocks the step.

use crate::ask::Asked;
use crate::confirm;
use crate::event::{Body, GRANT, REJECT, Request, RequestKind};
use crate::life::{Illegal, Phase, StepState};
use crate::state::{Hold, State};
use crate::units::Place;
use mandate_plan::{ErrorCode, Mode};
use mandate_policy::{Refusal, ResolvedCall};
use serde_json::json;

/// The rule that a used-up `max_tool_calls` is refused by.
const MAX_TOOL_CALLS: &str = "constraints.max_tool_calls";

/// How many calls can be granted at once.
const MOST_GRANTED: u64 = 10_000;

/// What follows when a call of the engine is refused.
pub(crate) fn after_refusal(state: &State, call: ResolvedCall, refusal: Refusal) -> Body {
    let waits =
        state.asks() && state.phase == Phase::Active && state.plan().plan().mode != Mode::Agent;
    let due_ms = refusal
        .retry_after_ms
        .map(|after| i64::try_from(after).unwrap_or(i64::MAX))
        .map(|after| state.at_ms.saturating_add(after.max(1)));
    match refusal.code {
        ErrorCode::RateLimited if waits && due_ms.is_some() => held(call, refusal, due_ms),
        ErrorCode::Frozen if waits => held(call, refusal, None),
        ErrorCode::ApprovalRequired if waits && state.wants_approval(&call, &refusal) => {
            confirm::request(state, &[call], Some(refusal))
        }
        ErrorCode::BudgetExceeded if waits && is_about_calls(&refusal) => {
            budget_request(state, &call, refusal)
        }
        _ => Body::StepBlocked {
            step: call.step,
            item: call.item,
            refusal,
        },
    }
}

fn held(call: ResolvedCall, refusal: Refusal, due_ms: Option<i64>) -> Body {
    Body::StepHeld {
        step: call.step,
        item: call.item,
        refusal,
        due_ms,
    }
}

fn is_about_calls(refusal: &Refusal) -> bool {
    refusal.rule.as_deref() == Some(MAX_TOOL_CALLS)
}

fn budget_request(state: &State, call: &ResolvedCall, refusal: Refusal) -> Body {
    let own = state.most_calls();
    let question = format!(
        "The plan's {} tool calls are used up, and step `{}` is next. May it make more?",
        own.saturating_add(state.granted_calls),
        call.place()
    );
    let mut asked = Asked::new(RequestKind::Budget, question, &[GRANT, REJECT])
        .about(&call.step, call.item)
        .defaulting_to(REJECT);
    asked.detail = json!({
        "max_tool_calls": own,
        "granted": state.granted_calls,
        "calls": state.calls,
        "grant": own.clamp(1, MOST_GRANTED),
    });
    asked.answer_schema = Some(json!({
        "type": "integer", "minimum": 1, "maximum": MOST_GRANTED,
        "description": "How many further calls; the plan's own number if it is left out.",
    }));
    asked.expires_ms = state.expiry();
    asked.refusal = Some(refusal);
    asked.open(state)
}

impl State {
    /// Whether the calls of the plan are used up, and somebody is asked for more.
    pub(crate) fn is_out_of_calls(&self) -> bool {
        self.open_requests()
            .any(|open| open.request.kind == RequestKind::Budget)
    }

    pub(crate) fn opens_budget(&self, request: &Request) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let refused = request.refusal.as_ref().is_some_and(is_about_calls);
        let place = self.locate(step, request.item)?;
        if refused && !self.is_out_of_calls() && self.may_hold(&[place])? {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    /// A call was refused and can wait.
    pub(crate) fn hold_back(
        &mut self,
        step: &str,
        item: Option<u32>,
        due_ms: Option<i64>,
    ) -> Result<(), Illegal> {
        let place = self.locate(step, item)?;
        if !self.may_hold(&[place])? {
            return Err(Illegal);
        }
        let hold = if due_ms.is_some() {
            Hold::Rate
        } else {
            Hold::Frozen
        };
        self.hold(place, hold, due_ms)
    }

    /// Calls are no longer frozen, or a new host asks again whether they are.
    pub(crate) fn thaw(&mut self) -> Result<(), Illegal> {
        let frozen = self.frozen();
        if frozen.is_empty() {
            return Err(Illegal);
        }
        for place in frozen {
            self.release(place)?;
        }
        Ok(())
    }

    fn frozen(&self) -> Vec<Place> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let mut frozen = Vec::new();
        for (step, data) in self.steps.iter().enumerate() {
            let units = data.units.iter().enumerate();
            let held = units.filter(|(_, unit)| {
                unit.state == StepState::Waiting && unit.hold == Some(Hold::Frozen)
            });
            frozen.extend(held.map(|(unit, _)| (step, unit)));
        }
        frozen
    }

    /// Whether anything waits for calls to be thawed.
    pub fn is_frozen(&self) -> bool {
        !self.frozen().is_empty()
    }
}
