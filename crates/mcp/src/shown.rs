//! An execution as an agent is shown it: the plan with the states of its steps, what may be called now, and what people are
//! asked.

use crate::names::Names;
use crate::settings::{GatewaySettings, ToolsList};
use mandate_engine::event::{Request, RequestKind};
use mandate_engine::{Phase, State};
use mandate_host::{CallableStep, Outlook};
use serde_json::{Value, json};

/// The tools that a client is shown beside the gateway's own, in the plan's order.
pub(crate) fn visible_tools(outlook: &Outlook, list: ToolsList) -> &[String] {
    match list {
        ToolsList::Current => &outlook.callable,
        ToolsList::Stable => &outlook.agents,
    }
}

/// The steps that may be called now, with the names that they are called by.
pub(crate) fn callable(state: &State, names: &Names) -> Vec<Value> {
    if !state.is_agents() || state.phase != Phase::Active {
        return Vec::new();
    }
    let steps = CallableStep::all(state).into_iter();
    steps
        .map(|step| {
            let call_as = (!step.outside).then(|| names.name(&step.tool));
            let mut shown = json!(step);
            if let Value::Object(map) = &mut shown {
                map.insert("call_as".to_owned(), json!(call_as));
            }
            shown
        })
        .collect()
}

/// Where an execution is.
pub(crate) fn execution(state: &State, names: &Names, settings: &GatewaySettings) -> Value {
    let plan = state.plan().plan();
    let steps: Vec<Value> = { state.every_step() }
        .map(|(checked, data)| {
            let step = &checked.step;
            json!({
                "id": step.id,
                "tool": step.tool,
                "description": step.description,
                "state": data.state.as_str(),
                "error": data.error,
            })
        })
        .collect();
    let ending = state.ending.as_ref();
    json!({
        "execution_id": state.execution_id(),
        "name": plan.name,
        "description": plan.description,
        "mode": plan.mode,
        "revision": state.created.revision,
        "plan_hash": state.plan().hash(),
        "state": state.shown_state(),
        "status": ending.map(|ending| ending.status.as_str()),
        "constraints": plan.constraints,
        "steps": steps,
        "callable": callable(state, names),
        "waiting_for": state.waiting_for(),
        "requests": requests(state, settings),
        "outputs": ending.map(|ending| &ending.outputs),
        "error": ending.and_then(|ending| ending.error.as_ref()),
        "next": next(state),
    })
}

/// What people are asked.
pub(crate) fn requests(state: &State, settings: &GatewaySettings) -> Vec<Value> {
    let open = state.open_requests();
    open.map(|open| request(&open.request, settings)).collect()
}

/// One request: who may answer it, and where.
pub(crate) fn request(request: &Request, settings: &GatewaySettings) -> Value {
    let id = &request.request_id;
    let url = settings.approval_url.as_ref();
    json!({
        "request_id": id,
        "kind": request.kind.as_str(),
        "step": request.step,
        "question": request.question,
        "choices": request.choices,
        "approvers": request.approvers,
        "expires_ms": request.expires_ms,
        "url": url.map(|url| format!("{url}{id}")),
        "command": format!("mandate inbox show {id}"),
    })
}

/// What a human is asked, with everything that a yes would be for.
pub(crate) fn question(state: &State, request: &Request) -> String {
    let plan = state.plan().plan();
    if request.kind != RequestKind::Plan {
        let detail = match &request.detail {
            Value::Null => String::new(),
            detail => format!(
                "\n{}",
                serde_json::to_string_pretty(detail).unwrap_or_default()
            ),
        };
        let step = request.step.as_deref().unwrap_or(&plan.name);
        return format!("{step}: {}{detail}", request.question);
    }
    let mut text = format!("May the plan \"{}\" be carried out?", plan.name);
    for (checked, _) in state.every_step() {
        let step = &checked.step;
        let args = Value::Object(step.args.clone());
        text.push_str(&format!("\n- {}: {} {args}", step.id, step.tool));
    }
    text
}

/// What to do next, in words.
pub(crate) fn next(state: &State) -> String {
    if state.ending.is_some() {
        return "it has ended: nothing can be called any more".to_owned();
    }
    let open: Vec<&str> = { state.open_requests() }
        .map(|open| open.request.request_id.as_str())
        .collect();
    if let Some(first) = open.first() {
        return format!(
            "a human must answer `{first}` first: tell the user, and call `status` again later"
        );
    }
    if !state.is_agents() {
        return "Mandate runs the steps: call `execute` to wait for the end".to_owned();
    }
    match state.shown_state() {
        "replanning" => "a step failed for good: call `replan` with a plan that makes up for it",
        "paused" => "it is paused: call `status` again later",
        _ if state.callable().is_empty() => "nothing can be called now: call `status` again later",
        _ => "call the tools under `callable`, each with exactly these arguments, expressions resolved",
    }
    .to_owned()
}

/// The plan as text for a model.
pub(crate) fn prompt(shown: Option<&Value>) -> String {
    let Some(shown) = shown else {
        return "No plan has been proposed in this session. Call `list_tools` to see which tools plans may call, and \
                `propose_plan` with a plan. Nothing can be called before a plan is approved."
            .to_owned();
    };
    let text = serde_json::to_string_pretty(shown).unwrap_or_default();
    format!(
        "You act under an approved plan, and nothing outside of it is let through. Its steps are called in their order, \
         each with exactly the arguments that the plan gives; `callable` lists those whose turn it is, with the name that \
         each is called by and the rules for what is left open. Call `replan` if the plan cannot be carried out, and \
         `finish` if it should end early.\n\n```json\n{text}\n```"
    )
}
