//! `mandate approvals …`: what waits for approval, and the answers.

mod answer;
mod list;
mod show;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};

/// The kinds of requests that are approvals.
const KINDS: &[&str] = &["plan", "revision", "step"];

/// The commands under `approvals`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for approval
    #[command(after_help = "Examples:\n  mandate approvals list\n  mandate approvals list --all --json")]
    List(list::ListArgs),
    /// Show what an approval would allow: every effect, with inputs and risk
    #[command(after_help = "Examples:\n  mandate approvals show @last")]
    Show(RequestArg),
    /// Approve a request; `executions continue` then carries the execution on
    #[command(after_help = "Examples:\n  mandate approvals approve @last --reason 'read it'\n  mandate executions continue @last")]
    Approve(answer::AnswerArgs),
    /// Reject a request; the execution ends
    #[command(after_help = "Examples:\n  mandate approvals reject @last --reason 'not on Fridays'")]
    Reject(answer::AnswerArgs),
}

/// A request.
#[derive(Debug, Args)]
pub(crate) struct RequestArg {
    /// The request: its id, the beginning of it or of its execution's id, or `@last`
    #[arg(value_name = "ID")]
    pub(crate) request: String,
}

pub(crate) fn run(command: ApprovalsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ApprovalsCommand::List(args) => list::run(&args, context),
        ApprovalsCommand::Show(args) => show::run(&args, context),
        ApprovalsCommand::Approve(args) => answer::run(&args, "approve", context),
        ApprovalsCommand::Reject(args) => answer::run(&args, "reject", context),
    }
}
