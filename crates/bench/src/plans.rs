//! The plans that are measured, and how many journal rows each of their executions must leave.

use crate::{
    bench_tools::{EFFECT, READ},
    failure::Failure,
};
use mandate_plan::{CheckedPlan, Format, ToolLookup, check, parse};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// A plan of one step, of a tool that takes a `value`.
pub(crate) fn one(
    tool: &str,
    value: &str,
    tools: &dyn ToolLookup,
) -> Result<Arc<CheckedPlan>, Failure> {
    let step = json!({ "id": "one", "tool": tool, "args": { "value": value } });
    checked(
        &json!({ "version": 1, "name": "bench", "steps": [step] }),
        tools,
    )
}

/// A plan of `steps` steps, each after all those before it.
pub(crate) fn sequence(
    steps: u32,
    reads: bool,
    tools: &dyn ToolLookup,
) -> Result<Arc<CheckedPlan>, Failure> {
    let tool = if reads { READ } else { EFFECT };
    let all: Vec<_> = (1..=steps)
        .map(|number| json!({ "id": format!("s{number}"), "tool": tool, "args": { "number": number } }))
        .collect();
    checked(
        &json!({ "version": 1, "name": "bench", "steps": all }),
        tools,
    )
}

fn checked(
    document: &serde_json::Value,
    tools: &dyn ToolLookup,
) -> Result<Arc<CheckedPlan>, Failure> {
    let refused = |violations: &[mandate_plan::Violation]| {
        let first = violations
            .first()
            .map(|violation| violation.message.as_str());
        Failure::Wrong(format!(
            "the plan does not check: {}",
            first.unwrap_or_default()
        ))
    };
    let document = parse(document.to_string().as_bytes(), Format::Json)
        .map_err(|violations| refused(&violations))?;
    let checked = check(&document, Some(tools));
    checked.plan.ok_or_else(|| refused(&checked.violations))
}

/// Rows of each kind.
pub(crate) type Rows = BTreeMap<String, u64>;

/// What `executions` finished executions of `steps` steps leave. Reads are allowed; effects ask for approval first.
pub(crate) fn finished_rows(executions: u64, steps: u64, reads: bool) -> Rows {
    let mut rows = Rows::new();
    if !reads {
        add(&mut rows, "request_opened", executions);
        add(&mut rows, "request_answered", executions);
    }
    for kind in [
        "execution_created",
        "execution_started",
        "execution_finished",
    ] {
        add(&mut rows, kind, executions);
    }
    for kind in ["step_started", "step_completed"] {
        add(&mut rows, kind, executions.saturating_mul(steps));
    }
    rows
}

/// What `executions` leave that wait for approval.
pub(crate) fn parked_rows(executions: u64) -> Rows {
    ["execution_created", "request_opened"]
        .map(|kind| (kind.to_owned(), executions))
        .into()
}

/// Adds `count` rows of `kind`.
pub(crate) fn add(rows: &mut Rows, kind: &str, count: u64) {
    let counted = rows.entry(kind.to_owned()).or_insert(0);
    *counted = counted.saturating_add(count);
}

/// Adds all of `more`.
pub(crate) fn add_all(rows: &mut Rows, more: &Rows) {
    for (kind, count) in more {
        add(rows, kind, *count);
    }
}
