//! The events of an execution: in pages, or as they happen.

use super::seen::{self, At};
use crate::access::Caller;
use crate::asked::{Asked, is_place};
use crate::live::{self, Feed};
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
    let (feed, over) = site
        .waiting(move |site| {
            let row = seen::execution(site, &caller, &execution_id)?;
            // The feed first: what is committed from here on is told to it.
            let feed = site.live.feed(&execution_id);
            let last_seq = site.reader().last_seq(&execution_id)?;
            feed.reaches(last_seq);
            let over = row.finished_at_ms.is_some() && after >= last_seq;
            Ok::<_, Problem>((feed, over))
        })
        .await?;
    if !feed.is_followed() {
        tokio::spawn(live::follow(Arc::downgrade(&feed), Arc::downgrade(site)));
    }
    let reading = Reading {
        site: site.clone(),
        told: feed.told(),
        behind: true,
        feed,
        after,
        ended: over,
    };
    Ok(sse::answer(site, reading))
}

/// Somebody who reads an execution's events.
struct Reading {
    site: Arc<Site>,
    feed: Arc<Feed>,
    told: watch::Receiver<u64>,
    after: u64,
    /// Something that is on the disk was not told yet, and is told without waiting for more.
    behind: bool,
    ended: bool,
}

impl Reading {
    /// Waits until there is something that they do not have. False: there will be nothing.
    async fn wait(&mut self) -> bool {
        let after = self.after;
        self.behind = self.behind && self.feed.tip() > after;
        self.behind || self.told.wait_for(|told| *told > after).await.is_ok()
    }
}

impl Teller for Reading {
    async fn next(&mut self) -> Next {
        if self.ended {
            return Next::End(message(None, Some("end"), &json!({})));
        }
        if !self.wait().await {
            return Next::Stop;
        }
        let from = self.after.saturating_add(1);
        match self.feed.next(&self.site, from).await {
            Ok(Some(told)) => {
                self.after = told.last;
                self.ended = told.is_last;
                Next::Say(told.text)
            }
            // It was archived meanwhile.
            Ok(None) => Next::Stop,
            Err(error) => {
                tracing::warn!(%error, "events cannot be read");
                Next::Stop
            }
        }
    }
}
