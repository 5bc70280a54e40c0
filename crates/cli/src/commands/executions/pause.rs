//! `mandate executions pause ID`.

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
    let body = Body::ExecutionPaused { by: drive::actor() };
    let state = drive::record_only(context.settings()?, &id, body)?;
    let what = format!("paused; no step starts until `mandate executions resume {}`, and then:", ids::short(&id));
    Ok(told(context, &state, &what))
}
