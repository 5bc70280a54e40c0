//! `decide`: what should happen next. It depends on nothing but the state.

use crate::apply::SLEEP;
use crate::event::{Body, FailureKind, Fault, Request, RequestKind, SkipReason, Timer};
use crate::life::{Phase, StepState};
use crate::retry::backoff_ms;
use crate::scope::View;
use crate::sleep;
use crate::state::{State, StepData, Unit, item_of};
use crate::status;
use mandate_plan::{CheckedStep, Digest, ErrorCode, model::OnItemFailure};
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
    let mut commands = match state.phase {
        Phase::Created => before_start(state),
        Phase::Active => go_on(state),
        Phase::Stopping => wind_down(state),
        Phase::Ended => return Vec::new(),
    };
    if let Some((due_ms, _)) = state.next_due() {
        commands.push(Command::WaitUntil(due_ms));
    }
    commands
}

fn before_start(state: &State) -> Vec<Command> {
    if state.paused.is_some() {
        return Vec::new();
    }
    if state.created.decision.outcome != Outcome::RequireApproval {
        return vec![Command::Admit];
    }
    match state
        .requests
        .values()
        .find(|open| open.request.kind == RequestKind::Plan)
    {
        None => vec![Command::Record(Body::RequestOpened(plan_request(state)))],
        Some(open) if open.closed.as_deref() == Some("approve") => vec![Command::Admit],
        Some(_) => Vec::new(),
    }
}

fn plan_request(state: &State) -> Request {
    let created = &state.created;
    let parts: [&[u8]; 2] = [created.execution_id.as_bytes(), b"plan"];
    let id = Digest::framed("mandate/request/v1", parts).to_string();
    Request {
        request_id: format!("req-{}", id.get(..16).unwrap_or(&id)),
        kind: RequestKind::Plan,
        step: None,
        subject: created.execution_digest,
        choices: vec!["approve".to_owned(), "reject".to_owned()],
        approvers: created
            .decision
            .approvers
            .iter()
            .map(ToString::to_string)
            .collect(),
        expires_ms: created.approval_expires_ms,
    }
}

/// Interrupted attempts, back-offs and ends of sleeps: what follows whatever the phase.
fn unit_follow_up(
    state: &State,
    index: usize,
    step: &CheckedStep,
    data: &StepData,
    out: &mut Vec<Command>,
) {
    let id = &step.step.id;
    for (number, unit) in data.units.iter().enumerate() {
        let item = item_of(step, number);
        let record = match unit.state {
            StepState::Running if unit.orphaned => Some(Body::AttemptInterrupted {
                step: id.clone(),
                item,
                attempt: unit.attempt,
            }),
            StepState::Running if state.is_sleep(index) => {
                let due_ms = sleep::due_ms(unit.args.as_ref(), state.at_ms);
                Some(match due_ms {
                    Ok(due_ms) => Body::TimerSet {
                        timer: Timer::Sleep {
                            step: id.clone(),
                            item,
                        },
                        due_ms,
                    },
                    Err(error) => Body::StepFailed {
                        step: id.clone(),
                        item,
                        attempt: unit.attempt,
                        outcome: FailureKind::Invalid,
                        error,
                        output: None,
                    },
                })
            }
            StepState::Waiting if unit.orphaned && !unit.facts().repeatable() => {
                let message = "the process that made the call ended before the answer came";
                Some(Body::StepInDoubt {
                    step: id.clone(),
                    item,
                    attempt: unit.attempt,
                    error: Fault::new(ErrorCode::InDoubt, message).at_step(id),
                })
            }
            StepState::Waiting if unit.orphaned => None,
            StepState::Waiting if state.is_sleep(index) => {
                let over = unit.due_ms.is_some_and(|due| due <= state.at_ms);
                over.then(|| {
                    let output = sleep::output(unit.started_ms, state.at_ms);
                    Body::StepCompleted {
                        step: id.clone(),
                        item,
                        attempt: unit.attempt,
                        output_digest: Digest::of_json(&output),
                        output,
                    }
                })
            }
            StepState::Waiting if unit.due_ms.is_none() && state.phase == Phase::Active => {
                Some(retry_scheduled(state, step, item, unit))
            }
            _ => None,
        };
        out.extend(record.map(Command::Record));
    }
}

fn retry_scheduled(state: &State, step: &CheckedStep, item: Option<u32>, unit: &Unit) -> Body {
    let failures = unit.attempt.saturating_sub(unit.interrupted);
    let pause = backoff_ms(
        &step.retry,
        failures,
        state.created.seed,
        &step.step.id,
        item,
    );
    let due_ms = state
        .at_ms
        .saturating_add(i64::try_from(pause).unwrap_or(i64::MAX));
    Body::RetryScheduled {
        step: step.step.id.clone(),
        item,
        attempt: unit.attempt.saturating_add(1),
        due_ms,
    }
}

fn go_on(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    let plan = state.plan().clone();
    let constraints = &plan.plan().constraints;
    let parallel = if constraints.sequential {
        1
    } else {
        constraints.max_parallel
    };
    let mut places = parallel.saturating_sub(state.running);
    let mut all_settled = true;
    for (index, (step, data)) in plan
        .steps()
        .iter()
        .zip(&state.steps)
        .enumerate()
        .skip(state.frontier)
    {
        if data.state.settled() && !data.units.iter().any(|unit| !unit.state.settled()) {
            continue;
        }
        if !data.state.settled() {
            all_settled = false;
        }
        unit_follow_up(state, index, step, data, &mut out);
        if data.state.settled() || state.paused.is_some() {
            continue;
        }
        if data.state == StepState::Pending && !begin(state, step, data, &mut out) {
            if constraints.sequential {
                break;
            }
            continue;
        }
        start_units(state, step, data, &mut places, &mut out);
        if constraints.sequential {
            break;
        }
    }
    if all_settled && state.running == 0 && out.is_empty() && state.paused.is_none() {
        out.push(Command::Record(status::finish(state)));
    }
    out
}

/// Whether calls of a step that has not begun may start; if not, what is to be recorded first.
fn begin(state: &State, step: &CheckedStep, data: &StepData, out: &mut Vec<Command>) -> bool {
    let settled = |index: &usize| {
        state
            .steps
            .get(*index)
            .is_some_and(|data| data.state.settled())
    };
    if !step.order.iter().all(settled) {
        return false;
    }
    if step.needs.iter().any(|group| !state.need_met(group)) {
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

fn uncalled(step: &CheckedStep, item: Option<u32>, error: Fault) -> Body {
    Body::StepFailed {
        step: step.step.id.clone(),
        item,
        attempt: 0,
        outcome: FailureKind::Failed,
        error: error.at_step(&step.step.id),
        output: None,
    }
}

fn start_units(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    places: &mut u32,
    out: &mut Vec<Command>,
) {
    let stops = step
        .step
        .for_each
        .as_ref()
        .is_some_and(|each| each.on_item_failure == OnItemFailure::Stop);
    let failed = |unit: &Unit| matches!(unit.state, StepState::Failed | StepState::Blocked);
    let closed = stops && data.units.iter().any(failed);
    for (number, unit) in data.units.iter().enumerate() {
        if *places == 0 {
            return;
        }
        if !unit.may_start(state.at_ms, step.step.tool == SLEEP)
            || (closed && unit.state == StepState::Pending)
        {
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
                if stops {
                    return;
                }
            }
        }
    }
}

impl Unit {
    /// Whether its next attempt may begin now, as far as the unit itself goes.
    pub(crate) fn may_start(&self, now_ms: i64, is_sleep: bool) -> bool {
        match self.state {
            StepState::Pending => true,
            StepState::Waiting if self.orphaned => self.facts().repeatable(),
            StepState::Waiting => !is_sleep && self.due_ms.is_some_and(|due| due <= now_ms),
            _ => false,
        }
    }
}

fn call(
    state: &State,
    step: &CheckedStep,
    data: &StepData,
    number: usize,
    unit: &Unit,
) -> Result<ResolvedCall, Fault> {
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
        idempotency_key: idempotency_key(
            &state.created.execution_id,
            &step.step.id,
            item,
            Purpose::Run,
        ),
        timeout_ms: step.step.timeout_ms,
    })
}

/// The key that is the same for every attempt of one step, item and purpose, and for nothing else.
pub fn idempotency_key(
    execution_id: &str,
    step: &str,
    item: Option<u32>,
    purpose: Purpose,
) -> String {
    let item = item.map_or_else(|| "-".to_owned(), |item| item.to_string());
    let parts = [execution_id, step, &item, purpose.as_str(), "1"].map(str::as_bytes);
    Digest::framed("mandate/idempotency-key/v1", parts).to_string()
}

/// No step starts any more: calls under way come to an end, doubts wait for their answer, then the execution ends.
fn wind_down(state: &State) -> Vec<Command> {
    let mut out = Vec::new();
    let plan = state.plan().clone();
    for (index, (step, data)) in plan.steps().iter().zip(&state.steps).enumerate() {
        if data.units.iter().any(|unit| unit.orphaned) {
            unit_follow_up(state, index, step, data, &mut out);
        }
    }
    let Some(stop) = &state.stop else { return out };
    if !out.is_empty() {
        return out;
    }
    if state.running > 0 {
        let open = state.units_where(|unit| {
            unit.state == StepState::Running && (stop.at_once || unit.facts().read_only())
        });
        if stop.grace_due_ms.is_none() && !stop.at_once {
            let due_ms = state.grace_due();
            out.push(Command::Record(Body::TimerSet {
                timer: Timer::Grace,
                due_ms,
            }));
        }
        let aborts = open
            .into_iter()
            .map(|(step, item, attempt)| Command::Abort {
                step,
                item,
                attempt,
            });
        out.extend(aborts);
        return out;
    }
    if state.doubtful == 0 || stop.force {
        out.push(Command::Record(status::finish(state)));
    }
    out
}
