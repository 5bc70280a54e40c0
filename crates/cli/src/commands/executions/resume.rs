//! `mandate executions resume ID`.

use super::{ExecutionArg, told};
use crate::{
    context::Context,
    drive::{self, Word},
    errors::{Exit, Failure},
    ids,
};

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let id = ids::execution(&context.reader()?, &args.execution)?;
    let driver = drive::say(context.settings()?, &id, Word::Resume)?;
    told(context, &id, driver, "resumed")
}
