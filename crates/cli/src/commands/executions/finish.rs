//! `mandate executions finish ID`: an agent has finished.

use super::{ExecutionArg, call};
use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    step_path::StepPath,
    token_file, toolbox,
};
use clap::Args;
use mandate_host::{AgentWish, Shown};
use std::path::PathBuf;

/// What `executions finish` takes.
#[derive(Debug, Args)]
pub(crate) struct FinishArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// No further call of this step, which the plan allows more often; `notify[3]` for one item
    #[arg(long)]
    step: Option<String>,
    /// The file with the token
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

pub(super) fn run(args: &FinishArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let step = args.step.as_deref().map(StepPath::parse).transpose()?;
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let token = token_file::read(&args.token_file)?;
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let wish = AgentWish::Finish {
        item: step.as_ref().and_then(|path| path.item),
        step: step.map(|path| path.step),
    };
    let answer = driver.agent(&Shown::new(&id, &token), &wish)?;
    call::keep(&args.token_file, &answer)?;
    if !context.out().is_json() {
        context
            .out()
            .line(&format!("finished; the execution is {}", answer.state));
    } else {
        call::tell(context, &answer);
    }
    Ok(Exit::Success)
}
