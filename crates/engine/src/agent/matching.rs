//! Which step of the plan a call is: the first in document order whose turn it is and whose arguments are these.
//!
//! An argument that the plan has must be there and be equal, by JSON equality: numbers by value, objects without regard
//! to the order of their keys, text code point by code point. Nothing is converted and nothing is normalised. A default
//! that the tool's own schema declares counts as written, on both sides. What the plan does not have is left to the
//! gate, which lets pass what the step's `allow.args` names.

use super::is_engines;
use crate::call::call;
use crate::life::{Phase, StepState};
use crate::outside::call_id;
use crate::state::{Hold, State, StepData, item_of};
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::{Purpose, Refusal, Turn, argument_rules::same};
use serde_json::{Map, Value, json};

/// The step that a call is.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// The arguments of the plan, and what the agent chose besides.
    pub args: Value,
}

/// Finds the step that a call of `tool` with `args` is. `schema` is the tool's own, for its defaults; `covers` says which
/// steps the caller may call.
///
/// # Errors
/// `UNPLANNED_ACTION`, `SEQUENCE_VIOLATION`, `ARGUMENT_VIOLATION`, `TOKEN_INVALID` where the caller's token does not
/// cover the step, `APPROVAL_REQUIRED` where a human is awaited; each with what would have been right.
pub fn find(
    state: &State,
    tool: &str,
    args: &Value,
    schema: Option<&Value>,
    covers: &dyn Fn(&str) -> bool,
) -> Result<Match, Refusal> {
    runs(state)?;
    let planned: Vec<_> = state
        .every_step()
        .filter(|(step, _)| step.step.tool == tool && step.index < state.plan().first_finally())
        .collect();
    if planned.is_empty() {
        let message = format!("no step of the plan calls `{}`", shown(tool));
        return Err(expecting(
            state,
            Refusal::new(ErrorCode::UnplannedAction, message),
        ));
    }
    if is_engines(tool) {
        let message = format!("steps with `{tool}` run by themselves, when it is their turn");
        return Err(expecting(
            state,
            Refusal::new(ErrorCode::SequenceViolation, message),
        ));
    }
    let mut nearest: Option<Refusal> = None;
    let mut uncovered = None;
    let mut out_of_turn = Vec::new();
    for (step, data) in &planned {
        for number in 0..data.units.len() {
            if state.not_callable(step, data, number).is_some() {
                if is_exactly(state, (step, data, number), args, schema) {
                    out_of_turn.push((*step, *data));
                }
                continue;
            }
            match fits(state, (step, data, number), args, schema) {
                Ok(found) if covers(&found.step) => return Ok(found),
                Ok(found) => uncovered = uncovered.or(Some(found.step)),
                Err(refusal) => nearest = nearest.or(Some(refusal)),
            }
        }
    }
    if let Some(step) = uncovered {
        let message = format!("the token does not cover step `{step}`");
        return Err(Refusal::new(ErrorCode::TokenInvalid, message));
    }
    // The arguments of another step are none that the plan has not: it was called already, is under way, or comes later.
    if !out_of_turn.is_empty() {
        return Err(not_now(state, tool, &out_of_turn));
    }
    Err(nearest.unwrap_or_else(|| not_now(state, tool, &planned)))
}

/// Whether a call is a unit to the letter, with nothing in it that the agent chose.
fn is_exactly(
    state: &State,
    place: (&CheckedStep, &StepData, usize),
    args: &Value,
    schema: Option<&Value>,
) -> bool {
    let planned = &place.0.step.args;
    let chosen = |args: &Map<String, Value>| args.keys().any(|key| !planned.contains_key(key));
    let found = fits(state, place, args, schema);
    found.is_ok_and(|found| found.args.as_object().is_some_and(|args| !chosen(args)))
}

fn runs(state: &State) -> Result<(), Refusal> {
    if !state.is_agents() {
        let message = "the engine runs this plan: its mode is not `agent`";
        return Err(Refusal::new(ErrorCode::UnplannedAction, message));
    }
    if state.phase == Phase::Created
        && let Some(open) = state.open_request()
    {
        let message = "the plan is not approved yet";
        let expected = json!({ "request_id": open.request.request_id });
        return Err(Refusal::new(ErrorCode::ApprovalRequired, message).expecting(expected));
    }
    state.running(Purpose::Run)?;
    if state.is_stalled() {
        let message = "a revision of the plan is awaited, and nothing new starts before it";
        return Err(Refusal::new(ErrorCode::SequenceViolation, message));
    }
    Ok(())
}

/// Whether a unit is the call.
fn fits(
    state: &State,
    (step, data, number): (&CheckedStep, &StepData, usize),
    args: &Value,
    schema: Option<&Value>,
) -> Result<Match, Refusal> {
    let gone = || Refusal::new(ErrorCode::UnplannedAction, "the plan has no such step");
    let unit = data.units.get(number).ok_or_else(gone)?;
    let planned = call(state, step, data, number, unit)
        .map_err(|fault| Refusal::new(fault.code, fault.message))?;
    let raw = Value::Object(step.step.args.clone());
    let given = match (args, schema) {
        (Value::Object(given), _) => Value::Object(as_planned(given, &planned.args, &raw)),
        _ => args.clone(),
    };
    // What the plan leaves open has no value that it would have to have.
    let allow = step.step.allow.as_ref();
    let open = |key: &str| {
        let planned = step.step.args.contains_key(key);
        !planned && allow.is_some_and(|allow| allow.args.contains_key(key))
    };
    let (whole, given) = (
        completed(&planned.args, schema, &open),
        completed(&given, schema, &open),
    );
    differs(&whole, &given, &planned.place())?;
    let mut merged = planned.args.clone();
    if let (Value::Object(merged), Value::Object(given), Value::Object(whole)) =
        (&mut merged, given, &whole)
    {
        for (key, value) in given {
            // A default that the schema declares is none that the agent chose.
            if !whole.contains_key(&key) {
                merged.insert(key, value);
            }
        }
        merged.sort_keys();
    }
    Ok(Match {
        step: step.step.id.clone(),
        item: item_of(step, number),
        args: merged,
    })
}

/// An agent sends the placeholder of a secret as it stands in the plan, or as it was given to it.
fn as_planned(given: &Map<String, Value>, planned: &Value, raw: &Value) -> Map<String, Value> {
    let mut args = given.clone();
    for (key, value) in &mut args {
        let (planned, raw) = (planned.get(key), raw.get(key));
        let (Some(Value::String(planned)), Some(Value::String(raw)), Value::String(text)) =
            (planned, raw, &*value)
        else {
            continue;
        };
        if text == raw && planned.contains("${secrets.") {
            *value = Value::String(planned.clone());
        }
    }
    args
}

/// The arguments that the plan has, and where the call has others.
///
/// # Errors
/// `ARGUMENT_VIOLATION` that names the argument, and what the plan has there.
pub(crate) fn differs(planned: &Value, given: &Value, place: &str) -> Result<(), Refusal> {
    let (Value::Object(planned), Value::Object(given)) = (planned, given) else {
        let message = "the arguments are not an object";
        return Err(Refusal::new(ErrorCode::ArgumentViolation, message));
    };
    for (key, planned) in planned {
        let given = given.get(key);
        if given.is_some_and(|given| same(planned, given)) {
            continue;
        }
        let how = match given {
            None => "is missing",
            Some(_) => "is not the one in the plan",
        };
        let key = key.replace('~', "~0").replace('/', "~1");
        let message = format!("the argument `/{}` of step `{place}` {how}", shown(&key));
        let expected = json!({ "argument": format!("/{key}"), "planned": planned });
        return Err(Refusal::new(ErrorCode::ArgumentViolation, message)
            .expecting(expected)
            .by_rule(format!("steps.{place}.args")));
    }
    Ok(())
}

/// The arguments with the defaults of the tool's schema in place of what is missing, in objects within objects too; none for
/// what is open.
fn completed(args: &Value, schema: Option<&Value>, open: &dyn Fn(&str) -> bool) -> Value {
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let (Value::Object(args), Some(properties)) = (args, properties) else {
        return args.clone();
    };
    let mut whole = args.clone();
    for (key, property) in properties {
        match (whole.get_mut(key), property.get("default")) {
            (Some(value), _) => *value = completed(value, Some(property), &|_| false),
            (None, Some(default)) if !open(key) => {
                whole.insert(key.clone(), default.clone());
            }
            (None, _) => {}
        }
    }
    Value::Object(whole)
}

/// Why none of the steps with this tool can be called now.
fn not_now(state: &State, tool: &str, planned: &[(&CheckedStep, &StepData)]) -> Refusal {
    let open = planned.iter().find(|(_, data)| !data.is_settled());
    let Some((step, data)) = open.or(planned.last()) else {
        return Refusal::new(ErrorCode::UnplannedAction, "the plan has no such step");
    };
    let id = &step.step.id;
    let asked = data.units.iter().find_map(|unit| match &unit.hold {
        Some(Hold::Request(request)) if unit.state == StepState::Waiting => Some(request),
        _ => None,
    });
    if let Some(request) = asked {
        let message = format!("step `{id}` waits for the answer to `{request}`");
        return Refusal::new(ErrorCode::ApprovalRequired, message)
            .expecting(json!({ "request_id": request }));
    }
    let first = data.units.iter().position(|unit| !unit.state.settled());
    let why = match data.state {
        StepState::Skipped => "it was skipped",
        StepState::Failed | StepState::Blocked | StepState::Recovered => "it has failed",
        _ => { state.not_callable(step, data, first.unwrap_or(0)) }
            .unwrap_or("it was called as often as the plan allows"),
    };
    let message = format!("it is not the turn of `{id}`, which calls `{tool}`: {why}");
    let mut refusal = Refusal::new(ErrorCode::SequenceViolation, message);
    let due_ms = first.and_then(|at| data.units.get(at)?.due_ms);
    refusal.retry_after_ms = due_ms
        .map(|due_ms| due_ms.saturating_sub(state.at_ms))
        .and_then(|left_ms| u64::try_from(left_ms).ok())
        .filter(|left_ms| *left_ms > 0);
    expecting(state, refusal)
}

fn expecting(state: &State, refusal: Refusal) -> Refusal {
    let steps: Vec<Value> = state
        .callable()
        .into_iter()
        .map(|(step, tool)| json!({ "step": step, "tool": tool }))
        .collect();
    let mut expected = json!({ "callable": steps });
    let open: Vec<Value> = state
        .outside_calls()
        .take(8)
        .map(|(seq, call)| {
            json!({ "call_id": call_id(state.execution_id(), seq), "step": call.step, "item": call.item })
        })
        .collect();
    if let Some(expected) = expected.as_object_mut().filter(|_| !open.is_empty()) {
        // Whoever took a turn, and was not told, finds its call here.
        expected.insert("under_way".to_owned(), Value::Array(open));
    }
    refusal.expecting(expected)
}

/// A name from outside, for a message.
fn shown(text: &str) -> String {
    let safe = text.chars().filter(|c| !c.is_control());
    safe.take(80).collect()
}
