//! `on_failure: ask`: a step failed for good, and a human says what comes of it.

use crate::answer::Said;
use crate::ask::Asked;
use crate::decide::Command;
use crate::event::{Fault, HALT, RETRY, Request, RequestKind, SKIP, SUPPLY};
use crate::items;
use crate::life::{Illegal, Phase, StepChange, StepState, next_step_state};
use crate::state::{State, StepData, Unit};
use mandate_plan::{CheckedStep, ErrorCode};
use serde_json::{Map, Value, json};

/// What follows for a step that failed and waits for somebody's word.
pub(crate) fn follow_up(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    out: &mut Vec<Command>,
) {
    let id = step.step.id.as_str();
    if state.phase != Phase::Active || state.is_asked(RequestKind::Failure, Some(id), None) {
        return;
    }
    let fault = data.failed_with();
    let choices: &[&str] = if data.units.iter().any(is_retriable) {
        &[RETRY, SKIP, HALT, SUPPLY]
    } else {
        // An expression that erred errs again: nothing was called, and nothing would be.
        &[SKIP, HALT, SUPPLY]
    };
    let question = format!("Step `{id}` failed. What now?");
    let mut asked = Asked::new(RequestKind::Failure, question, choices)
        .about(id, None)
        .defaulting_to(HALT);
    let attempts = data.units.iter().map(|unit| unit.attempt).max();
    asked.detail = json!({
        "tool": step.step.tool,
        "error": { "code": fault.code, "message": fault.message },
        "attempts": attempts.unwrap_or(0),
    });
    if let (Some(_), Some(detail)) = (&data.items, asked.detail.as_object_mut()) {
        detail.insert("items".to_owned(), json!(data.units.len()));
        detail.insert("failed_items".to_owned(), items::errors(data));
    }
    asked.answer_schema = Some(Value::Object(Map::new()));
    asked.expires_ms = state.expiry();
    out.push(Command::Record(asked.open(state)));
}

/// The schema of the output that somebody may supply: the tool's, or a list of what the tool gives for each item.
pub(crate) fn supply_schema(data: &StepData, tool: Option<Value>) -> Value {
    let tool = tool.unwrap_or_else(|| Value::Object(Map::new()));
    let Some(items) = &data.items else {
        return tool;
    };
    let mut item = tool;
    if let Some(schema) = item.as_object_mut() {
        // References within it are to itself, not to the list around it.
        schema
            .entry("$id")
            .or_insert_with(|| json!("urn:mandate:item"));
    }
    json!({ "type": "array", "items": item, "minItems": items.len(), "maxItems": items.len() })
}

/// It was called, and may be called once more.
fn is_retriable(unit: &Unit) -> bool {
    unit.state == StepState::Failed && unit.attempt > 0
}

impl StepData {
    /// It failed, and a human is asked what comes of it.
    pub(crate) fn is_asking(&self) -> bool {
        self.state == StepState::Failed && self.asking
    }

    /// Why it failed.
    pub(crate) fn failed_with(&self) -> Fault {
        self.error.clone().unwrap_or_else(|| {
            let message = "the step failed without saying why";
            Fault::new(ErrorCode::UnknownError, message)
        })
    }
}

impl State {
    pub(crate) fn opens_failure(&self, request: &Request) -> Result<(), Illegal> {
        let step = request.step.as_deref();
        let (_, data) = step.and_then(|step| self.step(step)).ok_or(Illegal)?;
        let asked = self.is_asked(RequestKind::Failure, step, None);
        if self.phase == Phase::Active && data.is_asking() && !asked {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    /// What somebody wants to come of a failed step.
    pub(crate) fn decide_failure(
        &mut self,
        request: &Request,
        choice: &str,
        data: Option<&Value>,
        said: Said<'_>,
    ) -> Result<(), Illegal> {
        let id = request.step.as_deref().ok_or(Illegal)?;
        let number = self.plan.number_of(id).ok_or(Illegal)?;
        let step = self.steps.get_mut(number).ok_or(Illegal)?;
        step.asking = false;
        match choice {
            RETRY => self.retry_failed(number),
            SKIP => Ok(()),
            SUPPLY => {
                step.state = next_step_state(step.state, StepChange::Recover)?;
                step.output = Some(data.cloned().unwrap_or(Value::Null));
                self.note_supplied(number);
                Ok(())
            }
            _ => {
                let mut fault = step.failed_with();
                fault.message =
                    format!("{}; {}", fault.message, said.that("stopped the execution"));
                self.stop(fault.at_step(id), false, false)
            }
        }
    }

    /// One more attempt of what was called and failed. Whoever asks for it allows its calls as well.
    fn retry_failed(&mut self, number: usize) -> Result<(), Illegal> {
        let now_ms = self.at_ms;
        let data = self.steps.get_mut(number).ok_or(Illegal)?;
        data.failed_seq = None;
        let failed = data.units.iter().enumerate();
        let failed: Vec<usize> = failed
            .filter(|(_, unit)| is_retriable(unit))
            .map(|(at, _)| at)
            .collect();
        for unit in failed {
            self.change(number, unit, StepChange::Retry, |unit| {
                unit.due_ms = Some(now_ms);
                unit.failure = None;
            })?;
            if self.is_counted_step(number) {
                self.granted_calls = self.granted_calls.saturating_add(1);
            }
        }
        Ok(())
    }
}
