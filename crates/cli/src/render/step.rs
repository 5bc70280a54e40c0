//! A step as it is shown: where it is, what it took, why it failed.

use crate::{output::Look, when::show_duration};
use mandate_engine::{State, StepData, StepState, event::SkipReason};
use mandate_plan::CheckedStep;
use serde_json::{Map, Value, json};

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

/// Attempts begun, over all items.
pub(crate) fn attempts(data: &StepData) -> u32 {
    data.units
        .iter()
        .map(|unit| unit.attempt)
        .fold(0, u32::saturating_add)
}

/// When its first attempt began that is still known, and when its last ended, Unix milliseconds.
pub(crate) fn span(data: &StepData) -> (Option<i64>, Option<i64>) {
    let start = data.units.iter().filter_map(|unit| unit.started_ms).min();
    let ended = data.units.iter().filter_map(|unit| unit.ended_ms).max();
    (
        start,
        ended.filter(|_| data.state.settled() || data.state == StepState::InDoubt),
    )
}

/// `settled/all` of its items.
pub(crate) fn items(data: &StepData) -> Option<(usize, usize)> {
    let all = data.items.as_ref()?.len();
    let settled = data
        .units
        .iter()
        .filter(|unit| unit.state.settled())
        .count();
    Some((settled, all))
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

/// A step for programs.
pub(crate) fn to_json(step: &CheckedStep, data: &StepData) -> Value {
    let (started_ms, ended_ms) = span(data);
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("id", json!(step.step.id));
    put("tool", json!(step.step.tool));
    put("state", json!(data.state.as_str()));
    put("attempts", json!(attempts(data)));
    put("started_at_ms", json!(started_ms));
    put("ended_at_ms", json!(ended_ms));
    put(
        "elapsed_ms",
        json!(
            started_ms
                .zip(ended_ms)
                .map(|(start, end)| end.saturating_sub(start))
        ),
    );
    put("skipped", json!(data.skipped));
    if data.carried {
        put("carried", json!(true));
    }
    if let Some(labels) = &data.labels {
        put(
            "labels",
            json!({ "args": labels.args, "output": labels.output() }),
        );
    }
    put("error", json!(data.error));
    if data.items.is_some() {
        let units = data.units.iter().enumerate().map(|(index, unit)| {
            json!({
                "index": index,
                "state": unit.state.as_str(),
                "attempts": unit.attempt,
                "error": if unit.state == StepState::Completed { None } else { unit.error.as_ref() },
            })
        });
        put("items", units.collect());
    }
    Value::Object(out)
}

/// All steps for programs, in document order; the fallback steps that ran are in `fallback` of the step that failed.
pub(crate) fn all_to_json(state: &State) -> Vec<Value> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    steps
        .map(|(step, data)| {
            let mut shown = to_json(step, data);
            if let (Some(_), Value::Object(out)) = (data.fallback, &mut shown) {
                let steps = fallback(state, data).map(|(step, data)| to_json(step, data));
                out.insert("fallback".to_owned(), steps.collect());
            }
            shown
        })
        .collect()
}

/// The steps as they are shown: those of the plan, each followed by the fallback steps that ran in its place, then
/// those under `finally`.
pub(crate) fn shown_steps(state: &State) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    let steps =
        steps.flat_map(|(step, data)| std::iter::once((step, data)).chain(fallback(state, data)));
    steps.chain(finally(state))
}

/// The steps under `finally`.
pub(crate) fn finally(state: &State) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
    let first = state.plan().first_finally();
    state.every_step().skip(first)
}

fn fallback<'a>(
    state: &'a State,
    data: &'a StepData,
) -> impl Iterator<Item = (&'a CheckedStep, &'a StepData)> {
    let chosen =
        move |step: &CheckedStep| data.fallback.is_some_and(|steps| steps.holds(step.index));
    state.every_step().filter(move |(step, _)| chosen(step))
}

/// The ids of the steps that a fallback took the place of.
pub(crate) fn recovered(state: &State) -> Vec<&str> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    let recovered = steps.filter(|(_, data)| data.state == StepState::Recovered);
    recovered.map(|(step, _)| step.step.id.as_str()).collect()
}
