//! `mandate executions cancel ID`.

use super::ExecutionArg;
use crate::{
    context::Context,
    drive::{self, Driver},
    errors::{Exit, Failure},
    ids, launch,
    render::undo,
    toolbox,
};
use clap::Args;
use mandate_engine::Body;

/// What `executions cancel` takes.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// Why; kept in the journal
    #[arg(long)]
    reason: Option<String>,
    /// Give up on steps in doubt, on undoing what was done, and on `finally`
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &CancelArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let body = Body::CancelRequested {
        by: drive::actor(),
        reason: args.reason.clone(),
        force: args.force,
    };
    // Recorded before it is taken up, so that nothing new starts.
    let state = drive::record_only(settings, &id, body)?;
    let undone = undo::would_undo(&state);
    if !undone.is_empty() && !args.force {
        let names = undone.join(", ");
        context
            .out()
            .note(&format!("to be undone, in this order: {names}"));
    }
    let driver = Driver::start(settings, toolbox::registry(settings)?)?;
    driver.host()?.resume_from_journal(&id)?;
    match launch::stay(context, &driver, &id, false, None)? {
        // That it was cancelled is what was asked for.
        Exit::Cancelled => Ok(Exit::Success),
        other => Ok(other),
    }
}
