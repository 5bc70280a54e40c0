//! `mandate run PLAN`.

use crate::{
    agent_run,
    context::Context,
    document::{note_warnings, read_plan},
    errors::{Exit, Failure},
    holder::holder,
    inputs::InputArgs,
    launch::Launch,
    toolbox, when,
};
use clap::Args;
use mandate_plan::Mode;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate run plan.yaml
  mandate run plan.yaml --input folder=docs --input 'limit:=10'
  mandate run plan.yaml --yes --json > result.json
  agent | mandate run - --deadline 10m
  mandate run plan.yaml --yes --detach
  mandate run agent-plan.yaml --yes --token-file agent.token   # of mode `agent`: `executions call` does its steps

Without a terminal to ask in and without `--yes`, a plan that needs approval waits and the command exits with 4; \
`mandate approvals approve` and `mandate executions continue` carry on. Ctrl-C cancels; a second Ctrl-C leaves the \
execution for `mandate executions continue`.";

/// What `run` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The plan, YAML or JSON; `-` reads standard input
    pub(crate) plan: String,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// When it must have ended: `10m` from now, or a time such as `2026-07-01T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<String>,
    /// The session that its calls count for; without it, one of its own
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Approve the plan as the one who asked for it, without being asked
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Leave it to a process in the background, and say which
    #[arg(short, long, conflicts_with = "stream")]
    pub(crate) detach: bool,
    /// Of a plan of mode `agent`: where its token is written, instead of the data directory
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stream", "detach"])]
    pub(crate) token_file: Option<PathBuf>,
    /// With `--json`: events as JSON Lines while it runs, then the result
    #[arg(long, requires = "json")]
    pub(crate) stream: bool,
    /// A policy, file or folder, that must allow it, too, while this process drives
    #[arg(long, value_name = "PATH", conflicts_with = "detach")]
    pub(crate) policy: Vec<PathBuf>,
}

pub(crate) fn run(args: &RunArgs, context: &Context) -> Result<Exit, Failure> {
    let deadline_ms = args.deadline.as_deref().map(deadline_ms).transpose()?;
    let inputs = args.inputs.collect()?;
    context.add_policies(&args.policy);
    let settings = context.settings()?;
    if !args.policy.is_empty() && holder(&settings.data_dir).is_some() {
        let message =
            "another process drives executions here, under the policy of its own configuration";
        return Err(Failure::usage(message).remedy(
            "name the policy in `mandate.toml`, under `[policy] files`, or wait until that process has ended",
        ));
    }
    let registry = toolbox::registry(settings)?;
    // Where another process drives, it checks the plan with its own tools.
    let here = holder(&settings.data_dir).is_none();
    let read = read_plan(context, &args.plan, here.then_some(registry.as_ref()))?;
    note_warnings(context, &read);
    // What can be said without a journal is said before one is opened or waited for.
    read.plan
        .bind_inputs(&inputs)
        .map_err(mandate_host::HostError::Inputs)?;
    let agents = read.plan.plan().mode == Mode::Agent;
    if args.token_file.is_some() && !agents {
        return Err(Failure::usage(
            "`--token-file` is for plans of mode `agent`; the engine runs this one",
        ));
    }
    let launch = Launch {
        source: read.source,
        inputs,
        deadline_ms,
        session: args.session.clone(),
        rerun: None,
        revises: None,
        yes: args.yes,
        stream: args.stream,
        detach: args.detach,
        only: None,
    };
    if agents {
        return agent_run::run(
            &launch,
            args.token_file.as_deref(),
            context,
            settings,
            registry,
        );
    }
    launch.run(context, settings, registry)
}

/// The deadline that was typed.
///
/// # Errors
/// It is no time, or has passed.
pub(crate) fn deadline_ms(text: &str) -> Result<i64, Failure> {
    let now_ms = when::now_ms();
    let at_ms = when::future_ms(text, now_ms)
        .map_err(|error| Failure::usage(format!("`--deadline`: {error}")))?;
    if at_ms <= now_ms {
        return Err(
            Failure::usage(format!("`--deadline {text}` has passed already"))
                .remedy("give a later one"),
        );
    }
    Ok(at_ms)
}
