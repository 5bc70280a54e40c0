//! What a plan that somebody is asked about changes, beside what was approved last under its name.

use super::shown;
use crate::{
    errors::Failure,
    ids,
    output::{Look, Paint},
    when,
};
use mandate_engine::State;
use mandate_host::{Compared, compared};
use mandate_plan::{
    Digest,
    diff::{Change, PlanDiff},
};
use mandate_store::{Reader, StoreError};
use serde_json::Value;

/// The longest that one change may be where somebody answers for it, in characters.
const CHANGE_WIDTH: usize = 8_000;

/// For people; empty where nothing of that name was approved before. `plan` gives stored plans.
///
/// # Errors
/// A plan cannot be read.
pub(crate) fn section(
    state: &State,
    plan: impl Fn(&Digest) -> Result<Option<Vec<u8>>, StoreError>,
    paint: Paint,
) -> Result<String, Failure> {
    let Some(Compared { before, diff }) = compared(state, plan)? else {
        return Ok(String::new());
    };
    let whose = format!(
        "{} approved last under this name, {} (execution {})",
        shown::line(&before.by),
        when::show_time(before.at_ms),
        ids::short(&before.execution_id)
    );
    let same = before.plan_hash == state.submitted().0.plan_hash;
    let (heading, changes) = match diff {
        None => (
            format!("It cannot be compared with what {whose}: that is not in the journal any more"),
            Vec::new(),
        ),
        Some(_) if same => (format!("It is the plan that {whose}"), Vec::new()),
        Some(diff) if diff.is_empty() => (
            format!("It differs in notation only from the plan that {whose}"),
            Vec::new(),
        ),
        Some(diff) => (
            format!("Beside the plan that {whose}"),
            changes(&diff, paint),
        ),
    };
    let mut out = vec![paint.bold(&heading)];
    out.extend(changes);
    Ok(out.join("\n"))
}

/// One line each, whatever stands in them.
fn changes(diff: &PlanDiff, paint: Paint) -> Vec<String> {
    let line = |indent: &str, look: Look, text: &str| {
        let text = shown::short(text, CHANGE_WIDTH);
        format!("  {indent}{}", paint.look(look, &text))
    };
    let value = |indent: &str, change: &Change| {
        let Change { pointer, old, new } = change;
        match (old, new) {
            (Some(old), Some(new)) => {
                line(indent, Look::Warn, &format!("~ {pointer}: {old} → {new}"))
            }
            (None, Some(new)) => line(indent, Look::Warn, &format!("+ {pointer}: {new}")),
            (Some(old), None) => line(indent, Look::Bad, &format!("- {pointer}: {old}")),
            (None, None) => String::new(),
        }
    };
    let mut out: Vec<String> = { diff.plan.iter() }
        .map(|change| value("", change))
        .collect();
    for (mark, look, ids) in [
        ("-", Look::Bad, &diff.removed),
        ("+", Look::Warn, &diff.added),
    ] {
        out.extend({ ids.iter() }.map(|id| line("", look, &format!("{mark} step {id}"))));
    }
    out.extend({ diff.moved.iter() }.map(|id| line("", Look::Warn, &format!("~ step {id} moved"))));
    for step in &diff.changed {
        out.push(line("", Look::Warn, &format!("~ step {}", step.id)));
        out.extend({ step.changes.iter() }.map(|change| value("  ", change)));
    }
    out
}

/// For programs; none where nothing of that name was approved before.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn to_json(state: &State, reader: &Reader) -> Result<Option<Value>, Failure> {
    Ok(mandate_server::view::approved_before(state, |hash| {
        reader.plan(hash)
    })?)
}
