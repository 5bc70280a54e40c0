//! `mandate executions rerun ID`: the plan of an execution that has ended, once more, without doing again what was done.

use super::ExecutionArg;
use crate::{
    context::Context,
    document::Source,
    errors::{Exit, Failure},
    ids,
    launch::Launch,
    read_only, toolbox,
};
use clap::Args;
use mandate_host::Rerun;
use mandate_plan::Format;

/// What `executions rerun` takes.
#[derive(Debug, Args)]
pub(crate) struct RerunArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// Do this step and those behind it again in any case
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// Approve the plan as the one who asked for it, without being asked
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Leave it to a process in the background, and say which
    #[arg(short, long, conflicts_with = "stream")]
    pub(crate) detach: bool,
    /// With `--json`: events as JSON Lines while it runs, then the result
    #[arg(long, requires = "json")]
    pub(crate) stream: bool,
}

pub(super) fn run(args: &RerunArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let state = read_only::state(&reader, &id)?;
    drop(reader);
    if let Some(parent) = &state.created.parent {
        let failure = Failure::usage(format!("`{id}` is a step of another execution"));
        let parent = ids::short(&parent.execution_id);
        return Err(failure.remedy(format!(
            "`mandate executions rerun {parent}` runs all of it"
        )));
    }
    // The same that the host will find, so that what it takes over can be told before.
    let carried = mandate_engine::carry(&state, args.from.as_deref())
        .map_err(mandate_host::HostError::from)?;
    let names: Vec<&str> = carried.steps.keys().map(String::as_str).collect();
    if !names.is_empty() {
        let text = format!("not done again: {}", names.join(", "));
        context.out().note(&text);
    }
    let launch = Launch {
        source: Source {
            name: format!("the plan of execution {}", ids::short(&id)),
            bytes: state.plan().canonical().to_vec(),
            format: Format::Json,
        },
        inputs: state.created.inputs.clone(),
        deadline_ms: None,
        session: None,
        rerun: Some(Rerun {
            execution_id: id,
            from: args.from.clone(),
        }),
        revises: None,
        yes: args.yes,
        stream: args.stream,
        detach: args.detach,
        only: None,
    };
    launch.run(context, settings, toolbox::registry(settings)?)
}
