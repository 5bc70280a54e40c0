//! `mandate plan validate PLAN…`.

use crate::{
    context::Context,
    document::Source,
    errors::{Exit, Failure},
    output::Look,
    render::violations,
    toolbox,
};
use clap::Args;
use mandate_plan::{Checked, CheckedPlan, ToolLookup, Violation, check, parse};
use serde_json::{Value, json};
use std::sync::Arc;

/// What `plan validate` takes.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The plans, YAML or JSON; `-` reads standard input
    #[arg(required = true)]
    plans: Vec<String>,
    /// Do not look at the tools that there are here
    #[arg(long)]
    no_tools: bool,
}

pub(super) fn run(args: &ValidateArgs, context: &Context) -> Result<Exit, Failure> {
    let tools = if args.no_tools {
        None
    } else {
        Some(toolbox::registry(context.settings()?)?)
    };
    let mut exit = Exit::Success;
    let mut reports = Vec::new();
    for path in &args.plans {
        let source = Source::read(path)?;
        let (plan, found) = match parse(&source.bytes, source.format) {
            Ok(document) => {
                if let Some(registry) = &tools {
                    toolbox::prepare(registry, &document)?;
                }
                let snapshot = tools.as_ref().map(|registry| registry.snapshot());
                let lookup = snapshot
                    .as_ref()
                    .map(|tools| tools.as_ref() as &dyn ToolLookup);
                let Checked { plan, violations } = check(&document, lookup);
                (plan, violations)
            }
            Err(found) => (None, found),
        };
        if plan.is_none() {
            exit = Exit::Invalid;
        }
        if context.out().is_json() {
            reports.push(to_json(&source.name, plan.as_ref(), &found));
        } else {
            tell(context, &source, plan.as_ref(), &found);
        }
    }
    if context.out().is_json() {
        match <[Value; 1]>::try_from(reports) {
            Ok([one]) => context.out().value(&one),
            Err(several) => context.out().value(&json!({ "plans": several })),
        }
    }
    Ok(exit)
}

fn to_json(name: &str, plan: Option<&Arc<CheckedPlan>>, found: &[Violation]) -> Value {
    json!({
        "source": name,
        "valid": plan.is_some(),
        "plan_hash": plan.map(|plan| plan.hash()),
        "violations": found.iter().map(violations::to_json).collect::<Vec<_>>(),
    })
}

fn tell(context: &Context, source: &Source, plan: Option<&Arc<CheckedPlan>>, found: &[Violation]) {
    let out = context.out();
    if !found.is_empty() {
        let text = String::from_utf8_lossy(&source.bytes);
        let report = violations::with_source(&source.name, &text, found, out.paint_notes());
        out.note(report.trim_end());
    }
    let errors = found
        .iter()
        .filter(|violation| violation.is_error())
        .count();
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    };
    let warnings = match found.len() - errors {
        0 => String::new(),
        many => format!(", {}", count(many, "warning")),
    };
    let paint = out.paint();
    match plan {
        Some(plan) => out.line(&format!(
            "{} {} is valid: {}, {}{warnings}\n  {}",
            paint.look(Look::Good, "✓"),
            paint.bold(&source.name),
            count(plan.steps().len(), "step"),
            count(plan.tools().len(), "tool"),
            paint.dim(&plan.hash().to_string())
        )),
        None => out.line(&format!(
            "{} {} is not valid: {}{warnings}",
            paint.look(Look::Bad, "✗"),
            paint.bold(&source.name),
            count(errors, "error")
        )),
    }
}
