//! `mandate executions list`.

use crate::{
    commands::freeze,
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::Look,
    render::{
        execution::state_look,
        shown,
        table::{Table, terminal_width},
    },
    when,
};
use clap::Args;
use mandate_host::Freeze;
use mandate_server::view::{self, RowView};
use mandate_store::{Cursor, ExecutionFilter, Page};
use serde::{Deserialize, Serialize};
use serde_json::json;

const UNFINISHED: &[&str] = &[
    "pending",
    "waiting",
    "running",
    "paused",
    "replanning",
    "compensating",
];

/// What `executions list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// In this state; may be given several times
    #[arg(long, value_parser = ["pending", "waiting", "running", "paused", "replanning", "compensating", "completed", "failed", "cancelled"])]
    pub(crate) state: Vec<String>,
    /// Not ended yet
    #[arg(long, conflicts_with = "state")]
    pub(crate) unfinished: bool,
    /// Ended with this status
    #[arg(long, value_parser = ["success", "partial", "failure"])]
    pub(crate) status: Option<String>,
    /// Waiting for this kind of thing: `plan`, `revision`, `step`, `question`, `failure`, `invariant`, `budget`, `in_doubt`,
    /// `timer`, `retry`, `rate_limit`, `paused`, `frozen`, `replan`, `agent`
    #[arg(long, value_name = "KIND")]
    pub(crate) waiting_for: Option<String>,
    /// Created after this: `2h` ago, or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Created before this: `2h` ago, or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Created longer ago than this: `2h`
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// With a plan that names this tool
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Asked for by this principal
    #[arg(long)]
    pub(crate) principal: Option<String>,
    /// Rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// The page behind the one that gave this cursor
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let now_ms = when::now_ms();
    let time = |flag: &str, text: &Option<String>| {
        let past = text.as_deref().map(|text| when::past_ms(text, now_ms));
        past.transpose()
            .map_err(|error| Failure::usage(format!("`{flag}`: {error}")))
    };
    let states = if args.unfinished {
        UNFINISHED.iter().map(|state| (*state).to_owned()).collect()
    } else {
        args.state.clone()
    };
    let until = time("--until", &args.until)?;
    let older = time("--older-than", &args.older_than)?;
    let filter = ExecutionFilter {
        states,
        status: args.status.clone(),
        principal: args.principal.clone(),
        waiting_kind: args.waiting_for.clone(),
        tool: args.tool.clone(),
        created_after_ms: time("--since", &args.since)?,
        created_before_ms: until.into_iter().chain(older).min(),
        ..ExecutionFilter::default()
    };
    let after: Option<Cursor> = match args.after.as_deref().map(str::parse) {
        None => None,
        Some(Ok(cursor)) => Some(cursor),
        Some(Err(error)) => return Err(Failure::usage(format!("`--after`: {error}"))),
    };
    let page = Page {
        after,
        limit: args.limit,
        newest_first: true,
    };
    let listed = context
        .reader_if_any()?
        .map(|reader| reader.executions(&filter, &page))
        .transpose()?;
    let (rows, next) = listed.map_or((Vec::new(), None), |listed| (listed.rows, listed.next));
    let driver = crate::holder::holder(&context.settings()?.data_dir);
    let reader = context.reader_if_any()?;
    let freeze = reader.as_ref().map(freeze::standing).transpose()?.flatten();
    let listed = Listed {
        freeze,
        executions: rows.iter().map(view::row).collect(),
        next: next.map(|next| next.to_string()),
        host_pid: driver,
    };
    let driven = driver.map(|pid| format!("process {pid}"));
    tell(&listed, driven.as_deref(), context);
    Ok(Exit::Success)
}

/// A page of executions, as programs are told it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    freeze: Option<Freeze>,
    pub(crate) executions: Vec<RowView>,
    pub(crate) next: Option<String>,
    /// The process that drives; a server does not say.
    #[serde(default)]
    host_pid: Option<u32>,
}

/// Tells a page; `driver`: who drives what is unfinished, if anybody does.
pub(crate) fn tell(listed: &Listed, driver: Option<&str>, context: &Context) {
    let (out, now_ms) = (context.out(), when::now_ms());
    if out.is_json() {
        out.value(&json!(listed));
        return;
    }
    if let Some(freeze) = &listed.freeze {
        let text = format!(
            "{}; `mandate thaw` ends it",
            freeze::sentence(freeze, now_ms)
        );
        out.note(&out.paint_notes().look(Look::Warn, &text));
    }
    let rows = &listed.executions;
    if rows.is_empty() {
        out.note("no executions");
        return;
    }
    out.line(&table(rows, now_ms, driver.is_some()).text(out.paint(), terminal_width()));
    if let Some(next) = &listed.next {
        out.note(&out.paint_notes().dim(&format!("more: --after {next}")));
    }
    let unfinished = rows.iter().any(|row| row.finished_at_ms.is_none());
    if unfinished {
        let text = match driver {
            Some(who) => format!("{who} drives the unfinished ones"),
            None => "no process drives the unfinished ones now; `mandate executions continue` does"
                .to_owned(),
        };
        out.note(&out.paint_notes().dim(&text));
    }
}

fn table(rows: &[RowView], now_ms: i64, driven: bool) -> Table {
    let mut table = Table::new(&["ID", "STATE", "STATUS", "STEPS", "AGE", "NAME"]);
    for row in rows {
        let look = state_look(&row.state, row.status.as_deref());
        let state = match waiting_kind(row) {
            Some(kind) if row.state == "waiting" => format!("waiting: {}", kind.replace('_', " ")),
            // What may start starts at once: it waits for its turn.
            _ if row.state == "pending" && driven => "pending: queued".to_owned(),
            _ => row.state.clone(),
        };
        let status = match (&row.status, &row.error_code) {
            (Some(status), Some(code)) => format!("{status} {code}"),
            (Some(status), None) => status.clone(),
            (None, _) => String::new(),
        };
        table.row(vec![
            (ids::short(&row.execution_id).to_owned(), Look::Bold),
            (state, look),
            (status, look),
            (
                format!("{}/{}", row.steps_settled, row.steps_total),
                Look::Plain,
            ),
            (when::show_age(row.created_at_ms, now_ms), Look::Dim),
            (name(row), Look::Plain),
        ]);
    }
    table
}

/// One that runs as a step of another shows that.
fn name(row: &RowView) -> String {
    let mark = if row.parent.is_some() { "↳ " } else { "" };
    format!("{mark}{}", shown::short(&row.name, 80))
}

fn waiting_kind(row: &RowView) -> Option<String> {
    Some(row.waiting_for.get("kind")?.as_str()?.to_owned())
}
