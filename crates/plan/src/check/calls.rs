//! How many attempts of a plan can reach a tool at most.

use crate::{
    CheckedStep,
    model::{MAX_TOOL_CALLS, Mode, Plan},
};

/// The declared limit, else the worst case of all steps.
pub(super) fn max_tool_calls<'s>(plan: &Plan, steps: impl Iterator<Item = &'s CheckedStep>) -> u64 {
    plan.constraints.max_tool_calls.unwrap_or_else(|| {
        steps
            .map(|step| worst_case(plan, step))
            .fold(0, u64::saturating_add)
            .min(MAX_TOOL_CALLS)
    })
}

fn worst_case(plan: &Plan, step: &CheckedStep) -> u64 {
    let per_attempt = match &step.child {
        Some(child) => child.max_tool_calls(),
        None if is_counted(&step.step.tool) => 1,
        None => 0,
    };
    let items = step.step.for_each.as_ref().map_or(1, |each| each.max_items);
    let invocations = match plan.mode {
        Mode::Agent => step.step.max_invocations,
        Mode::Engine | Mode::Hybrid => 1,
    };
    per_attempt
        .saturating_mul(step.retry.max_attempts.into())
        .saturating_mul(items.into())
        .saturating_mul(invocations.into())
}

/// Whether calls of this tool count towards the limit: those that only compute, wait or ask do not.
fn is_counted(tool: &str) -> bool {
    tool != "human.ask"
        && tool != super::nested::RUN
        && !tool.starts_with("time.")
        && !tool.starts_with("data.")
}
