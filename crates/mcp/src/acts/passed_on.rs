//! What an agent is passed on besides the outputs of its calls, written down in its execution before it has it: from then on
//! what it chooses is labelled accordingly, and what it was asked can be looked up, by digests.

use super::Act;
use mandate_engine::event::{AskedDuring, PassedOn};
use mandate_host::{AgentWish, HostError};
use mandate_plan::{Digest, canonical_json};
use mandate_policy::suspicions;
use mandate_tools::About;
use serde_json::{Map, Value};

impl Act<'_> {
    /// Something is about to be passed on to the agent that drives the plan.
    ///
    /// # Errors
    /// It cannot be written down, so that it must not be passed on.
    pub(crate) fn note_passed(&self, what: PassedOn) -> Result<(), HostError> {
        match self.seat.bound(self.visitor) {
            Some(bound) => self.note_for(&bound.execution_id, what),
            None => Ok(()),
        }
    }

    /// A server asked the agent something, and this was answered.
    ///
    /// # Errors
    /// It cannot be written down, so that the answer must not be given.
    pub(crate) fn note_asked(
        &self,
        about: &About,
        requests: &Map<String, Value>,
        answers: Option<&Map<String, Value>>,
    ) -> Result<(), HostError> {
        for (key, request) in requests {
            let method = request.get("method").and_then(Value::as_str);
            let what = PassedOn {
                server: about.server.clone(),
                method: method.unwrap_or_default().to_owned(),
                untrusted: about.untrusted,
                suspicions: suspicions(request),
                call: about.call.as_ref().map(|call| AskedDuring {
                    step: call.step.clone(),
                    item: call.item,
                    attempt: call.attempt,
                }),
                question: Some(digest("question", request)),
                answer: answers
                    .and_then(|answers| answers.get(key))
                    .map(|answer| digest("answer", answer)),
                ..PassedOn::default()
            };
            match &about.call {
                Some(call) => self.note_for(&call.execution_id, what)?,
                None => self.note_passed(what)?,
            }
        }
        Ok(())
    }

    fn note_for(&self, execution_id: &str, what: PassedOn) -> Result<(), HostError> {
        let desk = self.visitor.desk.as_ref();
        let state = desk.state(execution_id)?;
        // Of a plan that Mandate runs, the agent chooses nothing.
        if !state.is_agents() || state.ending.is_some() {
            return Ok(());
        }
        let bound = self.seat.aside(self.visitor, &state);
        let wish = AgentWish::PassedOn(Box::new(what));
        self.ask(&bound, wish).map(drop)
    }
}

fn digest(what: &str, value: &Value) -> Digest {
    let domain = format!("mandate/passed-{what}/v1");
    Digest::framed(&domain, [canonical_json(value).as_slice()])
}
