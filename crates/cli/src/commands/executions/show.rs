//! `mandate executions show ID`.

use super::ExecutionArg;
use crate::{
    commands::freeze,
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    ids,
    output::{Look, Out},
    read_only::{self, ReadOnly},
    render::{execution, shown, table::terminal_width},
    when,
};
use mandate_engine::State;
use mandate_host::Freeze;
use mandate_server::view::AwaitedCalls;
use mandate_store::{ArchivedExecution, Reader, Tombstone};

/// Where an execution went that is not in the journal any more.
fn archived(
    execution: &ArchivedExecution,
    tombstone: &Tombstone,
    at_ms: i64,
    context: &Context,
) -> Result<Exit, Failure> {
    let out = context.out();
    let archive = &tombstone.archive;
    if out.is_json() {
        out.value(&serde_json::json!({
            "execution_id": execution.execution_id,
            "name": execution.name,
            "state": execution.state,
            "status": execution.status,
            "created_at_ms": execution.created_at_ms,
            "finished_at_ms": execution.finished_at_ms,
            "last_seq": execution.last_seq,
            "archived": {
                "at_ms": at_ms,
                "by": tombstone.by,
                "file": archive.file,
                "sha256": archive.sha256,
                "bytes": archive.bytes,
                "last_hash": execution.last_hash,
            },
        }));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    let status = execution.status.as_deref().unwrap_or(&execution.state);
    out.line(&format!(
        "{}  {}  {status}",
        paint.bold(&execution.execution_id),
        shown::short(&execution.name, 80)
    ));
    out.line(&format!(
        "{} {} by {}, with its {} events",
        paint.dim("archived"),
        when::show_time(at_ms),
        tombstone.by,
        execution.last_seq
    ));
    out.line(&format!("{} {}", paint.dim("in"), archive.file));
    out.line(&format!("{} {}", paint.dim("sha256"), archive.sha256));
    Ok(Exit::Success)
}

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    if let Some(id) = ids::archived(&reader, &args.execution)?
        && reader.resolve_execution(&args.execution)?.is_empty()
        && let Some((execution, tombstone, at_ms)) = reader.archived(&id)?
    {
        return archived(&execution, &tombstone, at_ms, context);
    }
    let id = ids::execution(&reader, &args.execution)?;
    let state = read_only::state(&reader, &id)?;
    let head = reader.head()?;
    let driver = holder(reader.dir());
    let freeze = freeze::standing(&reader)?.filter(|_| state.ending.is_none());
    let awaited = awaited_calls(&state, &reader, context)?;
    if out.is_json() {
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), Some(&head));
        if let Some(map) = value.as_object_mut() {
            map.insert("host_pid".to_owned(), driver.into());
            map.insert("freeze".to_owned(), serde_json::json!(freeze));
            map.insert("awaited_calls".to_owned(), serde_json::json!(awaited));
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    tell(&state, freeze.as_ref(), out);
    // Who stands in line starts when calls are given back, not when there is place.
    let held = awaited.map(|awaited| held_by_others(&awaited, &state.created.session));
    // Where nobody drives it, what it waits for says what to type.
    if (state.waiting_for().is_none() || driver.is_some())
        && (held.is_none() || driver.is_none())
        && let Some(text) = execution::driver(&state, driver)
    {
        out.line(&format!("\n{text}"));
    }
    if let Some(text) = held {
        out.line(&format!("\n{text}"));
    }
    Ok(Exit::Success)
}

/// What an execution lacks to start, while others of its session have set calls aside.
fn awaited_calls(
    state: &State,
    reader: &Reader,
    context: &Context,
) -> Result<Option<AwaitedCalls>, Failure> {
    if !state.awaits_admission() {
        return Ok(None);
    }
    let limits = context.settings()?.rules.limits();
    let journal = ReadOnly(reader);
    Ok(AwaitedCalls::of(state, &journal, limits, when::now_ms())?)
}

/// The same for people.
pub(crate) fn held_by_others(awaited: &AwaitedCalls, session: &str) -> String {
    format!(
        "It may make {} calls, and its session has {} left: others have set {} aside, and give back what they do not use. \
         `mandate sessions show {}` shows who has them.",
        awaited.needed,
        awaited.left,
        awaited.reserved,
        shown::line(session)
    )
}

/// Tells people where an execution is.
pub(crate) fn tell(state: &State, freeze: Option<&Freeze>, out: &Out) {
    let (paint, now_ms) = (out.paint(), when::now_ms());
    out.line(&format!("{}\n", execution::headline(state, paint)));
    out.line(&execution::steps(state, now_ms, paint, terminal_width()));
    if let Some(ending) = execution::ending(state, paint) {
        out.line(&ending);
    }
    out.line(&format!("\n{}", execution::about(state, now_ms, paint)));
    if let Some(waiting) = state.waiting_for() {
        out.line(&format!(
            "\n{}",
            execution::next_steps(state, &waiting, paint)
        ));
    }
    if let Some(freeze) = freeze {
        let text = format!(
            "{}; `mandate thaw` ends it",
            freeze::sentence(freeze, now_ms)
        );
        out.line(&format!("\n{}", paint.look(Look::Warn, &text)));
    }
}
