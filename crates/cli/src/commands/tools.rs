//! `mandate tools …`: what plans can call.

mod call;
mod list;
mod show;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Subcommand;

/// The commands under `tools`.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// List the tools that there are
    #[command(after_help = "Examples:\n  mandate tools list\n  mandate tools list --json")]
    List,
    /// Show a tool: what it does to the world, what it takes and gives
    #[command(after_help = "Examples:\n  mandate tools show fs.read\n  mandate tools show http.request --json")]
    Show(show::ShowArgs),
    /// Call one tool, as a plan of one step: evaluated, approved and journaled like any other
    #[command(after_help = "Examples:\n  mandate tools call fs.read --arg path=README.md\n  mandate tools call http.request --arg url=https://example.com --yes\n  mandate tools call data.value --args '{\"value\": [1, 2]}'\n\nText may hold `${…}` as in a plan; `$${` stands for itself.")]
    Call(call::CallArgs),
}

pub(crate) fn run(command: ToolsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ToolsCommand::List => list::run(context),
        ToolsCommand::Show(args) => show::run(&args, context),
        ToolsCommand::Call(args) => call::run(&args, context),
    }
}
