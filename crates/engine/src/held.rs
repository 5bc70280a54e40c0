//! Refusals that wait: what `enforce` will not have now, and may have later. Everything else blocks the step.

use crate::ask::Asked;
use crate::compensate;
use crate::confirm;
use crate::event::{Body, GRANT, REJECT, Request, RequestKind};
use crate::life::{Illegal, Phase, StepState};
use crate::state::{Hold, State, Unit};
use crate::units::Place;
use mandate_plan::ErrorCode;
use mandate_policy::{Purpose, Refusal, ResolvedCall};
use serde_json::json;

/// The rule that a used-up `max_tool_calls` is refused by.
const MAX_TOOL_CALLS: &str = "constraints.max_tool_calls";

/// How many calls can be granted at once.
const MOST_GRANTED: u64 = 10_000;

/// What follows when a call of the engine is refused.
pub(crate) fn after_refusal(state: &State, call: ResolvedCall, refusal: Refusal) -> Body {
    // What an agent asked for is refused to it; what the engine calls waits in any mode.
    let waits = state.asks() && state.phase == Phase::Active;
    if let Some(due_ms) = holds_until(state, &refusal) {
        return held(call, refusal, due_ms);
    }
    match refusal.code {
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

/// What follows when a call that would undo something is refused: it waits as others do, or it is not made.
pub(crate) fn after_undo_refusal(state: &State, call: ResolvedCall, refusal: Refusal) -> Body {
    match holds_until(state, &refusal) {
        Some(due_ms) => held(call, refusal, due_ms),
        None => compensate::refused(call.step, call.item, refusal),
    }
}

/// Whether the call waits for the end of a freeze, or of a rate's stretch, and until when. What tidies up and what undoes
/// waits as well: it is owed.
fn holds_until(state: &State, refusal: &Refusal) -> Option<Option<i64>> {
    if !state.asks() {
        return None;
    }
    let after_ms = refusal.retry_after_ms;
    let after_ms = after_ms.map(|after| i64::try_from(after).unwrap_or(i64::MAX));
    match (refusal.code, after_ms) {
        (ErrorCode::RateLimited, Some(after_ms)) => {
            Some(Some(state.at_ms.saturating_add(after_ms.max(1))))
        }
        (ErrorCode::Frozen, _) => Some(None),
        _ => None,
    }
}

fn held(call: ResolvedCall, refusal: Refusal, due_ms: Option<i64>) -> Body {
    Body::StepHeld {
        step: call.step,
        item: call.item,
        refusal,
        due_ms,
        purpose: call.purpose,
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
        if self.phase == Phase::Created {
            return self.opens_start();
        }
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
        self.hold(place, Hold::until(due_ms), due_ms)
    }

    /// Calls are no longer frozen, or a new host asks again whether they are.
    pub(crate) fn thaw(&mut self) -> Result<(), Illegal> {
        let frozen = self.frozen();
        if frozen.is_empty() {
            return Err(Illegal);
        }
        for (place, purpose) in frozen {
            match purpose {
                Purpose::Run => self.release(place)?,
                Purpose::Compensate => self.release_undo(place)?,
            }
        }
        Ok(())
    }

    fn frozen(&self) -> Vec<(Place, Purpose)> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let held =
            |unit: &Unit| unit.state == StepState::Waiting && unit.hold == Some(Hold::Frozen);
        let mut frozen = Vec::new();
        for (step, data) in self.steps.iter().enumerate() {
            for (number, unit) in data.units.iter().enumerate() {
                if held(unit) {
                    frozen.push(((step, number), Purpose::Run));
                }
                if unit.undo.as_deref().is_some_and(held) {
                    frozen.push(((step, number), Purpose::Compensate));
                }
            }
        }
        frozen
    }

    /// Whether anything waits for calls to be thawed.
    pub fn is_frozen(&self) -> bool {
        !self.frozen().is_empty()
    }
}
