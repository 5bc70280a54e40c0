//! `mandate plan …`: the artifact.

mod diff;
mod graph;
mod schema;
mod show;
mod validate;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};

/// The commands under `plan`.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Print the JSON Schema of plans
    #[command(after_help = "Examples:\n  mandate plan schema > plan.schema.json")]
    Schema,
    /// Check plans and report every mistake at once
    #[command(after_help = "Examples:\n  mandate plan validate plan.yaml\n  mandate plan validate plans/*.yaml --json\n  agent | mandate plan validate -")]
    Validate(validate::ValidateArgs),
    /// Show a plan as it will run: inputs, order, tools, what happens on failure
    #[command(after_help = "Examples:\n  mandate plan show plan.yaml\n  mandate plan show plan.yaml --canonical | sha256sum")]
    Show(show::ShowArgs),
    /// Draw a plan as a Mermaid graph
    #[command(after_help = "Examples:\n  mandate plan graph plan.yaml > plan.mmd\n  mandate plan graph --execution @last")]
    Graph(graph::GraphArgs),
    /// Say what differs between two plans
    #[command(after_help = "Examples:\n  mandate plan diff old.yaml new.yaml\n  mandate plan diff old.yaml new.yaml --json")]
    Diff(diff::DiffArgs),
}

/// A plan to read.
#[derive(Debug, Args)]
pub(crate) struct PlanArg {
    /// The plan, YAML or JSON; `-` reads standard input
    pub(crate) plan: String,
}

pub(crate) fn run(command: PlanCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Schema => schema::run(context),
        PlanCommand::Validate(args) => validate::run(&args, context),
        PlanCommand::Show(args) => show::run(&args, context),
        PlanCommand::Graph(args) => graph::run(&args, context),
        PlanCommand::Diff(args) => diff::run(&args, context),
    }
}
