//! `inbox …` and `approvals …` over a server.

use super::{client::Client, ids, ids::Requests, mirror};
use crate::{
    commands::inbox::{
        RequestArg, View,
        answer::{self, Given},
        list::{self, ListArgs},
        show,
    },
    context::Context,
    errors::{Exit, Failure},
    render::approved_before,
};
use mandate_plan::Digest;
use mandate_server::view::RequestView;
use serde::Deserialize;
use serde_json::{Value, json};

/// As many rows as a page has at most.
const PAGE: usize = 500;

pub(super) fn list(
    args: &ListArgs,
    about: &View,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let kinds = (!about.kinds.is_empty()).then(|| about.kinds.join(","));
    let (mut rows, mut after) = (Vec::new(), args.after.clone());
    loop {
        let wanted = args.limit.saturating_sub(rows.len());
        let query = [
            ("state", args.all.then(|| "all".to_owned())),
            ("kind", kinds.clone()),
            ("limit", Some(wanted.clamp(1, PAGE).to_string())),
            ("after", after),
        ];
        let page: Requests = client.get(&["inbox"], &query)?;
        rows.extend(page.inbox);
        after = page.next;
        if after.is_none() || rows.len() >= args.limit {
            list::tell(&rows, after.as_deref(), about, context);
            return Ok(Exit::Success);
        }
    }
}

fn find(client: &Client, typed: &str) -> Result<RequestView, Failure> {
    let id = ids::request(client, typed)?;
    client.get(&["inbox", &id], &[])
}

pub(super) fn show(args: &RequestArg, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let id = ids::request(client, &args.request)?;
    let shown: Shown = client.get(&["inbox", &id], &[])?;
    let row = shown.row;
    if out.is_json() {
        let mut value = json!(row);
        if let Some(map) = value.as_object_mut() {
            let before = shown.about.approved_before;
            map.extend(before.map(|before| ("approved_before".to_owned(), before)));
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let state = mirror::state(client, &row.execution_id)?;
    let before = match row.kind.as_str() {
        "plan" => {
            let plan = |hash: &Digest| Ok(mirror::plan(client, hash));
            approved_before::section(&state, plan, out.paint())?
        }
        _ => String::new(),
    };
    show::tell(&row, &state, &before, out);
    Ok(Exit::Success)
}

/// A request, and what is said of it beside.
#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    row: RequestView,
    about: About,
}

#[derive(Deserialize)]
struct About {
    #[serde(default)]
    approved_before: Option<Value>,
}

/// What the server says of an answer.
#[derive(Deserialize)]
struct Taken {
    #[serde(default)]
    still_wanted: Option<Vec<String>>,
    execution: Value,
}

#[derive(Deserialize)]
struct Stands {
    standing_id: String,
}

/// Gives an answer; `about`: only to requests of its kinds.
pub(super) fn answer(
    given: &Given<'_>,
    about: Option<&View>,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let out = context.out();
    let row = find(client, given.request)?;
    let state = mirror::state(client, &row.execution_id)?;
    let word = answer::word(given, about, &row, &state)?;
    let body = json!({
        "choice": word.choice,
        "data": word.data,
        "reason": given.reason,
        "subject": word.subject,
    });
    let path = format!("{}:answer", row.request_id);
    let taken: Taken = client.post(&["inbox", &path], &body)?;
    let standing = given.terms.map(|terms| {
        let path = format!("{}:stand", row.request_id);
        client.post::<Stands>(&["inbox", &path], terms)
    });
    let standing = standing.transpose()?.map(|stands| stands.standing_id);
    if out.is_json() {
        let mut shown = taken.execution;
        if let Some(map) = shown.as_object_mut() {
            map.insert("request_id".to_owned(), row.request_id.into());
            map.insert("choice".to_owned(), word.choice.into());
            map.insert("still_wanted".to_owned(), taken.still_wanted.into());
            map.insert("standing_id".to_owned(), standing.into());
        }
        out.value(&shown);
        return Ok(Exit::Success);
    }
    if let Some(id) = standing {
        out.line(&format!("stands as {id}"));
    }
    if answer::tell(&word.choice, taken.still_wanted.as_deref(), out) {
        return Ok(Exit::Success);
    }
    let said = answer::said(&word.choice, out);
    let id = crate::ids::short(&row.execution_id);
    out.line(&format!("{said}: the server drives the execution on"));
    out.line(&format!("  mandate executions watch {id}"));
    Ok(Exit::Success)
}
