//! `mandate keys list`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    read_only::ReadOnly,
    render::table::{Table, terminal_width},
    when,
};
use clap::Args;
use mandate_host::{KeyRing, KnownKey};
use serde_json::json;

/// What `keys list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Also those that were revoked
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader_if_any()?;
    let ring = match &reader {
        Some(reader) => KeyRing::of(&ReadOnly(reader))?,
        None => KeyRing::default(),
    };
    let keys: Vec<&KnownKey> = ring
        .all()
        .into_iter()
        .filter(|key| args.all || key.revoked_at_ms.is_none())
        .collect();
    if out.is_json() {
        out.value(&json!({ "keys": keys }));
        return Ok(Exit::Success);
    }
    if keys.is_empty() {
        out.note("there are no keys; `mandate keys create NAME --role admin` makes the first");
        return Ok(Exit::Success);
    }
    let now_ms = when::now_ms();
    let mut table = Table::new(&["KEY", "NAME", "ROLES", "MADE", "BY", "STATE"]);
    for key in keys {
        let roles: Vec<&str> = key.roles.iter().map(String::as_str).collect();
        let state = match (&key.revoked_by, key.revoked_at_ms) {
            (Some(by), Some(at_ms)) => {
                let ago = when::show_age(at_ms, now_ms);
                (format!("revoked by {by}, {ago}"), Look::Dim)
            }
            _ => ("holds".to_owned(), Look::Good),
        };
        table.row(vec![
            (key.key_id.clone(), Look::Bold),
            (key.name.clone(), Look::Plain),
            (roles.join(","), Look::Plain),
            (when::show_age(key.created_at_ms, now_ms), Look::Dim),
            (key.created_by.clone(), Look::Dim),
            state,
        ]);
    }
    out.line(&table.text(out.paint(), terminal_width()));
    Ok(Exit::Success)
}
