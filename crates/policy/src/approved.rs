//! The plan of one execution, admitted: what was decided and approved is exactly this plan, these inputs, these tools.

use crate::{
    Purpose, Refusal, ResolvedCall,
    approver::{Approval, Grant},
    assent::unmet,
    classify::Category,
    dataflow::{Live, Told},
    decision::{Decision, Outcome},
    flow::CallFlow,
    nested::nested_facts,
    planned_call::PlannedCall,
    ready_calls::{KnownCalls, ReadyCalls},
    resources::{Found, find},
    rules::{FirstPolicy, Rules},
    tool_table::{self, ToolTable},
    turn::Turn,
};
use mandate_plan::{
    BoundInputs, CheckedPlan, Digest, Effect, ErrorCode, Facts, Mode, ToolLookup, execution_digest,
};
use serde_json::Value;
use std::sync::Arc;

/// A plan that may run as one execution. Only [`admit`] makes one; it cannot be changed, cloned or serialised.
#[derive(Debug)]
pub struct ApprovedPlan {
    plan: Arc<CheckedPlan>,
    tools: ToolTable,
    execution_id: String,
    digest: Digest,
    decision: Arc<Decision>,
    grant: Grant,
    rules: Arc<dyn Rules>,
    calls: Arc<ReadyCalls>,
}

impl ApprovedPlan {
    /// The plan.
    pub fn plan(&self) -> &Arc<CheckedPlan> {
        &self.plan
    }

    /// The execution digest: plan, inputs, tools.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The execution that it is for.
    pub fn execution_id(&self) -> &str {
        &self.execution_id
    }

    /// The decision that it rests on.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether a human approved it.
    pub fn approval(&self) -> Option<&Approval> {
        match &self.grant {
            Grant::Allowed => None,
            Grant::Approved(approval) => Some(approval),
        }
    }

    /// The tools as they were admitted.
    pub fn tools(&self) -> &ToolTable {
        &self.tools
    }

    /// The facts of a call of this plan; of a step that holds a plan, those of what is in it.
    pub fn facts(&self, call: &ResolvedCall) -> Option<Facts> {
        let number = self.plan.number_of(&call.step);
        let step = number.and_then(|number| self.plan.numbered(number));
        let nested = step
            .filter(|_| call.purpose == Purpose::Run)
            .and_then(|step| nested_facts(step, self.tools.lookup()));
        nested.or_else(|| self.tools.facts(&call.tool, &call.args))
    }

    /// What flows into the call of a step with these arguments, as the turn knows where its values come from, before anybody
    /// has said yes to it. None: the plan has no such step.
    pub fn flow(&self, turn: &dyn Turn, step: &str, args: &Value) -> Option<CallFlow> {
        let planned = self.planned(step, Purpose::Run)?;
        let effect = planned.assessed.effect;
        let found = find(&planned.tool, effect, args);
        Some(self.flow_of(planned, turn, args, (effect, &found), false))
    }

    pub(crate) fn flow_of(
        &self,
        planned: &PlannedCall,
        turn: &dyn Turn,
        args: &Value,
        (effect, found): (Effect, &[Found]),
        confirmed: bool,
    ) -> CallFlow {
        let told = Told {
            confirmed,
            effect: effect != Effect::Read,
            agent_untrusted: self.plan.plan().mode == Mode::Agent && turn.agent_is_untrusted(),
            agent_suspicious: self.plan.plan().mode == Mode::Agent && turn.agent_is_suspicious(),
        };
        let origins = Live(turn);
        planned.sources.flow(&origins, args, found, told)
    }

    /// The policy that it was admitted under.
    pub fn rules(&self) -> &dyn Rules {
        self.rules.as_ref()
    }

    pub(crate) fn shared_rules(&self) -> Arc<dyn Rules> {
        self.rules.clone()
    }

    /// What kind of action a call is, as it was decided about.
    pub fn category(&self, step: &str, purpose: Purpose) -> Category {
        let planned = self.planned(step, purpose);
        planned.map_or(Category::Unknown, |planned| planned.assessed.category)
    }

    pub(crate) fn planned(&self, step: &str, purpose: Purpose) -> Option<&PlannedCall> {
        self.calls.get(step, purpose)
    }
}

/// Admits a plan under the built-in policy.
///
/// # Errors
/// As [`admit_with`].
pub fn admit(
    plan: Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: Arc<dyn ToolLookup + Send + Sync>,
    execution_id: &str,
    decision: impl Into<Arc<Decision>>,
    grant: Grant,
) -> Result<ApprovedPlan, Refusal> {
    admit_with(
        Arc::new(FirstPolicy),
        plan,
        inputs,
        tools,
        execution_id,
        decision,
        grant,
    )
}

/// Admits a plan: the decision must be about this plan with these inputs and tools, and say allow; or require an
/// approval, and the grant be one of exactly this, for this execution, by somebody who may.
///
/// # Errors
/// `POLICY_DENIED`, `RATE_LIMITED`, `APPROVAL_REQUIRED`, `APPROVER_MISMATCH`, `TOOL_CHANGED`, `ACTION_NOT_FOUND`.
pub fn admit_with(
    rules: Arc<dyn Rules>,
    plan: Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: Arc<dyn ToolLookup + Send + Sync>,
    execution_id: &str,
    decision: impl Into<Arc<Decision>>,
    grant: Grant,
) -> Result<ApprovedPlan, Refusal> {
    admit_like(
        &mut KnownCalls::default(),
        rules,
        plan,
        inputs,
        tools,
        execution_id,
        decision.into(),
        grant,
    )
}

/// The same, with the calls that are known already.
///
/// # Errors
/// As [`admit_with`].
#[expect(
    clippy::too_many_arguments,
    reason = "what is admitted, and what is known"
)]
pub fn admit_like(
    known: &mut KnownCalls,
    rules: Arc<dyn Rules>,
    plan: Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: Arc<dyn ToolLookup + Send + Sync>,
    execution_id: &str,
    decision: Arc<Decision>,
    grant: Grant,
) -> Result<ApprovedPlan, Refusal> {
    let tools = ToolTable::of(&plan, tools)?;
    let digest = execution_digest(plan.hash(), &inputs.digest(), tools.digests());
    about_this(&decision, &digest, &tools)?;
    permitted(&decision, &grant, execution_id, &digest)?;
    built(
        known,
        rules,
        plan,
        inputs,
        tools,
        execution_id,
        digest,
        decision,
        grant,
    )
}

/// The plan with its calls made ready. Whoever calls it has seen that the grant is one for this.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of an approved plan, each checked before"
)]
pub(crate) fn built(
    known: &mut KnownCalls,
    rules: Arc<dyn Rules>,
    plan: Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: ToolTable,
    execution_id: &str,
    digest: Digest,
    decision: Arc<Decision>,
    grant: Grant,
) -> Result<ApprovedPlan, Refusal> {
    let calls = known.ready(&plan, inputs, &tools, digest, &decision)?;
    Ok(ApprovedPlan {
        plan,
        tools,
        execution_id: execution_id.to_owned(),
        digest,
        decision,
        grant,
        rules,
        calls,
    })
}

/// The decision is about this plan, these inputs and these tools.
pub(crate) fn about_this(
    decision: &Decision,
    digest: &Digest,
    tools: &ToolTable,
) -> Result<(), Refusal> {
    if decision.subject == *digest {
        return Ok(());
    }
    for (name, current) in tools.digests() {
        if decision
            .tools
            .get(name)
            .is_some_and(|decided| decided != current)
        {
            return Err(tool_table::changed(name));
        }
    }
    let message = "the decision is about another plan or other inputs; evaluate the plan again";
    Err(Refusal::new(ErrorCode::PolicyDenied, message))
}

/// The decision allows it, or the grant is the approval that it asks for.
fn permitted(
    decision: &Decision,
    grant: &Grant,
    execution_id: &str,
    digest: &Digest,
) -> Result<(), Refusal> {
    admissible(decision)?;
    match (decision.outcome, grant) {
        (Outcome::Allow, Grant::Allowed) => Ok(()),
        (_, Grant::Allowed) => Err(refused(
            decision,
            ErrorCode::ApprovalRequired,
            "the plan needs approval",
        )),
        (_, Grant::Approved(approval)) => verify(decision, approval, execution_id, digest),
    }
}

/// The decision is one that an approval can do something about.
pub(crate) fn admissible(decision: &Decision) -> Result<(), Refusal> {
    match decision.outcome {
        Outcome::Deny => Err(refused(
            decision,
            ErrorCode::PolicyDenied,
            "policy denies the plan",
        )),
        Outcome::RateLimited => Err(refused(
            decision,
            ErrorCode::RateLimited,
            "the session has used up its calls",
        )),
        Outcome::Allow | Outcome::RequireApproval => Ok(()),
    }
}

/// A refusal with the rule that decided.
fn refused(decision: &Decision, code: ErrorCode, message: &str) -> Refusal {
    let decisive = decision
        .reasons
        .iter()
        .find(|reason| reason.outcome == decision.outcome);
    let message = match decisive {
        Some(reason) => format!("{message}: {}", reason.message),
        None => message.to_owned(),
    };
    let refusal = Refusal::new(code, message);
    match decisive {
        Some(reason) => refusal.by_rule(&reason.rule),
        None => refusal,
    }
}

/// The approval is for this execution of exactly this, and by somebody who may give it.
pub(crate) fn verify(
    decision: &Decision,
    approval: &Approval,
    execution_id: &str,
    digest: &Digest,
) -> Result<(), Refusal> {
    let id = &approval.request_id;
    if approval.execution_id != execution_id {
        let message = format!("the approval `{id}` is for another execution");
        return Err(Refusal::new(ErrorCode::ApprovalRequired, message));
    }
    if approval.subject != *digest {
        let message =
            format!("the approval `{id}` is for another plan, other inputs or other tools");
        return Err(Refusal::new(ErrorCode::ApprovalRequired, message));
    }
    let everybody = approval.everybody();
    let unmet = unmet(&decision.approvers, &everybody, &decision.principal);
    match unmet.first() {
        None => Ok(()),
        Some(approver) => {
            let message = format!("the approval `{id}` does not count as one by `{approver}`");
            let expected = serde_json::json!({ "approvers": decision.approvers });
            Err(Refusal::new(ErrorCode::ApproverMismatch, message).expecting(expected))
        }
    }
}
