//! The events of an execution: in pages, or as they happen.

use super::seen::{self, At};
use crate::access::Caller;
use crate::asked::{Asked, is_place};
use crate::live::Feed;
use crate::problem::Problem;
use crate::site::Site;
use crate::sse::{self, LAST_EVENT_ID, Next, Teller, message};
use crate::view::{ChainedEvent, schemas};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;
use utoipa::ToSchema;

/// A page of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    /// The execution.
    execution_id: String,
    /// The oldest first.
    events: Vec<ChainedEvent>,
    /// What `after` must be for the next page; none = there is nothing more yet.
    next_after: Option<u64>,
    /// The `seq` of the last event there is.
    last_seq: u64,
}

/// Gives what happened, in pages; to whoever accepts `text/event-stream`, also what happens from there on.
#[utoipa::path(get, operation_id = "list_execution_events", path = "/v1/executions/{execution_id}/events", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "its id"),
        ("after" = Option<u64>, Query, description = "only events behind this `seq`"),
        ("limit" = Option<u32>, Query, description = "events of a page at most, 1 to 1000", minimum = 1, maximum = 1000),
        ("data" = Option<bool>, Query, description = "false: leave out what the events say"),
        ("Last-Event-ID" = Option<u64>, Header, description = "of a stream: the same as `after`"),
    ),
    responses((status = 200, content(
        (EventList = "application/json"),
        (schemas::Message = "text/event-stream"),
    ))))]
pub(crate) async fn events(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let after = asked.place("after")?;
    let limit = asked.limit(256, 1_000)?;
    let with_data = asked.parsed("data")?.unwrap_or(true);
    asked.end()?;
    let told = headers.get(LAST_EVENT_ID).map(|id| {
        let told: Option<u64> = id.to_str().ok().and_then(|id| id.parse().ok());
        let told = told.filter(|told| is_place(*told));
        told.ok_or_else(|| Problem::usage("`Last-Event-ID` is no event of this stream"))
    });
    let told = told.transpose()?;
    if sse::is_wanted(&headers) {
        return follow(&site, caller, id, told.or(after).unwrap_or(0)).await;
    }
    let after = after.unwrap_or(0);
    site.waiting(move |site| {
        let row = seen::execution(site, &caller, &id)?;
        let reader = site.reader();
        let from = after.saturating_add(1);
        let records = reader.read(&id, from, limit)?;
        let places: Vec<u64> = records.iter().map(|record| record.gseq).collect();
        let commits = reader.commits_of(&places)?;
        let last_seq = records
            .last()
            .map_or(row.last_seq, |last| last.seq.max(row.last_seq));
        let last = records.last().map(|record| record.seq);
        let events = records.iter().zip(commits);
        let events = events.map(|(record, commit)| ChainedEvent::of(record, commit, with_data));
        Ok(Json(EventList {
            execution_id: id,
            events: events.collect(),
            next_after: last.filter(|last| *last < last_seq),
            last_seq,
        })
        .into_response())
    })
    .await
}

async fn follow(
    site: &Arc<Site>,
    caller: Caller,
    execution_id: String,
    after: u64,
) -> Result<Response, Problem> {
    let feed = site
        .waiting(move |site| {
            seen::execution(site, &caller, &execution_id)?;
            // The feed first: what is committed from here on is told to it.
            let feed = site.live.feed(&execution_id);
            feed.reaches(site.reader().last_seq(&execution_id)?);
            Ok::<_, Problem>(feed)
        })
        .await?;
    let reading = Reading {
        site: site.clone(),
        tip: feed.tip(),
        feed,
        after,
        ended: false,
    };
    Ok(sse::answer(site, reading))
}

/// Somebody who reads an execution's events.
struct Reading {
    site: Arc<Site>,
    feed: Arc<Feed>,
    tip: watch::Receiver<u64>,
    after: u64,
    ended: bool,
}

impl Teller for Reading {
    async fn next(&mut self) -> Next {
        if self.ended {
            return Next::End(vec![message(None, Some("end"), &json!({}))]);
        }
        let after = self.after;
        // Whoever is behind is told at once.
        if *self.tip.borrow() <= after {
            if self.tip.wait_for(|tip| *tip > after).await.is_err() {
                return Next::Stop;
            }
            tokio::time::sleep(self.feed.patience()).await;
        }
        let from = after.saturating_add(1);
        let page = match self.feed.known(from) {
            Some(page) => Ok(page),
            None => {
                let feed = self.feed.clone();
                let read = move |site: &Site| feed.page(site.reader(), from).map_err(Problem::from);
                self.site.waiting(read).await
            }
        };
        match page {
            Ok(page) => {
                let Some(last) = page.last() else {
                    return Next::Stop;
                };
                self.after = last.seq;
                self.ended = last.is_last;
                Next::Say(page.into_iter().map(|event| event.text).collect())
            }
            Err(problem) => {
                tracing::warn!(message = problem.message(), "events cannot be read");
                Next::Stop
            }
        }
    }
}
