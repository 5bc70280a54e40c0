//! `mandate executions show ID`.

use super::ExecutionArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    ids, read_only,
    render::{execution, table::terminal_width},
    when,
};

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution)?;
    let state = read_only::state(&reader, &id)?;
    let waiting = state.waiting_for();
    let head = reader.head()?;
    let driver = holder(reader.dir());
    if out.is_json() {
        let mut value = execution::to_json(&state, waiting.as_ref(), Some(&head));
        if let Some(map) = value.as_object_mut() {
            map.insert("host_pid".to_owned(), driver.into());
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let (paint, now_ms) = (out.paint(), when::now_ms());
    out.line(&format!("{}\n", execution::headline(&state, paint)));
    out.line(&execution::steps(&state, now_ms, paint, terminal_width()));
    if let Some(ending) = execution::ending(&state, paint) {
        out.line(&ending);
    }
    out.line(&format!("\n{}", execution::about(&state, now_ms, paint)));
    if let Some(waiting) = &waiting {
        out.line(&format!(
            "\n{}",
            execution::next_steps(&state, waiting, paint)
        ));
    }
    // Where nobody drives it, what it waits for says what to type.
    if (waiting.is_none() || driver.is_some())
        && let Some(text) = execution::driver(&state, driver)
    {
        out.line(&format!("\n{text}"));
    }
    Ok(Exit::Success)
}
