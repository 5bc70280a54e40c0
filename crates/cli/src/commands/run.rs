//! `mandate run PLAN`.

use crate::{
    context::Context,
    document::{note_warnings, read_plan},
    drive::Driver,
    errors::{Exit, Failure},
    inputs::InputArgs,
    launch::Launch,
    toolbox, when,
};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  mandate run plan.yaml
  mandate run plan.yaml --input folder=docs --input 'limit:=10'
  mandate run plan.yaml --yes --json > result.json
  agent | mandate run - --deadline 10m

Without a terminal to ask in and without `--yes`, a plan that needs approval waits and the command exits with 4; \
`mandate approvals approve` and `mandate executions continue` carry on. Ctrl-C cancels; a second Ctrl-C leaves the \
execution for `mandate executions continue`.";

/// What `run` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The plan, YAML or JSON; `-` reads standard input
    plan: String,
    #[command(flatten)]
    inputs: InputArgs,
    /// When it must have ended: `10m` from now, or a time such as `2026-07-01T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
    /// Approve the plan as the one who asked for it, without being asked
    #[arg(short, long)]
    yes: bool,
    /// With `--json`: events as JSON Lines while it runs, then the result
    #[arg(long, requires = "json")]
    stream: bool,
}

pub(crate) fn run(args: &RunArgs, context: &Context) -> Result<Exit, Failure> {
    let deadline_ms = args.deadline.as_deref().map(deadline_ms).transpose()?;
    let inputs = args.inputs.collect()?;
    let settings = context.settings()?;
    let registry = toolbox::registry(settings)?;
    let read = read_plan(context, &args.plan, Some(&registry))?;
    note_warnings(context, &read);
    let launch = Launch {
        plan: read.plan,
        inputs,
        deadline_ms,
        yes: args.yes,
        stream: args.stream,
        only: None,
    };
    // What can be said without a journal is said before one is opened or waited for.
    launch
        .plan
        .bind_inputs(&launch.inputs)
        .map_err(mandate_host::HostError::Inputs)?;
    let driver = Driver::start(settings, registry)?;
    launch.run(context, &driver)
}

fn deadline_ms(text: &str) -> Result<i64, Failure> {
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
