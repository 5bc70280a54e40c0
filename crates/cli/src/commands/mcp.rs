//! `mandate mcp`: the gateway over standard input and output, and what clients have to be told.

mod config;
mod import;

use crate::{
    context::Context,
    errors::{Exit, Failure},
    gateway::{InTraces, Visiting},
    hosting,
};
use clap::{Args, Subcommand, ValueEnum};
use mandate_mcp::{ToolsList, Traces};
use std::{sync::Arc, time::Duration};

/// How long a process whose client has gone may stay to send its last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  mandate mcp                       # what an MCP client starts
  mandate mcp --tools-list stable   # the same list of tools for the whole plan

The client proposes a plan, somebody approves it (`mandate approvals approve`), and the client calls its tools. Nothing else \
is let through. Executions are driven by the process in the background, and outlive the client's.";

/// What `mcp` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct McpArgs {
    #[command(subcommand)]
    command: Option<McpCommand>,
    /// The session that the client's calls count for; without it, one of its own
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The execution that the client drives from the start
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Which tools of an approved plan are listed, instead of what the configuration says
    #[arg(long, value_enum, value_name = "WHICH")]
    tools_list: Option<Listed>,
}

/// The commands under `mcp`.
#[derive(Debug, Subcommand)]
enum McpCommand {
    /// Print what a client has to be told to use the gateway
    #[command(
        after_help = "Examples:\n  mandate mcp config --client claude-code > .mcp.json\n  mandate mcp config --client vscode --url https://mandate.example.org/mcp\n  mandate mcp config --client claude-code --lock-down"
    )]
    Config(config::ConfigArgs),
    /// Take the servers of another client's file over into `mandate.toml`
    #[command(
        after_help = "Examples:\n  mandate mcp import .mcp.json\n  mandate mcp import .vscode/mcp.json --write"
    )]
    Import(import::ImportArgs),
}

/// Which tools of an approved plan are listed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Listed {
    /// Those that may be called now
    Current,
    /// All of the plan, in one order
    Stable,
}

pub(crate) fn run(args: &McpArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.command {
        Some(McpCommand::Config(args)) => return config::run(args, context),
        Some(McpCommand::Import(args)) => return import::run(args, context),
        None => {}
    }
    // What is wrong with the configuration is told before the client says anything.
    let mut shown = context.settings()?.mcp.clone();
    if let Some(listed) = args.tools_list {
        shown.tools_list = match listed {
            Listed::Current => ToolsList::Current,
            Listed::Stable => ToolsList::Stable,
        };
    }
    crate::open_files::enough()?;
    // Tools are looked at here, and plans judged by the host: the policy is its matter.
    let settings = Arc::new(context.settings_without_policies()?);
    // One thread: what is passed on to the host and back wakes no other.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .thread_name("mandate-mcp")
        .build()
        .map_err(|error| Failure::io("cannot start the threads of the gateway", &error))?;
    // What the host says is read there.
    let within = runtime.enter();
    let reception = Arc::new(Visiting::new(settings.clone())?);
    drop(within);
    let telemetry = match settings.traces {
        Some(_) => Some(hosting::telemetry(&settings, runtime.handle())?),
        None => None,
    };
    let traces = telemetry.clone();
    let served = mandate_mcp::stdio::serve(
        reception,
        shown,
        args.session.clone(),
        args.execution.clone(),
        traces.map(|telemetry| -> Arc<dyn Traces> { Arc::new(InTraces(telemetry)) }),
    );
    let served = runtime.block_on(served);
    if let Some(telemetry) = telemetry {
        telemetry.settle(LAST_SPANS);
    }
    runtime.shutdown_background();
    served.map_err(|error| Failure::io("the client does not speak MCP", &error))?;
    Ok(Exit::Success)
}
