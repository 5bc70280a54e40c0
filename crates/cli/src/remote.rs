//! Commands whose work a server does that runs elsewhere: `--server URL`.
//!
//! A command that is about an execution gets the events that the server has of it, and folds them into the same state
//! that the journal would give: what is told of it comes out of the same functions as without a server. Lists, requests,
//! tools and heads are the shapes of [`mandate_server::view`], read back.

mod address;
mod audit;
mod client;
mod executions;
mod follow;
mod ids;
mod inbox;
mod launch;
mod mirror;
mod problem;
mod sse;
mod switch;
mod tools;

pub(crate) use address::Named;

use crate::{
    args::Command,
    commands::{approvals::ApprovalsCommand, audit::AuditCommand, inbox::InboxCommand},
    context::Context,
    errors::{Exit, Failure, Kind},
};
use client::Client;

/// The variable with the server's address.
pub(crate) const VARIABLE: &str = "MANDATE_SERVER";

/// Has a command done by the server; none for one that is about what is here.
///
/// # Errors
/// What keeps it from being done, and that it cannot be done from elsewhere.
pub(crate) fn run(
    command: &Command,
    named: &Named,
    context: &Context,
) -> Result<Option<Exit>, Failure> {
    if let Some(name) = of_this_place(command) {
        // An address in the environment is for the commands that can use it.
        return match named.by_flag {
            true => Err(only_here(name)),
            false => Ok(None),
        };
    }
    let client = || Client::new(named);
    let exit = match command {
        Command::Run(args) => launch::run(args, &client()?, context),
        Command::Executions(command) => executions::run(command, named, context),
        Command::Inbox(InboxCommand::List(args)) => {
            inbox::list(args, &crate::commands::inbox::ALL, &client()?, context)
        }
        Command::Inbox(InboxCommand::Show(args)) => inbox::show(args, &client()?, context),
        Command::Inbox(InboxCommand::Answer(args)) => {
            inbox::answer(&args.given(), None, &client()?, context)
        }
        Command::Approvals(command) => approvals(command, named, context),
        Command::Tools(command) => tools::run(command, named, context),
        Command::Freeze(args) => switch::freeze(args, &client()?, context),
        Command::Thaw(args) => switch::thaw(args, &client()?, context),
        Command::Audit(AuditCommand::Head(args)) => audit::head(args, &client()?, context),
        Command::Audit(AuditCommand::Export(args)) => audit::export(args, &client()?, context),
        Command::Audit(AuditCommand::Verify(args)) => audit::verify(args, &client()?, context),
        Command::Audit(AuditCommand::Log(_)) => Err(only_here("audit log")),
        Command::Evaluate(_) => Err(only_here("evaluate")),
        Command::Keys(_) => Err(only_here("keys")),
        Command::Tokens(_) => Err(only_here("tokens")),
        Command::Sessions(_) => Err(only_here("sessions")),
        Command::Gc(_) => Err(only_here("gc")),
        _ => return Ok(None),
    };
    exit.map(Some)
}

/// The name of a command that is about files and processes of this machine, whatever server there is.
fn of_this_place(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Plan(_) => "plan",
        Command::Policy(_) => "policy",
        Command::Serve(_) => "serve",
        Command::Doctor(_) => "doctor",
        Command::Mcp(_) => "mcp",
        Command::Hook(_) => "hook",
        Command::Init(_) => "init",
        Command::Completions(_) => "completions",
        Command::Host(_) | Command::Docs { .. } => "this command",
        Command::Audit(AuditCommand::Verify(args)) if args.export.is_some() => {
            "audit verify --export"
        }
        _ => return None,
    })
}

fn approvals(
    command: &ApprovalsCommand,
    named: &Named,
    context: &Context,
) -> Result<Exit, Failure> {
    let about = &crate::commands::approvals::APPROVALS;
    let client = Client::new(named)?;
    match command {
        ApprovalsCommand::List(args) if args.standing => {
            Err(only_here("approvals list --standing"))
        }
        ApprovalsCommand::List(args) => inbox::list(&args.list, about, &client, context),
        ApprovalsCommand::Show(args) => inbox::show(args, &client, context),
        ApprovalsCommand::Approve(args) => {
            let terms = args.terms.terms()?;
            let given = args.word.given("approve", terms.as_ref());
            inbox::answer(&given, Some(about), &client, context)
        }
        ApprovalsCommand::Reject(args) => {
            inbox::answer(&args.given("reject", None), Some(about), &client, context)
        }
        ApprovalsCommand::Revoke(_) => Err(only_here("approvals revoke")),
    }
}

/// What cannot be asked of a server.
fn only_here(name: &str) -> Failure {
    Failure::new(
        Kind::NotSupported,
        format!("`{name}` cannot be done over a server"),
    )
    .remedy(format!(
        "run it where the journal is, without `--server` and `{VARIABLE}`; `docs/http-api.md` says what a server can be asked for"
    ))
}
