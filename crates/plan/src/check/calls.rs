//! How many attempts of a plan can reach a tool at most.

use crate::{
    CheckedStep,
    model::{MAX_TOOL_CALLS, Mode, Plan},
};

/// The declared limit, else the worst case of all steps.
pub(super) fn max_tool_calls<'s>(plan: &Plan, steps: impl Iterator<Item = &'s CheckedStep>) -> u64 {
    plan.constraints.max_tool_calls.unwrap_or_else(|| {
        steps
            .map(|step| worst_case(plan, step, None))
            .fold(0, u64::saturating_add)
            .min(MAX_TOOL_CALLS)
    })
}

/// The most calls of one step: with as many items as it has, or else as it may have.
pub(crate) fn worst_case(plan: &Plan, step: &CheckedStep, items: Option<usize>) -> u64 {
    let per_attempt = match &step.child {
        Some(child) => child.max_tool_calls(),
        None if is_counted(&step.step.tool) => 1,
        None => 0,
    };
    let bound = items.map(|items| u64::try_from(items).unwrap_or(u64::MAX));
    let each = step.step.for_each.as_ref();
    let items = each.map_or(1, |each| bound.unwrap_or(each.max_items.into()));
    let invocations = match plan.mode {
        Mode::Agent => step.step.max_invocations,
        Mode::Engine | Mode::Hybrid => 1,
    };
    per_attempt
        .saturating_mul(step.retry.max_attempts.into())
        .saturating_mul(items)
        .saturating_mul(invocations.into())
}

/// Whether calls of this tool count towards the limit: those that only compute, wait or ask do not.
fn is_counted(tool: &str) -> bool {
    tool != "human.ask"
        && tool != super::nested::RUN
        && !tool.starts_with("time.")
        && !tool.starts_with("data.")
}
