//! `mandate policy …`: what agents may do, and what came of it.

mod backtest;
mod candidate;
mod check;
mod explain;
mod import;
mod shadow;
mod show;
mod test;

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
    /// Run test files: a plan or a call, and what is to be decided about it
    Test(test::TestArgs),
    /// Say of each step of a plan which rules matched, which did not, and why
    Explain(explain::ExplainArgs),
    /// Try a policy on the executions of the journal, and say what would have been decided otherwise
    Backtest(backtest::BacktestArgs),
    /// Show what the policy under `policy.shadow` would have decided otherwise
    Shadow(shadow::ShadowArgs),
    /// Turn rules in JSON into a policy set
    Import(import::ImportArgs),
}

pub(crate) fn run(command: PolicyCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check::run(&args, context),
        PolicyCommand::Show(args) => show::run(&args, context),
        PolicyCommand::Test(args) => test::run(&args, context),
        PolicyCommand::Explain(args) => explain::run(&args, context),
        PolicyCommand::Backtest(args) => backtest::run(&args, context),
        PolicyCommand::Shadow(args) => shadow::run(&args, context),
        PolicyCommand::Import(args) => import::run(&args, context),
    }
}
