//! Calls that the plan does not hold, where the operator lets them be asked for: each becomes a revision that adds one step
//! with exactly that tool and these arguments, and goes the way of every revision.
//!
//! The host says what the revised plan would be; whoever brought the call has it checked against the tools, as every plan
//! is, and proposes it. Then the call is refused with what came of that. Nothing is called before the revision is in force
//! and the agent calls again.

use crate::agent::{AgentAnswer, AgentAsk, AgentWish};
use crate::ask::{HostError, Revises};
use crate::gateway::Unplanned;
use crate::handle::Handle;
use crate::host::Host;
use crate::intake::{Intake, Proposal};
use crate::server::waiting;
use mandate_engine::State;
use mandate_engine::event::RequestKind;
use mandate_plan::{Digest, ErrorCode, canonical_json};
use mandate_policy::risk::Level;
use mandate_policy::token::Verified;
use mandate_policy::{Approver, Decision, Outcome, Purpose, Reason, Refusal, counts_as_call};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The rule that unplanned calls are asked about by.
const RULE: &str = "gateway.unplanned";

/// What the plan would be with the call.
#[derive(Debug, Clone)]
pub struct UnplannedCall {
    document: String,
}

/// What becomes of a call that the plan does not hold, where it may be asked for.
pub(crate) enum Unlisted {
    /// It is refused with this.
    Refused(Refusal),
    /// A revision is to be proposed.
    Asks(Box<UnplannedCall>),
}

impl Host {
    /// What becomes of a call that was to be refused: none where it is, with that refusal.
    pub(crate) fn unplanned(
        &self,
        ask: &AgentAsk,
        tool: &str,
        args: &Value,
        verified: &Verified,
        refusal: &Refusal,
    ) -> Option<Unlisted> {
        let state = self.of(&ask.execution_id).ok()?;
        if self.parts.gateway.unplanned == Unplanned::Refuse && !self.allows_unplanned(state) {
            return None;
        }
        let step = step_id(tool, args);
        if let Some(proposed) = &state.proposed {
            let mut open = state.open_requests();
            let open = open.find(|open| open.request.kind == RequestKind::Revision)?;
            let is_it = proposed.asked_for && proposed.plan().number_of(&step).is_some();
            return is_it.then(|| Unlisted::Refused(waits(&open.request.request_id)));
        }
        let listed = refusal.code != ErrorCode::UnplannedAction;
        // A token that was narrowed to steps is good for no other.
        if listed || verified.steps.is_some() || !counts_as_call(tool, Purpose::Run) {
            return None;
        }
        if was_refused(state, &step) {
            let message = format!("{refusal}; it was asked for already, and nobody agreed");
            return Some(Unlisted::Refused(Refusal {
                message,
                ..refusal.clone()
            }));
        }
        // What the agent wrote is a value, and must not become an expression of the plan.
        if holds_template(args) {
            return None;
        }
        let document = with_step(state, &step, tool, args)?;
        Some(Unlisted::Asks(Box::new(UnplannedCall { document })))
    }

    fn allows_unplanned(&self, state: &State) -> bool {
        let said = state.plan().plan().constraints.allow_unplanned;
        said && self.parts.gateway.allow_unplanned
    }

    /// What policy allows is asked about all the same, unless plan and operator say that it is not; and by nobody less than
    /// those who answer for the plan.
    pub(crate) fn weigh_unplanned(
        &self,
        execution_id: &str,
        decision: &mut Decision,
    ) -> Result<(), HostError> {
        let state = self.of(execution_id)?;
        if decision.outcome == Outcome::Allow && !self.allows_unplanned(state) {
            decision.outcome = Outcome::RequireApproval;
            decision.reasons.push(Reason {
                rule: RULE.to_owned(),
                outcome: Outcome::RequireApproval,
                message: "an agent asks for a call that the plan does not hold".to_owned(),
                step: None,
                severity: Level::Medium,
                inputs: Map::new(),
            });
        }
        if decision.outcome == Outcome::RequireApproval {
            let of_plan = state.created.decision.approvers.iter().cloned();
            decision.approvers.extend(of_plan);
            if decision.approvers.is_empty() {
                let requester = Approver::Requester.where_asked_with(&state.created.roles);
                decision.approvers.push(requester);
            }
            decision.approvers.sort_unstable();
            decision.approvers.dedup();
        }
        Ok(())
    }
}

/// Takes what an agent wants to the host, and has a revision proposed where that is what becomes of a call. It waits.
///
/// # Errors
/// [`HostError::Refused`], or why nothing can be done.
pub(crate) fn ask_host(
    host: &Handle,
    intake: &Intake,
    runtime: &tokio::runtime::Handle,
    ask: AgentAsk,
) -> Result<AgentAnswer, HostError> {
    match host.agent(ask.clone()) {
        Err(HostError::Unplanned(call)) => propose(host, intake, runtime, (ask, *call)),
        said => said,
    }
}

/// The same, awaited by a task: no thread waits, unless a revision is proposed.
///
/// # Errors
/// [`HostError::Refused`], or why nothing can be done.
pub(crate) async fn ask_host_soon(
    host: Handle,
    intake: Arc<Intake>,
    ask: AgentAsk,
) -> Result<AgentAnswer, HostError> {
    let call = match host.agent_soon(ask.clone()).await {
        Err(HostError::Unplanned(call)) => *call,
        said => return said,
    };
    let runtime = tokio::runtime::Handle::current();
    waiting(move || propose(&host, &intake, &runtime, (ask, call))).await
}

/// Has a revision proposed that holds the call, and then the call refused or made.
fn propose(
    host: &Handle,
    intake: &Intake,
    runtime: &tokio::runtime::Handle,
    (ask, call): (AgentAsk, UnplannedCall),
) -> Result<AgentAnswer, HostError> {
    let (AgentWish::Call { tool, .. } | AgentWish::Enforce { tool, .. }, by) = (&ask.wish, &ask.by)
    else {
        return Err(HostError::Stopped);
    };
    let proposal = Proposal {
        document: call.document,
        json: true,
        inputs: Map::new(),
        deadline_ms: None,
        session: None,
        rerun: None,
        execution_id: None,
        asked: None,
        revises: Some(Revises {
            asked_for: true,
            execution_id: ask.execution_id.clone(),
            reason: Some(format!(
                "`{by}` calls `{tool}`, which the plan does not hold"
            )),
        }),
    };
    // It acts for the one who asked for the execution, and with no right of theirs.
    let principal = mandate_policy::Principal {
        name: by.clone(),
        key: None,
        roles: Default::default(),
    };
    let taken = runtime.block_on(intake.take(proposal, &principal, "unplanned"));
    let refusal = match taken.and_then(|submission| host.submit(submission)) {
        Ok(submitted) => match submitted.request_id {
            Some(request) => waits(&request),
            None => return host.agent(ask),
        },
        Err(error) => {
            let message =
                format!("no step of the plan calls `{tool}`, and it cannot be asked for: {error}");
            Refusal::new(ErrorCode::UnplannedAction, message)
        }
    };
    host.agent(AgentAsk {
        told: Some(refusal),
        ..ask
    })
}

fn waits(request: &str) -> Refusal {
    let message = format!(
        "the plan does not hold this call, and a human is asked to add it: `{request}`; call again once they agreed"
    );
    Refusal::new(ErrorCode::ApprovalRequired, message)
        .by_rule(RULE)
        .expecting(json!({ "request_id": request }))
}

/// The same call has the same id.
fn step_id(tool: &str, args: &Value) -> String {
    let parts = [tool.as_bytes().to_vec(), canonical_json(args)];
    let digest = Digest::framed("mandate/unplanned/v1", parts.iter().map(Vec::as_slice));
    let digest = digest.to_string();
    format!("unplanned_{}", digest.get(..12).unwrap_or(&digest))
}

/// Somebody said no to this call, or nobody answered.
fn was_refused(state: &State, step: &str) -> bool {
    state.requests.values().any(|open| {
        let no = !matches!(open.closed.as_deref(), None | Some("approve"));
        no && open.request.kind == RequestKind::Revision
            && open.request.detail.to_string().contains(step)
    })
}

fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(list) => list.iter().any(holds_template),
        Value::Object(map) => map.values().any(holds_template),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The plan with one more step, behind the last that has begun: so that it is its turn.
fn with_step(state: &State, id: &str, tool: &str, args: &Value) -> Option<String> {
    let mut document: Value = serde_json::from_slice(state.plan().canonical()).ok()?;
    let steps = document.get_mut("steps")?.as_array_mut()?;
    let begun = state.begun_steps();
    let is_begun = |step: &Value| {
        let id = step.get("id").and_then(Value::as_str);
        id.is_some_and(|id| begun.contains(id))
    };
    let place = steps.iter().rposition(is_begun).map_or(0, |at| at + 1);
    steps.insert(place, json!({ "id": id, "tool": tool, "args": args }));
    Some(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_has_the_same_step() {
        let args = json!({ "b": 1, "a": [2] });
        let same: Value = serde_json::from_str(r#"{"a":[2],"b":1}"#).unwrap();
        assert_eq!(step_id("fs.read", &args), step_id("fs.read", &same));
        assert_ne!(step_id("fs.read", &args), step_id("fs.write", &args));
    }

    #[test]
    fn templates_are_found_at_any_depth() {
        assert!(holds_template(
            &json!({ "a": [{ "b": "x ${steps.y.output}" }] })
        ));
        assert!(!holds_template(&json!({ "a": ["$", "{x}", 5, null] })));
    }
}
