//! `mandate executions events ID`.

use super::ExecutionArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    ids,
    output::Paint,
    render::{event, shown},
    when::show_clock,
};
use clap::Args;
use mandate_host::recovery;
use std::{thread::sleep, time::Duration};

const PAGE: usize = 256;
const POLL: Duration = Duration::from_millis(100);

/// What `executions events` takes.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// Only events behind this one
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) after: u64,
    /// Stay, and show what happens until the execution ends or nobody drives it
    #[arg(short, long)]
    pub(crate) follow: bool,
}

pub(super) fn run(args: &EventsArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let mut next = args.after.saturating_add(1);
    let mut ended = false;
    loop {
        let page = reader.read(&id, next, PAGE)?;
        for record in &page {
            if out.is_json() {
                out.value_line(&event::to_json(record));
            } else {
                let said = match recovery::event(record) {
                    Ok(event) => shown::short(&event::summary(&event), 200),
                    Err(error) => error.to_string(),
                };
                let (seq, at_ms) = (record.seq, record.at_ms);
                out.line(&line(seq, at_ms, &record.kind, &said, out.paint()));
            }
            next = record.seq.saturating_add(1);
            ended |= record.kind == "execution_finished";
        }
        out.flush();
        if out.is_closed()
            || (page.is_empty() && (!args.follow || ended || holder(reader.dir()).is_none()))
        {
            return Ok(Exit::Success);
        }
        if page.is_empty() {
            sleep(POLL);
        }
    }
}

/// One event for people.
pub(crate) fn line(seq: u64, at_ms: i64, kind: &str, said: &str, paint: Paint) -> String {
    format!(
        "{} {}  {}  {said}",
        paint.dim(&format!("{seq:>5}")),
        paint.dim(&show_clock(at_ms, true)),
        paint.look(event::look(kind), &format!("{kind:<19}"))
    )
    .trim_end()
    .to_owned()
}
