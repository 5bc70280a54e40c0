//! The call that a step, or an item of it, asks for: arguments resolved, key derived.

use crate::apply::SLEEP;
use crate::event::Fault;
use crate::question::{self, ASK};
use crate::scope::View;
use crate::sleep;
use crate::state::{State, StepData, Unit, item_of};
use mandate_plan::{CheckedStep, Digest, ErrorCode};
use mandate_policy::{Purpose, ResolvedCall};
use serde_json::Value;

/// How long an attempt of a step under `finally` may take that says nothing of it, in milliseconds.
const FINALLY_LIMIT_MS: u64 = 60_000;

/// The next attempt's call. An error means that nothing can be called: an expression erred, or the engine itself cannot
/// do what the arguments say.
pub(crate) fn call(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    number: usize,
    unit: &Unit,
) -> Result<ResolvedCall, Fault> {
    let limit_ms = limit_ms(state, step);
    let item = data
        .items
        .as_ref()
        .and_then(|items| items.get(number))
        .map(|item| (item, number));
    let view = View::of(state).with_item(item);
    let resolved = step
        .args
        .resolve(&view, &state.created.secrets)
        .map_err(|error| Fault::new(error.code, error.message))?;
    if step.step.tool == SLEEP && step.index < state.plan().first_finally() {
        sleep::due_ms(Some(&resolved.value), state.at_ms)?;
    } else if step.step.tool == SLEEP {
        let due_ms = sleep::due_ms(Some(&resolved.value), state.at_ms)?;
        within_limit(due_ms.saturating_sub(state.at_ms), limit_ms)?;
    }
    if step.step.tool == ASK {
        question::check(&resolved.value)?;
    }
    let item = item_of(step, number);
    Ok(ResolvedCall {
        execution_id: state.created.execution_id.clone(),
        step: step.step.id.clone(),
        item,
        attempt: unit.attempt.saturating_add(1),
        purpose: Purpose::Run,
        tool: step.step.tool.clone(),
        args: resolved.value,
        secrets: resolved.secrets,
        idempotency_key: invocation_key(
            &state.created.execution_id,
            &step.step.id,
            item,
            Purpose::Run,
            unit.invocations.saturating_add(1),
        ),
        timeout_ms: limit_ms,
        sensitive: step.step.sensitive.clone(),
    })
}

/// How long an attempt to undo may take where the step says nothing of it, in milliseconds.
const UNDO_LIMIT_MS: u64 = 60_000;

/// The next attempt's call to undo what a unit of the step did.
pub(crate) fn undo_call(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    number: usize,
) -> Result<ResolvedCall, Fault> {
    let gone = || Fault::new(ErrorCode::UnknownError, "there is nothing to undo");
    let (tool, template) = step.compensate.as_ref().ok_or_else(gone)?;
    let unit = data.units.get(number).ok_or_else(gone)?;
    let items = data.items.as_ref();
    let item = items.and_then(|items| Some((items.get(number)?, number)));
    let output = data.output_of(number).unwrap_or(&Value::Null);
    let args = unit.args.as_ref().unwrap_or(&Value::Null);
    let view = View::of(state).with_item(item).with_answer(output, args);
    let resolved = template
        .resolve(&view, &state.created.secrets)
        .map_err(|error| Fault::new(error.code, error.message))?;
    let item = item_of(step, number);
    let begun = unit.undo.as_ref().map_or(0, |undo| undo.attempt);
    let (execution_id, purpose) = (&state.created.execution_id, Purpose::Compensate);
    Ok(ResolvedCall {
        execution_id: execution_id.clone(),
        step: step.step.id.clone(),
        item,
        attempt: begun.saturating_add(1),
        purpose,
        tool: tool.clone(),
        args: resolved.value,
        secrets: resolved.secrets,
        idempotency_key: idempotency_key(execution_id, &step.step.id, item, purpose),
        timeout_ms: Some(step.step.timeout_ms.unwrap_or(UNDO_LIMIT_MS)),
        sensitive: Vec::new(),
    })
}

/// The hard stop of an attempt. A step under `finally` has one of its own, because the plan's no longer holds.
fn limit_ms(state: &State, step: &CheckedStep) -> Option<u64> {
    let closing = step.index >= state.plan().first_finally();
    let own = step.step.timeout_ms;
    own.or_else(|| closing.then_some(FINALLY_LIMIT_MS))
}

fn within_limit(sleep_ms: i64, limit_ms: Option<u64>) -> Result<(), Fault> {
    let sleep_ms = u64::try_from(sleep_ms).unwrap_or(0);
    match limit_ms.filter(|limit| sleep_ms > *limit) {
        None => Ok(()),
        Some(limit) => {
            let message = format!("the sleep would pass the step's limit of {limit} ms");
            Err(Fault::new(ErrorCode::StepTimeout, message))
        }
    }
}

/// The key that is the same for every attempt of one step, item and purpose, and for nothing else.
pub fn idempotency_key(
    execution_id: &str,
    step: &str,
    item: Option<u32>,
    purpose: Purpose,
) -> String {
    invocation_key(execution_id, step, item, purpose, 1)
}

/// The same for a step that an agent may call several times: each time is another call.
pub(crate) fn invocation_key(
    execution_id: &str,
    step: &str,
    item: Option<u32>,
    purpose: Purpose,
    invocation: u32,
) -> String {
    let invocation = invocation.to_string();
    let item = item.map_or_else(|| "-".to_owned(), |item| item.to_string());
    let parts = [execution_id, step, &item, purpose.as_str(), &invocation].map(str::as_bytes);
    Digest::framed("mandate/idempotency-key/v1", parts).to_string()
}
