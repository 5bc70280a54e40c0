//! `mandate executions pause ID`.

use super::{ExecutionArg, told};
use crate::{
    context::Context,
    drive::{self, Word},
    errors::{Exit, Failure},
    ids,
};

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let id = ids::execution(&context.reader()?, &args.execution)?;
    let driver = drive::say(context.settings()?, &id, Word::Pause)?;
    let what = format!(
        "paused: no step starts until `mandate executions resume {}`",
        ids::short(&id)
    );
    told(context, &id, driver, &what)
}
