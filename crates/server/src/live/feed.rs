//! The events of one execution for all who read them: what happens is read from the journal once, by one task, and only then
//! is everybody woken who waits for it. Whoever is behind reads for themselves, and shares what others read just before.

use super::page::{Page, Told};
use crate::site::Site;
use mandate_store::{Reader, StoreError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// Events that are read at a time.
const PAGE: usize = 32;
/// The same where they are large.
const LARGE_PAGE: usize = 2;
/// From here on a page is large.
const LARGE_BYTES: usize = 4 * 1024 * 1024;
/// What is kept of what was read last.
const KEPT_PAGES: usize = 64;
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// So many who read are no load.
const FEW: usize = 16;
/// What each further one makes all of them wait for more.
const EACH_READER: Duration = Duration::from_micros(500);
const MOST_PATIENCE: Duration = Duration::from_millis(250);

#[derive(Default)]
struct Kept {
    /// The newest last.
    pages: VecDeque<Page>,
    bytes: usize,
    large: bool,
}

/// The events of one execution, for all who read them.
pub(crate) struct Feed {
    execution_id: String,
    /// How far the disk is.
    tip: watch::Sender<u64>,
    /// How far those are told who have everything before.
    told: watch::Sender<u64>,
    kept: Mutex<Kept>,
    /// One reads, and the others find it.
    reading: tokio::sync::Mutex<()>,
    followed: AtomicBool,
}

impl Feed {
    pub(super) fn new(execution_id: &str) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            tip: watch::Sender::new(0),
            told: watch::Sender::new(0),
            kept: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            followed: AtomicBool::new(false),
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

    /// Whether somebody [follows](follow) it already; from here on it counts as followed.
    pub(crate) fn is_followed(&self) -> bool {
        self.followed.swap(true, Ordering::AcqRel)
    }

    /// How far the disk is now.
    pub(crate) fn tip(&self) -> u64 {
        *self.tip.borrow()
    }

    /// How far whoever reads along is told, and whenever it is further.
    pub(crate) fn told(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// How long whoever hears of something new waits for more of it: the more there are who read, the more seldom each is
    /// told, so that they cost the executions little. A few are told at once.
    fn patience(&self) -> Duration {
        let readers = self.told.receiver_count();
        if readers <= FEW {
            return Duration::ZERO;
        }
        let readers = u32::try_from(readers).unwrap_or(u32::MAX);
        EACH_READER.saturating_mul(readers).min(MOST_PATIENCE)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events from `from` on, where somebody has read them just before.
    pub(crate) fn known(&self, from: u64) -> Option<Told> {
        let kept = self.kept();
        kept.pages.iter().rev().find_map(|page| page.from(from))
    }

    /// The next events from `from` on; none if there are none yet.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) async fn next(
        self: &Arc<Self>,
        site: &Arc<Site>,
        from: u64,
    ) -> Result<Option<Told>, StoreError> {
        if let Some(told) = self.known(from) {
            return Ok(Some(told));
        }
        let _reading = self.reading.lock().await;
        if let Some(told) = self.known(from) {
            return Ok(Some(told));
        }
        let (feed, reader) = (self.clone(), site.clone());
        let read = tokio::task::spawn_blocking(move || feed.read(reader.reader(), from)).await;
        match read {
            Ok(read) => read,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime ends, and whoever is told with it.
            Err(_) => Ok(None),
        }
    }

    fn read(&self, reader: &Reader, from: u64) -> Result<Option<Told>, StoreError> {
        let limit = match self.kept().large {
            true => LARGE_PAGE,
            false => PAGE,
        };
        let page = Page::read(reader, &self.execution_id, from, limit)?;
        let Some(page) = page else {
            return Ok(None);
        };
        let told = page.from(from);
        self.keep(page);
        Ok(told)
    }

    fn keep(&self, page: Page) {
        let mut kept = self.kept();
        kept.large = page.bytes() >= LARGE_BYTES;
        kept.bytes = kept.bytes.saturating_add(page.bytes());
        kept.pages.push_back(page);
        while kept.pages.len() > KEPT_PAGES || kept.bytes > KEPT_BYTES {
            let Some(gone) = kept.pages.pop_front() else {
                break;
            };
            kept.bytes = kept.bytes.saturating_sub(gone.bytes());
        }
    }
}

/// Reads what happens, as it happens, and tells everybody how far it is. Goes when nobody reads any more.
pub(crate) async fn follow(feed: Weak<Feed>, site: Weak<Site>) {
    let Some((mut tip, mut told)) = feed
        .upgrade()
        .map(|feed| (feed.tip.subscribe(), feed.tip()))
    else {
        return;
    };
    // Whoever has less than this catches up by themselves.
    if let Some(feed) = feed.upgrade() {
        feed.told.send_replace(told);
    }
    while tip.wait_for(|tip| *tip > told).await.is_ok() {
        let Some(patience) = feed.upgrade().map(|feed| feed.patience()) else {
            return;
        };
        if !patience.is_zero() {
            tokio::time::sleep(patience).await;
        }
        let (Some(feed), Some(site)) = (feed.upgrade(), site.upgrade()) else {
            return;
        };
        let until = feed.tip();
        while told < until {
            match feed.next(&site, told.saturating_add(1)).await {
                Ok(Some(page)) => told = page.last,
                // Whoever reads along tries it, and is told that it cannot be.
                Ok(None) | Err(_) => told = until,
            }
        }
        feed.told.send_replace(told);
    }
}
