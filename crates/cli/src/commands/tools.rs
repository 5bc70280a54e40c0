//! `mandate tools …`: what plans can call.

mod accept;
pub(crate) mod act;
mod call;
mod diff;
pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod switch;

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
    #[command(
        after_help = "Examples:\n  mandate tools show fs.read\n  mandate tools show http.request --json"
    )]
    Show(show::ShowArgs),
    /// Call one tool, as a plan of one step: evaluated, approved and journaled like any other
    #[command(
        after_help = "Examples:\n  mandate tools call fs.read --arg path=README.md\n  mandate tools call http.request --arg url=https://example.com --yes\n  mandate tools call data.value --args '{\"value\": [1, 2]}'\n\nText may hold `${…}` as in a plan; `$${` stands for itself."
    )]
    Call(call::CallArgs),
    /// Accept definitions of servers' tools that nobody has accepted yet
    #[command(
        after_help = "Examples:\n  mandate tools lock\n  mandate tools lock git --effect git.git_log=read\n\nWhat has changed since it was accepted is left as it is: see `mandate tools diff`."
    )]
    Lock(accept::AcceptArgs),
    /// Show what has changed since it was accepted
    #[command(
        after_help = "Examples:\n  mandate tools diff\n  mandate tools diff github.create_issue\n\nExit code 1 if anything has changed."
    )]
    Diff(diff::DiffArgs),
    /// Accept definitions of servers' tools as they are now, changed ones too
    #[command(
        after_help = "Examples:\n  mandate tools accept github.create_issue\n  mandate tools accept git --effect git.git_log=read\n  mandate tools accept"
    )]
    Accept(accept::AcceptArgs),
    /// Replace the process of a tool server
    #[command(after_help = "Examples:\n  mandate tools restart github")]
    Restart(switch::RestartArgs),
    /// Let no plan use a tool, or a whole server
    #[command(
        after_help = "Examples:\n  mandate tools disable github.delete_repository\n  mandate tools disable github"
    )]
    Disable(switch::SwitchArgs),
    /// Let plans use again what was disabled
    #[command(after_help = "Examples:\n  mandate tools enable github")]
    Enable(switch::SwitchArgs),
}

pub(crate) fn run(command: ToolsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ToolsCommand::List => list::run(context),
        ToolsCommand::Show(args) => show::run(&args, context),
        ToolsCommand::Call(args) => call::run(&args, context),
        ToolsCommand::Lock(args) => accept::run(&args, false, context),
        ToolsCommand::Accept(args) => accept::run(&args, true, context),
        ToolsCommand::Diff(args) => diff::run(&args, context),
        ToolsCommand::Restart(args) => switch::restart(&args, context),
        ToolsCommand::Disable(args) => switch::disable(&args, context),
        ToolsCommand::Enable(args) => switch::enable(&args, context),
    }
}
