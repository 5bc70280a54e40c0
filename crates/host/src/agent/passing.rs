//! What an agent is passed on besides the outputs of its calls: written down before it has it.

use super::{AgentAnswer, AgentAsk, AgentReply};
use crate::ask::HostError;
use crate::host::Host;
use crate::refusals::Caller as RefusedTo;
use mandate_engine::event::PassedOn;
use mandate_engine::{Body, State};
use mandate_plan::ErrorCode;
use mandate_policy::Refusal;
use mandate_policy::token::Verified;
use serde_json::json;
use std::collections::BTreeSet;

impl Host {
    /// Writes it down, unless nothing would change by that.
    pub(super) fn passed_on_to_agent(
        &mut self,
        ask: &AgentAsk,
        what: &PassedOn,
        verified: &Verified,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let id = ask.execution_id.as_str();
        let args = json!({ "server": what.server, "method": what.method });
        let covered = match &what.call {
            Some(call) => verified.covers(&call.step),
            None => verified.steps.is_none(),
        };
        if !covered {
            let message = "the token covers some steps only, and not what is passed on";
            let refusal = Refusal::new(ErrorCode::TokenInvalid, message);
            return self.refuse(ask, (&args, RefusedTo::Known), refusal, reply);
        }
        let state = self.of(id)?;
        let mut what = what.clone();
        what.by.clone_from(&ask.by);
        if !state.created.scan_outputs {
            what.suspicions = BTreeSet::new();
        }
        if is_known(state, &what) {
            reply.give(Ok(AgentAnswer::of(state)));
            return Ok(());
        }
        let body = Body::AgentTold {
            what: Box::new(what),
        };
        let answer = reply.clone();
        let taken = self.take_turn_with(id, body, |drive| {
            let (seq, told) = (drive.state.seq, AgentAnswer::of(&drive.state));
            drive.replies.push((
                seq,
                Box::new(move |stored| {
                    answer.give(stored.map(|()| told));
                }),
            ));
        });
        if taken {
            return Ok(());
        }
        let message = "nothing can be passed on to the agent now";
        let refusal = Refusal::new(ErrorCode::SequenceViolation, message);
        self.refuse(ask, (&args, RefusedTo::Known), refusal, reply)
    }
}

/// Whether the execution knows of the agent already what this would say. What it is asked is written each time.
fn is_known(state: &State, what: &PassedOn) -> bool {
    let told = state.agent.as_ref();
    let untrusted = !what.untrusted || told.is_some_and(|told| told.told_untrusted);
    let suspicious = what.suspicions.is_empty() || told.is_some_and(|told| told.told_suspicious);
    what.call.is_none() && what.question.is_none() && untrusted && suspicious
}
