//! What changes at all: for lists that are to be live. State, and no log: of what changed several times the newest is told.

use crate::access::{Caller, Right};
use crate::asked::Asked;
use crate::live::Changed;
use crate::problem::Problem;
use crate::site::Site;
use crate::sse::{self, LAST_EVENT_ID, Next, Teller, message};
use crate::view::{self, schemas};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch::Receiver;

/// Changes that are looked at at a time.
const PAGE: usize = 128;

/// Tells, as Server-Sent Events, which executions and requests changed, and how the freeze stands.
#[utoipa::path(get, operation_id = "watch_executions", path = "/v1/executions:watch", tag = "executions",
    params(("Last-Event-ID" = Option<String>, Header, description = "where the stream before ended")),
    responses((status = 200, body = schemas::Message, content_type = "text/event-stream")))]
pub(crate) async fn watch(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.end()?;
    let changes = site.live.changes();
    let mut newest = changes.newest();
    let now = *newest.borrow_and_update();
    let told = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let told = told.and_then(|id| id.split_once('.'));
    let told = told.filter(|(epoch, _)| *epoch == changes.epoch());
    let told = told.and_then(|(_, number)| number.parse().ok());
    let watching = Watching {
        site: site.clone(),
        caller,
        newest,
        after: told.unwrap_or(now),
        greeted: false,
    };
    Ok(sse::answer(&site, watching))
}

struct Watching {
    site: Arc<Site>,
    caller: Caller,
    newest: Receiver<u64>,
    after: u64,
    greeted: bool,
}

impl Watching {
    fn id(&self, number: u64) -> String {
        format!("{}.{number}", self.site.live.changes().epoch())
    }

    /// That everything is to be looked at anew, and from where on changes are told then.
    fn begin_anew(&mut self) -> Next {
        self.after = *self.newest.borrow();
        let id = self.id(self.after);
        Next::Say(message(Some(&id), Some("reset"), &json!({})))
    }
}

impl Teller for Watching {
    async fn next(&mut self) -> Next {
        if !self.greeted {
            self.greeted = true;
            let epoch = self.site.live.changes().epoch();
            let hello = json!({ "epoch": epoch });
            let id = self.id(self.after);
            return Next::Say(message(Some(&id), Some("hello"), &hello));
        }
        let after = self.after;
        if self
            .newest
            .wait_for(|newest| *newest > after)
            .await
            .is_err()
        {
            return Next::Stop;
        }
        let Some(changed) = self.site.live.changes().after(after, PAGE) else {
            return self.begin_anew();
        };
        let Some(last) = changed.last().map(|(number, _)| *number) else {
            return self.begin_anew();
        };
        let (caller, epoch) = (
            self.caller.clone(),
            self.site.live.changes().epoch().to_owned(),
        );
        let told = self
            .site
            .waiting(move |site| Ok::<_, Problem>(tell(site, &caller, &epoch, changed)))
            .await;
        match told {
            Ok(told) => {
                self.after = last;
                Next::Say(told.concat().into())
            }
            Err(_) => Next::Stop,
        }
    }
}

/// The messages about what changed, as far as whoever looks on may know of it. What cannot be read is left out: it will
/// change again, or is gone.
fn tell(site: &Site, caller: &Caller, epoch: &str, changed: Vec<(u64, Changed)>) -> Vec<Bytes> {
    let mut told = Vec::with_capacity(changed.len());
    let all = caller.may(Right::ViewAll);
    for (number, one) in changed {
        let id = format!("{epoch}.{number}");
        let said = match one {
            Changed::Execution(execution_id) => {
                let row = site.reader().execution(&execution_id).ok().flatten();
                let row = row.filter(|row| caller.may_see(row));
                row.map(|row| message(Some(&id), Some("execution"), &view::row(&row)))
            }
            Changed::Request(request_id) => {
                let row = site.reader().request(&request_id).ok().flatten();
                let row = row.filter(|row| {
                    let of = || site.reader().execution(&row.execution_id).ok().flatten();
                    all || caller.is_asked(row) || of().is_some_and(|of| caller.may_see(&of))
                });
                row.map(|row| {
                    let short = json!({
                        "request_id": row.request_id,
                        "execution_id": row.execution_id,
                        "kind": row.kind,
                        "step": row.step,
                        "state": row.state,
                        "opened_at_ms": row.opened_at_ms,
                        "expires_at_ms": row.expires_at_ms,
                        "closed_at_ms": row.closed_at_ms,
                    });
                    message(Some(&id), Some("request"), &short)
                })
            }
            Changed::System => {
                let freeze = view::freeze(site.reader()).ok();
                freeze.map(|freeze| message(Some(&id), Some("freeze"), &freeze))
            }
        };
        told.extend(said);
    }
    if told.is_empty() {
        // A comment, so that the stream goes on although nothing of it is theirs.
        told.push(Bytes::from_static(b": \n\n"));
    }
    told
}
