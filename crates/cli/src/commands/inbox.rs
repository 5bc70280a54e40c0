//! `mandate inbox …`: everything that waits for a human. `approvals` is its view on what is approved or rejected.

pub(crate) mod answer;
pub(crate) mod list;
pub(crate) mod show;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::{Args, Subcommand};

/// Which requests a command is about.
pub(crate) struct View {
    /// The kinds; none = all.
    pub(crate) kinds: &'static [&'static str],
    /// The name of the list in `--json`.
    pub(crate) name: &'static str,
    /// What is said when the list is empty.
    pub(crate) empty: &'static str,
}

/// Everything.
pub(crate) const ALL: View = View {
    kinds: &[],
    name: "requests",
    empty: "nothing waits for an answer",
};

/// The commands under `inbox`.
#[derive(Debug, Subcommand)]
pub(crate) enum InboxCommand {
    /// List what waits for an answer
    #[command(after_help = "Examples:\n  mandate inbox list\n  mandate inbox list --all --json")]
    List(list::ListArgs),
    /// Show what is asked, and what can be answered
    #[command(after_help = "Examples:\n  mandate inbox show @last")]
    Show(RequestArg),
    /// Answer a request
    #[command(
        after_help = "Examples:\n  mandate inbox answer @last approve --reason 'looks right'\n  mandate inbox answer req-3f2 supply --data '{\"id\": 7}'\n  mandate inbox answer @last --data 'a free text'"
    )]
    Answer(answer::AnswerArgs),
}

/// A request.
#[derive(Debug, Args)]
pub(crate) struct RequestArg {
    /// The request: its id, the beginning of it or of its execution's id, or `@last`
    #[arg(value_name = "ID")]
    pub(crate) request: String,
}

pub(crate) fn run(command: InboxCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        InboxCommand::List(args) => list::run(&args, &ALL, context),
        InboxCommand::Show(args) => show::run(&args, context),
        InboxCommand::Answer(args) => answer::run(&args, context),
    }
}
