//! `mandate evaluate PLAN`: a dry run of the policy.

use crate::{
    context::Context,
    document::{note_warnings, read_plan},
    errors::{Exit, Failure},
    inputs::InputArgs,
    read_only::ReadOnly,
    render::{decision, shown, table::terminal_width},
    toolbox, when, who,
};
use clap::Args;
use mandate_host::HostError;
use mandate_policy::{EvaluateRequest, Outcome, Principal, SessionView, evaluate_with};
use mandate_server::view::SessionStanding as Standing;
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate evaluate plan.yaml
  mandate evaluate plan.yaml --input folder=docs --json
  mandate evaluate plan.yaml --session nightly
  mandate evaluate plan.yaml --policy stricter.cedar

No tool is called and nothing is written. Exits with 0 where the plan may run, at once or after approval, and with 3 \
where policy denies it.";

/// What `evaluate` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EvaluateArgs {
    /// The plan, YAML or JSON; `-` reads standard input
    plan: String,
    #[command(flatten)]
    inputs: InputArgs,
    /// The session that it would run in: what that has left is told
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// A policy, file or folder, that must allow it, too
    #[arg(long, value_name = "PATH")]
    policy: Vec<PathBuf>,
}

pub(crate) fn run(args: &EvaluateArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    context.add_policies(&args.policy);
    let registry = toolbox::registry(context.settings()?)?;
    let read = read_plan(context, &args.plan, Some(&registry))?;
    let tools = registry.snapshot();
    note_warnings(context, &read);
    let inputs = read
        .plan
        .bind_inputs(&args.inputs.collect()?)
        .map_err(HostError::Inputs)?;
    let who = who::asking(context)?;
    let request = EvaluateRequest {
        principal: who.name.clone(),
        session: session(args, &who, context)?,
        now_ms: when::now_ms(),
    };
    let said = evaluate_with(
        context.settings()?.rules.as_ref(),
        &read.plan,
        &inputs,
        tools.as_ref(),
        &request,
    );
    let exit = Exit::of_outcome(said.outcome);
    if out.is_json() {
        out.value(&json!({ "plan_hash": read.plan.hash(), "decision": said }));
        return Ok(exit);
    }
    let paint = out.paint();
    let word = match said.outcome {
        Outcome::Allow => "may run at once",
        Outcome::RequireApproval => "needs approval",
        Outcome::RateLimited => "may not run now",
        Outcome::Deny => "is denied",
    };
    out.line(&format!(
        "{} {}",
        paint.bold(&shown::line(&read.plan.plan().name)),
        paint.look(decision::outcome_look(said.outcome), word)
    ));
    out.line(&format!(
        "{} {}",
        paint.dim("risk:"),
        decision::risk(&said, paint)
    ));
    if let Some(calls) = decision::calls(&said) {
        out.line(&format!("{} {calls}", paint.dim("calls:")));
    }
    out.line("");
    out.line(&decision::table(&said, paint, terminal_width()));
    let reasons = decision::reasons_with_inputs(&said, paint);
    if !reasons.is_empty() {
        out.line(&format!("\n{}\n{reasons}", paint.bold("Why")));
    }
    let flows = decision::flows(&said, paint);
    if !flows.is_empty() {
        out.line(&format!("\n{}\n{flows}", paint.bold(decision::FLOWS)));
    }
    if !said.approvers.is_empty() {
        let who: Vec<String> = said.approvers.iter().map(ToString::to_string).collect();
        out.line(&format!(
            "\n{} {}",
            paint.dim("approved by:"),
            who.join(" and ")
        ));
    }
    out.line(&format!("{} {}", paint.dim("policy:"), said.policy_version));
    Ok(exit)
}

/// The session that it would run in, as it is now; without one, a new one.
fn session(
    args: &EvaluateArgs,
    who: &Principal,
    context: &Context,
) -> Result<SessionView, Failure> {
    let mut view = SessionView {
        session_id: "evaluate".to_owned(),
        principal: who.name.clone(),
        roles: who.roles.iter().cloned().collect(),
        ..SessionView::default()
    };
    if let Some(id) = &args.session {
        id.clone_into(&mut view.session_id);
        if let Some(reader) = context.reader_if_any()? {
            let standing = Standing::of(&ReadOnly(&reader), &who.name, id, when::now_ms())?;
            view.calls = standing.tally.calls;
            view.calls_last_minute = standing.tally.minute.len().try_into().unwrap_or(u64::MAX);
            view.reserved = standing.reserved();
        }
    }
    Ok(view)
}
