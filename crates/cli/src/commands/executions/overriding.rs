//! `mandate executions override ID STEP`.

use super::{ExecutionArg, told};
use crate::{
    context::Context,
    drive::{self, Word},
    errors::{Exit, Failure},
    ids,
    step_path::StepPath,
};
use clap::Args;

/// What `executions override` takes.
#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// The step; `notify[3]` for one item of a `for_each` step, `child/pay` for a step of a nested plan
    pub(crate) step: String,
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: String,
}

pub(super) fn run(args: &OverrideArgs, context: &Context) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let (id, path) = StepPath::locate(&reader, &id, &args.step)?;
    drop(reader);
    let word = Word::Override {
        step: path.step,
        item: path.item,
        reason: args.reason.clone(),
    };
    let driver = drive::say(context.settings()?, &id, word)?;
    told(context, &id, driver, &words(&args.step))
}

/// What was done.
pub(crate) fn words(step: &str) -> String {
    format!("`{step}` may pass a policy deny once, with the arguments that it has now")
}
