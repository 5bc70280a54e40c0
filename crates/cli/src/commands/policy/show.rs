//! `mandate policy show`: the policy that holds here.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    render::{
        decision::outcome_look,
        shown,
        table::{Table, terminal_width},
    },
};
use clap::Args;
use mandate_policy::Rules;
use mandate_rules::{Rule, SCHEMA, starter};
use mandate_server::view;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  mandate policy show
  mandate policy show --json
  mandate policy show --schema > mandate.cedarschema
  mandate policy show --starter > policies/starter.cedar
  mandate policy show --starter --definitions > policies/policy.toml";

/// What `policy show` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Print the Cedar schema that policies are checked against
    #[arg(long, conflicts_with_all = ["starter", "definitions"])]
    schema: bool,
    /// Print the rules that hold where nobody wrote any
    #[arg(long)]
    starter: bool,
    /// With `--starter`: print the definitions beside them, `policy.toml`
    #[arg(long, requires = "starter")]
    definitions: bool,
}

pub(crate) fn run(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let text = match (args.schema, args.starter, args.definitions) {
        (true, ..) => Some(SCHEMA),
        (_, true, true) => Some(starter::DEFINITIONS),
        (_, true, false) => Some(starter::RULES),
        _ => None,
    };
    if let Some(text) = text {
        match out.is_json() {
            true => out.value(&json!({ "text": text })),
            false => out.line(text.trim_end()),
        }
        return Ok(Exit::Success);
    }
    let active = &context.settings()?.policy;
    let limits = active.limits();
    if out.is_json() {
        out.value(&json!(view::policy(active)));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    out.line(&format!("{} {}", paint.dim("version:"), active.version()));
    let number = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |it| it.to_string());
    out.line(&format!(
        "{} {} in a session, {} in a minute",
        paint.dim("calls:  "),
        number(limits.calls_per_session),
        number(limits.calls_per_minute)
    ));
    if active.sets().len() > 1 {
        out.line(&paint.dim("All of these sets must allow a call."));
    }
    for set in active.sets() {
        let names: Vec<String> = set
            .sources()
            .iter()
            .map(|it| shown::line(&it.name))
            .collect();
        out.line(&format!("\n{}", paint.bold(&names.join(", "))));
        let mut table = Table::new(&["RULE", "OUTCOME", "SEVERITY", "APPROVED BY", "MESSAGE"]);
        for rule in set.rules() {
            table.row(vec![
                (shown::line(&rule.id), Look::Bold),
                (rule.outcome.to_string(), outcome_look(rule.outcome)),
                (severity(rule), Look::Plain),
                (approvers(rule).join(" and "), Look::Plain),
                (
                    shown::line(rule.message.as_deref().unwrap_or("")),
                    Look::Dim,
                ),
            ]);
        }
        out.line(&table.text(paint, terminal_width()));
    }
    Ok(Exit::Success)
}

fn severity(rule: &Rule) -> String {
    let level = rule.severity;
    level.map_or_else(|| "as the call".to_owned(), |level| level.to_string())
}

fn approvers(rule: &Rule) -> Vec<String> {
    rule.approvers.iter().map(ToString::to_string).collect()
}
