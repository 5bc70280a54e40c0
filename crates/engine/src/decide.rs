//! `decide`: what should happen next. It depends on nothing but the state.

use crate::agent;
use crate::ask::plan_request;
use crate::budget;
use crate::call::call;
use crate::compensate::compensate;
use crate::confirm::confirmed;
use crate::event::{Body, FailureKind, Fault, SkipReason};
use crate::failure;
use crate::fallback::recover;
use crate::finally::{close_down, end};
use crate::follow_up::follow_up;
use crate::invariant;
use crate::life::{Phase, StepState};
use crate::readiness::{is_closed, stops_at_failure};
use crate::revision;
use crate::scope::View;
use crate::state::{State, StepData, item_of};
use crate::wind_down::wind_down;
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::{Outcome, Purpose, ResolvedCall};
use serde_json::Value;

/// What the engine asks of the host.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Append this: it follows from the state.
    Record(Body),
    /// Have this call judged by `enforce`; then `step_started` and the call, or `step_blocked`.
    Start(ResolvedCall),
    /// Drop this call if it is still under way.
    Abort {
        /// The step.
        step: String,
        /// The item.
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Whether it runs the step or undoes it.
        purpose: Purpose,
    },
    /// The plan is approved, or policy allowed it: have it admitted, and give `execution_started` or
    /// `call_refused` in.
    Admit,
    /// Come back at this time, Unix milliseconds, if nothing happens before.
    WaitUntil(i64),
}

/// The commands that follow from the state, in the order in which they are to be carried out. Those that change the
/// state do not get in each other's way; after carrying them out, decide again until none of them is left.
pub fn decide(state: &State) -> Vec<Command> {
    if !state.driven {
        return Vec::new();
    }
    let next_due_ms = state.next_due().map(|(due_ms, _)| due_ms);
    // A limit that has passed is the next input: nothing starts behind its back.
    let overdue = next_due_ms.is_some_and(|due_ms| due_ms <= state.at_ms);
    let mut commands = match state.phase {
        Phase::Created | Phase::Active if overdue => Vec::new(),
        Phase::Created => before_start(state),
        Phase::Active => go_on(state),
        Phase::Stopping => wind_down(state),
        Phase::Compensating => compensate(state),
        Phase::Closing => close_down(state),
        Phase::Ended => return Vec::new(),
    };
    commands.extend(next_due_ms.map(Command::WaitUntil));
    commands
}

fn before_start(state: &State) -> Vec<Command> {
    let unasked = state.created.decision.outcome == Outcome::RequireApproval
        && !state.approved_with_parent()
        && state.plan_request().is_none();
    if state.awaits_admission() {
        budget::before_start(state)
    } else if unasked && state.paused.is_none() {
        vec![Command::Record(Body::RequestOpened(Box::new(
            plan_request(state),
        )))]
    } else {
        Vec::new()
    }
}

fn go_on(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    revision::follow_up(state, &mut out);
    invariant::follow_up(state, &mut out);
    if !out.is_empty() {
        return out;
    }
    if let Some(command) = agent::follow_up(state) {
        return vec![command];
    }
    let constraints = &state.plan().plan().constraints;
    let parallel = if constraints.sequential {
        1
    } else {
        constraints.max_parallel
    };
    let mut places = parallel.saturating_sub(state.running);
    for (step, data) in state.open_steps() {
        if data.is_settled() {
            continue;
        }
        if data.is_recovering() {
            recover(state, step, data, &mut places, &mut out);
        } else {
            carry_on(state, step.index, step, data, &mut places, &mut out);
        }
        if constraints.sequential {
            break;
        }
    }
    if out.is_empty() && state.may_finish() {
        if state.owes_undo() {
            return compensate(state);
        }
        out.push(Command::Record(end(state)));
    }
    out
}

/// What follows for one step that is not settled.
pub(crate) fn carry_on(
    state: &State,
    index: usize,
    step: &CheckedStep,
    data: &StepData,
    places: &mut u32,
    out: &mut Vec<Command>,
) {
    if data.awaits_revision() {
        return;
    }
    if data.is_asking() {
        failure::follow_up(state, step, data, out);
        return;
    }
    follow_up(state, index, step, data, out);
    let begun = state.paused.is_none()
        && !state.is_stalled()
        && (data.state != StepState::Pending || begin(state, step, data, out));
    if begun && state.is_agents_step(step) {
        // Its calls start when the agent asks for them.
        out.extend(agent::uncallable(state, step, data));
        return;
    }
    let begun = begun && confirmed(state, step, data, out);
    if begun {
        start_units(state, step, data, places, out);
    }
}

/// Whether calls of a step that has not begun may start; if not, what is to be recorded first.
fn begin(state: &State, step: &CheckedStep, data: &StepData, out: &mut Vec<Command>) -> bool {
    if !state.in_order(step) {
        return false;
    }
    if !state.needs_met(step) {
        out.push(Command::Record(Body::StepSkipped {
            step: step.step.id.clone(),
            reason: SkipReason::Need,
        }));
        return false;
    }
    match (&step.condition, data.condition) {
        (Some(condition), None) => {
            out.push(Command::Record(
                match condition.eval_bool(&View::of(state)) {
                    Ok(result) => Body::BranchEvaluated {
                        step: step.step.id.clone(),
                        result,
                    },
                    Err(error) => uncalled(step, None, Fault::new(error.code, error.message)),
                },
            ));
            return false;
        }
        (Some(_), Some(false)) => {
            out.push(Command::Record(Body::StepSkipped {
                step: step.step.id.clone(),
                reason: SkipReason::If,
            }));
            return false;
        }
        _ => {}
    }
    match (&step.for_each, &step.step.for_each, &data.items) {
        (Some(items), Some(each), None) => {
            let body = match items.eval(&View::of(state)) {
                Ok(Value::Array(items)) if items.len() <= each.max_items as usize => {
                    Body::ItemsBound {
                        step: step.step.id.clone(),
                        items,
                    }
                }
                Ok(Value::Array(items)) => {
                    let message = format!(
                        "`for_each.in` gave {} items, more than `max_items` ({})",
                        items.len(),
                        each.max_items
                    );
                    uncalled(step, None, Fault::new(ErrorCode::InvalidPayload, message))
                }
                Ok(_) => {
                    let message = "`for_each.in` did not give a list";
                    uncalled(step, None, Fault::new(ErrorCode::InvalidPayload, message))
                }
                Err(error) => uncalled(step, None, Fault::new(error.code, error.message)),
            };
            out.push(Command::Record(body));
            false
        }
        _ => true,
    }
}

pub(crate) fn uncalled(step: &CheckedStep, item: Option<u32>, error: Fault) -> Body {
    Body::StepFailed {
        step: step.step.id.clone(),
        item,
        attempt: 0,
        outcome: FailureKind::Failed,
        error: error.at_step(&step.step.id),
        output: None,
        reported: None,
    }
}

fn start_units(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    places: &mut u32,
    out: &mut Vec<Command>,
) {
    let closed = is_closed(step, data);
    let sequential = state.plan().plan().constraints.sequential;
    let out_of_calls = state.is_out_of_calls();
    for (number, unit) in data.units.iter().enumerate() {
        if unit.state.settled() {
            continue;
        }
        if *places == 0 {
            return;
        }
        let waits_for_calls = out_of_calls && state.is_counted_step(step.index);
        if !unit.may_start(state.at_ms, state.own_wait(step.index))
            || (closed && unit.attempt == 0)
            || waits_for_calls
        {
            if sequential {
                return; // one item at a time, whatever this one waits for
            }
            continue;
        }
        match call(state, step, data, number, unit) {
            Ok(call) => {
                out.push(Command::Start(call));
                *places = places.saturating_sub(1);
            }
            Err(error) => {
                out.push(Command::Record(uncalled(
                    step,
                    item_of(step, number),
                    error,
                )));
                if stops_at_failure(step) {
                    return;
                }
            }
        }
    }
}
