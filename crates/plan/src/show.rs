//! A plan in plain text, for people who decide about it: what it is, what it needs, what it does in which order.

use crate::{CheckedPlan, CheckedStep};
use std::fmt::{self, Write as _};

/// The outline of a plan.
pub fn outline(plan: &CheckedPlan) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, plan);
    text
}

fn write(text: &mut String, checked: &CheckedPlan) -> fmt::Result {
    let plan = checked.plan();
    writeln!(text, "{}", plain(&plan.name))?;
    writeln!(text, "hash      {}", checked.hash())?;
    for (label, said) in [
        ("does", &plan.description),
        ("because", &plan.reasoning),
        ("request", &plan.request),
    ] {
        if let Some(said) = said {
            writeln!(text, "{label:<9} {}", plain(said))?;
        }
    }
    let constraints = &plan.constraints;
    let order = if constraints.sequential {
        "one step at a time".to_owned()
    } else {
        format!("at most {} at once", constraints.max_parallel)
    };
    writeln!(
        text,
        "limits    {order}, at most {} tool calls, {} ms",
        checked.max_tool_calls(),
        constraints.timeout_ms
    )?;
    for (name, input) in &plan.inputs {
        let kind = if input.secret {
            "the name of a secret".to_owned()
        } else {
            let kind = input.schema.get("type");
            kind.map_or_else(
                || "any".to_owned(),
                |kind| kind.to_string().replace('"', ""),
            )
        };
        let given = match &input.default {
            _ if input.is_required() => "required".to_owned(),
            Some(default) => format!("default {}", plain(&default.to_string())),
            None => "optional".to_owned(),
        };
        writeln!(text, "input     {name}: {kind}, {given}")?;
    }
    for step in checked.steps() {
        line(text, "step", step, checked)?;
        for inner in &step.fallback {
            line(text, "  instead", inner, checked)?;
        }
    }
    for step in checked.finally() {
        line(text, "finally", step, checked)?;
    }
    Ok(())
}

fn line(text: &mut String, label: &str, checked: &CheckedStep, plan: &CheckedPlan) -> fmt::Result {
    let step = &checked.step;
    write!(text, "{label:<9} {}  {}", step.id, plain(&step.tool))?;
    if let Some(each) = &step.for_each {
        write!(text, "  for each of {}", plain(&each.items))?;
    }
    if let Some(condition) = &step.condition {
        write!(text, "  if {}", plain(condition))?;
    }
    if step.after.is_some() {
        let ids: Vec<&str> = checked
            .order
            .iter()
            .filter_map(|index| plan.numbered(*index))
            .map(|above| above.step.id.as_str())
            .collect();
        let ids = ids.join(", ");
        write!(
            text,
            "  after {}",
            if ids.is_empty() { "nothing" } else { &ids }
        )?;
    }
    if let Some((tool, _)) = &checked.compensate {
        write!(text, "  undone by {}", plain(tool))?;
    }
    writeln!(text)
}

/// A text on one line, without control characters, which a terminal might obey.
fn plain(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
