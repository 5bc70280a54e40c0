//! Everything that waits for a human.

use super::seen::{self, At};
use crate::access::{Caller, Right, Via};
use crate::asked::{Asked, must_be_one_of};
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, RequestView, WholeRequest};
use axum::Json;
use axum::extract::State;
use mandate_store::{Page, RequestFilter, RequestRow};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const KINDS: [&str; 8] = [
    "plan",
    "revision",
    "step",
    "question",
    "failure",
    "invariant",
    "budget",
    "in_doubt",
];
/// How many rows are looked at for a page of somebody who may see some of them only.
const LOOKED_AT: usize = 5_000;

/// A page of requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inbox {
    /// The newest first.
    inbox: Vec<RequestView>,
    /// Where the next page starts; none = this is the last.
    next: Option<String>,
}

/// Lists requests.
#[utoipa::path(get, operation_id = "list_requests", path = "/v1/inbox", tag = "inbox",
    params(
        ("state" = Option<String>, Query, description = "`open` (which it is if nothing is said), `answered`, `expired` or `all`"),
        ("kind" = Option<String>, Query, description = "of these kinds, separated by commas"),
        ("execution" = Option<String>, Query, description = "of this execution"),
        ("limit" = Option<u32>, Query, description = "rows at most, 1 to 500", minimum = 1, maximum = 500),
        ("after" = Option<String>, Query, description = "behind the page that gave this cursor"),
    ),
    responses((status = 200, body = Inbox)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    mut asked: Asked,
) -> Result<Json<Inbox>, Problem> {
    let kinds = asked.many("kind");
    for kind in &kinds {
        must_be_one_of("kind", kind, &KINDS)?;
    }
    let state = asked.one_of("state", &["open", "answered", "expired", "all"])?;
    let state = state.unwrap_or_else(|| "open".to_owned());
    let filter = RequestFilter {
        state: (state != "all").then_some(state),
        kinds,
        execution_id: asked.text("execution")?,
        step: None,
    };
    let page = Page {
        limit: asked.limit(50, 500)?,
        after: asked.cursor()?,
        newest_first: true,
    };
    asked.end()?;
    let listed = site
        .waiting(move |site| page_of(site, &caller, &filter, page))
        .await?;
    Ok(Json(listed))
}

fn page_of(
    site: &Site,
    caller: &Caller,
    filter: &RequestFilter,
    mut page: Page,
) -> Result<Inbox, Problem> {
    let wanted = page.limit;
    let mut found: Vec<RequestRow> = Vec::new();
    let mut looked_at = 0_usize;
    let next = loop {
        page.limit = wanted.saturating_sub(found.len());
        let listed = site.reader().requests(filter, &page)?;
        looked_at = looked_at.saturating_add(listed.rows.len());
        for row in listed.rows {
            if sees(site, caller, &row)? {
                found.push(row);
            }
        }
        match listed.next {
            Some(next) if found.len() < wanted && looked_at < LOOKED_AT => page.after = Some(next),
            next => break next,
        }
    };
    Ok(Inbox {
        inbox: found.iter().map(view::request).collect(),
        next: next.map(|next| next.to_string()),
    })
}

fn sees(site: &Site, caller: &Caller, row: &RequestRow) -> Result<bool, Problem> {
    if caller.may(Right::ViewAll) || caller.is_asked(row) {
        return Ok(true);
    }
    let of = site.reader().execution(&row.execution_id)?;
    Ok(of.is_some_and(|of| caller.may_see(&of)))
}

/// Shows a request with everything that whoever answers must see.
#[utoipa::path(get, operation_id = "show_request", path = "/v1/inbox/{request_id}", tag = "inbox",
    params(("request_id" = String, Path, description = "its id")),
    responses((status = 200, body = WholeRequest)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<WholeRequest>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        let row = seen::request(site, &caller, &id)?;
        let state = site.state(&row.execution_id)?;
        let bars = match (caller.may(Right::Answer), caller.via) {
            (true, _) => None,
            (false, Via::Loopback) => Some("nobody is logged in"),
            (false, _) => Some("the key's roles do not answer requests"),
        };
        let whole = WholeRequest::of(&row, &state, &caller.principal, bars, site.reader())?;
        whole
            .map(Json)
            .ok_or_else(|| Problem::not_found("request", &id))
    })
    .await
}
