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
    edges(&mut chart, plan);
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

fn edges(chart: &mut String, plan: &CheckedPlan) {
    let steps = plan.steps();
    // Of each step, all steps that are settled before it.
    let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    for step in steps {
        let needs: BTreeSet<usize> = step.needs.iter().flatten().copied().collect();
        // From the nearest upwards: what a nearer one already waits for is implied.
        let mut implied = BTreeSet::new();
        let mut drawn = Vec::new();
        for above in step.order.iter().rev() {
            if !implied.contains(above) || needs.contains(above) {
                drawn.push(*above);
            }
            implied.extend(before.get(*above).into_iter().flatten().copied());
        }
        for above in drawn.iter().rev() {
            let Some(from) = steps.get(*above) else {
                continue;
            };
            let arrow = if needs.contains(above) { "==>" } else { "-->" };
            let _ = writeln!(chart, "  {} {arrow} {}", name(from), name(step));
        }
        implied.extend(step.order.iter().copied());
        before.push(implied);
    }
}
