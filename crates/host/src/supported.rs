//! What plans may say and this version cannot run yet. Such a plan is refused before anything runs; nothing is ignored.

use mandate_plan::{FailureAction, Mode, Plan, Step};

/// The first feature of the plan that cannot be run, and where it stands (a JSON pointer).
pub(crate) fn unsupported(plan: &Plan) -> Option<(&'static str, String)> {
    match plan.mode {
        Mode::Engine => {}
        Mode::Agent => return Some(("`mode: agent`", "/mode".to_owned())),
        Mode::Hybrid => return Some(("`mode: hybrid`", "/mode".to_owned())),
    }
    if plan.workspace.is_some() {
        return Some(("`workspace`", "/workspace".to_owned()));
    }
    if !plan.invariants.is_empty() {
        return Some(("`invariants`", "/invariants".to_owned()));
    }
    if !plan.finally.is_empty() {
        return Some(("`finally`", "/finally".to_owned()));
    }
    if plan.constraints.budget.is_some() {
        return Some(("`budget`", "/constraints/budget".to_owned()));
    }
    plan.steps.iter().enumerate().find_map(|(index, step)| {
        in_step(step).map(|(what, key)| (what, format!("/steps/{index}/{key}")))
    })
}

fn in_step(step: &Step) -> Option<(&'static str, &'static str)> {
    if step.confirm {
        return Some(("`confirm`", "confirm"));
    }
    if !step.sensitive.is_empty() {
        return Some(("`sensitive`", "sensitive"));
    }
    if step.compensate.is_some() {
        return Some(("`compensate`", "compensate"));
    }
    if step.max_invocations != 1 {
        return Some((
            "`max_invocations` above 1 (it is for `mode: agent`)",
            "max_invocations",
        ));
    }
    match step.tool.as_str() {
        "human.ask" => return Some(("the tool `human.ask`", "tool")),
        "plan.run" => return Some(("the tool `plan.run`", "tool")),
        "plan.extend" => return Some(("the tool `plan.extend`", "tool")),
        _ => {}
    }
    step.on_failure.actions().find_map(|action| match action {
        FailureAction::Halt | FailureAction::Skip | FailureAction::Retry => None,
        FailureAction::Replan { .. } => Some(("`on_failure: replan`", "on_failure")),
        FailureAction::Ask => Some(("`on_failure: ask`", "on_failure")),
        FailureAction::Fallback(_) => Some(("`on_failure: fallback`", "on_failure")),
    })
}
