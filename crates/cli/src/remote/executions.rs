//! `executions …` over a server.

use super::{
    address::Named,
    client::{Client, tell_steered},
    follow::Stay,
    ids, launch, mirror, only_here,
    sse::{self, Heard},
};
use crate::{
    commands::executions::{
        ExecutionArg, ExecutionsCommand,
        cancel::CancelArgs,
        carry_on::ContinueArgs,
        events::{self, EventsArgs},
        list::{self, ListArgs, Listed},
        overriding::{self, OverrideArgs},
        resolve::{self, ResolveArgs},
        show,
    },
    context::Context,
    errors::{Exit, Failure},
    render::undo,
    step_path::{self, StepPath},
    when,
};
use mandate_engine::event::Resolution;
use mandate_server::view::ChainedEvent;
use serde_json::{Value, json};

/// As many rows as a page has at most.
const PAGE: usize = 500;

pub(super) fn run(
    command: &ExecutionsCommand,
    named: &Named,
    context: &Context,
) -> Result<Exit, Failure> {
    use ExecutionsCommand as C;
    let client = &Client::new(named)?;
    match command {
        C::List(args) => list(args, client, context),
        C::Show(args) => show(args, client, context),
        C::Watch(args) => watch(args, client, context),
        C::Events(args) => events(args, client, context),
        C::Cancel(args) => cancel(args, client, context),
        C::Pause(args) => {
            let (id, shown) = steer(&args.execution, "pause", &json!({}), client)?;
            let words = format!(
                "paused: no step starts until `mandate executions resume {}`",
                crate::ids::short(&id)
            );
            Ok(tell_steered(&shown, &words, context))
        }
        C::Resume(args) => {
            let (_, shown) = steer(&args.execution, "resume", &json!({}), client)?;
            Ok(tell_steered(&shown, "resumed", context))
        }
        C::Continue(args) => carry_on(args, client, context),
        C::Resolve(args) => resolve(args, client, context),
        C::Rerun(args) => launch::rerun(args, client, context),
        C::Override(args) => override_step(args, client, context),
        C::Replan(args) => launch::replan(args, client, context),
        C::Call(_) => Err(only_here("executions call")),
        C::Enforce(_) => Err(only_here("executions enforce")),
        C::Complete(_) => Err(only_here("executions complete")),
        C::Finish(_) => Err(only_here("executions finish")),
        C::Status(_) => Err(only_here("executions status")),
        C::Token(_) => Err(only_here("executions token")),
        C::Replay(_) => Err(only_here("executions replay")),
    }
}

/// Has an execution steered, and gives its id and how it is shown then.
fn steer(
    typed: &str,
    verb: &str,
    body: &Value,
    client: &Client,
) -> Result<(String, Value), Failure> {
    let id = ids::execution(client, typed)?;
    let path = format!("{id}:{verb}");
    let shown = client.post(&["executions", &path], body)?;
    Ok((id, shown))
}

fn list(args: &ListArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let now_ms = when::now_ms();
    let time = |flag: &str, text: &Option<String>| {
        let past = text.as_deref().map(|text| when::past_ms(text, now_ms));
        let past = past.transpose();
        past.map(|ms| ms.map(|ms| ms.to_string()))
            .map_err(|error| Failure::usage(format!("`{flag}`: {error}")))
    };
    let states = (!args.state.is_empty()).then(|| args.state.join(","));
    let mut query = [
        ("state", states),
        ("unfinished", args.unfinished.then(|| "true".to_owned())),
        ("status", args.status.clone()),
        ("waiting_for", args.waiting_for.clone()),
        ("since", time("--since", &args.since)?),
        ("until", time("--until", &args.until)?),
        ("older_than", time("--older-than", &args.older_than)?),
        ("tool", args.tool.clone()),
        ("principal", args.principal.clone()),
        ("limit", None),
        ("after", args.after.clone()),
    ];
    let mut listed: Option<Listed> = None;
    loop {
        let so_far = listed.as_ref().map_or(0, |listed| listed.executions.len());
        let wanted = args.limit.saturating_sub(so_far);
        let [.., limit, after] = &mut query;
        limit.1 = Some(wanted.clamp(1, PAGE).to_string());
        if let Some(listed) = &listed {
            after.1.clone_from(&listed.next);
        }
        let page: Listed = client.get(&["executions"], &query)?;
        let whole = match listed.take() {
            None => page,
            Some(mut whole) => {
                whole.executions.extend(page.executions);
                whole.next = page.next;
                whole
            }
        };
        if whole.next.is_none() || whole.executions.len() >= args.limit {
            list::tell(&whole, Some("the server"), context);
            return Ok(Exit::Success);
        }
        listed = Some(whole);
    }
}

fn show(args: &ExecutionArg, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let id = ids::execution(client, &args.execution)?;
    if out.is_json() {
        let shown: Value = client.get(&["executions", &id], &[])?;
        out.value(&shown);
        return Ok(Exit::Success);
    }
    let state = mirror::state(client, &id)?;
    let beside = mirror::beside(client, &id)?;
    show::tell(&state, beside.freeze.as_ref(), out);
    if let Some(awaited) = &beside.awaited_calls {
        let held = show::held_by_others(awaited, &state.created.session);
        out.line(&format!("\n{held}"));
    } else if state.ending.is_none() && state.waiting_for().is_none() {
        out.line("\nThe server drives it.");
    }
    Ok(Exit::Success)
}

fn watch(args: &ExecutionArg, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let id = ids::execution(client, &args.execution)?;
    let mut stay = Stay::begin(client, context, &id, false, None)?;
    let parted = stay.until_it_rests()?;
    stay.tell(&parted)
}

fn events(args: &EventsArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let id = ids::execution(client, &args.execution.execution)?;
    let print = |event: &ChainedEvent| match out.is_json() {
        true => out.value_line(&json!(event.plain())),
        false => {
            let (seq, at_ms) = (event.seq, event.at_ms);
            let line = events::line(seq, at_ms, &event.kind, &event.summary, out.paint());
            out.line(&line);
            out.flush();
        }
    };
    let all = mirror::pages(client, &id, args.after)?;
    all.iter().for_each(print);
    if !args.follow || all.iter().any(is_last) {
        return Ok(Exit::Success);
    }
    let after = all.last().map_or(args.after, |last| last.seq);
    let heard = sse::listen(client, &id, after);
    while !out.is_closed() {
        match heard.recv() {
            Ok(Heard::Event(event)) => print(&event),
            Ok(Heard::Lost(why)) => tracing::info!(%why, "the connection is lost"),
            Ok(Heard::Back) => tracing::info!("the server is back"),
            Ok(Heard::Over(why)) => return Err(why.failure(&client.name())),
            Ok(Heard::End) | Err(_) => break,
        }
    }
    Ok(Exit::Success)
}

fn is_last(event: &ChainedEvent) -> bool {
    event.kind == "execution_finished"
}

fn cancel(args: &CancelArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let id = ids::execution(client, &args.execution.execution)?;
    let undone = undo::would_undo(&mirror::state(client, &id)?);
    if !undone.is_empty() && !args.force {
        let names = undone.join(", ");
        let text = format!("to be undone, in this order: {names}");
        context.out().note(&text);
    }
    let body = json!({ "reason": args.reason, "force": args.force });
    steer(&id, "cancel", &body, client)?;
    let mut stay = Stay::begin(client, context, &id, false, None)?;
    let parted = stay.until_it_rests()?;
    match stay.tell(&parted)? {
        // That it was cancelled is what was asked for.
        Exit::Cancelled => Ok(Exit::Success),
        other => Ok(other),
    }
}

fn carry_on(args: &ContinueArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let [typed] = args.executions.as_slice() else {
        return Err(Failure::usage("a server drives everything that can go on")
            .remedy("name one execution to have it taken up, and to stay with it"));
    };
    let (id, shown) = steer(typed, "continue", &json!({}), client)?;
    if args.detach {
        return Ok(tell_steered(&shown, "taken up", context));
    }
    let mut stay = Stay::begin(client, context, &id, false, None)?;
    let parted = stay.until_it_rests()?;
    stay.tell(&parted)
}

/// The step that is meant: of the execution, or of a nested plan of it.
fn located(typed: &str, step: &str, client: &Client) -> Result<(String, StepPath), Failure> {
    let mut id = ids::execution(client, typed)?;
    let mut rest = step;
    while let Some((outer, inner)) = rest.split_once('/') {
        let step = StepPath::parse(outer)?;
        let state = mirror::state(client, &id)?;
        id = state.child_of(&step.step, step.item).ok_or_else(|| {
            let shown = step_path::show(&step.step, step.item);
            Failure::not_found(format!("`{shown}` is not a nested plan that has begun"))
        })?;
        rest = inner;
    }
    Ok((id, StepPath::parse(rest)?))
}

fn override_step(args: &OverrideArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let (id, path) = located(&args.execution.execution, &args.step, client)?;
    let body = json!({ "step": path.step, "item": path.item, "reason": args.reason });
    let shown: Value = client.post(&["executions", &format!("{id}:override")], &body)?;
    Ok(tell_steered(
        &shown,
        &overriding::words(&args.step),
        context,
    ))
}

fn resolve(args: &ResolveArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let resolution = args.resolution()?;
    let (id, path) = located(&args.execution.execution, &args.step, client)?;
    resolve::in_doubt(&mirror::state(client, &id)?, &path)?;
    let mut body = match resolution {
        Resolution::Done { output } => json!({ "resolution": "done", "output": output }),
        Resolution::NotDone => json!({ "resolution": "not_done" }),
        Resolution::Fail { reason } => json!({ "resolution": "fail", "reason": reason }),
    };
    if let (Some(item), Some(map)) = (path.item, body.as_object_mut()) {
        map.insert("item".to_owned(), item.into());
    }
    let step = format!("{}:resolve", path.step);
    let shown: Value = client.post(&["executions", &id, "steps", &step], &body)?;
    let words = format!("`{}` is resolved", args.step);
    Ok(tell_steered(&shown, &words, context))
}
