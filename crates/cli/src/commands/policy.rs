//! `mandate policy …`: what agents may do.

mod check;
mod show;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Subcommand;

/// The commands under `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check policies: types, names, rules that can never match or that change nothing
    Check(check::CheckArgs),
    /// Show the policy that holds here: its sets, their rules, its version
    Show(show::ShowArgs),
}

pub(crate) fn run(command: PolicyCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check::run(&args, context),
        PolicyCommand::Show(args) => show::run(&args, context),
    }
}
