//! A call of one of the plan's tools. The host enforces it, journals it, and has it made.

use super::{Act, no, no_plan};
use crate::approving::Asks;
use crate::handler::{Placed, QUIETLY};
use crate::handles::Handle;
use crate::output;
use crate::seat::Bound;
use crate::shown;
use crate::told::{Told, refusal};
use crate::under::{Line, Spot, Spots};
use mandate_engine::event::RequestKind;
use mandate_engine::{Fault, State};
use mandate_host::{AgentAnswer, AgentWish, HostError};
use mandate_plan::ErrorCode;
use mandate_policy::Refusal;
use mandate_tools::{Caller, NotPassed, header_mismatch, header_params};
use serde_json::{Map, Value, json};
use std::sync::{Arc, PoisonError};

/// The client did not say that it can do what the server needs.
const MISSING_CAPABILITY: i64 = -32021;
/// Headers say something else than the message.
const HEADER_MISMATCH: i64 = -32020;

/// What goes with a call beside its name and arguments.
pub(crate) struct Way {
    /// The client's end of it.
    pub(crate) line: Arc<Line>,
    /// The headers that repeat arguments, where the client has to send them.
    pub(crate) repeated: Option<Vec<(String, String)>>,
    /// Where it is said what it has come to.
    pub(crate) spots: Option<Spots>,
}

/// Calls a tool by its name on the wire. No thread waits while it is called.
pub(crate) async fn call(placed: Arc<Placed>, way: Way, name: String, arguments: String) -> Told {
    let Some(bound) = placed.seat.bound(&placed.visitor) else {
        return *no_plan();
    };
    let tool = bound.names.tool(&name);
    if let Some(given) = &way.repeated
        && let Some(no) = disagrees(&placed, &bound, (&tool, &arguments), given).await
    {
        return no;
    }
    call_for(placed, way, bound, (tool, arguments)).await
}

/// Makes the call that a yes was given to.
pub(crate) async fn call_approved(
    placed: Arc<Placed>,
    way: Way,
    handle: Handle,
    (tool, args): (String, Value),
) -> Told {
    let bound = placed.on_thread(move |act| {
        let state = act.visitor.desk.state(handle.execution_id());
        state.map(|state| act.seat.aside(act.visitor, &state))
    });
    match bound.await {
        Ok(Ok(bound)) => call_for(placed, way, bound, (tool, args.to_string())).await,
        Ok(Err(error)) => *no(&error),
        Err(_) => *no(&HostError::Stopped),
    }
}

/// Whoever passed the call on may have read its headers only: where they say something else than the arguments, the call
/// was meant for somebody else, or was judged as another one.
async fn disagrees(
    placed: &Arc<Placed>,
    bound: &Bound,
    (tool, arguments): (&str, &str),
    given: &[(String, String)],
) -> Option<Told> {
    let known = match placed.seat.known(bound) {
        Some(known) => known.get(tool).cloned(),
        None => {
            let (bound, tool) = (bound.clone(), tool.to_owned());
            let known = placed.on_thread(move |act| act.known(&bound, &tool)).await;
            known.ok().flatten()
        }
    }?;
    // What a schema says wrongly holds for nobody.
    let params = header_params(&known.input_schema).ok()?;
    if params.is_empty() {
        return None;
    }
    let args = serde_json::from_str(arguments).unwrap_or_default();
    header_mismatch(&params, &args, given).map(|message| Told {
        protocol: Some(NotPassed {
            code: HEADER_MISMATCH,
            message,
            data: None,
        }),
        ..Told::default()
    })
}

/// Calls a tool for that execution.
async fn call_for(
    placed: Arc<Placed>,
    way: Way,
    bound: Bound,
    (tool, arguments): (String, String),
) -> Told {
    let Way { line, spots, .. } = way;
    if let Some(spots) = spots {
        let id = bound.execution_id.clone();
        let mut said = spots.lock().unwrap_or_else(PoisonError::into_inner);
        *said = Some(Spot::Calls(id, tool.clone(), arguments.clone()));
    }
    let entered = placed.callers().map(|callers| {
        let caller: Arc<dyn Caller> = line.clone();
        let args = serde_json::from_str(&arguments).unwrap_or_default();
        callers.enter((&bound.execution_id, &tool), &args, caller)
    });
    let wish = AgentWish::Call {
        tool: tool.clone(),
        arguments,
    };
    let desk = &placed.visitor.desk;
    let asked = { &placed.seat }
        .ask(desk, &bound, (wish, placed.within.as_deref()))
        .await;
    drop(entered);
    // Everything else is looked up, in the journal or at the tools.
    let looks = !matches!(&asked, Ok(answer) if answer.error.is_none())
        || placed.seat.known(&bound).is_none();
    let told = move || {
        placed.act(QUIETLY, Some(&line), |act| match asked {
            Ok(answer) => answered(act, &bound, &tool, answer),
            Err(HostError::Refused(refusal)) => refused(act, &bound, &refusal),
            Err(error) => *no(&error),
        })
    };
    match looks {
        false => told(),
        true => match tokio::task::spawn_blocking(told).await {
            Ok(told) => told,
            Err(_) => *no(&HostError::Stopped),
        },
    }
}

pub(super) fn answered(act: &Act<'_>, bound: &Bound, tool: &str, answer: AgentAnswer) -> Told {
    let mut meta = Map::new();
    let place = json!({
        "execution_id": bound.execution_id,
        "step": answer.step,
        "item": answer.item,
        "state": answer.state,
    });
    meta.insert("dev.mandate/call".to_owned(), place);
    let whole = act.line.and_then(|(_, line)| line.whole());
    let blocks = whole.as_ref().and_then(output::blocks);
    let mut told = match (&answer.error, answer.output) {
        (Some(fault), _) => {
            let told = failed(act, bound, fault, (answer.step.as_deref(), answer.item));
            Told {
                protocol: act.line.and_then(|_| capability_wanted(fault)),
                ..told.after(blocks)
            }
        }
        (None, output) => {
            let known = act.known(bound, tool);
            let output = output.unwrap_or(Value::Null);
            let told = output::told(&output, blocks, known.as_deref(), act.settings, &mut meta);
            if let Some(Value::Object(labels)) = meta.get_mut("dev.mandate/labels")
                && !answer.suspicions.is_empty()
            {
                labels.insert("suspicious".to_owned(), json!(answer.suspicions));
            }
            told
        }
    };
    told.meta = meta;
    told
}

/// A server wants a client that can do more. The protocol has an error for that, which says what.
fn capability_wanted(fault: &Fault) -> Option<NotPassed> {
    let details = fault.details.as_ref()?;
    let code = details.get("code").and_then(Value::as_i64)?;
    (code == MISSING_CAPABILITY).then(|| NotPassed {
        code,
        message: fault.message.clone(),
        data: details.get("data").cloned(),
    })
}

/// The tool was called, and failed.
fn failed(
    act: &Act<'_>,
    bound: &Bound,
    fault: &Fault,
    (step, item): (Option<&str>, Option<u32>),
) -> Told {
    let mut error = json!(fault);
    if let Value::Object(map) = &mut error {
        map.insert("step".to_owned(), json!(step));
        let remedy = match (fault.code, step) {
            (ErrorCode::InDoubt, Some(step)) => in_doubt(&bound.execution_id, step, item),
            (code, _) => code.remedy().to_owned(),
        };
        map.insert("remedy".to_owned(), remedy.into());
        let state = act.visitor.desk.state(&bound.execution_id).ok();
        let allowed = state.map(|state| allowed(act, bound, &state));
        map.insert("allowed".to_owned(), json!(allowed));
    }
    Told::no(error)
}

/// What an agent can do about a call in doubt: nothing by itself, and not the call again.
fn in_doubt(execution: &str, step: &str, item: Option<u32>) -> String {
    let item = item.map(|item| format!("[{item}]")).unwrap_or_default();
    format!(
        "do not call it again: somebody has to find out, and to say so by `mandate executions resolve {execution} {step}{item} \
         --done | --not-done | --fail --reason R`; after that `status` says whether the step is still to be called"
    )
}

/// It was not called.
pub(super) fn refused(act: &Act<'_>, bound: &Bound, no: &Refusal) -> Told {
    let state = act.visitor.desk.state(&bound.execution_id).ok();
    let (mut asks, mut handle) = (None, None);
    let mut error = refusal(no, state.as_ref().map(|state| allowed(act, bound, state)));
    if let Value::Object(map) = &mut error {
        let step = no
            .rule
            .as_deref()
            .and_then(|rule| rule.strip_prefix("steps."));
        let step = step.and_then(|rest| rest.split('.').next());
        map.insert("step".to_owned(), json!(step));
        let expected = no.expected.as_ref();
        let request = expected.and_then(|expected| expected.get("request_id"));
        if let (ErrorCode::ApprovalRequired, Some(Value::String(id))) = (no.code, request) {
            let url = act.settings.approval_url.as_ref();
            let approval = json!({
                "request_id": id,
                "url": url.map(|url| format!("{url}{id}")),
                "command": format!("mandate approvals approve {id}"),
            });
            map.insert("approval".to_owned(), approval);
            let open = { state.iter() }
                .flat_map(|state| state.open_requests().map(move |open| (state, open)))
                .find(|(_, open)| open.request.request_id == *id);
            handle = { open.as_ref() }
                .filter(|(_, open)| {
                    open.request.kind == RequestKind::Step && open.request.calls.len() == 1
                })
                .map(|_| Handle::Asked {
                    execution_id: bound.execution_id.clone(),
                    request_id: id.clone(),
                });
            asks = open.map(|(state, open)| {
                let question = shown::question(state, &open.request);
                Asks::new(&bound.execution_id, id, &question)
            });
        }
    }
    Told {
        asks,
        handle,
        ..Told::no(error)
    }
}

/// What could be called instead.
fn allowed(act: &Act<'_>, bound: &Bound, state: &State) -> Value {
    act.noticed(state);
    json!({
        "callable": shown::callable(state, &bound.names),
        "requests": shown::requests(state, act.settings),
        "next": shown::next(state),
    })
}
