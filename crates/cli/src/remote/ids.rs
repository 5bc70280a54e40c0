//! From what people type to a whole id, as far as whoever asks may see: unique beginnings and `@last`.

use super::client::Client;
use crate::{
    commands::executions::list::Listed,
    errors::Failure,
    ids::{check, only},
};
use mandate_server::view::RequestView;
use serde::Deserialize;

/// As many rows as a page has at most.
const PAGE: &str = "500";
/// A UUID is whole.
const WHOLE: usize = 36;

/// A page of requests.
#[derive(Deserialize)]
pub(super) struct Requests {
    pub(super) inbox: Vec<RequestView>,
    pub(super) next: Option<String>,
}

/// The execution that somebody means.
///
/// # Errors
/// None, or several.
pub(super) fn execution(client: &Client, typed: &str) -> Result<String, Failure> {
    check(typed, "execution")?;
    if typed.len() == WHOLE {
        return Ok(typed.to_owned());
    }
    let found = executions(client, typed)?;
    only(found, typed, "execution", "mandate executions list")
}

fn executions(client: &Client, typed: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let query = [("limit", Some(PAGE.to_owned())), ("after", after)];
        let page: Listed = client.get(&["executions"], &query)?;
        for row in page.executions {
            if typed == "@last" {
                // One that is a step of another is not what somebody started.
                if row.parent.is_none() {
                    return Ok(vec![row.execution_id]);
                }
            } else if row.execution_id.starts_with(typed) {
                found.push(row.execution_id);
            }
        }
        after = page.next;
        if after.is_none() || found.len() > 1 {
            return Ok(found);
        }
    }
}

/// The request that somebody means: an open one before others; the beginning of an execution's id means what it asks.
///
/// # Errors
/// None, or several.
pub(super) fn request(client: &Client, typed: &str) -> Result<String, Failure> {
    check(typed, "request")?;
    for state in ["open", "all"] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let query = [
                ("state", Some(state.to_owned())),
                ("limit", Some(PAGE.to_owned())),
                ("after", after),
            ];
            let page: Requests = client.get(&["inbox"], &query)?;
            for row in page.inbox {
                let of_execution = state == "open" && row.execution_id.starts_with(typed);
                if typed == "@last" {
                    return Ok(row.request_id);
                } else if row.request_id.starts_with(typed) || of_execution {
                    found.push(row.request_id);
                }
            }
            after = page.next;
            if after.is_none() || found.len() > 1 {
                break;
            }
        }
        if !found.is_empty() || state == "all" {
            return only(found, typed, "request", "mandate inbox list");
        }
    }
    only(Vec::new(), typed, "request", "mandate inbox list")
}
