//! Requests to people as they are shown.

use super::shown;
use crate::{
    output::{Look, Paint},
    when,
};
use mandate_engine::{
    OpenRequest, Said,
    event::{Request, RequestKind, Takes},
};
pub(crate) use mandate_server::view::what;
use mandate_store::RequestRow;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest that one value may be where somebody answers for it, in characters: this cuts only what nobody would read
/// to its end; `--json` has all of it.
const VALUE_WIDTH: usize = 8_000;

/// A request for programs.
pub(crate) fn to_json(row: &RequestRow) -> Value {
    json!(mandate_server::view::request(row))
}

/// What one person said to a request.
pub(crate) fn said(said: &Said) -> String {
    let who = &said.assent;
    let key = who.key.as_ref();
    let key = key.map_or_else(String::new, |key| {
        format!(" ({key}: {})", who.roles.join(", "))
    });
    let reason = said.reason.as_ref();
    let reason = reason.map_or_else(String::new, |why| format!(": {}", shown::line(why)));
    let at = when::show_time(who.at_ms);
    format!(
        "{} by {}{key} over `{}`, {at}{reason}",
        shown::line(&said.choice),
        who.by,
        who.channel
    )
}

/// The choices that somebody took and others must join.
pub(crate) fn begun(open: &OpenRequest) -> BTreeSet<&str> {
    let said = open.said.iter().filter(|_| open.closed.is_none());
    said.map(|said| said.choice.as_str()).collect()
}

/// What can be typed to answer a request.
pub(crate) fn commands(request: &Request) -> Vec<String> {
    let id = &request.request_id;
    if matches!(request.kind, RequestKind::Plan | RequestKind::Revision) {
        return vec![
            format!("mandate approvals approve {id}"),
            format!("mandate approvals reject {id} --reason WHY"),
        ];
    }
    let of_choice = |choice: &String| {
        let data = match request.takes(choice) {
            Takes::Nothing => "",
            Takes::MayHold => " [--data JSON]",
            Takes::MustHold => " --data JSON",
        };
        format!("mandate inbox answer {id} {}{data}", quoted(choice))
    };
    request.choices.iter().map(of_choice).collect()
}

/// A choice as a shell takes it.
fn quoted(choice: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !choice.is_empty() && choice.chars().all(plain) {
        return choice.to_owned();
    }
    format!("'{}'", shown::line(choice).replace('\'', "'\\''"))
}

/// The question and everything that is shown beside it.
pub(crate) fn asked(request: &Request, paint: Paint) -> String {
    let mut out = vec![paint.bold(&shown::lines(&request.question))];
    if let Some(refusal) = &request.refusal {
        out.push(paint.dim(&format!("  {}", shown::line(&refusal.message))));
    }
    match (request.kind, &request.detail) {
        (RequestKind::Step, detail) => calls(detail, paint, &mut out),
        (RequestKind::Revision, Value::Object(detail)) if detail.contains_key("delta") => {
            super::delta::show(detail, &request.request_id, paint, &mut out);
        }
        (_, Value::Object(detail)) => {
            for (name, value) in detail {
                push(name, value, paint, &mut out);
            }
        }
        _ => {}
    }
    out.join("\n")
}

fn calls(detail: &Value, paint: Paint, out: &mut Vec<String>) {
    let calls = detail.get("calls").and_then(Value::as_array);
    for call in calls.into_iter().flatten() {
        if let Some(item) = call.get("item") {
            out.push(format!("  {}", paint.dim(&format!("item {item}"))));
        }
        let args = call.get("args").and_then(Value::as_object);
        if args.is_none_or(serde_json::Map::is_empty) {
            out.push(format!("    {}", paint.dim("(no arguments)")));
        }
        for (name, value) in args.into_iter().flatten() {
            let value = shown::value(value, VALUE_WIDTH);
            let from = origin(detail, name, paint);
            let name = paint.dim(&format!("{}:", shown::line(name)));
            out.push(format!("    {name} {value}{from}"));
        }
    }
    if let Some(Value::Bool(true)) = detail.pointer("/flow/untrusted_control") {
        let text = "an untrusted value decided that it is called";
        out.push(format!("  {}", paint.look(Look::Warn, text)));
    }
}

/// Where an argument comes from, and what it decides if that is not to be trusted. Of what stands in the plan, nothing.
fn origin(detail: &Value, name: &str, paint: Paint) -> String {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let Some(flow) = detail.get("flow") else {
        return String::new();
    };
    let labels = flow.get("labels").and_then(|labels| labels.get(&pointer));
    let labels: Vec<&str> = labels
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|label| *label != "plan")
        .collect();
    if labels.is_empty() {
        return String::new();
    }
    let below = format!("{pointer}/");
    let sinks = flow.get("untrusted_sinks").and_then(Value::as_object);
    let mut kinds = sinks.into_iter().flatten();
    let kind = kinds.find(|(sink, _)| **sink == pointer || sink.starts_with(&below));
    match kind.and_then(|(_, kind)| kind.as_str()) {
        Some(kind) => {
            let mut labels = labels;
            labels.retain(|label| *label != "untrusted");
            let text = format!("untrusted {kind}, from {}", labels.join(", "));
            format!("  {}", paint.look(Look::Warn, &shown::line(&text)))
        }
        None => {
            let text = format!("from {}", labels.join(", "));
            format!("  {}", paint.dim(&shown::line(&text)))
        }
    }
}

fn push(name: &str, value: &Value, paint: Paint, out: &mut Vec<String>) {
    let name = paint.dim(&format!("{}:", shown::line(name)));
    match value {
        Value::Object(map) if name.contains("error") => {
            let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
            let fault = format!("{}: {}", text("code"), shown::line(text("message")));
            out.push(format!("  {name} {}", paint.look(Look::Bad, &fault)));
        }
        Value::Null => {}
        Value::Object(_) | Value::Array(_) => {
            let text = shown::whole(value);
            if text.lines().count() <= 1 {
                out.push(format!("  {name} {}", shown::short(&text, VALUE_WIDTH)));
                return;
            }
            out.push(format!("  {name}"));
            out.extend(text.lines().map(|line| format!("    {line}")));
        }
        Value::String(text) if text.contains('\n') => {
            out.push(format!("  {name}"));
            let text = shown::lines(text);
            out.extend(text.lines().map(|line| format!("    {line}")));
        }
        other => out.push(format!("  {name} {}", shown::value(other, VALUE_WIDTH))),
    }
}
