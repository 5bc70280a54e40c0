//! Overrides: somebody lets one step that has not begun pass a policy deny once, with exactly the arguments that it has.

use crate::call::call;
use crate::event::Fault;
use crate::life::{Illegal, Phase, StepState};
use crate::state::State;
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::{Purpose, ResolvedCall};
use serde::Serialize;

/// A policy deny that one call may pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Override {
    /// The step.
    pub step: String,
    /// The item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The arguments that it holds for.
    pub args_digest: Digest,
    /// Who granted it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// A call was started since: it is used up.
    pub used: bool,
}

impl State {
    /// The call that a step, or an item of it, which has not begun would make as things stand.
    ///
    /// # Errors
    /// There is no such step, it has begun, or its arguments are not known yet.
    pub fn first_call(&self, step: &str, item: Option<u32>) -> Result<ResolvedCall, Fault> {
        let invalid = |message: String| Fault::new(ErrorCode::InvalidPayload, message);
        let Some((checked, data)) = self.step(step) else {
            return Err(invalid(format!("the plan has no step `{step}`")));
        };
        let number = item.map_or(0, |item| item as usize);
        let unit = match (checked.for_each.is_some(), item) {
            (true, None) => {
                let message = format!("step `{step}` has items: say which, as in `{step}[0]`");
                return Err(invalid(message));
            }
            (false, Some(_)) => return Err(invalid(format!("step `{step}` has no items"))),
            _ => data.units.get(number),
        };
        let Some(unit) = unit else {
            return Err(invalid(format!(
                "the items of step `{step}` are not known yet, or there is no such item"
            )));
        };
        if unit.attempt > 0 || !matches!(unit.state, StepState::Pending | StepState::Waiting) {
            let message = format!(
                "step `{step}` is {}: only one that has not begun is let pass",
                unit.state.as_str()
            );
            return Err(invalid(message));
        }
        let refers = checked.args.references();
        let mut names = refers.needs.keys().chain(refers.order.keys());
        let open = |id: &String| !self.step(id).is_some_and(|(_, data)| data.state.settled());
        if let Some(other) = names.find(|id| open(id)) {
            let message =
                format!("the arguments of step `{step}` are not known before `{other}` is settled");
            return Err(invalid(message));
        }
        call(self, checked, data, number, unit).map_err(|fault| {
            invalid(format!(
                "the arguments of step `{step}` are not known yet: {}",
                fault.message
            ))
        })
    }

    pub(crate) fn grant_override(&mut self, granted: Override) -> Result<(), Illegal> {
        if !matches!(self.phase, Phase::Created | Phase::Active) {
            return Err(Illegal);
        }
        let call = self.first_call(&granted.step, granted.item);
        if !call.is_ok_and(|call| call.args_digest() == granted.args_digest) {
            return Err(Illegal);
        }
        self.overrides.push(granted);
        Ok(())
    }

    /// A call was started: what let it pass is used up.
    pub(crate) fn use_overrides(&mut self, step: &str, item: Option<u32>) {
        for granted in &mut self.overrides {
            if granted.step == step && granted.item == item {
                granted.used = true;
            }
        }
    }

    /// Whether somebody lets exactly this call pass a policy deny.
    pub(crate) fn is_overridden(&self, call: &ResolvedCall) -> bool {
        let unused = self.overrides.iter().filter(|granted| !granted.used);
        let mut of_step =
            unused.filter(|granted| granted.step == call.step && granted.item == call.item);
        call.purpose == Purpose::Run
            && of_step.any(|granted| granted.args_digest == call.args_digest())
    }
}
