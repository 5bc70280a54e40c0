//! `mandate executions enforce ID TOOL`: the turn of a call that the one who asks makes itself.

use super::{
    ExecutionArg,
    call::{self, Arguments},
};
use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    render::shown,
    token_file, toolbox,
    when::{now_ms, show_duration},
};
use clap::Args;
use mandate_host::{AgentAnswer, AgentWish, Claims, Shown, TakenCall};
use serde_json::json;
use std::path::PathBuf;

/// What `executions enforce` takes.
#[derive(Debug, Args)]
pub(crate) struct EnforceArgs {
    #[command(flatten)]
    execution: ExecutionArg,
    /// The tool, which is called outside: `server.tool`
    tool: String,
    #[command(flatten)]
    arguments: Arguments,
    /// The session that the token must be for
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The file with the token; the next token is written into it
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

pub(super) fn run(args: &EnforceArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let wish = AgentWish::Enforce {
        tool: args.tool.clone(),
        arguments: args.arguments.text()?,
    };
    let id = ids::execution(&context.reader()?, &args.execution.execution)?;
    let token = token_file::read(&args.token_file)?;
    let shown = Shown {
        claims: Claims {
            plan: None,
            session: args.session.clone(),
        },
        ..Shown::new(&id, &token)
    };
    let driver = Driver::visit(settings, toolbox::registry(settings)?)?;
    let answer = driver.agent(&shown, &wish)?;
    call::keep(&args.token_file, &answer)?;
    tell(context, &answer, args);
    Ok(Exit::Success)
}

fn tell(context: &Context, answer: &AgentAnswer, args: &EnforceArgs) {
    let out = context.out();
    let expires_ms = answer.issued.as_ref().map(|issued| issued.expires_ms);
    let Some(taken) = &answer.taken else { return };
    if out.is_json() {
        let mut value = json!(taken);
        if let Some(value) = value.as_object_mut() {
            value.insert("state".to_owned(), json!(answer.state));
            value.insert("token_expires_ms".to_owned(), json!(expires_ms));
        }
        out.value(&value);
        return;
    }
    let paint = out.paint();
    out.line(&format!("{} {}", paint.dim("call "), taken.call_id));
    for line in lines(taken) {
        out.line(&line);
    }
    let file = shown::lines(&args.token_file.display().to_string());
    out.line(&format!(
        "next: mandate executions complete {} --output JSON --token-file {file}",
        taken.call_id
    ));
}

/// What is to be called, and until when it is to be reported.
pub(super) fn lines(taken: &TakenCall) -> [String; 2] {
    let left_ms = taken.due_ms.saturating_sub(now_ms()).max(0);
    [
        format!("{} {}", taken.tool, shown::whole(&taken.args)),
        format!("to be reported within {}", show_duration(left_ms)),
    ]
}
