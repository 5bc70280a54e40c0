//! `mandate executions token ID`: a token for an execution that an agent drives.

use super::ExecutionArg;
use crate::{
    agent_run,
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids, token_file, toolbox,
};
use clap::Args;
use std::path::PathBuf;

/// What `executions token` takes.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// Where the token is written; only its owner can read the file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Only these steps can be called with it
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    steps: Option<Vec<String>>,
}

pub(super) fn run(args: &TokenArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let path = agent_run::place(settings, args.token_file.as_deref(), &id);
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let steps = args.steps.clone().map(|steps| steps.into_iter().collect());
    let issued = driver.token(&id, steps)?;
    token_file::write(&path, &issued.token)?;
    agent_run::tell(context, &driver, &id, &path, &issued)?;
    Ok(Exit::Success)
}
