//! Telling somebody what happens in an execution: from the journal, at the pace at which they read.

use super::lines::Mouth;
use super::{Desk, waiting};
use crate::ask::HostError;
use crate::following::Notice;
use crate::recovery::{event, plan_of};
use crate::wire::Said;
use mandate_engine::Event;
use std::sync::Arc;
use tokio::sync::watch;

/// How many events are read at a time.
const PAGE: usize = 32;

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
        let from = self.told_seq.saturating_add(1);
        let (plan, events) = waiting(move || {
            let records = journal.read(&execution_id, from, PAGE)?;
            let events = records
                .iter()
                .map(event)
                .collect::<Result<Vec<Event>, _>>()?;
            let plan = if from == 1 {
                Some(plan_of(journal.as_ref(), &execution_id, &events)?)
            } else {
                None
            };
            Ok((plan, events))
        })
        .await?;
        if let Some(plan) = plan {
            let said = Said::Plan {
                id: self.id,
                canonical: String::from_utf8_lossy(plan.canonical()).into_owned(),
            };
            if !self.mouth.say(&said).await {
                return Ok(false);
            }
        }
        if events.is_empty() {
            return Err(HostError::Unreadable {
                execution_id: self.execution_id.clone(),
                reason: format!("event {from} is missing"),
            });
        }
        for event in events {
            self.told_seq = event.seq;
            let said = Said::Event {
                id: self.id,
                event: Box::new(event),
            };
            if !self.mouth.say(&said).await {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
