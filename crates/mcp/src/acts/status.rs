//! `get_plan`, `status`, `finish`.

use super::{Act, call::refused, no};
use crate::seat::Bound;
use crate::told::Told;
use mandate_engine::State;
use mandate_host::{AgentWish, HostError, TakenCall};
use serde_json::{Value, json};

fn named(args: &Value) -> Option<&str> {
    args.get("execution_id").and_then(Value::as_str)
}

/// Where the execution of a session is now, and the calls outside that are under way. The agent shows that it is alive, and what
/// its last reads gave is in the journal.
fn now(act: &Act<'_>, args: &Value) -> Result<(Bound, State, Vec<TakenCall>), Box<Told>> {
    let (bound, mut state) = act.driven(named(args))?;
    let mut under_way = Vec::new();
    if state.is_agents() && state.ending.is_none() {
        match act.ask(&bound, AgentWish::Status) {
            Ok(answer) => under_way = answer.under_way,
            Err(HostError::Refused(_)) => {}
            Err(error) => return Err(no(&error)),
        }
        let desk = act.visitor.desk.as_ref();
        let found = desk.state(&bound.execution_id);
        state = found.map_err(|error| no(&error))?;
        act.noticed(&state);
    }
    Ok((bound, state, under_way))
}

/// The plan in force and where it is.
pub(super) fn get_plan(act: &Act<'_>, args: &Value) -> Result<Told, Box<Told>> {
    let (bound, state, _) = now(act, args)?;
    let mut shown = act.shown(&state, &bound);
    let document: Value = serde_json::from_slice(state.plan().canonical()).unwrap_or_default();
    if let Value::Object(map) = &mut shown {
        map.insert("plan".to_owned(), document);
    }
    Ok(Told::value(shown))
}

/// Where it is.
pub(super) fn status(act: &Act<'_>, args: &Value) -> Result<Told, Box<Told>> {
    let (bound, state, under_way) = now(act, args)?;
    let mut shown = act.shown(&state, &bound);
    if let Value::Object(map) = &mut shown {
        map.insert("under_way".to_owned(), json!(under_way));
    }
    Ok(Told::value(shown))
}

/// Ends it, or settles a step.
pub(super) fn finish(act: &Act<'_>, args: &Value) -> Result<Told, Box<Told>> {
    let (bound, state) = act.driven(named(args))?;
    if !state.is_agents() {
        return Err(Box::new(Told::wrong(
            "Mandate runs this plan by itself: only plans of `mode: agent` are finished by the agent",
        )));
    }
    let wish = AgentWish::Finish {
        step: args.get("step").and_then(Value::as_str).map(str::to_owned),
        item: { args.get("item").and_then(Value::as_u64) }
            .map(|item| u32::try_from(item).unwrap_or(u32::MAX)),
    };
    let desk = act.visitor.desk.as_ref();
    match act.ask(&bound, wish) {
        Ok(_) => {}
        Err(HostError::Refused(refusal)) => return Err(Box::new(refused(act, &bound, &refusal))),
        Err(error) => return Err(no(&error)),
    }
    let state = desk
        .state(&bound.execution_id)
        .map_err(|error| no(&error))?;
    act.noticed(&state);
    Ok(Told::value(act.shown(&state, &bound)))
}
