//! `mandate policy backtest`: the time machine.

use super::candidate::candidate;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Out},
    render::shown,
    when,
};
use clap::Args;
use mandate_host::backtest::{BacktestReport, Group, Turned, What, backtest};
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate policy backtest --policy policies.new
  mandate policy backtest --policy policies.new --since 30d
  mandate policy backtest --policy policies.new --allow-changes --json

Nothing runs and nothing is written; only the journal is read. Exits with 1 where something would have been decided \
otherwise, unless `--allow-changes` is given.";

/// What `policy backtest` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BacktestArgs {
    /// A folder with `*.cedar` and `policy.toml`, or a single file; without it, the policy in force
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Only executions since then: `30d`, `2026-07-01`. Earlier ones still fill the counters
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Changes are no failure
    #[arg(long)]
    allow_changes: bool,
}

pub(super) fn run(args: &BacktestArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let since_ms = args
        .since
        .as_deref()
        .map(|text| when::past_ms(text, when::now_ms()))
        .transpose()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let rules = candidate(args.policy.as_deref(), context)?;
    let reader = context.reader()?;
    let report = backtest(&reader, rules.as_ref(), since_ms)?;
    let changed = !report.changes.is_empty();
    if out.is_json() {
        let mut value = json!(report);
        if let Some(map) = value.as_object_mut() {
            map.insert("totals".to_owned(), json!(report.totals()));
            map.insert("groups".to_owned(), json!(report.groups()));
        }
        out.value(&value);
    } else {
        show(&report, out);
    }
    Ok(match changed && !args.allow_changes {
        true => Exit::Failure,
        false => Exit::Success,
    })
}

fn show(report: &BacktestReport, out: &Out) {
    let paint = out.paint();
    let counts = report.counts;
    let some = |count: u64, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    out.line(&format!(
        "{} {}, {}, {}, {}",
        paint.bold("looked at"),
        some(counts.executions, "execution", "executions"),
        some(counts.calls, "call", "calls"),
        some(counts.refused_plans, "refused plan", "refused plans"),
        some(counts.sessions, "session", "sessions"),
    ));
    let totals = report.totals();
    let totals = totals.iter().filter(|(_, count)| **count > 0);
    let totals: Vec<String> = totals
        .map(|(turned, count)| format!("{count} {}", turned.words()))
        .collect();
    match totals.is_empty() {
        true => out.line("nothing would have been decided otherwise"),
        false => out.line(&totals.join(", ")),
    }
    if counts.not_reached > 0 {
        let calls = some(counts.not_reached, "call", "calls");
        out.line(&format!(
            "{calls} not reached, because their execution is stopped before"
        ));
    }
    show_changes(report, out);
    if !report.never_matched.is_empty() {
        out.line(&format!("\n{}", paint.bold("rules that matched nothing")));
        for rule in &report.never_matched {
            out.line(&format!("  {}", shown::line(rule)));
        }
    }
    if !report.skipped.is_empty() {
        out.line(&format!("\n{}", paint.bold("could not be judged")));
        for skipped in &report.skipped {
            out.line(&format!("  {}", shown::line(skipped)));
        }
    }
}

/// The changes, gravest first.
pub(super) fn show_changes(report: &BacktestReport, out: &Out) {
    let paint = out.paint();
    let groups = report.groups();
    for turned in Turned::ALL {
        let of_it: Vec<&Group> = groups
            .iter()
            .filter(|group| group.turned == turned)
            .collect();
        if of_it.is_empty() {
            continue;
        }
        let look = match turned {
            Turned::NewlyDenied | Turned::NewlyRateLimited => Look::Bad,
            Turned::NewlyNeedsApproval | Turned::OtherApprovers => Look::Warn,
            Turned::NewlyAllowed => Look::Good,
        };
        out.line(&format!("\n{}", paint.look(look, turned.words())));
        for group in of_it {
            out.line(&of_group(group));
        }
    }
}

fn of_group(group: &Group) -> String {
    let steps = group.steps.join(", ");
    let about = match (group.what, &group.tool) {
        (What::Call, tool) => format!(
            "call of `{}` in `{}`",
            tool.as_deref().unwrap_or_default(),
            steps
        ),
        (What::Plan, _) if steps.is_empty() => "plan".to_owned(),
        (What::Plan, _) => format!("plan, for {steps}"),
        (What::Revision, _) => format!("revision, for {steps}"),
    };
    let mut text = format!(
        "  {}× {}: {about}: {} → {}",
        group.count,
        shown::line(&group.plan),
        group.from,
        group.to
    );
    if !group.rules.is_empty() {
        let rules: Vec<String> = group.rules.iter().map(|rule| shown::line(rule)).collect();
        text.push_str(&format!("\n       {}", rules.join(", ")));
        if !group.message.is_empty() {
            text.push_str(&format!(": {}", shown::line(&group.message)));
        }
    }
    if let Some(example) = &group.example {
        text.push_str(&format!("\n       such as {example}"));
    }
    text
}
