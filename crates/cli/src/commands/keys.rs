//! `mandate keys …`: who has a key to this data directory, and what it may do.

mod act;
mod create;
mod list;
mod revoke;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Subcommand;

/// The commands under `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make an API key for somebody; it is shown once
    #[command(
        after_help = "Examples:\n  mandate keys create root --role admin\n  mandate keys create ann --role approver,sre\n  MANDATE_API_KEY=mandate_… mandate approvals approve @last\n\nRoles: agent (submits, never approves), viewer, submitter, approver, operator, auditor, admin; any other name is \
one of your own, for `role:NAME` in policies. Until there is an admin, the owner of the data directory makes keys."
    )]
    Create(create::CreateArgs),
    /// List the keys; the keys themselves are not kept
    #[command(after_help = "Examples:\n  mandate keys list\n  mandate keys list --all --json")]
    List(list::ListArgs),
    /// Let a key, or all keys of a name, hold no longer
    #[command(
        after_help = "Examples:\n  mandate keys revoke ann\n  mandate keys revoke key-3f2a9c01"
    )]
    Revoke(revoke::RevokeArgs),
}

pub(crate) fn run(command: KeysCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        KeysCommand::Create(args) => create::run(args, context),
        KeysCommand::List(args) => list::run(&args, context),
        KeysCommand::Revoke(args) => revoke::run(&args, context),
    }
}
