//! `mandate executions …`: look at executions, steer them, carry them on, replay them.

mod call;
pub(crate) mod cancel;
pub(crate) mod carry_on;
mod complete;
mod enforce;
pub(crate) mod events;
mod finish;
pub(crate) mod list;
pub(crate) mod overriding;
mod pause;
pub(crate) mod replan;
mod replay;
pub(crate) mod rerun;
pub(crate) mod resolve;
mod resume;
pub(crate) mod show;
mod status;
mod token;
pub(crate) mod watch;

use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids, read_only,
    render::execution,
};
use clap::{Args, Subcommand};

/// The commands under `executions`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExecutionsCommand {
    /// List executions, newest first
    #[command(
        after_help = "Examples:\n  mandate executions list\n  mandate executions list --unfinished\n  mandate executions list --waiting-for plan --older-than 2h\n  mandate executions list --state failed --since 7d --tool http.request --json"
    )]
    List(list::ListArgs),
    /// Show an execution: its steps, its result, what it waits for
    #[command(
        after_help = "Examples:\n  mandate executions show @last\n  mandate executions show 0197a1b2 --json"
    )]
    Show(ExecutionArg),
    /// Look on while another process drives an execution
    #[command(
        after_help = "Examples:\n  mandate executions watch @last\n  mandate executions watch @last --json   # the result, once it is there"
    )]
    Watch(ExecutionArg),
    /// Show what happened, event by event
    #[command(
        after_help = "Examples:\n  mandate executions events @last\n  mandate executions events @last --after 17 --json\n  mandate executions events @last --follow"
    )]
    Events(events::EventsArgs),
    /// End an execution
    #[command(
        after_help = "Examples:\n  mandate executions cancel @last --reason 'wrong folder'\n\nNothing new starts, and running calls get a moment to end. `--force` gives up on steps in doubt."
    )]
    Cancel(cancel::CancelArgs),
    /// Let no more steps of an execution start
    #[command(after_help = "Examples:\n  mandate executions pause @last")]
    Pause(ExecutionArg),
    /// Let steps of a paused execution start again
    #[command(
        after_help = "Examples:\n  mandate executions resume @last && mandate executions continue @last"
    )]
    Resume(ExecutionArg),
    /// Carry on unfinished executions, all of them if none is named
    #[command(
        after_help = "Examples:\n  mandate executions continue @last\n  mandate executions continue\n  mandate executions continue @last --detach"
    )]
    Continue(carry_on::ContinueArgs),
    /// Say what became of a step in doubt
    #[command(
        after_help = "Examples:\n  mandate executions resolve @last pay --done --output receipt.json\n  mandate executions resolve @last notify[3] --not-done\n  mandate executions resolve @last pay --fail --reason 'the bank refused'"
    )]
    Resolve(resolve::ResolveArgs),
    /// Let one step that has not begun pass a policy deny, once and with the arguments that it has
    #[command(
        after_help = "Examples:\n  mandate executions override @last publish --reason 'agreed with security'\n\nFor the operator. Of an execution that was blocked, run it again first (`executions rerun`) and override the step \nbefore it begins: while the plan waits for approval, is paused, or while calls are frozen. A freeze, the order of steps, \nargument rules, changed tools and rules that are marked `@absolute` are never passed."
    )]
    Override(overriding::OverrideArgs),
    /// Let another plan take the place of the one that runs
    #[command(
        after_help = "Examples:\n  mandate executions replan @last --plan better.yaml --reason 'the mirror is down'\n\nSteps that have begun must be in it as they are; all others may change. It needs the approval that a new plan would \nneed, and nothing new starts until that is given."
    )]
    Replan(replan::ReplanArgs),
    /// Run the plan of an execution that has ended once more, without doing again what was done
    #[command(
        after_help = "Examples:\n  mandate executions rerun @last\n  mandate executions rerun 0197a1b2 --from publish\n\nIt is a new execution, with an approval of its own. Outputs of steps that completed are taken over, unless they were \nundone, or need a step that is done again."
    )]
    Rerun(rerun::RerunArgs),
    /// Call the tool of a step, as the agent that drives the execution
    #[command(
        after_help = "Examples:\n  mandate executions call @last fs.read path=notes.txt --token-file agent.token\n  mandate executions call @last mail.send --args '{\"to\": \"ann\"}' --token-file agent.token --json\n\nThe plan has mode `agent`. Exit codes: 0 called, 1 the call failed, 3 refused, 4 a human is awaited, 6 a rate or \\\nbudget is used up."
    )]
    Call(call::CallArgs),
    /// Take the turn of a call that is made outside, as the agent that drives the execution
    #[command(
        after_help = "Examples:\n  mandate executions enforce @last crm.charge amount:=5 --token-file agent.token\n  mandate executions enforce @last crm.charge --args '{\"amount\": 5}' --token-file agent.token --json\n\nThe tool has `kind = \"external\"`, and the plan mode `agent`. Make the call with the arguments that are printed, and report \nwhat came of it with `executions complete`. Exit codes: 0 the turn is taken, 3 refused, 4 a human is awaited, 6 a rate or \nbudget is used up."
    )]
    Enforce(enforce::EnforceArgs),
    /// Report what came of a call that was made outside
    #[command(
        after_help = "Examples:\n  mandate executions complete @last.17 --output receipt.json --token-file agent.token\n  mandate executions complete 0197a1b2.17 --error 'the card was refused' --token-file agent.token\n\nFor whoever took its turn. The same report may be repeated; another one of the same call is refused."
    )]
    Complete(complete::CompleteArgs),
    /// Say that the agent has finished, with the whole or with one step
    #[command(
        after_help = "Examples:\n  mandate executions finish @last --token-file agent.token\n  mandate executions finish @last --step search --token-file agent.token\n\nSteps that are open then are skipped."
    )]
    Finish(finish::FinishArgs),
    /// Show what may be called now, as the agent that drives the execution; renews the token
    #[command(
        after_help = "Examples:\n  mandate executions status @last --token-file agent.token\n  mandate executions status @last --token-file agent.token --json"
    )]
    Status(status::StatusArgs),
    /// Write a token for an execution that an agent drives
    #[command(
        after_help = "Examples:\n  mandate executions token @last --token-file agent.token\n  mandate executions token @last --token-file helper.token --steps fetch,parse\n\nFor the one who asked for the execution. A token holds for 15 minutes, and a call renews one that is older than a minute."
    )]
    Token(token::TokenArgs),
    /// Work every decision out again from the journal and compare
    #[command(
        after_help = "Examples:\n  mandate executions replay @last\n  mandate executions replay @last --at 17   # the state after that event"
    )]
    Replay(replay::ReplayArgs),
}

/// An execution.
#[derive(Debug, Args)]
pub(crate) struct ExecutionArg {
    /// The execution: an id, its beginning, or `@last`
    #[arg(value_name = "ID")]
    pub(crate) execution: String,
}

pub(crate) fn run(command: ExecutionsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ExecutionsCommand::List(args) => list::run(&args, context),
        ExecutionsCommand::Show(args) => show::run(&args, context),
        ExecutionsCommand::Watch(args) => watch::run(&args, context),
        ExecutionsCommand::Events(args) => events::run(&args, context),
        ExecutionsCommand::Cancel(args) => cancel::run(&args, context),
        ExecutionsCommand::Pause(args) => pause::run(&args, context),
        ExecutionsCommand::Resume(args) => resume::run(&args, context),
        ExecutionsCommand::Continue(args) => carry_on::run(&args, context),
        ExecutionsCommand::Resolve(args) => resolve::run(&args, context),
        ExecutionsCommand::Override(args) => overriding::run(&args, context),
        ExecutionsCommand::Replan(args) => replan::run(&args, context),
        ExecutionsCommand::Rerun(args) => rerun::run(&args, context),
        ExecutionsCommand::Call(args) => call::run(&args, context),
        ExecutionsCommand::Enforce(args) => enforce::run(&args, context),
        ExecutionsCommand::Complete(args) => complete::run(&args, context),
        ExecutionsCommand::Finish(args) => finish::run(&args, context),
        ExecutionsCommand::Status(args) => status::run(&args, context),
        ExecutionsCommand::Token(args) => token::run(&args, context),
        ExecutionsCommand::Replay(args) => replay::run(&args, context),
    }
}

/// Tells what was said to an execution, and what carries it on: the process that drives it, or else what to type.
fn told(
    context: &Context,
    execution_id: &str,
    driver: Option<u32>,
    what: &str,
) -> Result<Exit, Failure> {
    let out = context.out();
    if out.is_json() {
        let state = read_only::state(&context.reader()?, execution_id)?;
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
        if let Some(map) = value.as_object_mut() {
            map.insert("host_pid".to_owned(), driver.into());
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let id = ids::short(execution_id);
    match driver {
        Some(pid) => out.line(&format!("{what}; process {pid} drives it")),
        None => {
            out.line(&format!("{what}; no process drives it now, this does:"));
            out.line(&format!("  mandate executions continue {id}"));
        }
    }
    Ok(Exit::Success)
}
