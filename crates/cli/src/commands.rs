//! One file per command.

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod executions;
pub(crate) mod freeze;
pub(crate) mod gc;
pub(crate) mod hook;
pub(crate) mod host;
pub(crate) mod inbox;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod mcp;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod tokens;
pub(crate) mod tools;

use crate::{
    args::Command,
    context::Context,
    errors::{Exit, Failure},
    remote,
};

/// Runs a command.
///
/// # Errors
/// What kept it from doing what was asked.
pub(crate) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    if let Some(server) = context.server()
        && let Some(exit) = remote::run(&command, &server, context)?
    {
        return Ok(exit);
    }
    match command {
        Command::Run(args) => run::run(&args, context),
        Command::Plan(command) => plan::run(command, context),
        Command::Evaluate(args) => evaluate::run(&args, context),
        Command::Policy(command) => policy::run(command, context),
        Command::Executions(command) => executions::run(command, context),
        Command::Approvals(command) => approvals::run(command, context),
        Command::Inbox(command) => inbox::run(command, context),
        Command::Keys(command) => keys::run(command, context),
        Command::Audit(command) => audit::run(command, context),
        Command::Tokens(command) => tokens::run(command, context),
        Command::Sessions(command) => sessions::run(command, context),
        Command::Tools(command) => tools::run(command, context),
        Command::Serve(args) => serve::run(&args, context),
        Command::Mcp(args) => mcp::run(&args, context),
        Command::Hook(command) => hook::run(&command, context),
        Command::Freeze(args) => freeze::freeze(&args, context),
        Command::Thaw(args) => freeze::thaw(&args, context),
        Command::Gc(args) => gc::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Host(args) => host::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Docs { what } => reference::run(&what, context),
    }
}
