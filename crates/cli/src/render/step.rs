//! A step as it is shown: where it is, what it took, why it failed.

use crate::{output::Look, when::show_duration};
use mandate_engine::{StepData, StepState, event::SkipReason};
pub(crate) use mandate_server::view::{attempts, finally, items, recovered, shown_steps, span};

/// How a state looks, and the sign for it.
pub(crate) fn sign(state: StepState) -> (&'static str, Look) {
    match state {
        StepState::Pending => ("·", Look::Dim),
        StepState::Running => ("▸", Look::Busy),
        StepState::Waiting => ("◷", Look::Warn),
        StepState::InDoubt => ("?", Look::Warn),
        StepState::Completed => ("✓", Look::Good),
        StepState::Recovered => ("↻", Look::Good),
        StepState::Failed => ("✗", Look::Bad),
        StepState::Skipped => ("–", Look::Dim),
        StepState::Blocked => ("⊘", Look::Bad),
        StepState::Cancelled => ("■", Look::Dim),
    }
}

/// Time taken, attempts where there was more than one, items, and the cause where it did not complete.
pub(crate) fn detail(data: &StepData, now_ms: i64) -> String {
    let mut parts = Vec::new();
    if let Some((settled, all)) = items(data) {
        parts.push(if data.state == StepState::Completed {
            format!("{all} items")
        } else {
            format!("{settled}/{all} items")
        });
    } else if attempts(data) > 1 {
        parts.push(format!("attempt {}", attempts(data)));
    }
    if let (Some(start), ended) = span(data) {
        let end = ended.unwrap_or(now_ms);
        parts.push(show_duration(end.saturating_sub(start)));
    }
    if data.state == StepState::Waiting
        && let Some(due_ms) = data.units.iter().filter_map(|unit| unit.due_ms).min()
    {
        parts.push(format!(
            "again in {}",
            show_duration(due_ms.saturating_sub(now_ms))
        ));
    }
    if data.carried {
        parts.push("done by the execution before".to_owned());
    }
    if let Some(reason) = data.skipped {
        parts.push(match reason {
            SkipReason::If => "its `if` is false".to_owned(),
            SkipReason::Finished => "the agent finished before it".to_owned(),
            SkipReason::Need => "a step that it needs did not complete".to_owned(),
        });
    }
    parts.join("  ")
}

/// That its output is untrusted, where it is.
pub(crate) fn untrusted(data: &StepData) -> Option<String> {
    let labels = data.labels.as_ref()?;
    let untrusted = data.state.usable() && labels.output().untrusted();
    untrusted.then(|| "untrusted".to_owned())
}

/// What went wrong last, on one line.
pub(crate) fn problem(data: &StepData) -> Option<String> {
    let of_unit = || {
        let open = [StepState::InDoubt, StepState::Waiting, StepState::Failed];
        let units = data.units.iter().filter(|unit| open.contains(&unit.state));
        units.filter_map(|unit| unit.error.as_ref()).next()
    };
    let error = data.error.as_ref().or_else(of_unit)?;
    Some(format!(
        "{}: {}",
        error.code,
        super::shown::line(&error.message)
    ))
}
