//! A revision that only narrows what was approved: the approval of the plan before stands for it. Nobody's word is taken
//! for that; whoever admits such a plan compares the two plans again.

use crate::{
    Refusal,
    approved::{ApprovedPlan, about_this, admissible, built, verify},
    approver::{Approval, Grant},
    decision::Decision,
    ready_calls::KnownCalls,
    rules::Rules,
    tool_table::{self, ToolTable},
};
use mandate_plan::{
    BoundInputs, CheckedPlan, Digest, ErrorCode, Narrowing, ToolLookup, execution_digest, narrows,
};
use std::{collections::BTreeMap, sync::Arc};

/// What somebody approved: the plan, its tools as they were, and the approval.
#[derive(Debug, Clone)]
pub struct Stands {
    /// The plan that was approved.
    pub plan: Arc<CheckedPlan>,
    /// The digests of its tools at that time.
    pub tools: BTreeMap<String, Digest>,
    /// The approval; it is bound to that plan, those tools and the inputs.
    pub approval: Approval,
}

/// Admits a plan on the approval of another one that it narrows.
///
/// # Errors
/// As [`crate::admit_with`]; `APPROVAL_REQUIRED` where the approval does not stand for this plan.
pub fn admit_narrowed(
    rules: Arc<dyn Rules>,
    plan: Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: Arc<dyn ToolLookup + Send + Sync>,
    execution_id: &str,
    decision: impl Into<Arc<Decision>>,
    stands: Stands,
) -> Result<ApprovedPlan, Refusal> {
    let decision = decision.into();
    let tools = ToolTable::of(&plan, tools)?;
    let digest = execution_digest(plan.hash(), &inputs.digest(), tools.digests());
    about_this(&decision, &digest, &tools)?;
    stands_for(
        &stands,
        &plan,
        inputs,
        tools.digests(),
        execution_id,
        &decision,
    )?;
    let grant = Grant::Approved(stands.approval);
    built(
        &mut KnownCalls::default(),
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

/// Whether the approval of one plan stands for another one of the same execution, with these inputs and tools, of which
/// policy decided this. Gives what is narrower.
///
/// # Errors
/// The first thing that keeps it from that.
pub fn stands_for(
    stands: &Stands,
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    tools: &BTreeMap<String, Digest>,
    execution_id: &str,
    decision: &Decision,
) -> Result<Narrowing, Refusal> {
    // Policy has the last word: what it denies is not saved by an approval, and who it wants must have approved.
    admissible(decision)?;
    let Stands {
        plan: before,
        tools: known,
        approval,
    } = stands;
    // That this plan, these inputs and these tools are what was approved.
    let subject = execution_digest(before.hash(), &inputs.digest(), known);
    verify(decision, approval, execution_id, &subject)?;
    for (name, digest) in tools {
        if known.get(name) != Some(digest) {
            return Err(tool_table::changed(name));
        }
    }
    narrows(before, plan).map_err(|widenings| {
        let first = widenings.first().map(ToString::to_string);
        let message = format!(
            "the approval `{}` is for a plan that asks for less: {}",
            approval.request_id,
            first.unwrap_or_default()
        );
        Refusal::new(ErrorCode::ApprovalRequired, message)
    })
}
