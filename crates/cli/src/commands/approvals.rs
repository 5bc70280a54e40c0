//! `mandate approvals …`: what waits for approval, and the answers.

mod revoke;
pub(super) mod standing;

use super::inbox::{RequestArg, View, answer, list, show};
use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};
use mandate_host::StandingTerms;

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

/// What `approve` takes beside.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    word: WordArgs,
    #[command(flatten)]
    terms: standing::TermArgs,
}

/// What `list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    list: list::ListArgs,
    /// The approvals that stand for further executions, instead
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    standing: bool,
}

/// The commands under `approvals`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for approval
    #[command(
        after_help = "Examples:\n  mandate approvals list\n  mandate approvals list --all --json\n  mandate approvals list --standing"
    )]
    List(ListArgs),
    /// Show what an approval would allow: every effect, with inputs and risk
    #[command(after_help = "Examples:\n  mandate approvals show @last")]
    Show(RequestArg),
    /// Approve a request; `executions continue` then carries the execution on
    #[command(
        after_help = "Examples:\n  mandate approvals approve @last --reason 'read it'\n  mandate executions continue @last\n  mandate approvals approve @last --runs 20 --until 7d --inputs 'report=reports/*.md'"
    )]
    Approve(ApproveArgs),
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
        ApprovalsCommand::List(args) if args.standing => standing::list(args.list.all, context),
        ApprovalsCommand::List(args) => list::run(&args.list, &APPROVALS, context),
        ApprovalsCommand::Show(args) => show::run(&args, context),
        ApprovalsCommand::Approve(args) => {
            say(&args.word, "approve", args.terms.terms()?.as_ref(), context)
        }
        ApprovalsCommand::Reject(args) => say(&args, "reject", None, context),
        ApprovalsCommand::Revoke(args) => revoke::run(&args, context),
    }
}

fn say(
    args: &WordArgs,
    choice: &str,
    terms: Option<&StandingTerms>,
    context: &Context,
) -> Result<Exit, Failure> {
    let given = answer::Given {
        request: &args.request.request,
        choice: Some(choice),
        data: None,
        reason: args.reason.as_deref(),
        terms,
    };
    answer::give(&given, Some(&APPROVALS), context)
}
