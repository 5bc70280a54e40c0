//! `mandate audit log`: who decided, approved, refused or changed what, for people.

use super::DECISIONS;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::Look,
    render::{
        event, shown,
        table::{Table, terminal_width},
    },
    when,
};
use clap::Args;
use mandate_host::recovery;
use mandate_store::{Backwards, Reader, Record};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Rows that are read at a time.
const CHUNK: usize = 1_000;
/// What belongs to the log beside [`DECISIONS`].
const OUTCOMES: &[&str] = &["answer_counted", "execution_finished", "thawed"];

/// What `audit log` takes.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Only this execution; `system` for what belongs to none
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Only events of this kind, such as `request_answered`
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only what this principal did
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Only what happened since: `24h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// The page behind the one that gave this cursor: what is older
    #[arg(long, value_name = "CURSOR")]
    after: Option<u64>,
}

/// One entry.
struct Entry {
    record: Record,
    who: Option<String>,
    key: Option<String>,
    channel: Option<String>,
    outcome: Option<String>,
    policy_version: Option<String>,
    args_digest: Option<String>,
    summary: String,
}

pub(super) fn run(args: &LogArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let stream = match args.execution.as_deref() {
        Some(typed) if typed == mandate_store::SYSTEM => Some(typed.to_owned()),
        Some(typed) => Some(ids::execution(&reader, typed)?),
        None => None,
    };
    let since = args.since.as_deref();
    let since = since.map(|text| when::past_ms(text, when::now_ms()));
    let all = || DECISIONS.iter().chain(OUTCOMES).copied();
    let given = args.kind.iter().map(String::as_str);
    let kinds: BTreeSet<&str> = match args.kind.is_empty() {
        true => all().collect(),
        false => given.collect(),
    };
    let asked = Backwards {
        kinds: kinds.into_iter().collect(),
        stream: stream.as_deref(),
        before: args.after,
        since_ms: since
            .transpose()
            .map_err(|error| Failure::usage(error.to_string()))?,
    };
    let (entries, next) = page(&reader, asked, args.principal.as_deref(), args.limit)?;
    if out.is_json() {
        let rows: Vec<Value> = entries.iter().map(to_json).collect();
        out.value(&json!({ "entries": rows, "next": next }));
        return Ok(Exit::Success);
    }
    if entries.is_empty() {
        out.note("nothing");
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&[
        "TIME",
        "EXECUTION",
        "KIND",
        "WHO",
        "CHANNEL",
        "OUTCOME",
        "WHAT",
    ]);
    for entry in &entries {
        let text = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("–");
            shown::short(text, 60)
        };
        let kind = &entry.record.kind;
        table.row(vec![
            (when::show_time(entry.record.at_ms), Look::Dim),
            (shown::short_end(&entry.record.stream, 12), Look::Plain),
            (kind.clone(), event::look(kind)),
            (text(&entry.who), Look::Plain),
            (text(&entry.channel), Look::Plain),
            (text(&entry.outcome), Look::Plain),
            (details(entry), Look::Plain),
        ]);
    }
    out.line(&table.text(out.paint(), terminal_width()));
    if let Some(next) = next {
        out.note(&out.paint_notes().dim(&format!("more: --after {next}")));
    }
    Ok(Exit::Success)
}

/// The entries of a page, the newest first, and the cursor of the page behind it, if there is one.
fn page(
    reader: &Reader,
    mut asked: Backwards<'_>,
    principal: Option<&str>,
    limit: usize,
) -> Result<(Vec<Entry>, Option<u64>), Failure> {
    let mut entries: Vec<Entry> = Vec::new();
    // Who did something is in the row's data, so that some more are looked at.
    let chunk = match principal {
        Some(_) => CHUNK,
        None => limit.saturating_add(1),
    };
    loop {
        let records = reader.backwards(&asked, chunk)?;
        let Some(last) = records.last() else {
            return Ok((entries, None));
        };
        asked.before = Some(last.gseq);
        for record in records {
            let entry = read(record);
            if principal.is_some_and(|it| entry.who.as_deref() != Some(it)) {
                continue;
            }
            if entries.len() >= limit {
                let next = entries.last().map(|entry| entry.record.gseq);
                return Ok((entries, next));
            }
            entries.push(entry);
        }
    }
}

/// What an event says of itself, whatever its kind: journals are older and newer than programs.
fn read(record: Record) -> Entry {
    let data: Value = serde_json::from_slice(&record.payload).unwrap_or(Value::Null);
    let text = |pointers: &[&str]| {
        let found = pointers.iter().filter_map(|at| data.pointer(at)?.as_str());
        found.map(str::to_owned).next()
    };
    let system = record.stream == mandate_store::SYSTEM;
    let version = match record.kind.as_str() {
        "policy_activated" => text(&["/version"]),
        _ => text(&[
            "/decision/policy_version",
            "/refusal/policy_version",
            "/policy_version",
        ]),
    };
    Entry {
        who: text(&["/by", "/call/by", "/principal", "/decision/principal"]),
        key: text(&["/key", "/key_id"]),
        channel: text(&["/channel"]),
        outcome: text(&[
            "/choice",
            "/decision/outcome",
            "/refusal/code",
            "/status",
            "/resolution/kind",
        ]),
        policy_version: version,
        args_digest: text(&["/args_digest", "/call/args_digest", "/refusal/args_digest"]),
        summary: match (system, recovery::event(&record)) {
            (false, Ok(read)) => event::summary(&read),
            _ => system_summary(&data),
        },
        record,
    }
}

/// The short values of a row of the system, by name.
fn system_summary(data: &Value) -> String {
    let fields = data.as_object().into_iter().flatten();
    let shown = fields.filter_map(|(name, value)| match value {
        Value::String(text) if text.len() <= 80 => Some(format!("{name}={text}")),
        Value::Number(_) | Value::Bool(_) => Some(format!("{name}={value}")),
        Value::Array(items) if items.iter().all(Value::is_string) && items.len() <= 8 => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Some(format!("{name}={}", items.join(",")))
        }
        _ => None,
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The summary, with what an auditor compares.
fn details(entry: &Entry) -> String {
    let mut text = shown::short(&entry.summary, 200);
    let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
    if let Some(digest) = &entry.args_digest {
        text.push_str(&format!("; arguments {}", short(digest)));
    }
    if let Some(version) = &entry.policy_version {
        text.push_str(&format!("; policy {}", short(version)));
    }
    text
}

fn to_json(entry: &Entry) -> Value {
    json!({
        "gseq": entry.record.gseq,
        "at_ms": entry.record.at_ms,
        "execution_id": entry.record.stream,
        "seq": entry.record.seq,
        "kind": entry.record.kind,
        "principal": entry.who,
        "key": entry.key,
        "channel": entry.channel,
        "outcome": entry.outcome,
        "policy_version": entry.policy_version,
        "args_digest": entry.args_digest,
        "summary": entry.summary,
    })
}
