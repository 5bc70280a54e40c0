//! `mandate sessions …`: what the calls of sessions add up to, and how much is left.

use crate::{
    config::Settings,
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    render::table::{Table, terminal_width},
    when,
};
use clap::{Args, Subcommand};
use mandate_host::SESSION_IDLE_MS;
use mandate_store::{ExecutionFilter, Page, Reader, Tally};
use serde_json::{Value, json};

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

fn tally(reader: &Reader, session: &str, now_ms: i64) -> Result<Tally, Failure> {
    let mut tally = reader.tally(session, now_ms, SESSION_IDLE_MS)?;
    tally.recent.reverse(); // the last one first
    Ok(tally)
}

fn list(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let (out, now_ms) = (context.out(), when::now_ms());
    let reader = context.reader_if_any()?;
    let mut rows: Vec<Value> = Vec::new();
    let mut table = Table::new(&[
        "SESSION",
        "CALLS",
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
        let tally = tally(reader, &summary.session, now_ms)?;
        rows.push(json!({
            "session": summary.session,
            "principal": summary.principal,
            "executions": summary.executions,
            "calls": tally.calls,
            "calls_last_minute": tally.minute.len(),
            "first_ms": summary.first_ms,
            "last_ms": summary.last_ms,
        }));
        table.row(vec![
            (summary.session, Look::Bold),
            (tally.calls.to_string(), Look::Plain),
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
    let tally = tally(&reader, &args.session, now_ms)?;
    let value = to_json(&args.session, &tally, settings);
    if out.is_json() {
        let ids: Vec<&str> = executions
            .iter()
            .map(|row| row.execution_id.as_str())
            .collect();
        let mut value = value;
        if let Some(map) = value.as_object_mut() {
            map.insert("executions".to_owned(), json!(ids));
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let limits = settings.rules.limits();
    let of = |limit: Option<u64>| {
        limit.map_or_else(|| "no limit".to_owned(), |limit| format!("of {limit}"))
    };
    out.line(&format!(
        "{}  {} calls ({}), {} in the last minute ({})",
        out.paint().bold(&args.session),
        tally.calls,
        of(limits.calls_per_session),
        tally.minute.len(),
        of(limits.calls_per_minute),
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
    for row in &executions {
        out.line(&format!(
            "  {}  {}  {}",
            crate::ids::short(&row.execution_id),
            row.state,
            row.name
        ));
    }
    Ok(Exit::Success)
}

fn to_json(session: &str, tally: &Tally, settings: &Settings) -> Value {
    let limits = settings.rules.limits();
    json!({
        "session": session,
        "calls": tally.calls,
        "calls_last_minute": tally.minute.len(),
        "recent": tally.recent,
        "first_ms": tally.first_ms,
        "last_ms": tally.last_ms,
        "resets_ms": tally.last_ms.map(|last_ms| last_ms.saturating_add(SESSION_IDLE_MS)),
        "limits": limits,
    })
}
