//! `mandate executions show ID`.

use super::ExecutionArg;
use crate::{
    commands::freeze,
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    ids,
    output::Look,
    read_only,
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
    let freeze = freeze::standing(&reader)?.filter(|_| state.ending.is_none());
    if out.is_json() {
        let mut value = execution::to_json(&state, waiting.as_ref(), Some(&head));
        if let Some(map) = value.as_object_mut() {
            map.insert("host_pid".to_owned(), driver.into());
            map.insert("freeze".to_owned(), serde_json::json!(freeze));
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
    if let Some(freeze) = &freeze {
        let text = format!(
            "{}; `mandate thaw` ends it",
            freeze::sentence(freeze, now_ms)
        );
        out.line(&format!("\n{}", paint.look(Look::Warn, &text)));
    }
    // Where nobody drives it, what it waits for says what to type.
    if (waiting.is_none() || driver.is_some())
        && let Some(text) = execution::driver(&state, driver)
    {
        out.line(&format!("\n{text}"));
    }
    Ok(Exit::Success)
}
