//! Telling somebody what happens in an execution: from the journal, at the pace at which they read.

use super::lines::Mouth;
use super::{Desk, waiting};
use crate::ask::HostError;
use crate::following::Notice;
use crate::recovery::event;
use crate::wire::{Said, line};
use mandate_engine::{Body, Event};
use mandate_store::Journal;
use std::sync::Arc;
use tokio::sync::watch;

/// How many events are read at a time.
const PAGE: usize = 16;

/// Tells everything that happened and happens, until the execution has ended or nobody listens.
pub(super) async fn tell(desk: Arc<Desk>, id: u64, execution_id: String, mouth: Mouth) {
    let following = {
        let (host, execution_id) = (desk.host.clone(), execution_id.clone());
        waiting(move || host.follow(&execution_id)).await
    };
    let notices = match following {
        Ok(notices) => notices,
        Err(error) => {
            let error = error.into();
            mouth.say(&Said::Failed { id, error }).await;
            return;
        }
    };
    let done = Said::Done {
        id,
        submitted: None,
        acted: None,
        agent: None,
        keys: None,
        standing: None,
    };
    if mouth.say(&done).await {
        let mut watch = Watch {
            desk: desk.clone(),
            id,
            execution_id: execution_id.clone(),
            mouth: mouth.clone(),
            told_seq: 0,
            told_rest: 0,
        };
        tokio::select! {
            told = watch.go_on(notices) => if let Err(error) = told {
                let error = error.into();
                mouth.say(&Said::Lost { id, error }).await;
            },
            () = mouth.closed() => {}
        }
    }
    desk.host.unfollow(&execution_id);
}

struct Watch {
    desk: Arc<Desk>,
    id: u64,
    execution_id: String,
    mouth: Mouth,
    told_seq: u64,
    told_rest: u64,
}

impl Watch {
    async fn go_on(&mut self, mut notices: watch::Receiver<Notice>) -> Result<(), HostError> {
        let id = self.id;
        let mut caught_up = false;
        loop {
            let notice = notices.borrow_and_update().clone();
            while self.told_seq < notice.durable_seq {
                if !self.tell_page().await? {
                    return Ok(());
                }
            }
            if !caught_up {
                caught_up = true;
                if !self.mouth.say(&Said::Now { id }).await {
                    return Ok(());
                }
            }
            if let Some(error) = notice.lost {
                return Err(error);
            }
            if let Some(rest) = &notice.rest
                && rest.seq == self.told_seq
                && rest.seq != self.told_rest
            {
                self.told_rest = rest.seq;
                let (waiting_for, head) = (rest.waiting_for.clone(), rest.head);
                let ended = waiting_for.is_none();
                let said = Said::Rest {
                    id,
                    waiting_for,
                    head,
                };
                if !self.mouth.say(&said).await || ended {
                    return Ok(());
                }
            }
            // The host no longer tells: it stops, and the conversation ends with it.
            if notices.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Tells the next events that the journal has; false when nobody listens.
    async fn tell_page(&mut self) -> Result<bool, HostError> {
        let (journal, execution_id) = (self.desk.journal.clone(), self.execution_id.clone());
        let (id, from) = (self.id, self.told_seq.saturating_add(1));
        // Large ones take their time to be written down, which must not be that of other conversations.
        let page = waiting(move || page(journal.as_ref(), id, &execution_id, from)).await?;
        self.told_seq = page.last_seq;
        for line in page.lines {
            if !self.mouth.put(line).await {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Events as they are told.
struct Page {
    lines: Vec<Vec<u8>>,
    last_seq: u64,
}

fn page(journal: &dyn Journal, id: u64, execution_id: &str, from: u64) -> Result<Page, HostError> {
    let unreadable = |reason: String| HostError::Unreadable {
        execution_id: execution_id.to_owned(),
        reason,
    };
    let records = journal.read(execution_id, from, PAGE)?;
    let events = records
        .iter()
        .map(event)
        .collect::<Result<Vec<Event>, _>>()?;
    let Some(last_seq) = events.last().map(|event| event.seq) else {
        return Err(unreadable(format!("event {from} is missing")));
    };
    let mut said = Vec::with_capacity(events.len().saturating_add(1));
    if from == 1 {
        let plan = canonical_plan(journal, execution_id, &events)?;
        let canonical = String::from_utf8_lossy(&plan).into_owned();
        said.push(Said::Plan { id, canonical });
    }
    said.extend(events.into_iter().map(|event| Said::Event {
        id,
        event: Box::new(event),
    }));
    let lines = said.iter().map(line).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|error| unreadable(error.to_string()))?;
    Ok(Page { lines, last_seq })
}

/// The bytes of the plan; whoever reads them checks them.
fn canonical_plan(
    journal: &dyn Journal,
    execution_id: &str,
    events: &[Event],
) -> Result<Vec<u8>, HostError> {
    let Some(Body::ExecutionCreated(created)) = events.first().map(|event| &event.body) else {
        return Err(HostError::NoSuchExecution(execution_id.to_owned()));
    };
    let stored = journal.plan(&created.plan_hash)?;
    stored.ok_or_else(|| HostError::Unreadable {
        execution_id: execution_id.to_owned(),
        reason: format!("its plan {} is not stored", created.plan_hash),
    })
}
