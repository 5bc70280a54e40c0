//! `mandate audit …`: the journal as evidence.

pub(crate) mod export;
pub(crate) mod head;
mod log;
pub(crate) mod verify;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Subcommand;

/// The kinds of events by which something was decided, asked, answered, refused or overridden.
const DECISIONS: &[&str] = &[
    "execution_created",
    "request_opened",
    "request_answered",
    "request_expired",
    "call_refused",
    "step_blocked",
    "step_held",
    "step_resolved",
    "revision_proposed",
    "plan_revised",
    "cancel_requested",
    "approval_revoked",
    "token_issued",
    "override_granted",
    "admission_refused",
    "policy_activated",
    "policy_changed",
    "key_created",
    "key_refused",
    "key_revoked",
    "signing_key_created",
    "token_key_created",
    "token_issued",
    "tool_accepted",
    "tool_changed",
    "tool_disabled",
    "tool_enabled",
    "passed_on",
    "frozen",
    "thawed",
];

/// The commands under `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show who decided, approved, refused, let pass or changed what
    #[command(
        after_help = "Examples:\n  mandate audit log --since 24h\n  mandate audit log --execution @last\n  mandate audit log --kind override_granted --principal ann --json"
    )]
    Log(log::LogArgs),
    /// Check every hash, every commit and every row of the journal, or of an export of one
    #[command(
        after_help = "Examples:\n  mandate audit verify\n  mandate audit verify --head 812:9f3c…   # a head that was kept elsewhere\n  mandate audit verify --export journal.jsonl --public-key 5d1e…   # needs nothing but the file"
    )]
    Verify(verify::VerifyArgs),
    /// Print the journal, signed, for other programs and for auditors
    #[command(
        after_help = "Examples:\n  mandate audit export > journal.jsonl\n  mandate audit export --format cloudevents --execution @last\n  mandate audit export --kind decisions --since 7d"
    )]
    Export(export::ExportArgs),
    /// Print number and hash of the last commit, signed, to keep them elsewhere
    #[command(
        after_help = "Examples:\n  mandate audit head\n  mandate audit head --public-key   # what exports are verified with\n  mandate audit head --json"
    )]
    Head(head::HeadArgs),
}

pub(crate) fn run(command: AuditCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Log(args) => log::run(&args, context),
        AuditCommand::Verify(args) => verify::run(&args, context),
        AuditCommand::Export(args) => export::run(&args, context),
        AuditCommand::Head(args) => head::run(&args, context),
    }
}
