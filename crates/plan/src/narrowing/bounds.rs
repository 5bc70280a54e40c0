//! Limits over a whole plan, and retry policies: smaller is narrower.

use super::Findings;
use crate::{
    checked::CheckedPlan,
    model::{Constraints, Pattern, Retry},
};

/// How a bound relates to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Same,
    Tighter,
    Wider,
}

/// A number that may only become smaller; none = without a limit.
pub(super) fn at_most<T: PartialOrd>(old: Option<T>, new: Option<T>) -> Bound {
    match (old, new) {
        (None, None) => Bound::Same,
        (None, Some(_)) => Bound::Tighter,
        (Some(_), None) => Bound::Wider,
        (Some(old), Some(new)) if new == old => Bound::Same,
        (Some(old), Some(new)) if new < old => Bound::Tighter,
        (Some(_), Some(_)) => Bound::Wider,
    }
}

/// Something that may be switched on and not off.
pub(super) fn only_on(old: bool, new: bool) -> Bound {
    match (old, new) {
        (true, false) => Bound::Wider,
        (false, true) => Bound::Tighter,
        _ => Bound::Same,
    }
}

/// A list that may only grow, such as what is denied.
pub(super) fn only_more<T: PartialEq>(old: &[T], new: &[T]) -> Bound {
    if !old.iter().all(|entry| new.contains(entry)) {
        Bound::Wider
    } else if new.iter().all(|entry| old.contains(entry)) {
        Bound::Same
    } else {
        Bound::Tighter
    }
}

/// A list that may only shrink, such as what is allowed.
pub(super) fn only_less<T: PartialEq>(old: &[T], new: &[T]) -> Bound {
    only_more(new, old)
}

pub(super) fn note(found: &mut Findings, step: Option<&str>, place: String, bound: Bound) {
    match bound {
        Bound::Same => {}
        Bound::Tighter => found.tighter(place),
        Bound::Wider => found.wider(step, place, "it is wider than it was"),
    }
}

/// What holds, said or worked out. Where neither plan says it, it follows from the steps, which are compared one by one.
fn tool_calls(old: &CheckedPlan, new: &CheckedPlan) -> Bound {
    let said = |plan: &CheckedPlan| plan.plan().constraints.max_tool_calls.is_some();
    if said(old) || said(new) {
        at_most(Some(old.max_tool_calls()), Some(new.max_tool_calls()))
    } else {
        Bound::Same
    }
}

pub(super) fn constraints(old: &CheckedPlan, new: &CheckedPlan, found: &mut Findings) {
    let (was, is) = (&old.plan().constraints, &new.plan().constraints);
    let patterns = |old: &[Pattern], new: &[Pattern]| only_more(old, new);
    let bounds = [
        ("sequential", only_on(was.sequential, is.sequential)),
        (
            "max_parallel",
            at_most(Some(was.max_parallel), Some(is.max_parallel)),
        ),
        ("max_tool_calls", tool_calls(old, new)),
        (
            "timeout_ms",
            at_most(Some(was.timeout_ms), Some(is.timeout_ms)),
        ),
        (
            "forbidden_paths",
            patterns(&was.forbidden_paths, &is.forbidden_paths),
        ),
        (
            "forbidden_urls",
            patterns(&was.forbidden_urls, &is.forbidden_urls),
        ),
        (
            "forbidden_commands",
            patterns(&was.forbidden_commands, &is.forbidden_commands),
        ),
        (
            "allow_unplanned",
            only_on(!was.allow_unplanned, !is.allow_unplanned),
        ),
    ];
    for (name, bound) in bounds {
        note(found, None, format!("constraints.{name}"), bound);
    }
    let (before, after) = (
        was.budget.clone().unwrap_or_default(),
        is.budget.clone().unwrap_or_default(),
    );
    let tokens = at_most(before.model_tokens, after.model_tokens);
    let place = "constraints.budget.model_tokens";
    note(found, None, place.to_owned(), tokens);
    let cost = at_most(before.cost_usd, after.cost_usd);
    note(found, None, "constraints.budget.cost_usd".to_owned(), cost);
    // Whatever else there is, today or in a later version, is the same.
    let mut expected = was.clone();
    let Constraints {
        sequential,
        max_parallel,
        max_tool_calls,
        timeout_ms,
        forbidden_paths,
        forbidden_urls,
        forbidden_commands,
        allow_unplanned,
        budget,
    } = is.clone();
    expected.sequential = sequential;
    expected.max_parallel = max_parallel;
    expected.max_tool_calls = max_tool_calls;
    expected.timeout_ms = timeout_ms;
    expected.forbidden_paths = forbidden_paths;
    expected.forbidden_urls = forbidden_urls;
    expected.forbidden_commands = forbidden_commands;
    expected.allow_unplanned = allow_unplanned;
    expected.budget = budget;
    if expected != *is {
        found.wider(None, "constraints", "they are others");
    }
}

/// Fewer attempts, on fewer errors. Waits are compared for equality: neither end of them is the narrow one.
pub(super) fn retry(old: &Retry, new: &Retry) -> Bound {
    let attempts = at_most(Some(old.max_attempts), Some(new.max_attempts));
    // No code at all stands for every one that may be retried.
    let codes = match (old.retry_on.is_empty(), new.retry_on.is_empty()) {
        (true, true) => Bound::Same,
        (true, false) => Bound::Tighter,
        (false, true) => Bound::Wider,
        (false, false) => only_less(&old.retry_on, &new.retry_on),
    };
    let mut expected = old.clone();
    expected.max_attempts = new.max_attempts;
    expected.retry_on.clone_from(&new.retry_on);
    if expected != *new || attempts == Bound::Wider || codes == Bound::Wider {
        Bound::Wider
    } else if attempts == Bound::Tighter || codes == Bound::Tighter {
        Bound::Tighter
    } else {
        Bound::Same
    }
}
