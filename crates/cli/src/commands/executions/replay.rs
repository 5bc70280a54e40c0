//! `mandate executions replay ID`.

use super::ExecutionArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    read_only,
    output::Look,
    render::shown,
};
use clap::Args;
use mandate_engine::{Difference, fold, replay};
use serde_json::{Value, json};

/// What `executions replay` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// Print the state after this event instead
    #[arg(long, value_name = "SEQ")]
    at: Option<u64>,
}

pub(super) fn run(args: &ReplayArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let (events, plan) = read_only::history(&reader, &id)?;
    if let Some(at) = args.at {
        let last = events.last().map_or(0, |event| event.seq);
        if at == 0 || at > last {
            return Err(Failure::usage(format!("there is no event {at}"))
                .remedy(format!("give one from 1 to {last}")));
        }
        let until: Vec<_> = events.into_iter().take_while(|event| event.seq <= at).collect();
        return match fold(plan, &until) {
            Ok(state) => {
                let mut snapshot = state.snapshot();
                if let Some(map) = snapshot.as_object_mut() {
                    map.insert("state".to_owned(), state.shown_state().into());
                }
                let text = serde_json::to_string_pretty(&snapshot).unwrap_or_default();
                if out.is_json() { out.value(&snapshot) } else { out.line(&shown::lines(&text)) }
                Ok(Exit::Success)
            }
            Err(difference) => Ok(differs(context, &id, &difference)),
        };
    }
    match replay(plan, &events) {
        Ok(replayed) => {
            if out.is_json() {
                out.value(&json!({
                    "execution_id": id,
                    "identical": true,
                    "events": replayed.events,
                    "decisions": replayed.decisions,
                }));
            } else {
                out.line(&format!(
                    "{} {} events, {} decisions re-derived",
                    out.paint().look(Look::Good, "identical:"),
                    replayed.events,
                    replayed.decisions
                ));
            }
            Ok(Exit::Success)
        }
        Err(difference) => Ok(differs(context, &id, &difference)),
    }
}

fn differs(context: &Context, id: &str, difference: &Difference) -> Exit {
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ "execution_id": id, "identical": false, "difference": difference }));
        return Exit::Failure;
    }
    let paint = out.paint();
    out.line(&format!(
        "{} {}",
        paint.look(Look::Bad, &format!("differs at seq {}:", difference.seq)),
        shown::lines(&difference.message)
    ));
    let show = |name: &str, value: &Option<Value>| {
        if let Some(value) = value {
            out.line(&format!("  {} {}", paint.dim(name), shown::short(&value.to_string(), 400)));
        }
    };
    show("derived:", &difference.expected);
    show("journal:", &difference.found);
    Exit::Failure
}
