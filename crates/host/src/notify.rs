//! Notices: that a request waits for somebody, and that an execution has ended. They are told once the disk has what they
//! tell of, by whoever is there to tell them; nothing in an execution waits for that, or depends on it.
//!
//! A notice says where to look. Inputs, arguments and outputs are not in it.

mod webhook;

pub use webhook::{BadWebhook, Webhook, signature};

use crate::drive::Drive;
use mandate_engine::event::Request;
use mandate_engine::{Body, Event, State, Status};
use mandate_policy::Decision;
use mandate_policy::normalise::strip_invisible;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest text in a notice, in characters.
const LONGEST: usize = 2_000;

/// One notice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notice {
    /// The same for every attempt to deliver it.
    pub id: String,
    /// `request_opened`, or `plan_execution_` with `success`, `partial` or `failure`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it happened, Unix milliseconds.
    pub at_ms: i64,
    /// The execution.
    pub execution_id: String,
    /// The plan's name.
    pub plan: String,
    /// Who asked for the execution.
    pub principal: String,
    /// What is to be known.
    pub data: Value,
}

/// Tells people of notices. It must return at once.
pub trait Notify: Send + Sync {
    /// Tells of one, as soon as that can be done.
    fn notify(&self, notice: Notice);
}

/// Has the notices of these events told once the disk has the events.
pub(crate) fn tell(notify: &Arc<dyn Notify>, drive: &mut Drive, events: &[Event]) {
    for event in events {
        let Some(notice) = notice(&drive.state, event) else {
            continue;
        };
        let notify = notify.clone();
        drive.replies.push((
            event.seq,
            Box::new(move |stored| {
                if stored.is_ok() {
                    notify.notify(notice);
                }
            }),
        ));
    }
}

fn notice(state: &State, event: &Event) -> Option<Notice> {
    let (kind, mut data) = match &event.body {
        Body::RequestOpened(request) => ("request_opened", of_request(state, request)),
        // The end of a plan within a plan is a step's end.
        Body::ExecutionFinished { status, error, .. } if state.created.parent.is_none() => {
            let kind = match status {
                Status::Success => "plan_execution_success",
                Status::Partial => "plan_execution_partial",
                Status::Failure => "plan_execution_failure",
            };
            let error = error.as_ref().map(
                |error| json!({ "code": error.code, "message": error.message, "step": error.step }),
            );
            (kind, json!({ "status": status.as_str(), "error": error }))
        }
        _ => return None,
    };
    clean(&mut data);
    let plain = |text: &str| {
        let mut value = Value::String(text.to_owned());
        clean(&mut value);
        value.as_str().unwrap_or_default().to_owned()
    };
    Some(Notice {
        id: format!("{}/{}", state.execution_id(), event.seq),
        kind,
        at_ms: event.at_ms,
        execution_id: state.execution_id().to_owned(),
        plan: plain(&state.plan().plan().name),
        principal: plain(&state.created.principal),
        data,
    })
}

fn of_request(state: &State, request: &Request) -> Value {
    let decision: &Decision = &state.created.decision;
    let reasons = decision.reasons.iter().map(|reason| {
        json!({
            "rule": reason.rule,
            "outcome": reason.outcome,
            "message": reason.message,
            "step": reason.step,
        })
    });
    json!({
        "request_id": request.request_id,
        "kind": request.kind.as_str(),
        "step": request.step,
        "question": request.question,
        "choices": request.choices,
        "approvers": request.approvers,
        "expires_at_ms": request.expires_ms,
        "plan_hash": state.created.plan_hash,
        "risk": { "score": decision.risk.score, "level": decision.risk.level },
        "reasons": reasons.collect::<Vec<_>>(),
    })
}

/// Texts come from plans and tools: without what nobody sees, and not without end.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            *text = strip_invisible(text).chars().take(LONGEST).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(map) => map.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
