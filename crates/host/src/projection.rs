//! The rows that lists read: a function of an execution's state, so that `audit verify` can rebuild them.

use mandate_engine::event::RequestKind;
use mandate_engine::{ApprovedBefore, Event, OpenRequest, Said, State};
use mandate_plan::Digest;
use mandate_policy::Decision;
use mandate_store::{ExecutionRow, RequestRow};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The execution's row.
pub fn execution_row(state: &State) -> ExecutionRow {
    let created = &state.created;
    let ending = state.ending.as_ref();
    let (total, settled) = (state.plan().steps().len(), state.settled());
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
    let detail = match open.request.kind {
        RequestKind::Plan => plan_detail(state, open),
        _ => detail(state, open),
    };
    row_with(state, open, detail)
}

fn row_with(state: &State, open: &OpenRequest, detail: String) -> RequestRow {
    let request = &open.request;
    let answer = open
        .closed
        .as_ref()
        .filter(|choice| !["expired", "withdrawn"].contains(&choice.as_str()))
        .map(|choice| {
            let (by, channel) = open.by.clone().unwrap_or_default();
            let mut answer = json!({ "choice": choice, "by": by, "channel": channel });
            let last = open.said.last().filter(|said| said.assent.by == by);
            if let (Some(map), Some(key)) = (
                answer.as_object_mut(),
                last.and_then(|said| said.assent.key.as_ref()),
            ) {
                map.insert("key".to_owned(), json!(key));
                map.insert(
                    "roles".to_owned(),
                    json!(last.map(|said| &said.assent.roles)),
                );
            }
            if let Some(map) = answer.as_object_mut() {
                let data = open.data.clone().map(|data| ("data", data));
                let reason = open.reason.clone().map(|reason| ("reason", json!(reason)));
                let more = data.into_iter().chain(reason);
                map.extend(more.map(|(key, value)| (key.to_owned(), value)));
            }
            answer.to_string()
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
        detail,
        answer,
        opened_at_ms: open.opened_ms,
        expires_at_ms: request.expires_ms,
        closed_at_ms: open.closed_ms,
        approved: approved_plan(state, open).map(|(name, _)| name),
    }
}

/// The name and the hash of the plan, or of the revision of one, that somebody said yes to.
pub(crate) fn approved_plan(state: &State, open: &OpenRequest) -> Option<(String, Option<Digest>)> {
    if open.closed.as_deref() != Some("approve") {
        return None;
    }
    match open.request.kind {
        RequestKind::Plan => {
            let (created, plan) = state.submitted();
            Some((plan.plan().name.clone(), Some(created.plan_hash)))
        }
        RequestKind::Revision => {
            let hash = open.request.detail.get("plan_hash");
            let hash = hash.and_then(|hash| hash.as_str()?.parse().ok());
            Some((state.plan().plan().name.clone(), hash))
        }
        _ => None,
    }
}

/// What is shown of a request for a plan's approval. A decision may be long, so that no tree of values is made of it.
fn plan_detail(state: &State, open: &OpenRequest) -> String {
    #[derive(Serialize)]
    struct Detail<'a> {
        plan: &'a str,
        plan_hash: &'a Digest,
        inputs: &'a Map<String, Value>,
        principal: &'a str,
        choices: &'a [String],
        approvers: &'a [String],
        decision: &'a Decision,
        /// What it can be compared with.
        #[serde(skip_serializing_if = "Option::is_none")]
        approved_before: Option<&'a ApprovedBefore>,
        /// Who has answered so far, and others must join.
        #[serde(skip_serializing_if = "Option::is_none")]
        answers: Option<&'a [Said]>,
    }
    let (created, plan) = state.submitted();
    let detail = Detail {
        plan: &plan.plan().name,
        plan_hash: &created.plan_hash,
        inputs: &created.inputs,
        principal: &created.principal,
        choices: &open.request.choices,
        approvers: &open.request.approvers,
        decision: &created.decision,
        approved_before: created.approved_before.as_deref(),
        answers: has_several(open).then_some(open.said.as_slice()),
    };
    serde_json::to_string(&detail).unwrap_or_default()
}

/// What is shown of any other request.
fn detail(state: &State, open: &OpenRequest) -> String {
    let mut detail = serde_json::to_value(&open.request).unwrap_or_default();
    if let Some(map) = detail.as_object_mut() {
        // What has a column of its own.
        for column in ["request_id", "kind", "step", "subject", "expires_ms"] {
            map.remove(column);
        }
        map.insert("plan".to_owned(), json!(state.plan().plan().name));
        if has_several(open) {
            map.insert("answers".to_owned(), json!(open.said));
        }
    }
    detail.to_string()
}

/// Whether more than the one answer that closed it was given.
fn has_several(open: &OpenRequest) -> bool {
    open.said.len() > usize::from(open.closed.is_some())
}

/// All requests of an execution, by id.
pub fn request_rows(state: &State) -> Vec<RequestRow> {
    state
        .requests
        .values()
        .map(|open| request_row(state, open))
        .collect()
}

/// The rows that `events`, the last ones of the execution, can have changed: an event may open or close a request, and
/// what ends or settles something takes back what nobody needs to answer any more.
pub(crate) fn changed_request_rows(
    state: &State,
    events: &[Arc<Event>],
    shown: &mut Shown,
) -> Vec<RequestRow> {
    let Some(first) = events.first() else {
        return Vec::new();
    };
    // What is asked about the plan shows what policy says of it.
    let repolicied = events
        .iter()
        .any(|event| matches!(event.body, mandate_engine::Body::PolicyChanged { .. }));
    if repolicied {
        shown.0 = None;
    }
    state
        .requests
        .values()
        .filter(|open| {
            let said = open.said.iter().map(|said| said.assent.at_ms).max();
            let changed_ms = open.closed_ms.or(said).unwrap_or(open.opened_ms);
            repolicied || changed_ms >= first.at_ms
        })
        .map(|open| shown.row(state, open))
        .collect()
}

/// What was last shown of the request for a plan's approval: most are answered once, and then it is the same text.
#[derive(Debug, Default)]
pub(crate) struct Shown(Option<(String, String)>);

impl Shown {
    fn row(&mut self, state: &State, open: &OpenRequest) -> RequestRow {
        if open.request.kind != RequestKind::Plan || has_several(open) {
            return request_row(state, open);
        }
        let id = &open.request.request_id;
        let known = self.0.take().filter(|(known, _)| known == id);
        let detail = known.map_or_else(|| plan_detail(state, open), |(_, detail)| detail);
        if open.closed.is_none() {
            self.0 = Some((id.clone(), detail.clone()));
        }
        row_with(state, open, detail)
    }
}
