//! `mandate sessions …`: what the calls of sessions add up to, and how much is left.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    read_only::ReadOnly,
    render::table::{Table, terminal_width},
    when,
};
use clap::{Args, Subcommand};
use mandate_host::SESSION_IDLE_MS;
use mandate_server::view::{self, SessionStanding as Standing};
use mandate_store::{ExecutionFilter, ExecutionRow, Page};
use serde_json::json;

/// The commands under `sessions`.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List sessions, the one first in which something happened last
    #[command(
        after_help = "Examples:\n  mandate sessions list\n  mandate sessions list --limit 5 --json"
    )]
    List(ListArgs),
    /// Show a session: its calls, its limits, its executions
    #[command(
        after_help = "Examples:\n  mandate sessions show nightly\n  mandate sessions show nightly --json"
    )]
    Show(ShowArgs),
}

/// What `sessions list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// What `sessions show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The session's id
    #[arg(value_name = "ID")]
    session: String,
}

pub(crate) fn run(command: SessionsCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        SessionsCommand::List(args) => list(&args, context),
        SessionsCommand::Show(args) => show(&args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let (out, now_ms) = (context.out(), when::now_ms());
    let reader = context.reader_if_any()?;
    let mut rows = Vec::new();
    let mut table = Table::new(&[
        "SESSION",
        "CALLS",
        "SET ASIDE",
        "LAST MINUTE",
        "EXECUTIONS",
        "LAST",
        "PRINCIPAL",
    ]);
    for summary in reader
        .iter()
        .flat_map(|reader| reader.sessions(args.limit))
        .flatten()
    {
        let Some(reader) = &reader else { continue };
        let standing = Standing::of(
            &ReadOnly(reader),
            &summary.principal,
            &summary.session,
            now_ms,
        )?;
        let tally = &standing.tally;
        rows.push(view::session_row(&summary, &standing));
        table.row(vec![
            (summary.session, Look::Bold),
            (tally.calls.to_string(), Look::Plain),
            (standing.reserved().to_string(), Look::Plain),
            (tally.minute.len().to_string(), Look::Plain),
            (summary.executions.to_string(), Look::Plain),
            (when::show_age(summary.last_ms, now_ms), Look::Dim),
            (summary.principal, Look::Plain),
        ]);
    }
    if out.is_json() {
        out.value(&json!({ "sessions": rows }));
    } else if rows.is_empty() {
        out.note("no sessions");
    } else {
        out.line(&table.text(out.paint(), terminal_width()));
    }
    Ok(Exit::Success)
}

fn show(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let (out, now_ms) = (context.out(), when::now_ms());
    let (reader, settings) = (context.reader()?, context.settings()?);
    let filter = ExecutionFilter {
        session: Some(args.session.clone()),
        ..ExecutionFilter::default()
    };
    let executions = reader.executions(&filter, &Page::default())?.rows;
    if executions.is_empty() {
        let message = format!("there is no session `{}`", args.session);
        return Err(
            Failure::not_found(message).remedy("`mandate sessions list` shows what there is")
        );
    }
    let mut principals: Vec<&str> = executions
        .iter()
        .map(|row| row.principal.as_str())
        .collect();
    principals.sort_unstable();
    principals.dedup();
    let mut shown = Vec::new();
    for principal in principals {
        let standing = Standing::of(&ReadOnly(&reader), principal, &args.session, now_ms)?;
        let of = |row: &&ExecutionRow| row.principal == principal;
        let rows: Vec<&ExecutionRow> = executions.iter().filter(of).collect();
        if out.is_json() {
            let ids: Vec<&str> = rows.iter().map(|row| row.execution_id.as_str()).collect();
            let limits = settings.rules.limits();
            let value = view::session(&args.session, principal, &standing, limits, &ids);
            shown.push(value);
        } else {
            tell(&args.session, principal, &standing, &rows, context)?;
        }
    }
    // One is the rule: a second principal that names the same id has a session of its own.
    match shown.len() {
        0 => {}
        1 => shown.iter().for_each(|value| out.value(&json!(value))),
        _ => out.value(&json!({ "session": args.session, "of_principals": shown })),
    }
    Ok(Exit::Success)
}

fn tell(
    session: &str,
    principal: &str,
    standing: &Standing,
    executions: &[&ExecutionRow],
    context: &Context,
) -> Result<(), Failure> {
    let (out, now_ms) = (context.out(), when::now_ms());
    let (tally, limits) = (&standing.tally, context.settings()?.rules.limits());
    let of = |limit: Option<u64>| {
        limit.map_or_else(|| "no limit".to_owned(), |limit| format!("of {limit}"))
    };
    let left = standing.left(limits);
    let left = left.map_or_else(String::new, |left| format!(", {left} left"));
    out.line(&format!(
        "{}  {} calls ({}), {} set aside{left}, {} in the last minute ({})  {}",
        out.paint().bold(session),
        tally.calls,
        of(limits.calls_per_session),
        standing.reserved(),
        tally.minute.len(),
        of(limits.calls_per_minute),
        out.paint().dim(principal),
    ));
    if let Some(last_ms) = tally.last_ms {
        out.line(&format!(
            "last call {}; it counts anew at {} unless another comes before",
            when::show_age(last_ms, now_ms),
            when::show_time(last_ms.saturating_add(SESSION_IDLE_MS))
        ));
    }
    if !tally.recent.is_empty() {
        out.line(&format!(
            "last kinds of action, the newest first: {}",
            tally.recent.join(", ")
        ));
    }
    for row in executions {
        let mut held = standing.held.iter();
        let held = held.find(|(id, _)| *id == row.execution_id);
        let held = held.map_or_else(String::new, |(_, calls)| format!("  {calls} set aside"));
        out.line(&format!(
            "  {}  {}  {}{held}",
            crate::ids::short(&row.execution_id),
            row.state,
            row.name
        ));
    }
    Ok(())
}
