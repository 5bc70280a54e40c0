//! `mandate inbox list`, `mandate approvals list`.

use super::View;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::Look,
    render::{
        request, shown,
        table::{Table, terminal_width},
    },
    when,
};
use clap::Args;
use mandate_server::view::{self, RequestView};
use mandate_store::{Page, RequestFilter};
use serde_json::json;

/// What `list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Also those that were answered or have expired
    #[arg(long)]
    pub(crate) all: bool,
    /// Rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// The page behind the one that gave this cursor
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

pub(crate) fn run(args: &ListArgs, about: &View, context: &Context) -> Result<Exit, Failure> {
    let filter = RequestFilter {
        state: (!args.all).then(|| "open".to_owned()),
        kinds: about.kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..RequestFilter::default()
    };
    let after = match args.after.as_deref().map(str::parse) {
        None => None,
        Some(Ok(cursor)) => Some(cursor),
        Some(Err(error)) => {
            let error: mandate_store::NotACursor = error;
            return Err(Failure::usage(format!("`--after`: {error}")));
        }
    };
    let page = Page {
        after,
        limit: args.limit,
        newest_first: true,
    };
    let listed = context
        .reader_if_any()?
        .map(|reader| reader.requests(&filter, &page))
        .transpose()?;
    let (rows, next) = listed.map_or((Vec::new(), None), |listed| (listed.rows, listed.next));
    let rows: Vec<RequestView> = rows.iter().map(view::request).collect();
    tell(
        &rows,
        next.map(|next| next.to_string()).as_deref(),
        about,
        context,
    );
    Ok(Exit::Success)
}

/// Tells a page of requests.
pub(crate) fn tell(rows: &[RequestView], next: Option<&str>, about: &View, context: &Context) {
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ about.name: rows, "next": next }));
        return;
    }
    if rows.is_empty() {
        out.note(about.empty);
        return;
    }
    let now_ms = when::now_ms();
    let mut table = Table::new(&[
        "REQUEST",
        "EXECUTION",
        "KIND",
        "STATE",
        "ASKED",
        "EXPIRES",
        "WHAT",
    ]);
    for row in rows {
        let look = if row.state == "open" {
            Look::Warn
        } else {
            Look::Dim
        };
        let expires = match row.expires_at_ms {
            Some(at_ms) if row.state == "open" && at_ms <= now_ms => "passed".to_owned(),
            Some(at_ms) if row.state == "open" => {
                format!("in {}", when::show_duration(at_ms - now_ms))
            }
            _ => String::new(),
        };
        table.row(vec![
            (row.request_id.clone(), Look::Bold),
            (ids::short(&row.execution_id).to_owned(), Look::Plain),
            (row.kind.clone(), Look::Plain),
            (row.state.clone(), look),
            (when::show_age(row.opened_at_ms, now_ms), Look::Dim),
            (expires, Look::Dim),
            (shown::short(&request::what(row), 80), Look::Plain),
        ]);
    }
    out.line(&table.text(out.paint(), terminal_width()));
    if let Some(next) = next {
        out.note(&out.paint_notes().dim(&format!("more: --after {next}")));
    }
}
