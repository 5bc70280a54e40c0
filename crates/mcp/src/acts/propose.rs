//! `propose_plan` and `replan`.

use super::{Act, no};
use crate::approving::Asks;
use crate::handles::Handle;
use crate::names::Names;
use crate::shown;
use crate::told::Told;
use crate::traces::TRACEPARENT;
use mandate_engine::event::Asked;
use mandate_engine::{State, StepState};
use mandate_host::{Proposal, Revises, Submitted};
use mandate_plan::{Format, parse};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What `propose_plan` takes. The plan is taken as it stands in the text.
#[derive(Deserialize)]
pub(super) struct Proposed<'a> {
    #[serde(borrow)]
    pub(super) plan: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) inputs: Map<String, Value>,
    pub(super) execution_id: Option<String>,
}

#[derive(Deserialize)]
struct Replanned<'a> {
    #[serde(borrow)]
    plan: &'a RawValue,
    reason: String,
    #[serde(default)]
    completed: Vec<String>,
    #[serde(default)]
    failed: Vec<String>,
    #[serde(default)]
    new_information: String,
    execution_id: Option<String>,
}

/// Proposes a plan.
pub(super) fn propose(act: &Act<'_>, arguments: &str) -> Result<Told, Box<Told>> {
    let asked: Proposed<'_> = read(arguments)?;
    let plan = asked.plan.ok_or_else(|| wrong("`plan` is missing"))?;
    let (_, told) = submitted(act, plan, asked.inputs)?;
    Ok(told)
}

/// The same, with the execution's id.
pub(super) fn submitted(
    act: &Act<'_>,
    plan: &RawValue,
    inputs: Map<String, Value>,
) -> Result<(String, Told), Box<Told>> {
    let (document, json) = document(plan)?;
    let correlation = correlation(act, &document, json);
    let proposal = Proposal {
        document,
        json,
        inputs,
        deadline_ms: None,
        session: Some(act.seat.session.clone()),
        rerun: None,
        revises: None,
        execution_id: None,
        asked: Some(Box::new(Asked {
            correlation,
            ..Asked::default()
        })),
    };
    let desk = act.visitor.desk.as_ref();
    let submitted = desk.submit(proposal).map_err(|error| no(&error))?;
    let id = submitted.execution_id.clone();
    let state = desk.state(&id).map_err(|error| no(&error))?;
    act.seat.bind(act.visitor, &state);
    Ok((id, told(act, &state, &submitted)))
}

/// Proposes another plan in the place of the one in force.
pub(super) fn replan(act: &Act<'_>, arguments: &str) -> Result<Told, Box<Told>> {
    let asked: Replanned<'_> = read(arguments)?;
    let (bound, state) = act.driven(asked.execution_id.as_deref())?;
    consistent(&asked, &state)?;
    let (document, json) = document(asked.plan)?;
    let proposal = Proposal {
        document,
        json,
        inputs: Map::new(),
        deadline_ms: None,
        session: None,
        rerun: None,
        revises: Some(Revises {
            asked_for: false,
            execution_id: bound.execution_id.clone(),
            reason: Some(reason(&asked)),
        }),
        execution_id: None,
        asked: None,
    };
    let desk = act.visitor.desk.as_ref();
    let submitted = desk.submit(proposal).map_err(|error| no(&error))?;
    let state = desk
        .state(&bound.execution_id)
        .map_err(|error| no(&error))?;
    act.noticed(&state);
    Ok(told(act, &state, &submitted))
}

/// What the agent says of the steps must be so: a plan that builds on something else is not what it means.
fn consistent(asked: &Replanned<'_>, state: &State) -> Result<(), Box<Told>> {
    let both = asked
        .completed
        .iter()
        .find(|step| asked.failed.contains(step));
    if let Some(step) = both {
        return Err(wrong(format!(
            "step `{step}` is under `completed` and under `failed`: it can be one of them"
        )));
    }
    let said = { asked.completed.iter().map(|step| (step, true)) }
        .chain(asked.failed.iter().map(|step| (step, false)));
    for (step, completed) in said {
        let Some((_, data)) = state.step(step) else {
            return Err(wrong(format!("the plan in force has no step `{step}`")));
        };
        let fits = match completed {
            true => matches!(data.state, StepState::Completed | StepState::Recovered),
            false => {
                data.error.is_some() || matches!(data.state, StepState::Failed | StepState::Blocked)
            }
        };
        if !fits {
            let word = if completed { "completed" } else { "failed" };
            let is = data.state.as_str();
            return Err(wrong(format!("step `{step}` is not {word}: it is {is}")));
        }
    }
    Ok(())
}

/// Everything that the agent says about why, as the journal keeps it.
fn reason(asked: &Replanned<'_>) -> String {
    let mut parts = vec![asked.reason.clone()];
    if !asked.completed.is_empty() {
        parts.push(format!("completed: {}", asked.completed.join(", ")));
    }
    if !asked.failed.is_empty() {
        parts.push(format!("failed: {}", asked.failed.join(", ")));
    }
    if !asked.new_information.is_empty() {
        parts.push(format!("new information: {}", asked.new_information));
    }
    parts.join("; ")
}

/// What the client asked with, so that the journal says it.
fn correlation(act: &Act<'_>, document: &str, json: bool) -> BTreeMap<String, String> {
    let client = act.client;
    let mut all = BTreeMap::from([
        ("mcp.client".to_owned(), short(&client.name)),
        ("mcp.client_version".to_owned(), short(&client.version)),
        ("mcp.protocol".to_owned(), short(&client.protocol)),
    ]);
    all.retain(|_, text| !text.is_empty());
    if let Some(within) = act.within {
        all.insert(TRACEPARENT.to_owned(), within.to_owned());
    }
    let format = if json { Format::Json } else { Format::Yaml };
    let Ok(document) = parse(document.as_bytes(), format) else {
        return all;
    };
    let mut tools = BTreeSet::new();
    tools_named(document.value(), &mut tools);
    for (name, tool) in Names::of(tools, &act.settings.plain).changed() {
        all.insert(format!("mcp.tool.{name}"), tool.to_owned());
    }
    all
}

/// What a client says of itself is short.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Every `tool` in the document.
fn tools_named<'a>(value: &'a Value, named: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(tool)) = map.get("tool") {
                named.insert(tool);
            }
            map.values().for_each(|value| tools_named(value, named));
        }
        Value::Array(items) => items.iter().for_each(|value| tools_named(value, named)),
        _ => {}
    }
}

fn told(act: &Act<'_>, state: &State, submitted: &Submitted) -> Told {
    let decision = &submitted.decision;
    let open = submitted.request_id.as_deref();
    let open = open.and_then(|id| {
        state
            .open_requests()
            .find(|open| open.request.request_id == id)
    });
    let approval = open.map(|open| {
        let id = &open.request.request_id;
        let mut shown = shown::request(&open.request, act.settings);
        if let Value::Object(map) = &mut shown {
            let command = format!("mandate approvals approve {id}");
            map.insert("command".to_owned(), command.into());
        }
        shown
    });
    let asks = open.map(|open| {
        let question = shown::question(state, &open.request);
        Asks::new(state.execution_id(), &open.request.request_id, &question)
    });
    let names = Names::of(state.plan().tools(), &act.settings.plain);
    let told = Told::value(json!({
        "execution_id": state.execution_id(),
        "plan_hash": state.plan().hash(),
        "mode": state.plan().plan().mode,
        "state": state.shown_state(),
        "decision": {
            "outcome": decision.outcome,
            "reasons": decision.reasons,
            "risk": decision.risk,
            "flows": decision.flows,
            "calls": decision.calls,
        },
        "approval": approval,
        "callable": shown::callable(state, &names),
        "next": shown::next(state),
    }));
    let handle = open.map(|open| Handle::Proposal {
        execution_id: state.execution_id().to_owned(),
        request_id: open.request.request_id.clone(),
    });
    Told {
        asks,
        handle,
        ..told
    }
}

/// The text of a plan, and whether it is JSON.
fn document(plan: &RawValue) -> Result<(String, bool), Box<Told>> {
    let raw = plan.get();
    match raw.trim_start().chars().next() {
        Some('{') => Ok((raw.to_owned(), true)),
        Some('"') => {
            let text: String = serde_json::from_str(raw)
                .map_err(|error| wrong(format!("`plan` cannot be read: {error}")))?;
            let json = text.trim_start().starts_with('{');
            Ok((text, json))
        }
        _ => Err(wrong(
            "`plan` is an object, or the text of a document in YAML or JSON",
        )),
    }
}

pub(super) fn read<'a, T: Deserialize<'a>>(arguments: &'a str) -> Result<T, Box<Told>> {
    serde_json::from_str(arguments)
        .map_err(|error| wrong(format!("the arguments cannot be read: {error}")))
}

fn wrong(message: impl Into<String>) -> Box<Told> {
    Box::new(Told::wrong(message))
}
