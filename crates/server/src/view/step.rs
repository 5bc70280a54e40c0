//! One step of an execution.

use super::schemas;
use mandate_engine::event::SkipReason;
use mandate_engine::{Fault, State, StepData, StepState};
use mandate_plan::CheckedStep;
use mandate_policy::Labels;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A step and where it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Step)]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// `server.tool`.
    pub tool: String,
    /// `pending`, `running`, `completed`, `failed`, `skipped`, `blocked`, `waiting`, `recovered`, `in_doubt` or `cancelled`.
    pub state: &'static str,
    /// Attempts begun, over all items.
    pub attempts: u32,
    /// When its first attempt began that is still known, Unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// When it settled, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// The time in between.
    pub elapsed_ms: Option<i64>,
    /// Why it was skipped.
    #[schema(value_type = Option<String>)]
    pub skipped: Option<SkipReason>,
    /// Another execution did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried: Option<bool>,
    /// Where its values come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsView>,
    /// Why it failed or was blocked.
    #[schema(value_type = Option<schemas::Fault>)]
    pub error: Option<Fault>,
    /// The items of a `for_each` step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemView>>,
    /// The steps that ran in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub fallback: Option<Vec<StepView>>,
}

/// Where the values of a step come from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StepLabels)]
pub struct LabelsView {
    /// Those of its arguments.
    #[schema(value_type = Vec<String>)]
    pub args: Arc<Labels>,
    /// Those of its output.
    #[schema(value_type = Vec<String>)]
    pub output: Arc<Labels>,
}

/// One item of a `for_each` step.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Item)]
pub struct ItemView {
    /// Its number, from 0.
    #[schema(value_type = u64)]
    pub index: usize,
    /// Where it is.
    pub state: &'static str,
    /// Attempts begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    #[schema(value_type = Option<schemas::Fault>)]
    pub error: Option<Fault>,
}

/// Attempts begun, over all items.
pub fn attempts(data: &StepData) -> u32 {
    data.units
        .iter()
        .map(|unit| unit.attempt)
        .fold(0, u32::saturating_add)
}

/// When its first attempt began that is still known, and when its last ended, Unix milliseconds.
pub fn span(data: &StepData) -> (Option<i64>, Option<i64>) {
    let start = data.units.iter().filter_map(|unit| unit.started_ms).min();
    let ended = data.units.iter().filter_map(|unit| unit.ended_ms).max();
    (
        start,
        ended.filter(|_| data.state.settled() || data.state == StepState::InDoubt),
    )
}

/// `settled/all` of its items.
pub fn items(data: &StepData) -> Option<(usize, usize)> {
    let all = data.items.as_ref()?.len();
    let settled = data
        .units
        .iter()
        .filter(|unit| unit.state.settled())
        .count();
    Some((settled, all))
}

/// A step for programs.
pub fn step(step: &CheckedStep, data: &StepData) -> StepView {
    let (started_at_ms, ended_at_ms) = span(data);
    let labels = data.labels.as_ref().map(|labels| LabelsView {
        args: labels.args.clone(),
        output: labels.output().clone(),
    });
    let units = data.units.iter().enumerate();
    let units = units.map(|(index, unit)| ItemView {
        index,
        state: unit.state.as_str(),
        attempts: unit.attempt,
        error: { unit.error.as_ref() }
            .filter(|_| unit.state != StepState::Completed)
            .cloned(),
    });
    StepView {
        id: step.step.id.clone(),
        tool: step.step.tool.clone(),
        state: data.state.as_str(),
        attempts: attempts(data),
        started_at_ms,
        ended_at_ms,
        elapsed_ms: started_at_ms
            .zip(ended_at_ms)
            .map(|(start, end)| end.saturating_sub(start)),
        skipped: data.skipped,
        carried: data.carried.then_some(true),
        labels,
        error: data.error.clone(),
        items: data.items.as_ref().map(|_| units.collect()),
        fallback: None,
    }
}

/// All steps for programs, in document order; the fallback steps that ran are in `fallback` of the step that failed.
pub fn steps(state: &State) -> Vec<StepView> {
    let all = state.plan().steps().iter().zip(&state.steps);
    all.map(|(checked, data)| {
        let mut shown = step(checked, data);
        if data.fallback.is_some() {
            let inner = fallback(state, data).map(|(checked, data)| step(checked, data));
            shown.fallback = Some(inner.collect());
        }
        shown
    })
    .collect()
}

/// The steps as they are shown: those of the plan, each followed by the fallback steps that ran in its place, then
/// those under `finally`.
pub fn shown_steps(state: &State) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    let steps =
        steps.flat_map(|(step, data)| std::iter::once((step, data)).chain(fallback(state, data)));
    steps.chain(finally(state))
}

/// The steps under `finally`.
pub fn finally(state: &State) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
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
pub fn recovered(state: &State) -> Vec<&str> {
    let steps = state.plan().steps().iter().zip(&state.steps);
    let recovered = steps.filter(|(_, data)| data.state == StepState::Recovered);
    recovered.map(|(step, _)| step.step.id.as_str()).collect()
}
