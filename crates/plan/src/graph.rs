//! A plan as a Mermaid flow chart: steps, the order that binds them, needs, conditions, and states as classes.

use crate::{CheckedPlan, CheckedStep};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// States that have a colour of their own.
const CLASSES: &[(&str, &str)] = &[
    ("pending", "fill:#f4f4f4,stroke:#999,color:#333"),
    ("running", "fill:#dbeafe,stroke:#2563eb,color:#111"),
    ("waiting", "fill:#fef9c3,stroke:#ca8a04,color:#111"),
    ("completed", "fill:#dcfce7,stroke:#16a34a,color:#111"),
    ("recovered", "fill:#ecfccb,stroke:#65a30d,color:#111"),
    (
        "skipped",
        "fill:#f4f4f4,stroke:#999,color:#777,stroke-dasharray:4",
    ),
    ("failed", "fill:#fee2e2,stroke:#dc2626,color:#111"),
    ("blocked", "fill:#fee2e2,stroke:#7f1d1d,color:#111"),
    ("in_doubt", "fill:#ffedd5,stroke:#ea580c,color:#111"),
    ("cancelled", "fill:#e5e7eb,stroke:#4b5563,color:#333"),
];

/// The flow chart. `states` gives each step's state by id; without it, no step has a class.
///
/// A thick arrow is a need, a thin one order alone. Order that follows from other arrows is left out.
pub fn mermaid(plan: &CheckedPlan, states: Option<&BTreeMap<String, String>>) -> String {
    let mut chart = String::from("flowchart TD\n");
    let mut used = BTreeSet::new();
    for step in plan.steps() {
        node(&mut chart, step, states, &mut used);
        for inner in &step.fallback {
            node(&mut chart, inner, states, &mut used);
            let _ = writeln!(chart, "  {} -. fallback .-> {}", name(step), name(inner));
        }
    }
    arrows(&mut chart, plan);
    if !plan.finally().is_empty() {
        chart.push_str("  subgraph finally\n");
        for step in plan.finally() {
            chart.push_str("  ");
            node(&mut chart, step, states, &mut used);
        }
        chart.push_str("  end\n");
    }
    for (class, style) in CLASSES.iter().filter(|(class, _)| used.contains(class)) {
        let _ = writeln!(chart, "  classDef {class} {style}");
    }
    chart
}

/// A prefix, since Mermaid keeps words such as `end` for itself.
fn name(step: &CheckedStep) -> String {
    format!("s_{}", step.step.id)
}

fn node(
    chart: &mut String,
    step: &CheckedStep,
    states: Option<&BTreeMap<String, String>>,
    used: &mut BTreeSet<&'static str>,
) {
    let mut label = format!("<b>{}</b><br/>{}", step.step.id, escaped(&step.step.tool));
    if let Some(condition) = &step.step.condition {
        let _ = write!(label, "<br/>if {}", escaped(condition));
    }
    if let Some(each) = &step.step.for_each {
        let _ = write!(label, "<br/>for each of {}", escaped(&each.items));
    }
    let (open, close) = match (&step.step.for_each, &step.step.condition) {
        (Some(_), _) => ("[[", "]]"),
        (None, Some(_)) => ("{{", "}}"),
        (None, None) => ("[", "]"),
    };
    let state = states.and_then(|states| states.get(&step.step.id));
    let class = CLASSES
        .iter()
        .map(|(class, _)| *class)
        .find(|class| state.is_some_and(|state| state == class));
    let suffix = class.map_or_else(String::new, |class| format!(":::{class}"));
    used.extend(class);
    let _ = writeln!(chart, "  {}{open}\"{label}\"{close}{suffix}", name(step));
}

/// Mermaid reads a label as HTML, and ends it at a quote.
fn escaped(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars().take(60) {
        match c {
            '"' => label.push_str("#quot;"),
            '#' => label.push_str("#35;"),
            '&' => label.push_str("#amp;"),
            '<' => label.push_str("#lt;"),
            '>' => label.push_str("#gt;"),
            '`' => label.push_str("#96;"),
            c if c.is_control() => label.push(' '),
            c => label.push(c),
        }
    }
    if text.chars().nth(60).is_some() {
        label.push('…');
    }
    label
}

fn arrows(chart: &mut String, plan: &CheckedPlan) {
    for edge in edges(plan) {
        let steps = plan.steps();
        let (Some(from), Some(to)) = (steps.get(edge.from), steps.get(edge.to)) else {
            continue;
        };
        let arrow = if edge.need { "==>" } else { "-->" };
        let _ = writeln!(chart, "  {} {arrow} {}", name(from), name(to));
    }
}

/// One step comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The number of the earlier one.
    pub from: usize,
    /// The number of the later one.
    pub to: usize,
    /// The later one needs it to have completed.
    pub need: bool,
}

/// The order that binds the plan's steps. What follows from other edges is left out, needs excepted.
pub fn edges(plan: &CheckedPlan) -> Vec<Edge> {
    let steps = plan.steps();
    // Of each step, for all steps above it whether they are settled before it.
    let mut before: Vec<Vec<bool>> = Vec::with_capacity(steps.len());
    let mut edges = Vec::new();
    for (to, step) in steps.iter().enumerate() {
        let needs: BTreeSet<usize> = step.needs.iter().flatten().copied().collect();
        let mut implied = vec![false; to];
        let mut drawn = Vec::new();
        // From the nearest upwards: what a nearer one already waits for is implied, and all that it waits for.
        for above in step.order.iter().rev() {
            let known = implied.get(*above).copied().unwrap_or(true);
            if !known || needs.contains(above) {
                drawn.push(*above);
            }
            if known {
                continue;
            }
            let theirs = before.get(*above).into_iter().flatten();
            for (mine, theirs) in implied.iter_mut().zip(theirs) {
                *mine |= theirs;
            }
            if let Some(mine) = implied.get_mut(*above) {
                *mine = true;
            }
        }
        let below = drawn.iter().rev().map(|from| Edge {
            from: *from,
            to,
            need: needs.contains(from),
        });
        edges.extend(below);
        before.push(implied);
    }
    edges
}
