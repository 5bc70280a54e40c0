//! `mandate executions status ID`: where an agent's execution is, and what it may call.

use super::{ExecutionArg, call, enforce};
use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    render::shown,
    token_file, toolbox,
};
use clap::Args;
use mandate_host::{AgentAnswer, AgentWish, CallableStep, Shown};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The longest that one argument is shown, in characters; `--json` has all of it.
const WIDTH: usize = 400;

/// What `executions status` takes.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// The file with the token; the next token is written into it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

pub(super) fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let token = token_file::read(&args.token_file)?;
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let answer = driver.agent(&Shown::new(&id, &token), &AgentWish::Status)?;
    call::keep(&args.token_file, &answer)?;
    if context.out().is_json() {
        context.out().value(&json!({
            "state": answer.state,
            "waiting_for": answer.waiting_for,
            "steps": answer.steps,
            "under_way": answer.under_way,
            "token_expires_ms": answer.issued.as_ref().map(|issued| issued.expires_ms),
        }));
    } else {
        tell(context, &answer);
    }
    Ok(Exit::Success)
}

fn tell(context: &Context, answer: &AgentAnswer) {
    let out = context.out();
    let waits = answer.waiting_for.as_ref();
    let waits = waits.map_or_else(String::new, |waits| format!(", waits for: {}", waits.kind));
    out.line(&format!("the execution is {}{waits}", answer.state));
    for taken in &answer.under_way {
        let [call, due] = enforce::lines(taken);
        out.line(&format!(
            "under way outside: {}  {call}, {due}",
            taken.call_id
        ));
    }
    if answer.steps.is_empty() {
        out.line("nothing may be called now");
    }
    for step in &answer.steps {
        tell_step(context, step);
    }
}

fn tell_step(context: &Context, step: &CallableStep) {
    let (out, paint) = (context.out(), context.out().paint());
    let items: Vec<String> = step.items.iter().map(|item| format!("[{item}]")).collect();
    let confirm = match step.confirm {
        true => "  (a human is asked first)",
        false => "",
    };
    let outside = match step.outside {
        true => "  (called outside: `executions enforce`)",
        false => "",
    };
    out.line(&format!(
        "{}{}  {}{outside}{confirm}",
        paint.bold(&step.step),
        items.concat(),
        step.tool
    ));
    let rules = [
        ("", &step.args),
        ("allow ", &step.allow),
        ("deny ", &step.deny),
    ];
    for (word, value) in rules {
        let Value::Object(map) = value else { continue };
        for (name, value) in map.iter().filter(|(_, value)| !is_nothing(value)) {
            let name = paint.dim(&format!("{word}{}:", shown::line(name)));
            out.line(&format!("    {name} {}", shown::value(value, WIDTH)));
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
