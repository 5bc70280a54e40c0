//! `mandate executions watch ID`: looks on while another process drives. It reads the journal and writes nothing.

use super::ExecutionArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    follow::{Watcher, goes_on},
    holder::holder,
    ids,
    output::Out,
    progress, read_only,
    render::execution,
};
use mandate_engine::{Phase, State};
use mandate_host::recovery;
use mandate_store::{Head, Reader};
use std::{thread::sleep, time::Duration};

/// How often the journal is read.
const POLL: Duration = Duration::from_millis(100);
/// How many polls a process may need to take an execution up, or to write what it did before it went.
const PATIENCE: u32 = 10;

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution)?;
    let mut state = read_only::state(&reader, &id)?;
    let mut watcher = progress::watcher(out);
    watcher.changed(&state, None);
    let mut alone = 0;
    while state.phase != Phase::Ended && alone < PATIENCE {
        let moved = catch_up(&reader, &mut state, watcher.as_mut())?;
        watcher.tick(&state);
        let at_rest = state.waiting_for().is_some() && !goes_on(&state);
        if moved {
            alone = 0;
        } else if holder(reader.dir()).is_none() || at_rest {
            alone += 1;
        }
        sleep(POLL);
    }
    watcher.end();
    Ok(tell(&state, Some(&reader.head()?), out))
}

/// Tells how it ended, or where it rests.
pub(crate) fn tell(state: &State, head: Option<&Head>, out: &Out) -> Exit {
    let waiting = state.waiting_for();
    if out.is_json() {
        out.value(&execution::to_json(state, waiting.as_ref(), head));
    } else {
        out.line(&execution::result(
            state,
            waiting.as_ref(),
            head,
            out.paint(),
        ));
        if waiting.is_none()
            && let Some(text) = execution::driver(state, None)
        {
            out.line(&format!("\n{text}"));
        }
    }
    match &state.ending {
        Some(ending) => Exit::of_ending(ending),
        None => Exit::Waiting,
    }
}

/// Applies what the journal has by now; says whether there was anything.
fn catch_up(
    reader: &Reader,
    state: &mut State,
    watcher: &mut dyn Watcher,
) -> Result<bool, Failure> {
    let mut moved = false;
    loop {
        let page = reader.read(state.execution_id(), state.seq.saturating_add(1), 256)?;
        if page.is_empty() {
            return Ok(moved);
        }
        for record in &page {
            let event = recovery::event(record)?;
            if state.apply(&event) == mandate_engine::Applied::Ignored {
                let error = format!(
                    "event {} of execution `{}` does not fit",
                    event.seq,
                    state.execution_id()
                );
                return Err(Failure::new(crate::errors::Kind::Store, error)
                    .remedy("`mandate audit verify` says what is damaged"));
            }
            watcher.changed(state, Some(&event));
        }
        moved = true;
    }
}
