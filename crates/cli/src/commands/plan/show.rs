//! `mandate plan show PLAN`.

use super::PlanArg;
use crate::{
    context::Context,
    document::{note_warnings, read_plan},
    errors::{Exit, Failure},
    output::Paint,
    render::shown,
    when::show_duration,
};
use clap::Args;
use mandate_plan::{CheckedPlan, CheckedStep, FailureAction, OnFailure};
use mandate_server::view;
use serde_json::json;

/// What `plan show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    plan: PlanArg,
    /// Print the canonical bytes that the plan's hash is taken over
    #[arg(long, conflicts_with = "json")]
    canonical: bool,
}

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let read = read_plan(context, &args.plan.plan, None)?;
    let plan = &read.plan;
    if args.canonical {
        out.write(plan.canonical());
        return Ok(Exit::Success);
    }
    if out.is_json() {
        out.value(&json!(view::plan(plan)));
        return Ok(Exit::Success);
    }
    note_warnings(context, &read);
    out.line(&text(plan, out.paint()));
    Ok(Exit::Success)
}

fn ids<'a>(plan: &'a CheckedPlan, indices: &[usize]) -> Vec<&'a str> {
    let steps = indices.iter().filter_map(|index| plan.steps().get(*index));
    steps.map(|step| step.step.id.as_str()).collect()
}

fn text(plan: &CheckedPlan, paint: Paint) -> String {
    let about = plan.plan();
    let mut out = vec![paint.bold(&shown::line(&about.name))];
    out.extend(about.description.as_ref().map(|text| shown::lines(text)));
    out.push(paint.dim(&format!("plan {}", plan.hash())));
    if !about.inputs.is_empty() {
        out.push(format!("\n{}", paint.bold("Inputs")));
        for (name, input) in &about.inputs {
            let kind = input
                .schema
                .get("type")
                .map_or("any".to_owned(), |kind| shown::value(kind, 40));
            let need = match (&input.default, input.is_required()) {
                (Some(default), _) => format!("default {}", shown::value(default, 60)),
                (None, true) => "required".to_owned(),
                (None, false) => "optional".to_owned(),
            };
            let kind = if input.secret {
                "name of a secret".to_owned()
            } else {
                kind
            };
            out.push(format!(
                "  {name}  {}",
                paint.dim(&format!("{kind}, {need}"))
            ));
        }
    }
    out.push(format!("\n{}", paint.bold("Steps")));
    for (number, step) in plan.steps().iter().enumerate() {
        push_step(&mut out, plan, number, step, paint);
    }
    if !plan.finally().is_empty() {
        out.push(format!("\n{}", paint.bold("Finally")));
        for (number, step) in plan.finally().iter().enumerate() {
            push_step(&mut out, plan, number, step, paint);
        }
    }
    let limits = &about.constraints;
    out.push(format!("\n{}", paint.bold("Limits")));
    let parallel = if limits.sequential {
        1
    } else {
        limits.max_parallel
    };
    let timeout = i64::try_from(limits.timeout_ms).unwrap_or(i64::MAX);
    out.push(format!(
        "  {parallel} at once, {} tool calls at most, {} of active time",
        plan.max_tool_calls(),
        show_duration(timeout)
    ));
    out.join("\n")
}

fn push_step(
    out: &mut Vec<String>,
    plan: &CheckedPlan,
    number: usize,
    checked: &CheckedStep,
    paint: Paint,
) {
    let step = &checked.step;
    out.push(format!("  {}  {}", paint.bold(&step.id), step.tool));
    let mut note = |name: &str, text: String| {
        out.push(format!(
            "      {} {}",
            paint.dim(&format!("{name:<8}")),
            shown::short(&text, 120)
        ));
    };
    if let Some(description) = &step.description {
        note("about", description.clone());
    }
    // Every step above is what is meant unless something else is said.
    if checked.order.len() != number && number < plan.steps().len() {
        let after = ids(plan, &checked.order);
        note(
            "after",
            if after.is_empty() {
                "nothing: it starts at once".to_owned()
            } else {
                after.join(", ")
            },
        );
    }
    if let Some(condition) = &step.condition {
        note("if", condition.clone());
    }
    if let Some(each) = &step.for_each {
        note(
            "for each",
            format!("{} (at most {})", each.items, each.max_items),
        );
    }
    for (name, value) in &step.args {
        note("arg", format!("{name}: {}", shown::value(value, 100)));
    }
    if let Some(expect) = &step.expect {
        note("expect", expect.clone());
    }
    if checked.retry.max_attempts > 1 {
        note(
            "retry",
            format!("up to {} attempts", checked.retry.max_attempts),
        );
    }
    if let Some(timeout) = step.timeout_ms {
        note(
            "timeout",
            show_duration(i64::try_from(timeout).unwrap_or(i64::MAX)),
        );
    }
    if step.on_failure != OnFailure::Action(FailureAction::Halt) {
        note(
            "failure",
            json!(step.on_failure).to_string().replace('"', ""),
        );
    }
}
