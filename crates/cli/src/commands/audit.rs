//! `mandate audit …`: the journal as evidence.

mod export;
mod head;
mod verify;

use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Subcommand;

/// The commands under `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every hash, every commit and every row of the journal
    #[command(after_help = "Examples:\n  mandate audit verify\n  mandate audit verify --head 812:9f3c…   # a head that was kept elsewhere")]
    Verify(verify::VerifyArgs),
    /// Print the journal for other programs
    #[command(after_help = "Examples:\n  mandate audit export > journal.jsonl\n  mandate audit export --format cloudevents --execution @last")]
    Export(export::ExportArgs),
    /// Print number and hash of the last commit, to keep them elsewhere
    #[command(after_help = "Examples:\n  mandate audit head\n  mandate audit head --json")]
    Head,
}

pub(crate) fn run(command: AuditCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify(args) => verify::run(&args, context),
        AuditCommand::Export(args) => export::run(&args, context),
        AuditCommand::Head => head::run(context),
    }
}
