//! The command line: every command, each with an example. What a command does is in its file under `commands/`.

use crate::{
    commands::{
        approvals, audit, completions, doctor, evaluate, executions, freeze, gc, hook, host, inbox,
        init, keys, mcp, plan, policy, run, serve, sessions, tokens, tools,
    },
    output::Colour,
};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate plan validate plan.yaml       check a plan, all mistakes at once
  mandate evaluate plan.yaml            say what it would do, without doing it
  mandate run plan.yaml                 run it, asking for approval where needed
  mandate executions show @last         look at the newest execution
  mandate audit verify                  check the journal
  mandate --server URL inbox list       the same, of a server elsewhere

Exit codes: 0 success, 1 failure, 2 wrong usage or invalid plan, 3 denied by policy, 4 waits for a human, 5 partial, \
6 rate or budget used up, 130 cancelled.";

/// Runs the plans that AI agents make, and nothing else.
#[derive(Debug, Parser)]
#[command(name = "mandate", version, after_help = EXAMPLES, max_term_width = 110)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// Stable output for programs on standard output; everything else goes to standard error
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) json: bool,
    /// Where the journal is, instead of `.mandate` beside the nearest `mandate.toml`
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Options of every command"
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// Have a `mandate serve` do it that runs elsewhere: its address, such as `https://mandate.example.org`. Without it, the
    /// address in `MANDATE_SERVER`; the key is the one in `MANDATE_API_KEY`
    #[arg(
        long = "server",
        global = true,
        value_name = "URL",
        conflicts_with = "data_dir",
        help_heading = "Options of every command"
    )]
    pub(crate) server_url: Option<String>,
    /// Let the key go to a server of another machine without TLS
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) allow_http: bool,
    /// When to use colours
    #[arg(long = "color", global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    #[arg(help_heading = "Options of every command")]
    pub(crate) colour: Colour,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plan: check it, ask for approval where needed, carry it out
    Run(run::RunArgs),
    /// Look at plans: schema, validate, show, graph, diff
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Say what a plan would do and what policy says, without doing it
    Evaluate(evaluate::EvaluateArgs),
    /// Say what agents may do: check, show, test, explain, try out and import policies
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Look at executions, steer them, carry them on, replay them
    #[command(subcommand)]
    Executions(executions::ExecutionsCommand),
    /// See everything that waits for a human, and answer
    #[command(subcommand)]
    Inbox(inbox::InboxCommand),
    /// See what waits for approval, and answer
    #[command(subcommand)]
    Approvals(approvals::ApprovalsCommand),
    /// Give people and agents keys that say who they are
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Verify and export the journal
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Narrow the tokens of agents, and change their keys
    #[command(subcommand)]
    Tokens(tokens::TokensCommand),
    /// See what the calls of sessions add up to
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// See the tools that plans can call, and call one
    #[command(subcommand)]
    Tools(tools::ToolsCommand),
    /// Answer over HTTP: API and web console
    Serve(serve::ServeArgs),
    /// Let an MCP client propose plans and call what was approved: a gateway over standard input and output
    Mcp(mcp::McpArgs),
    /// Hold an agent's own tools to its plan: answer its hooks
    #[command(subcommand)]
    Hook(hook::HookCommand),
    /// Let no new call of any execution be made, until `thaw`
    #[command(
        after_help = "Examples:\n  mandate freeze --reason 'the agent misbehaves'\n  mandate thaw\n\nIt holds for every execution, also for those that are started later. Calls under way end by themselves; everything \nelse waits, what undoes something too. `executions pause` stops a single execution."
    )]
    Freeze(freeze::SwitchArgs),
    /// Let calls be made again
    #[command(after_help = "Examples:\n  mandate thaw --reason 'looked at it'")]
    Thaw(freeze::SwitchArgs),
    /// Move what ended long ago from the journal to a file
    #[command(
        after_help = "Examples:\n  mandate gc --older-than 30d --dry-run\n  mandate gc --older-than 30d\n  mandate gc --older-than 90d --to /backup/2026-q1.jsonl --vacuum\n\nThe file is a signed export: `mandate audit verify --export FILE` verifies it. Unfinished executions, those in doubt, and \nwhatever belongs to them stay. The journal stays provable: a tombstone says of each execution where it went."
    )]
    Gc(gc::GcArgs),
    /// Look for what is wrong with the set-up, and say what to do
    #[command(
        after_help = "Examples:\n  mandate doctor\n  mandate doctor --json\n  mandate doctor --client claude-code   # the ways around the gateway that an agent has"
    )]
    Doctor(doctor::DoctorArgs),
    /// Write a commented `mandate.toml` into a folder
    Init(init::InitArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Drive executions in the background
    #[command(name = "__host", hide = true)]
    Host(host::HostArgs),
    /// Print documentation that is made from the program itself
    #[command(name = "__docs", hide = true)]
    Docs {
        /// Which: `cli`, `configuration` or `openapi`
        what: String,
    },
}

/// The whole command line, for completions, documentation and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    fn visit(command: &clap::Command, path: &str, without: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let group = command.get_subcommands().next().is_some();
        if !group && !command.is_hide_set() && !help.contains("mandate ") {
            without.push(path.trim().to_owned());
        }
        for inner in command.get_subcommands() {
            visit(inner, &path, without);
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let mut without = Vec::new();
        visit(&command(), "", &mut without);
        assert_eq!(without, Vec::<String>::new());
    }
}
