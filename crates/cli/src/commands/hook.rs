//! `mandate hook claude-code`: an agent's own tools, held to its plan. The agent asks before each of them and reports after
//! it, as JSON on standard input; the answer is JSON on standard output.
//!
//! Its tools are external tools of the server `claude-code`: `Bash` is `claude-code.bash`, `WebFetch` is
//! `claude-code.web_fetch`. Whatever goes wrong here is a no.

use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids, token_file, toolbox, who,
};
use clap::{Args, Subcommand, ValueEnum};
use mandate_host::{AgentAnswer, AgentWish, CallableStep, HostError, Shown, TakenCall};
use mandate_plan::ErrorCode;
use mandate_store::{ExecutionFilter, Page, Reader};
use mandate_tools::{CallReport, ReportedError};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{io::Read as _, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mandate hook claude-code                        # as a hook for PreToolUse, PostToolUse and PostToolUseFailure
  mandate hook claude-code --session client-42    # of the execution that `mandate mcp --session client-42` drives
  mandate mcp config --client claude-code --lock-down   # prints settings with both";

/// The server that its tools are of.
const SERVER: &str = "claude-code";
/// What its names of the gateway's tools begin with: those are enforced there.
const GATEWAY: &str = "mcp__mandate__";
/// Tools of the agent that do nothing but keep lists and ask people.
const HARMLESS: &[&str] = &[
    "AskUserQuestion",
    "EnterPlanMode",
    "ExitPlanMode",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskUpdate",
    "TodoWrite",
    "ToolSearch",
];
/// The longest message of an agent.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Whose hooks are answered.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Answer the hooks of Claude Code: hold its own tools to the plan
    #[command(after_help = EXAMPLES)]
    ClaudeCode(HookArgs),
}

/// What `hook claude-code` takes.
#[derive(Debug, Args)]
pub(crate) struct HookArgs {
    /// The session whose execution it is; without it, the only unfinished one of `mode: agent`
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The execution
    #[arg(long, value_name = "ID", conflicts_with = "session")]
    execution: Option<String>,
    /// What becomes of a call while there is no plan
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = WithoutPlan::Deny)]
    without_plan: WithoutPlan,
    /// A tool that is not held to the plan, such as `Read`; may be given several times
    #[arg(long, value_name = "TOOL")]
    pass: Vec<String>,
}

/// What becomes of a call while there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WithoutPlan {
    /// It is denied
    Deny,
    /// The agent's user is asked
    Ask,
}

/// What the agent says.
#[derive(Deserialize)]
struct Said<'a> {
    hook_event_name: String,
    tool_name: String,
    #[serde(borrow)]
    tool_input: &'a RawValue,
    #[serde(default)]
    tool_response: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

pub(crate) fn run(command: &HookCommand, context: &Context) -> Result<Exit, Failure> {
    let HookCommand::ClaudeCode(args) = command;
    let mut text = String::new();
    let read = std::io::stdin().take(MOST_BYTES).read_to_string(&mut text);
    let answer = match read {
        Err(error) => before(
            Decision::Deny,
            &format!("what the agent says cannot be read: {error}"),
        ),
        Ok(_) => match serde_json::from_str::<Said<'_>>(&text) {
            Ok(said) => answer(args, context, &said),
            Err(error) => before(
                Decision::Deny,
                &format!("what the agent says cannot be read: {error}"),
            ),
        },
    };
    context.out().value(&answer);
    Ok(Exit::Success)
}

fn answer(args: &HookArgs, context: &Context, said: &Said<'_>) -> Value {
    let passes = HARMLESS.contains(&said.tool_name.as_str()) || args.pass.contains(&said.tool_name);
    if passes || said.tool_name.starts_with(GATEWAY) {
        return json!({});
    }
    match said.hook_event_name.as_str() {
        "PreToolUse" => match take_turn(args, context, said) {
            Ok(answer) => answer,
            Err(failure) => before(Decision::Deny, failure.message()),
        },
        "PostToolUse" | "PostToolUseFailure" => match report(args, context, said) {
            Ok(()) => json!({}),
            Err(failure) => json!({
                "decision": "block",
                "reason": format!("what came of this call is not reported: {}", failure.message()),
            }),
        },
        // Nothing that anything is done by.
        _ => json!({}),
    }
}

/// What the agent is told before a call.
#[derive(Clone, Copy)]
enum Decision {
    Allow,
    Deny,
    Ask,
}

fn before(decision: Decision, reason: &str) -> Value {
    let decision = match decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
        Decision::Ask => "ask",
    };
    json!({ "hookSpecificOutput": {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision,
        "permissionDecisionReason": format!("mandate: {reason}"),
    }})
}

/// `Bash` is `claude-code.bash`, `WebFetch` is `claude-code.web_fetch`.
fn tool_of(name: &str) -> String {
    let mut own = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before != '_' && !before.is_ascii_uppercase() {
            own.push('_');
        }
        own.push(c.to_ascii_lowercase());
        before = c;
    }
    format!("{SERVER}.{own}")
}

fn take_turn(args: &HookArgs, context: &Context, said: &Said<'_>) -> Result<Value, Failure> {
    let Some(id) = execution(args, context)? else {
        let decision = match args.without_plan {
            WithoutPlan::Deny => Decision::Deny,
            WithoutPlan::Ask => Decision::Ask,
        };
        let reason = "there is no plan for this session; propose one with `propose_plan` of the server `mandate`";
        return Ok(before(decision, reason));
    };
    let wish = AgentWish::Enforce {
        tool: tool_of(&said.tool_name),
        arguments: said.tool_input.get().to_owned(),
    };
    let driver = driver(context)?;
    match ask(context, &driver, &id, &wish)? {
        Ok(told) => {
            let mut answer = before(Decision::Allow, "this is the plan's next call");
            let input: Value = serde_json::from_str(said.tool_input.get()).unwrap_or_default();
            // What is called is the plan's value.
            if let Some(taken) = told.taken.filter(|taken| taken.args != input)
                && let Some(Value::Object(map)) = answer.pointer_mut("/hookSpecificOutput")
            {
                map.insert("updatedInput".to_owned(), taken.args);
            }
            Ok(answer)
        }
        Err(refusal) => {
            let mut reason = format!("{}: {}", refusal.code, refusal.message);
            if let Some(expected) = &refusal.expected {
                reason.push_str(&format!("; expected {expected}"));
            }
            let state = crate::read_only::state(&context.reader()?, &id)?;
            let own = CallableStep::all(&state)
                .into_iter()
                .filter(|step| step.outside);
            let own: Vec<String> = own
                .map(|step| format!("{} {} (step {})", step.tool, step.args, step.step))
                .collect();
            reason.push_str(&match own.is_empty() {
                true => "; none of your own tools may be called now".to_owned(),
                false => format!("; what may be called now: {}", own.join(", ")),
            });
            Ok(before(Decision::Deny, &reason))
        }
    }
}

fn report(args: &HookArgs, context: &Context, said: &Said<'_>) -> Result<(), Failure> {
    let Some(id) = execution(args, context)? else {
        return Ok(());
    };
    let driver = driver(context)?;
    let status = match ask(context, &driver, &id, &AgentWish::Status)? {
        Ok(status) => status,
        Err(refusal) => return Err(HostError::Refused(Box::new(refusal)).into()),
    };
    let tool = tool_of(&said.tool_name);
    let input: Value = serde_json::from_str(said.tool_input.get()).unwrap_or_default();
    let mine: Vec<&TakenCall> = { status.under_way.iter() }
        .filter(|taken| taken.tool == tool)
        .collect();
    let exactly = mine.iter().find(|taken| taken.args == input).copied();
    let call = match (exactly, mine.as_slice()) {
        (Some(call), _) => call,
        (None, [only]) => only,
        _ => return Ok(()), // It was let through without a turn, and nobody waits for it.
    };
    let Some((_, number)) = call.call_id.rsplit_once('.') else {
        return Ok(());
    };
    let report = match (&said.error, said.hook_event_name.as_str()) {
        (Some(error), _) => CallReport::Error(error_of(error)),
        (None, "PostToolUseFailure") => CallReport::Error(error_of(&Value::Null)),
        (None, _) => CallReport::Output(said.tool_response.clone().unwrap_or_default()),
    };
    let wish = AgentWish::Complete {
        call: number.parse().unwrap_or_default(),
        report,
    };
    match ask(context, &driver, &id, &wish)? {
        Ok(_) => Ok(()),
        Err(refusal) => Err(HostError::Refused(Box::new(refusal)).into()),
    }
}

fn error_of(error: &Value) -> ReportedError {
    let message = match error {
        Value::String(text) => text.clone(),
        Value::Null => "the tool failed".to_owned(),
        other => other.to_string(),
    };
    ReportedError {
        message,
        details: None,
    }
}

fn driver(context: &Context) -> Result<Driver<'_>, Failure> {
    let settings = context.settings()?;
    Driver::visit(settings, toolbox::registry(settings)?)
}

type Asked = Result<AgentAnswer, mandate_policy::Refusal>;

/// Does what the agent wants, with the token that is kept for its hooks; a new one where that does not hold any more.
fn ask(
    context: &Context,
    driver: &Driver<'_>,
    id: &str,
    wish: &AgentWish,
) -> Result<Asked, Failure> {
    let path = token_path(context, id)?;
    let kept = token_file::read(&path).ok();
    let mut fresh = kept.is_none();
    let mut token = match kept {
        Some(token) => token,
        None => driver.token(id, None)?.token,
    };
    loop {
        match driver.ask_agent(&Shown::new(id, &token), wish) {
            Ok(answer) => {
                let next = answer
                    .issued
                    .as_ref()
                    .map_or(&token, |issued| &issued.token);
                token_file::write(&path, next)?;
                return Ok(Ok(answer));
            }
            Err(HostError::Refused(refusal)) => {
                let old = matches!(
                    refusal.code,
                    ErrorCode::TokenInvalid | ErrorCode::TokenExpired
                );
                if !old || fresh {
                    return Ok(Err(*refusal));
                }
                let Ok(issued) = driver.token(id, None) else {
                    return Ok(Err(*refusal)); // It has ended.
                };
                (token, fresh) = (issued.token, true);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn token_path(context: &Context, id: &str) -> Result<PathBuf, Failure> {
    let path = token_file::usual_path(&context.settings()?.data_dir, id);
    Ok(path.with_extension("hook"))
}

/// The execution that the agent drives; none if there is none.
///
/// # Errors
/// It cannot be told which of several it is.
fn execution(args: &HookArgs, context: &Context) -> Result<Option<String>, Failure> {
    let Some(reader) = context.reader_if_any()? else {
        return Ok(None);
    };
    if let Some(typed) = &args.execution {
        return ids::execution(&reader, typed).map(Some);
    }
    let open = unfinished(&reader, args.session.as_deref())?;
    match open.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        // In one session the newest is the one that is driven.
        [newest, ..] if args.session.is_some() => Ok(Some(newest.clone())),
        several => Err(Failure::usage(format!(
            "there are {} unfinished executions of `mode: agent`: name one with `--execution`, or its session with `--session`",
            several.len()
        ))),
    }
}

/// The states of executions that have not ended, as lists have them.
const OPEN: &[&str] = &[
    "pending",
    "waiting",
    "running",
    "paused",
    "replanning",
    "compensating",
];

/// The unfinished executions of `mode: agent` of whoever acts here, newest first.
fn unfinished(reader: &Reader, session: Option<&str>) -> Result<Vec<String>, Failure> {
    let principal = who::known(Some(reader))?;
    let filter = ExecutionFilter {
        states: OPEN.iter().map(|state| (*state).to_owned()).collect(),
        principal: Some(principal.name),
        session: session.map(str::to_owned),
        ..ExecutionFilter::default()
    };
    let rows = reader.executions(&filter, &Page::default())?.rows;
    let mut open = Vec::new();
    for row in rows.iter().filter(|row| row.finished_at_ms.is_none()) {
        let state = crate::read_only::state(reader, &row.execution_id)?;
        if state.is_agents() && state.ending.is_none() {
            open.push(row.execution_id.clone());
        }
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::tool_of;

    #[test]
    fn tools_of_the_agent_have_names_in_plans() {
        for (name, tool) in [
            ("Bash", "claude-code.bash"),
            ("WebFetch", "claude-code.web_fetch"),
            ("MultiEdit", "claude-code.multi_edit"),
            (
                "mcp__github__create_issue",
                "claude-code.mcp__github__create_issue",
            ),
            ("LS", "claude-code.ls"),
        ] {
            assert_eq!(tool_of(name), tool);
        }
    }
}
