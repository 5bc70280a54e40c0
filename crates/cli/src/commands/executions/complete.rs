//! `mandate executions complete CALL`: what came of a call that was made outside.

use super::{call, resolve::output};
use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    render::shown,
    token_file, toolbox,
};
use clap::Args;
use mandate_engine::{call_id, parse_call_id};
use mandate_host::{AgentAnswer, AgentWish, Shown};
use mandate_tools::{CallReport, ReportedError};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What `executions complete` takes.
#[derive(Debug, Args)]
pub(crate) struct CompleteArgs {
    /// The call, as `executions enforce` names it; its execution may be shortened, or be `@last`
    #[arg(value_name = "CALL")]
    call: String,
    #[command(flatten)]
    report: Report,
    /// With `--error`: more for programs, a JSON file or JSON itself
    #[arg(long, value_name = "FILE|JSON", requires = "error")]
    details: Option<String>,
    /// The file with the token; the next token is written into it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// What came of it.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Report {
    /// The tool answered: its output, a JSON file or JSON itself
    #[arg(long, value_name = "FILE|JSON")]
    output: Option<String>,
    /// It answered with this error
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
}

pub(super) fn run(args: &CompleteArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let (typed, call) = parse_call_id(&args.call).ok_or_else(|| {
        Failure::usage(format!("`{}` is not the id of a call", args.call)).remedy(
            "`mandate executions enforce` prints it: the execution's id, a dot, and a number",
        )
    })?;
    let report = match (&args.report.output, &args.report.error) {
        (Some(text), _) => CallReport::Output(output(text)?),
        (None, error) => CallReport::Error(ReportedError {
            message: error.clone().unwrap_or_default(),
            details: args.details.as_deref().map(output).transpose()?,
        }),
    };
    let id = ids::execution(&context.reader()?, typed)?;
    let token = token_file::read(&args.token_file)?;
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let wish = AgentWish::Complete { call, report };
    let answer = driver.agent(&Shown::new(&id, &token), &wish)?;
    call::keep(&args.token_file, &answer)?;
    Ok(tell(context, &call_id(&id, call), &answer))
}

fn tell(context: &Context, call_id: &str, answer: &AgentAnswer) -> Exit {
    let out = context.out();
    let ended = answer.ended.as_deref().unwrap_or("unknown");
    let exit = match ended {
        "completed" => Exit::Success,
        _ => Exit::Failure,
    };
    if out.is_json() {
        let callable: Vec<Value> = { answer.callable.iter() }
            .map(|(step, tool)| json!({ "step": step, "tool": tool }))
            .collect();
        let expires_ms = answer.issued.as_ref().map(|issued| issued.expires_ms);
        out.value(&json!({
            "call_id": call_id,
            "step": answer.step,
            "item": answer.item,
            "ended": ended,
            "error": answer.error,
            "state": answer.state,
            "callable": callable,
            "token_expires_ms": expires_ms,
        }));
        return exit;
    }
    let step = answer.step.as_deref().unwrap_or_default();
    let state = &answer.state;
    out.line(&format!("`{step}` is {ended}; the execution is {state}"));
    if let Some(error) = &answer.error {
        let message = shown::lines(&error.message);
        out.note(&format!("{}: {message}", error.code));
    }
    exit
}
