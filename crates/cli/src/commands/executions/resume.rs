//! `mandate executions resume ID`.

use super::{ExecutionArg, told};
use crate::{
    context::Context,
    drive,
    errors::{Exit, Failure},
    ids,
};
use mandate_engine::Body;

pub(super) fn run(args: &ExecutionArg, context: &Context) -> Result<Exit, Failure> {
    let id = ids::execution(&context.reader()?, &args.execution)?;
    let body = Body::ExecutionResumed { by: drive::actor() };
    let state = drive::record_only(context.settings()?, &id, body)?;
    Ok(told(context, &state, "resumed; this carries it on:"))
}
