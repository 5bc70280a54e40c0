//! `mandate approvals …`: what waits for approval, and the answers.

mod revoke;

use super::inbox::{RequestArg, View, answer, list, show};
use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};

/// The requests that are approvals.
pub(super) const APPROVALS: View = View {
    kinds: &["plan", "revision", "step"],
    name: "approvals",
    empty: "nothing waits for approval",
};

/// What `approve` and `reject` take.
#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    #[command(flatten)]
    request: RequestArg,
    /// Why; kept in the journal
    #[arg(long)]
    reason: Option<String>,
}

/// The commands under `approvals`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for approval
    #[command(
        after_help = "Examples:\n  mandate approvals list\n  mandate approvals list --all --json"
    )]
    List(list::ListArgs),
    /// Show what an approval would allow: every effect, with inputs and risk
    #[command(after_help = "Examples:\n  mandate approvals show @last")]
    Show(RequestArg),
    /// Approve a request; `executions continue` then carries the execution on
    #[command(
        after_help = "Examples:\n  mandate approvals approve @last --reason 'read it'\n  mandate executions continue @last"
    )]
    Approve(WordArgs),
    /// Reject a request: the execution ends, or the step fails
    #[command(after_help = "Examples:\n  mandate approvals reject @last --reason 'not on Fridays'")]
    Reject(WordArgs),
    /// Take an approval back: the execution stops, and no further call of it is made
    #[command(
        after_help = "Examples:\n  mandate approvals revoke @last --reason 'the wrong account'\n  mandate approvals revoke 0197a1b2\n\nWhat was done is not undone: that needs permits, too. `executions cancel` stops an execution and undoes."
    )]
    Revoke(revoke::RevokeArgs),
}

pub(crate) fn run(command: ApprovalsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ApprovalsCommand::List(args) => list::run(&args, &APPROVALS, context),
        ApprovalsCommand::Show(args) => show::run(&args, context),
        ApprovalsCommand::Approve(args) => say(&args, "approve", context),
        ApprovalsCommand::Reject(args) => say(&args, "reject", context),
        ApprovalsCommand::Revoke(args) => revoke::run(&args, context),
    }
}

fn say(args: &WordArgs, choice: &str, context: &Context) -> Result<Exit, Failure> {
    let given = answer::Given {
        request: &args.request.request,
        choice: Some(choice),
        data: None,
        reason: args.reason.as_deref(),
    };
    answer::give(&given, Some(&APPROVALS), context)
}
