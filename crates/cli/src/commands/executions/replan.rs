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
use mandate_engine::State;
use mandate_host::Revises;
use mandate_plan::{CheckedPlan, diff::diff};
use serde_json::Map;

/// What `executions replan` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplanArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// The whole plan as it is to be, YAML or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: String,
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Approve the revision as the one who asked for the execution, without being asked
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Leave it to a process in the background, and say which
    #[arg(short, long, conflicts_with = "stream")]
    pub(crate) detach: bool,
    /// With `--json`: events as JSON Lines while it runs, then the result
    #[arg(long, requires = "json")]
    pub(crate) stream: bool,
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
    note_changes(&state, &read.plan, context);
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

/// Shows people what the plan would change.
pub(crate) fn note_changes(state: &State, plan: &CheckedPlan, context: &Context) {
    let changes = diff(state.plan().plan(), plan.plan()).to_string();
    let out = context.out();
    if !out.is_json() && !changes.trim().is_empty() {
        let title = out.paint_notes().bold("Changes");
        out.note(&format!("{title}\n{}\n", changes.trim_end()));
    }
}
