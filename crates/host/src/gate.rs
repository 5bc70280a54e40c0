//! The host's gate: where the engine's wishes meet `admit` and `enforce`, and where the permits are kept until dispatch.

use crate::backtest::What;
use crate::shadow::{CallSeen, Shadow};
use mandate_engine::event::RequestKind;
use mandate_engine::{Gate, RUN, Started, State};
use mandate_plan::{BoundInputs, CheckedPlan, ToolLookup};
use mandate_policy::{
    Approval, ApprovedPlan, Decision, EvaluateRequest, Grant, Outcome, Permit, Refusal,
    ResolvedCall, Rules, SessionView, admit_with, enforce, evaluate_with,
};
use std::sync::Arc;

/// A call that got its permit and waits to be made.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) permit: Permit,
    pub(crate) call: ResolvedCall,
    pub(crate) runs_ahead: bool,
    /// No tool is called: an execution of its own begins.
    pub(crate) nested: bool,
}

/// What calls are judged by at one moment.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) lookup: Arc<dyn ToolLookup + Send + Sync>,
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) session: SessionView,
    pub(crate) now_ms: i64,
}

impl Bench {
    /// A plan judged as a whole.
    pub(crate) fn evaluate(&self, plan: &CheckedPlan, inputs: &BoundInputs) -> Decision {
        let request = EvaluateRequest {
            principal: self.session.principal.clone(),
            session: self.session.clone(),
            now_ms: self.now_ms,
        };
        evaluate_with(
            self.rules.as_ref(),
            plan,
            inputs,
            self.lookup.as_ref(),
            &request,
        )
    }

    /// Asks the shadow about a plan that was decided about.
    pub(crate) fn shadow_plan(
        &self,
        what: What,
        id: Option<&str>,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        said: &Decision,
    ) {
        if let Some(shadow) = &self.shadow {
            let (tools, session) = (self.lookup.as_ref(), &self.session);
            shadow.plan(what, id, plan, inputs, tools, said, session);
        }
    }
}

/// The gate of one execution for one turn.
pub(crate) struct HostGate<'a> {
    approved: &'a mut Option<ApprovedPlan>,
    /// Of a nested plan: why it was not admitted with the plan that holds it.
    refused: Option<Refusal>,
    bench: Bench,
    permitted: Vec<Permitted>,
}

impl<'a> HostGate<'a> {
    /// The gate of an execution that begins.
    pub(crate) fn new(approved: &'a mut Option<ApprovedPlan>, bench: Bench) -> Self {
        Self {
            approved,
            refused: None,
            bench,
            permitted: Vec::new(),
        }
    }

    /// The gate of a nested plan that may have been refused together with the plan that holds it.
    pub(crate) fn refused(self, refused: Option<Refusal>) -> Self {
        Self { refused, ..self }
    }

    /// The calls that got their permit.
    pub(crate) fn permitted(self) -> Vec<Permitted> {
        self.permitted
    }
}

impl HostGate<'_> {
    /// Admits the plan on the journaled decision and approval; again, when a new host took the execution up.
    fn approved_plan(&mut self, state: &State) -> Result<&ApprovedPlan, Refusal> {
        // A revision has another digest: its approval is what it runs on.
        let current =
            |approved: &ApprovedPlan| *approved.digest() == state.created.execution_digest;
        if !self.approved.as_ref().is_some_and(current) {
            let created = &state.created;
            if created.parent.is_some() {
                let message = "the plan that holds this one is not driven here";
                let unknown = Refusal::new(mandate_plan::ErrorCode::ApprovalRequired, message);
                return Err(self.refused.clone().unwrap_or(unknown));
            }
            let inputs = BoundInputs {
                values: created.inputs.clone(),
                secrets: created.secrets.clone(),
            };
            let admitted = admit_with(
                self.bench.rules.clone(),
                state.plan().clone(),
                &inputs,
                self.bench.lookup.clone(),
                &created.execution_id,
                created.decision.clone(),
                grant(state),
            )?;
            *self.approved = Some(admitted);
        }
        self.approved.as_ref().ok_or_else(|| {
            Refusal::new(
                mandate_plan::ErrorCode::ApprovalRequired,
                "the plan is not approved",
            )
        })
    }
}

pub(crate) fn grant(state: &State) -> Grant {
    if state.created.decision.outcome == Outcome::Allow {
        return Grant::Allowed;
    }
    let approved = state.requests.values().find(|open| {
        matches!(open.request.kind, RequestKind::Plan | RequestKind::Revision)
            && open.request.subject == state.created.execution_digest
            && open.closed.as_deref() == Some("approve")
    });
    let Some(open) = approved else {
        return Grant::Allowed;
    };
    let (by, channel) = open.by.clone().unwrap_or_default();
    Grant::Approved(Approval {
        request_id: open.request.request_id.clone(),
        execution_id: state.created.execution_id.clone(),
        subject: open.request.subject,
        by,
        channel,
        at_ms: open.closed_ms.unwrap_or(state.at_ms),
    })
}

impl HostGate<'_> {
    /// Whether the execution may start, and on which approval.
    pub(crate) fn admit(&mut self, state: &State) -> Result<Option<String>, Refusal> {
        self.approved_plan(state)?;
        Ok(match grant(state) {
            Grant::Approved(approval) => Some(format!(
                "{} by {} over {}",
                approval.request_id, approval.by, approval.channel
            )),
            Grant::Allowed => {
                let parent = state.created.parent.as_ref();
                parent.and_then(|parent| parent.approval.clone())
            }
        })
    }
}

impl Gate for HostGate<'_> {
    fn start(&mut self, state: &State, call: &ResolvedCall) -> Result<Started, Refusal> {
        let (now_ms, session) = (self.bench.now_ms, self.bench.session.clone());
        let lookup = self.bench.lookup.clone();
        let (shadow, rules) = (self.bench.shadow.clone(), self.bench.rules.clone());
        let approved = self.approved_plan(state)?;
        let permit = enforce(approved, state, call, &session, now_ms);
        let facts = approved.facts(call).unwrap_or(mandate_plan::Facts::WORST);
        if let Some(shadow) = shadow.filter(|_| by_policy(&permit)) {
            let seen = CallSeen {
                state,
                call,
                facts,
                session: &session,
                now_ms,
            };
            shadow.call(rules.as_ref(), &seen);
        }
        let permit = permit?;
        let started = Started {
            facts,
            permit: permit.digest(),
            sandbox: (call.tool == "process.exec").then(|| "none".to_owned()),
        };
        let handled = lookup
            .spec(&call.tool)
            .is_some_and(|spec| spec.engine_handled);
        let nested = call.tool == RUN;
        if !handled || nested {
            self.permitted.push(Permitted {
                permit,
                call: call.clone(),
                runs_ahead: facts.closed_world_read() && !nested,
                nested,
            });
        }
        Ok(started)
    }

    fn output_schema(&mut self, state: &State, step: &str) -> Option<serde_json::Value> {
        let (step, _) = state.step(step)?;
        self.bench
            .lookup
            .spec(&step.step.tool)?
            .output_schema
            .clone()
    }
}

/// Whether the policy was asked: a call that is not planned, or not in turn, is no matter of policies.
fn by_policy(permit: &Result<Permit, Refusal>) -> bool {
    use mandate_plan::ErrorCode as Code;
    match permit {
        Ok(_) => true,
        Err(refusal) => matches!(
            refusal.code,
            Code::PolicyDenied | Code::ApprovalRequired | Code::RateLimited
        ),
    }
}
