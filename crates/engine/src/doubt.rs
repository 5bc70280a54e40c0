//! Doubts as requests: somebody has to say what became of a call.

use crate::answer::ABOUT_A_DOUBT;
use crate::ask::Asked;
use crate::event::{Body, DONE, FAIL, NOT_DONE, Request, RequestKind, Resolution};
use crate::life::{Illegal, Phase, StepState};
use crate::state::{State, Unit};
use serde_json::{Map, Value, json};

/// The request about a unit in doubt, or about the call that undoes it, unless it is open already.
pub(crate) fn request(
    state: &State,
    (id, item): (&str, Option<u32>),
    tool: &str,
    unit: &Unit,
) -> Option<Body> {
    let given_up = state.gives_up() || state.is_forced();
    if !state.asks() || given_up || state.is_asked(RequestKind::InDoubt, Some(id), item) {
        return None;
    }
    let place = item.map_or_else(|| id.to_owned(), |item| format!("{id}[{item}]"));
    let who = match state.phase {
        Phase::Compensating => "To undo step",
        _ => "Step",
    };
    let question =
        format!("{who} `{place}` called `{tool}`, and nobody knows whether it happened. Did it?");
    let mut asked = Asked::new(RequestKind::InDoubt, question, &ABOUT_A_DOUBT).about(id, item);
    asked.detail = json!({
        "tool": tool,
        "args": unit.args,
        "attempt": unit.attempt,
        "started_ms": unit.started_ms,
    });
    if let (Some(fault), Some(detail)) = (&unit.error, asked.detail.as_object_mut()) {
        let cause = fault.cause.as_deref().unwrap_or(fault);
        let error = json!({ "code": cause.code, "message": cause.message });
        detail.insert("error".to_owned(), error);
    }
    asked.answer_schema = Some(Value::Object(Map::new()));
    asked.approvers = Some(vec!["requester".to_owned()]);
    Some(asked.open(state))
}

impl State {
    pub(crate) fn opens_doubt(&self, request: &Request) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let place = self.locate(step, request.item)?;
        let asked = self.is_asked(RequestKind::InDoubt, Some(step), request.item);
        let unit = self.at(place)?;
        let undo = unit.undo.as_deref().map(|undo| undo.state);
        let in_doubt = [Some(unit.state), undo].contains(&Some(StepState::InDoubt));
        if in_doubt && !asked {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    /// The doubt is resolved: nobody needs to be asked about it any more.
    pub(crate) fn close_doubt(
        &mut self,
        step: &str,
        item: Option<u32>,
        resolution: &Resolution,
        (by, channel): (&str, Option<&str>),
    ) {
        let about = |request: &Request| {
            request.kind == RequestKind::InDoubt
                && request.step.as_deref() == Some(step)
                && request.item == item
        };
        let open = self.open_requests().find(|open| about(&open.request));
        let Some(id) = open.map(|open| open.request.request_id.clone()) else {
            return;
        };
        let (how, data, reason) = match resolution {
            Resolution::Done { output } => (DONE, Some(output.clone()), None),
            Resolution::NotDone => (NOT_DONE, None, None),
            Resolution::Fail { reason } => (FAIL, None, Some(reason.clone())),
        };
        let by = (by.to_owned(), channel.unwrap_or_default().to_owned());
        self.close_request(&id, how, Some(by));
        if let Some(open) = self.requests.get_mut(&id) {
            open.data = data;
            open.reason = reason;
        }
    }
}
