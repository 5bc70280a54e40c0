//! The rows that lists read: a function of an execution's state, so that `audit verify` can rebuild them.

use mandate_engine::event::RequestKind;
use mandate_engine::{Event, OpenRequest, State};
use mandate_store::{ExecutionRow, RequestRow};
use serde_json::json;

/// The execution's row.
pub fn execution_row(state: &State) -> ExecutionRow {
    let created = &state.created;
    let ending = state.ending.as_ref();
    let total = state.plan().steps().len();
    let steps = state.steps.iter().take(total);
    let settled = steps.filter(|step| step.state.settled()).count();
    let tools: Vec<&str> = created.tools.keys().map(String::as_str).collect();
    ExecutionRow {
        execution_id: created.execution_id.clone(),
        plan_id: created.plan_id.clone(),
        revision: created.revision,
        plan_hash: created.plan_hash,
        name: state.plan().plan().name.clone(),
        principal: created.principal.clone(),
        session: created.session.clone(),
        state: state.shown_state().to_owned(),
        status: ending.map(|ending| ending.status.as_str().to_owned()),
        error_code: ending
            .and_then(|ending| ending.error.as_ref())
            .map(|error| error.code.as_str().to_owned()),
        waiting_for: state
            .waiting_for()
            .and_then(|waiting| serde_json::to_string(&waiting).ok()),
        priority: state.plan().plan().priority,
        created_at_ms: state.created_ms,
        updated_at_ms: state.at_ms,
        finished_at_ms: state.finished_ms,
        last_seq: state.seq,
        steps_total: u32::try_from(total).unwrap_or(u32::MAX),
        steps_settled: u32::try_from(settled).unwrap_or(u32::MAX),
        tools: format!(" {} ", tools.join(" ")),
        parent: created
            .parent
            .as_ref()
            .map(|parent| parent.execution_id.clone()),
    }
}

/// The row of one request.
pub fn request_row(state: &State, open: &OpenRequest) -> RequestRow {
    let request = &open.request;
    let detail = match request.kind {
        RequestKind::Plan => json!({
            "plan": state.plan().plan().name,
            "plan_hash": state.created.plan_hash,
            "inputs": state.created.inputs,
            "principal": state.created.principal,
            "choices": request.choices,
            "approvers": request.approvers,
            "decision": state.created.decision,
        }),
        _ => json!({ "choices": request.choices, "approvers": request.approvers }),
    };
    let answer = open
        .closed
        .as_ref()
        .filter(|choice| *choice != "expired")
        .map(|choice| {
            let (by, channel) = open.by.clone().unwrap_or_default();
            json!({ "choice": choice, "by": by, "channel": channel }).to_string()
        });
    RequestRow {
        request_id: request.request_id.clone(),
        execution_id: state.created.execution_id.clone(),
        kind: request.kind.as_str().to_owned(),
        step: request.step.clone(),
        state: match open.closed.as_deref() {
            None => "open",
            Some("expired") => "expired",
            Some("withdrawn") => "withdrawn",
            Some(_) => "answered",
        }
        .to_owned(),
        subject: request.subject,
        detail: detail.to_string(),
        answer,
        opened_at_ms: open.opened_ms,
        expires_at_ms: request.expires_ms,
        closed_at_ms: open.closed_ms,
    }
}

/// All requests of an execution, by id.
pub fn request_rows(state: &State) -> Vec<RequestRow> {
    state
        .requests
        .values()
        .map(|open| request_row(state, open))
        .collect()
}

/// The rows that `events`, the last ones of the execution, can have changed.
pub(crate) fn changed_request_rows(state: &State, events: &[Event]) -> Vec<RequestRow> {
    let Some(first) = events.iter().find(|event| touches_requests(event)) else {
        return Vec::new();
    };
    state
        .requests
        .values()
        .filter(|open| open.closed_ms.unwrap_or(open.opened_ms) >= first.at_ms)
        .map(|open| request_row(state, open))
        .collect()
}

/// Whether an event can change the row of a request.
fn touches_requests(event: &Event) -> bool {
    matches!(
        event.body.kind(),
        "request_opened" | "request_answered" | "request_expired" | "execution_finished"
    )
}
