//! The events of one execution as they are told, read once for all who read at about the same place.

use crate::sse::message;
use crate::view::ChainedEvent;
use bytes::Bytes;
use mandate_store::{Reader, StoreError};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Events that are read at a time.
const PAGE: usize = 32;
/// The same where they are large.
const LARGE_PAGE: usize = 2;
/// From here on a page is large.
const LARGE_BYTES: usize = 4 * 1024 * 1024;
/// What is kept of what was read last.
const KEPT_EVENTS: usize = 2_048;
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// So many who read are no load.
const FEW: u32 = 16;
/// What each further one makes all of them wait for more.
const EACH_READER: Duration = Duration::from_micros(500);
const MOST_PATIENCE: Duration = Duration::from_millis(250);

/// An event as it is told.
#[derive(Debug, Clone)]
pub(crate) struct ToldEvent {
    pub(crate) seq: u64,
    /// The message.
    pub(crate) text: Bytes,
    pub(crate) is_last: bool,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<ToldEvent>,
    bytes: usize,
    large: bool,
}

/// The events of one execution, for all who read them.
pub(crate) struct Feed {
    execution_id: String,
    tip: watch::Sender<u64>,
    kept: Mutex<Kept>,
    reading: Mutex<()>,
}

impl Feed {
    pub(super) fn new(execution_id: &str) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            tip: watch::Sender::new(0),
            kept: Mutex::default(),
            reading: Mutex::default(),
        }
    }

    /// The disk has everything up to this `seq`.
    pub(crate) fn reaches(&self, seq: u64) {
        self.tip.send_if_modified(|tip| {
            let further = seq > *tip;
            *tip = seq.max(*tip);
            further
        });
    }

    /// How far the disk is, and whenever it is further.
    pub(crate) fn tip(&self) -> watch::Receiver<u64> {
        self.tip.subscribe()
    }

    /// How long whoever heard of something new waits for more of it: the more there are who read, the more seldom each is
    /// told, so that they cost the executions little. A few are told at once.
    pub(crate) fn patience(&self) -> Duration {
        let readers = u32::try_from(self.tip.receiver_count()).unwrap_or(u32::MAX);
        if readers <= FEW {
            return Duration::ZERO;
        }
        EACH_READER.saturating_mul(readers).min(MOST_PATIENCE)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events from `from` on, where somebody has read them just before.
    pub(crate) fn known(&self, from: u64) -> Option<Vec<ToldEvent>> {
        let kept = self.kept();
        let first = kept.events.front()?.seq;
        let skipped = usize::try_from(from.checked_sub(first)?).ok()?;
        let page: Vec<ToldEvent> = kept
            .events
            .iter()
            .skip(skipped)
            .take(PAGE)
            .cloned()
            .collect();
        (!page.is_empty()).then_some(page)
    }

    /// The next events from `from` on. Waits for the disk: to be called where that is no harm.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn page(&self, reader: &Reader, from: u64) -> Result<Vec<ToldEvent>, StoreError> {
        if let Some(page) = self.known(from) {
            return Ok(page);
        }
        // One reads, and the others find it.
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = self.known(from) {
            return Ok(page);
        }
        let limit = match self.kept().large {
            true => LARGE_PAGE,
            false => PAGE,
        };
        let page = read(reader, &self.execution_id, from, limit)?;
        self.keep(&page);
        Ok(page)
    }

    fn keep(&self, page: &[ToldEvent]) {
        let mut kept = self.kept();
        let bytes: usize = page.iter().map(|event| event.text.len()).sum();
        kept.large = bytes >= LARGE_BYTES;
        let follows = match (kept.events.back(), page.first()) {
            (Some(last), Some(first)) => first.seq == last.seq.saturating_add(1),
            (None, _) => true,
            (_, None) => false,
        };
        // Somebody far behind reads for themselves.
        if !follows {
            return;
        }
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.events.extend(page.iter().cloned());
        while kept.events.len() > KEPT_EVENTS || kept.bytes > KEPT_BYTES {
            let Some(gone) = kept.events.pop_front() else {
                break;
            };
            kept.bytes = kept.bytes.saturating_sub(gone.text.len());
        }
    }
}

fn read(
    reader: &Reader,
    execution_id: &str,
    from: u64,
    limit: usize,
) -> Result<Vec<ToldEvent>, StoreError> {
    let records = reader.read(execution_id, from, limit)?;
    let places: Vec<u64> = records.iter().map(|record| record.gseq).collect();
    let commits = reader.commits_of(&places)?;
    let told = records.iter().zip(commits).map(|(record, commit)| {
        let event = ChainedEvent::of(record, commit, true);
        ToldEvent {
            seq: record.seq,
            text: message(Some(&record.seq.to_string()), None, &event),
            is_last: record.kind == "execution_finished",
        }
    });
    Ok(told.collect())
}
