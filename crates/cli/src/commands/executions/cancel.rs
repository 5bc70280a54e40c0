//! `mandate executions cancel ID`.

use super::ExecutionArg;
use crate::{
    asking::Answering,
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids, launch, read_only,
    render::undo,
    toolbox,
};
use clap::Args;

/// What `executions cancel` takes.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Give up on steps in doubt, on undoing what was done, and on `finally`
    #[arg(long)]
    pub(crate) force: bool,
}

pub(super) fn run(args: &CancelArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let undone = undo::would_undo(&read_only::state(&context.reader()?, &id)?);
    if !undone.is_empty() && !args.force {
        let names = undone.join(", ");
        let text = format!("to be undone, in this order: {names}");
        context.out().note(&text);
    }
    let driver = Driver::start_for_one(settings, toolbox::registry(settings)?)?;
    driver.cancel(&id, args.reason.as_deref(), args.force)?;
    let exit = launch::stay(context, &driver, &id, false, None, Answering::nobody())?;
    driver.finish(context, &[id])?;
    match exit {
        // That it was cancelled is what was asked for.
        Exit::Cancelled => Ok(Exit::Success),
        other => Ok(other),
    }
}
