//! `mandate executions replan ID --plan FILE`: another plan takes the place of the one that runs.

use super::ExecutionArg;
use crate::{
    context::Context,
    document::{note_warnings, read_plan},
    errors::{Exit, Failure},
    ids,
    launch::Launch,
    read_only, toolbox,
};
use clap::Args;
use mandate_host::Revises;
use mandate_plan::diff::diff;
use serde_json::Map;

/// What `executions replan` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplanArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// The whole plan as it is to be, YAML or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    plan: String,
    /// Why; kept in the journal
    #[arg(long)]
    reason: Option<String>,
    /// Approve the revision as the one who asked for the execution, without being asked
    #[arg(short, long)]
    yes: bool,
    /// Leave it to a process in the background, and say which
    #[arg(short, long, conflicts_with = "stream")]
    detach: bool,
    /// With `--json`: events as JSON Lines while it runs, then the result
    #[arg(long, requires = "json")]
    stream: bool,
}

pub(super) fn run(args: &ReplanArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let state = read_only::state(&reader, &id)?;
    drop(reader);
    // The host checks it with the tools that it has.
    let read = read_plan(context, &args.plan, None)?;
    note_warnings(context, &read);
    let changes = diff(state.plan().plan(), read.plan.plan()).to_string();
    if !context.out().is_json() && !changes.trim().is_empty() {
        let out = context.out();
        out.note(&format!(
            "{}\n{}\n",
            out.paint_notes().bold("Changes"),
            changes.trim_end()
        ));
    }
    let launch = Launch {
        source: read.source,
        inputs: Map::new(),
        deadline_ms: None,
        session: None,
        rerun: None,
        revises: Some(Revises {
            asked_for: false,
            execution_id: id,
            reason: args.reason.clone(),
        }),
        yes: args.yes,
        stream: args.stream,
        detach: args.detach,
        only: None,
    };
    launch.run(context, settings, toolbox::registry(settings)?)
}
