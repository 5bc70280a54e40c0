//! `mandate executions call ID TOOL`: an agent's call of one step.

use super::ExecutionArg;
use crate::{
    context::Context,
    document::{Source, exists},
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    inputs::assignment,
    render::shown,
    token_file, toolbox,
};
use clap::Args;
use mandate_host::{AgentAnswer, AgentWish, Shown};
use mandate_plan::ErrorCode;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// What `executions call` takes.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// The tool: `server.tool`
    tool: String,
    #[command(flatten)]
    arguments: Arguments,
    /// The file with the token; the next token is written into it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

/// The arguments of an agent's call.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Arguments: `NAME=TEXT`, or `NAME:=JSON` for numbers, lists and objects
    #[arg(value_name = "NAME=VALUE")]
    arguments: Vec<String>,
    /// All arguments as one JSON object, or a file with it, instead of single ones
    #[arg(long = "args", value_name = "JSON|FILE", conflicts_with = "arguments")]
    all: Option<String>,
}

pub(super) fn run(args: &CallArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let wish = AgentWish::Call {
        tool: args.tool.clone(),
        arguments: args.arguments.text()?,
    };
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let token = token_file::read(&args.token_file)?;
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let answer = driver.agent(&Shown::new(&id, &token), &wish)?;
    keep(&args.token_file, &answer)?;
    Ok(tell(context, &answer))
}

/// The token that came with an answer takes the place of the one that was shown.
pub(super) fn keep(path: &Path, answer: &AgentAnswer) -> Result<(), Failure> {
    match &answer.issued {
        Some(issued) => token_file::write(path, &issued.token),
        None => Ok(()),
    }
}

/// What came of a call. The token is no part of it.
pub(super) fn tell(context: &Context, answer: &AgentAnswer) -> Exit {
    let out = context.out();
    let exit = match answer.error.as_ref().map(|error| error.code) {
        None => Exit::Success,
        Some(ErrorCode::InDoubt) => Exit::Waiting,
        Some(_) => Exit::Failure,
    };
    if out.is_json() {
        let callable: Vec<Value> = { answer.callable.iter() }
            .map(|(step, tool)| json!({ "step": step, "tool": tool }))
            .collect();
        let expires_ms = answer.issued.as_ref().map(|issued| issued.expires_ms);
        out.value(&json!({
            "step": answer.step,
            "item": answer.item,
            "output": answer.output,
            "error": answer.error,
            "state": answer.state,
            "callable": callable,
            "token_expires_ms": expires_ms,
        }));
        return exit;
    }
    if let Some(output) = &answer.output {
        out.line(&shown::whole(output));
    }
    if let Some(error) = &answer.error {
        let message = shown::lines(&error.message);
        out.note(&format!("{}: {message}", error.code));
        out.note(&format!("  try: {}", error.code.remedy()));
    }
    exit
}

impl Arguments {
    /// All of them as JSON text, as the host is to judge it.
    pub(super) fn text(&self) -> Result<String, Failure> {
        if let Some(text) = &self.all {
            let inline =
                text.trim_start().starts_with('{') || !(text == "-" || exists(Path::new(text)));
            if inline {
                return Ok(text.clone());
            }
            let source = Source::read(text)?;
            // What is in it is for the host to judge, as it stands.
            return String::from_utf8(source.bytes)
                .map_err(|_| Failure::usage(format!("`{}` is not UTF-8", source.name)));
        }
        let mut all = Map::new();
        for text in &self.arguments {
            let (name, value) = assignment(text, "")?;
            if all.insert(name.clone(), value).is_some() {
                return Err(Failure::usage(format!(
                    "the argument `{name}` is there twice"
                )));
            }
        }
        Ok(Value::Object(all).to_string())
    }
}
