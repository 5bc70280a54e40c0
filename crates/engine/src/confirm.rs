//! Calls that a human must say yes to: all items of a step with `confirm` at once, and single calls that the policy wants
//! approved. While nobody has answered they are held; a yes holds for exactly these arguments, for all attempts.

use crate::ask::Asked;
use crate::call::call;
use crate::decide::{Command, uncalled};
use crate::event::{APPROVE, Body, BoundCall, Fault, REJECT, Request, RequestKind};
use crate::life::{Illegal, Phase, StepChange, StepState};
use crate::state::{Confirmed, Hold, State, StepData, Unit, item_of};
use crate::units::Place;
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::{Approval, Purpose, Refusal, ResolvedCall};
use serde_json::{Value, json};

/// Whether the units of a step may start as far as its `confirm` goes; if not, the request is opened first.
pub(crate) fn confirmed(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    out: &mut Vec<Command>,
) -> bool {
    let unasked = |unit: &Unit| unit.state == StepState::Pending && unit.confirmed.is_none();
    if !step.step.confirm || !data.units.iter().any(unasked) {
        return true;
    }
    let mut calls: Vec<ResolvedCall> = Vec::new();
    let mut broken = false;
    for (number, unit) in data.units.iter().enumerate() {
        if !unasked(unit) {
            continue;
        }
        match call(state, step, data, number, unit) {
            Ok(call) => calls.push(call),
            Err(error) => {
                broken = true;
                let item = item_of(step, number);
                out.push(Command::Record(uncalled(step, item, error)));
            }
        }
    }
    // What cannot be called fails first: there may be nothing left to ask about.
    if !broken {
        out.push(Command::Record(request(state, &calls, None)));
    }
    false
}

/// The request for a yes to these calls of one step.
pub(crate) fn request(state: &State, calls: &[ResolvedCall], refusal: Option<Refusal>) -> Body {
    let step = calls.first().map_or("", |call| call.step.as_str());
    let tool = calls.first().map_or("", |call| call.tool.as_str());
    let question = match calls {
        [_] => format!("May step `{step}` call `{tool}` with these arguments?"),
        several => format!(
            "May step `{step}` call `{tool}` {} times, with these arguments?",
            several.len()
        ),
    };
    let item = match (calls, &refusal) {
        ([call], Some(_)) => call.item,
        _ => None,
    };
    let shown: Vec<Value> = calls
        .iter()
        .map(|call| match call.item {
            Some(item) => json!({ "item": item, "args": call.args }),
            None => json!({ "args": call.args }),
        })
        .collect();
    let mut asked = Asked::new(RequestKind::Step, question, &[APPROVE, REJECT]).about(step, item);
    asked.detail = json!({ "tool": tool, "calls": shown });
    asked.calls = calls
        .iter()
        .map(|call| BoundCall {
            item: call.item,
            args_digest: call.args_digest(),
        })
        .collect();
    asked.approvers = refusal.as_ref().and_then(approvers);
    asked.expires_ms = state.expiry();
    let number = state.plan().number_of(step);
    if number.is_some_and(|number| number >= state.plan().first_finally()) {
        // What an execution still has to tidy up does not keep it for a day.
        let limit_ms = calls.first().and_then(|call| call.timeout_ms).unwrap_or(0);
        let limit_ms = i64::try_from(limit_ms).unwrap_or(i64::MAX);
        asked.expires_ms = Some(state.at_ms.saturating_add(limit_ms));
    }
    asked.refusal = refusal;
    asked.open(state)
}

/// Who must approve a call, as its refusal says.
pub(crate) fn approvers(refusal: &Refusal) -> Option<Vec<String>> {
    let wanted = refusal.expected.as_ref()?.get("approvers")?.as_array()?;
    wanted
        .iter()
        .map(|approver| approver.as_str().map(str::to_owned))
        .collect()
}

impl State {
    /// The calls of a request are held until it is closed.
    pub(crate) fn hold_for_approval(&mut self, request: &Request) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let places = self.bound_places(request)?;
        if places.is_empty() || !self.may_hold(&places)? {
            return Err(Illegal);
        }
        let number = self.plan.number_of(step).ok_or(Illegal)?;
        let confirms = self
            .plan
            .numbered(number)
            .is_some_and(|checked| checked.step.confirm);
        let fits = match (&request.refusal, request.calls.as_slice()) {
            (Some(_), [call]) => call.item == request.item,
            (None, _) => confirms && request.item.is_none(),
            _ => false,
        };
        if !fits {
            return Err(Illegal);
        }
        for place in places {
            self.hold(place, Hold::Request(request.request_id.clone()), None)?;
        }
        Ok(())
    }

    /// Whether these units are about to start.
    pub(crate) fn may_hold(&self, places: &[Place]) -> Result<bool, Illegal> {
        for place in places {
            self.starts(place.0)?;
            let own = self.own_wait(place.0);
            if !self.at(*place)?.may_start(self.at_ms, own) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next attempt of a unit has to wait.
    pub(crate) fn hold(
        &mut self,
        place: Place,
        hold: Hold,
        due_ms: Option<i64>,
    ) -> Result<(), Illegal> {
        let held_ms = Some(self.at_ms);
        if self.at(place)?.state == StepState::Pending {
            return self.change(place.0, place.1, StepChange::Hold, |unit| {
                unit.hold = Some(hold);
                unit.held_ms = held_ms;
                unit.due_ms = due_ms;
            });
        }
        let data = self.steps.get_mut(place.0).ok_or(Illegal)?;
        let unit = data.units.get_mut(place.1).ok_or(Illegal)?;
        unit.hold = Some(hold);
        unit.held_ms = held_ms;
        unit.due_ms = due_ms;
        Ok(())
    }

    /// What a unit waited for is there: its next attempt may begin.
    pub(crate) fn release(&mut self, place: Place) -> Result<(), Illegal> {
        if self.at(place)?.attempt == 0 {
            return self.change(place.0, place.1, StepChange::Release, |unit| {
                unit.hold = None;
                unit.due_ms = None;
            });
        }
        let now_ms = self.at_ms;
        let data = self.steps.get_mut(place.0).ok_or(Illegal)?;
        let unit = data.units.get_mut(place.1).ok_or(Illegal)?;
        unit.hold = None;
        unit.due_ms = Some(now_ms);
        Ok(())
    }

    /// The units that a request is bound to.
    fn bound_places(&self, request: &Request) -> Result<Vec<Place>, Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let places = request
            .calls
            .iter()
            .map(|bound| self.locate(step, bound.item));
        places.collect()
    }

    fn is_held_by(&self, place: Place, request: &Request) -> bool {
        let hold = self.at(place).ok().and_then(|unit| unit.hold.as_ref());
        matches!(hold, Some(Hold::Request(id)) if *id == request.request_id)
    }

    /// The calls of the request are not held for it any more.
    pub(crate) fn let_go_of(&mut self, request: &Request) -> Result<(), Illegal> {
        for place in self.bound_places(request)? {
            if self.is_held_by(place, request) {
                self.release(place)?;
            }
        }
        Ok(())
    }

    /// A yes to the calls of the request.
    pub(crate) fn confirm(&mut self, request: &Request) -> Result<(), Illegal> {
        let places = self.bound_places(request)?;
        for (place, bound) in places.into_iter().zip(&request.calls) {
            if !self.is_held_by(place, request) {
                continue;
            }
            self.release(place)?;
            let unit = self.steps.get_mut(place.0);
            let unit = unit.and_then(|data| data.units.get_mut(place.1));
            unit.ok_or(Illegal)?.confirmed = Some(Confirmed {
                request_id: request.request_id.clone(),
                args_digest: bound.args_digest,
            });
        }
        Ok(())
    }

    /// The units that a request is about fail for good, whatever the retry policy.
    pub(crate) fn fail_asked(&mut self, request: &Request, fault: &Fault) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let places = match request.kind {
            RequestKind::Question => vec![self.locate(step, request.item)?],
            _ => self.bound_places(request)?,
        };
        for place in places {
            if request.kind == RequestKind::Step && !self.is_held_by(place, request) {
                continue;
            }
            let fault = fault.clone().at_step(step);
            self.change(place.0, place.1, StepChange::Fail, |unit| {
                unit.error = Some(fault);
                unit.failure = None;
                unit.hold = None;
                unit.due_ms = None;
            })?;
        }
        Ok(())
    }

    /// The yes to a call's arguments; whether the call has them is for `enforce` to compare.
    pub(crate) fn approval_of(&self, call: &ResolvedCall) -> Option<Approval> {
        if call.purpose != Purpose::Run {
            return None;
        }
        let confirmed = self.unit(&call.step, call.item)?.confirmed.as_ref()?;
        let open = self.requests.get(&confirmed.request_id)?;
        let (by, channel) = open.by.clone()?;
        Some(Approval {
            request_id: confirmed.request_id.clone(),
            execution_id: self.created.execution_id.clone(),
            subject: confirmed.args_digest,
            by,
            channel,
            at_ms: open.closed_ms.unwrap_or(self.at_ms),
            assents: open.assents(),
        })
    }

    /// Whether a refusal asks for an approval that nobody was asked for yet.
    pub(crate) fn wants_approval(&self, call: &ResolvedCall, refusal: &Refusal) -> bool {
        let given = self
            .approval_of(call)
            .is_some_and(|approval| approval.subject == call.args_digest());
        refusal.code == ErrorCode::ApprovalRequired
            && approvers(refusal).is_some()
            && self.phase == Phase::Active
            && !given
    }
}
