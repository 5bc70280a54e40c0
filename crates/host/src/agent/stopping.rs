//! A call that its agent does not want any more: dropped where nothing is lost by that.

use super::{AgentAnswer, AgentAsk, AgentReply};
use crate::ask::HostError;
use crate::drive::Place;
use crate::host::Host;
use crate::refusals::Caller as RefusedTo;
use mandate_engine::{CallOutcome, Fault, State};
use mandate_plan::ErrorCode;
use mandate_policy::token::Verified;
use mandate_policy::{Purpose, Refusal};
use serde_json::json;

impl Host {
    /// Drops a call that only reads. Any other may have had its effect, which only its end tells: it goes on.
    pub(super) fn stop_of_agent(
        &mut self,
        ask: &AgentAsk,
        (step, item, attempt): (&str, Option<u32>, u32),
        verified: &Verified,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let id = ask.execution_id.as_str();
        if !verified.covers(step) {
            let message = "the token covers some steps only, and not what is to be stopped";
            let refusal = Refusal::new(ErrorCode::TokenInvalid, message);
            let args = json!({ "step": step, "item": item });
            return self.refuse(ask, (&args, RefusedTo::Known), refusal, reply);
        }
        let place = Place {
            step: step.to_owned(),
            item,
            purpose: Purpose::Run,
        };
        let open = { self.drives.get(id) }.and_then(|drive| drive.open.get(&place));
        let under_way = open.is_some_and(|open| open.attempt == attempt && open.task.is_some());
        if under_way && only_reads(self.of(id)?, step, item) {
            let message = "whoever asked for the call does not want it any more";
            let fault = Fault::new(ErrorCode::Cancelled, message);
            self.finish_call(id, &place, attempt, CallOutcome::Unknown(fault));
        }
        let told = self.state(id).map(AgentAnswer::of);
        let gone = || HostError::NoSuchExecution(id.to_owned());
        reply.give(told.ok_or_else(gone));
        Ok(())
    }
}

fn only_reads(state: &State, step: &str, item: Option<u32>) -> bool {
    let number = item.map_or(0, |item| item as usize);
    let unit = state
        .step(step)
        .and_then(|(_, data)| data.units.get(number));
    unit.is_some_and(|unit| unit.facts().read_only())
}
