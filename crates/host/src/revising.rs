//! Revisions: a plan that is to take the place of one that runs is checked and decided about like a new one, and goes in
//! as a proposal. What comes of it is for the engine, and for whoever approves.

use crate::ask::{HostError, Revises, Submission, Submitted};
use crate::backtest::What;
use crate::gate::approval_of;
use crate::host::Host;
use crate::submit::{external_tools, tool_digests};
use mandate_engine::{Body, StandsOn, State};
use mandate_plan::{BoundInputs, CheckedPlan, Digest, diff::diff, execution_digest, narrows};
use mandate_policy::{Decision, Delta, Outcome, Stands, delta, stands_for};
use mandate_store::PlanRow;
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

/// What becomes of a revision that policy does not deny.
enum Weighed {
    /// It only narrows what was approved: that approval stands for it.
    Stands(StandsOn),
    /// Somebody is asked, unless policy allows it, and is shown this.
    Asks(Delta),
}

/// Compares a revision with what was approved last.
fn weigh(
    state: &State,
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    tools: &BTreeMap<String, Digest>,
    decision: &Decision,
) -> Weighed {
    let basis = state.basis();
    if let Some(approval) = approval_of(state, &basis.execution_digest) {
        let stands = Stands {
            plan: basis.plan.clone(),
            tools: basis.tools.clone(),
            approval,
        };
        let id = state.execution_id();
        if let Ok(narrowing) = stands_for(&stands, plan, inputs, tools, id, decision) {
            return Weighed::Stands(StandsOn {
                request_id: stands.approval.request_id.clone(),
                subject: basis.execution_digest,
                by: stands.approval.given_by(),
                narrowing,
            });
        }
    }
    let widenings = narrows(&basis.plan, plan).err().unwrap_or_default();
    Weighed::Asks(delta(&basis.plan, plan, decision, widenings))
}

impl Host {
    /// Takes a revision in. The reply comes when it is on the disk.
    pub(crate) fn propose(
        &mut self,
        submission: &Submission,
        revises: &Revises,
        reply: &Sender<Result<Submitted, HostError>>,
    ) -> Result<(), HostError> {
        let id = revises.execution_id.clone();
        self.have_driven(&id)?;
        let now_ms = self.parts.clock.now_ms();
        let lookup = self.parts.tools.lookup();
        let plan = &submission.plan;
        let drive = self.drive(&id)?;
        let state = &drive.state;
        if let Some(parent) = &state.created.parent {
            let parent = &parent.execution_id;
            let message = format!(
                "it is a nested plan: it changes with the plan of `{parent}` that holds it"
            );
            return Err(HostError::NotARevision(vec![message]));
        }
        state.check_revision(plan).map_err(|found| {
            HostError::NotARevision(found.iter().map(ToString::to_string).collect())
        })?;
        let tools = tool_digests(submission, lookup.as_ref())?;
        let created = &state.created;
        let inputs = BoundInputs {
            values: created.inputs.clone(),
            secrets: created.secrets.clone(),
        };
        let (principal, session) = (created.principal.clone(), created.session.clone());
        let roles = created.roles.clone();
        let digest = execution_digest(plan.hash(), &created.inputs_digest, &tools);
        let changes = diff(state.plan().plan(), plan.plan());
        let revision = created.revision.saturating_add(1);
        let bench = self.bench(&session, &principal, &id, now_ms);
        let bench = bench.with_roles(&roles);
        let mut decision = bench.evaluate_revision(plan, &inputs);
        if revises.asked_for {
            self.weigh_unplanned(&id, &mut decision)?;
        }
        let none = BTreeMap::new();
        bench.shadow_plan(What::Revision, Some(&id), plan, &inputs, &none, &decision);
        if !matches!(decision.outcome, Outcome::Allow | Outcome::RequireApproval) {
            // A refusal leaves the process as a fact, so that it is stored first.
            self.record_refusal(submission, decision, reply.clone(), now_ms);
            return Ok(());
        }
        let (stands, delta) = match weigh(&self.drive(&id)?.state, plan, &inputs, &tools, &decision)
        {
            Weighed::Stands(stands) => (Some(Box::new(stands)), None),
            Weighed::Asks(delta) => (None, serde_json::to_value(&delta).ok()),
        };
        let document = serde_json::from_slice(plan.canonical()).unwrap_or_default();
        let body = Body::RevisionProposed {
            revision,
            plan: document,
            plan_hash: *plan.hash(),
            execution_digest: digest,
            tools,
            external: external_tools(plan, lookup.as_ref()),
            decision: Box::new(decision.clone()),
            diff: serde_json::to_value(&changes).unwrap_or_default(),
            by: submission.principal.clone(),
            reason: revises.reason.clone(),
            stands,
            delta,
            asked_for: revises.asked_for,
        };
        let row = PlanRow {
            hash: *plan.hash(),
            canonical: plan.canonical().to_vec(),
            name: plan.plan().name.clone(),
            at_ms: now_ms,
        };
        self.drive(&id)?.plan_row = Some(row);
        let (reply, of) = (reply.clone(), id.clone());
        let taken = self.take_turn_with(&id, body, |drive| {
            let open = drive.state.open_requests();
            let asked = open.filter(|open| open.request.subject == digest);
            let request_id = asked.map(|open| open.request.request_id.clone()).next();
            let submitted = Submitted {
                execution_id: of,
                decision: decision.into(),
                request_id,
            };
            let seq = drive.state.seq;
            drive.replies.push((
                seq,
                Box::new(move |result| {
                    let _ = reply.send(result.map(|()| submitted));
                }),
            ));
        });
        if taken {
            return Ok(());
        }
        Err(HostError::NotNow(
            "the execution moved on meanwhile; propose it again".to_owned(),
        ))
    }
}
