//! Plans within plans: what such a step does to the world, and the admission of what it holds.

use crate::{
    Approval, ApprovedPlan, Decision, Grant, Purpose, Refusal, approved::admit_with, tool_table,
};
use mandate_plan::{
    BoundInputs, CheckedPlan, CheckedStep, ErrorCode, Facts, ToolLookup, execution_digest,
};
use std::sync::Arc;

/// The facts of a step that holds a plan: the worst of everything in it, undo calls included. None where the step holds
/// no plan.
pub fn nested_facts(step: &CheckedStep, tools: &dyn ToolLookup) -> Option<Facts> {
    step.child.as_ref().map(|child| worst(child, tools))
}

fn worst(plan: &CheckedPlan, tools: &dyn ToolLookup) -> Facts {
    let none = Facts {
        effect: mandate_plan::Effect::Read,
        idempotent: true,
        open_world: false,
    };
    let of_tool = |name: &str| tools.facts(name, None).unwrap_or(Facts::WORST);
    let of_step = |step: &CheckedStep| {
        let own = nested_facts(step, tools).unwrap_or_else(|| of_tool(&step.step.tool));
        let undo = step.compensate.as_ref().map(|(tool, _)| of_tool(tool));
        [Some(own), undo]
    };
    let all = plan.every_step().flat_map(of_step).flatten();
    all.fold(none, |worst, facts| Facts {
        effect: worst.effect.max(facts.effect),
        // What only looks may be done again, whatever the tool says of itself.
        idempotent: worst.idempotent && facts.repeatable(),
        open_world: worst.open_world || facts.open_world,
    })
}

impl ApprovedPlan {
    /// Admits the plan that a step of this one holds, as an execution of its own. The approval of this plan covers it,
    /// because it was shown and approved as a part of it; where there is none, or the decision about it needs one all
    /// the same, `own` is its own.
    ///
    /// # Errors
    /// `UNPLANNED_ACTION` when the step holds no plan; `TOOL_CHANGED` when a tool is not the one that this plan was
    /// admitted with; else as [`admit_with`].
    pub fn admit_nested(
        &self,
        step: &str,
        inputs: &BoundInputs,
        tools: Arc<dyn ToolLookup + Send + Sync>,
        execution_id: &str,
        decision: impl Into<Arc<Decision>>,
        own: Grant,
    ) -> Result<ApprovedPlan, Refusal> {
        let unplanned = || {
            let message = format!("step `{step}` holds no plan");
            Refusal::new(ErrorCode::UnplannedAction, message)
        };
        self.planned(step, Purpose::Run).ok_or_else(unplanned)?;
        let number = self.plan().number_of(step).ok_or_else(unplanned)?;
        let held = self
            .plan()
            .numbered(number)
            .and_then(|step| step.child.clone());
        let child = held.ok_or_else(unplanned)?;
        let (digests, _) = tool_table::digests(&child, tools.as_ref());
        for (name, digest) in &digests {
            if self.tools().digests().get(name) != Some(digest) {
                return Err(tool_table::changed(name));
            }
        }
        let grant = match (own, self.approval()) {
            (Grant::Allowed, Some(approval)) => Grant::Approved(Approval {
                execution_id: execution_id.to_owned(),
                subject: execution_digest(child.hash(), &inputs.digest(), &digests),
                ..approval.clone()
            }),
            (own, _) => own,
        };
        admit_with(
            self.shared_rules(),
            child,
            inputs,
            tools,
            execution_id,
            decision,
            grant,
        )
    }
}
