//! `mandate approvals …`: what waits for approval, and the answers.

mod revoke;
pub(crate) mod standing;

use super::inbox::{RequestArg, View, answer, list, show};
use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};
use mandate_host::StandingTerms;

/// The requests that are approvals.
pub(crate) const APPROVALS: View = View {
    kinds: &["plan", "revision", "step"],
    name: "approvals",
    empty: "nothing waits for approval",
};

/// What `approve` and `reject` take.
#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    #[command(flatten)]
    pub(crate) request: RequestArg,
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// What `approve` takes beside.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    pub(crate) word: WordArgs,
    #[command(flatten)]
    pub(crate) terms: standing::TermArgs,
}

/// What `list` takes.
#[derive(Debug, Args)]
pub(crate) struct ApprovalListArgs {
    #[command(flatten)]
    pub(crate) list: list::ListArgs,
    /// The approvals that stand for further executions, instead
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    pub(crate) standing: bool,
}

/// The commands under `approvals`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for approval
    #[command(
        after_help = "Examples:\n  mandate approvals list\n  mandate approvals list --all --json\n  mandate approvals list --standing"
    )]
    List(ApprovalListArgs),
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
    answer::give(&args.given(choice, terms), Some(&APPROVALS), context)
}

impl WordArgs {
    /// The answer that they are.
    pub(crate) fn given<'a>(
        &'a self,
        choice: &'a str,
        terms: Option<&'a StandingTerms>,
    ) -> answer::Given<'a> {
        answer::Given {
            request: &self.request.request,
            choice: Some(choice),
            data: None,
            reason: self.reason.as_deref(),
            terms,
        }
    }
}
