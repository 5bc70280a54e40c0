//! What happens, for those who look on: how far the disk is with each execution that somebody reads, and what changed at
//! all. Nobody who reads is kept a queue for: each takes at their own pace what was read from the journal for all of them.

mod changes;
mod feed;
mod page;

pub(crate) use changes::{Changed, Changes};
pub(crate) use feed::{Feed, follow};

use mandate_host::Committed;
use mandate_store::SYSTEM;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What happens. Made before the host, which tells it of everything that is on the disk.
pub struct Live {
    feeds: Mutex<HashMap<String, Weak<Feed>>>,
    changes: Changes,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self {
            feeds: Mutex::default(),
            changes: Changes::new(),
        }
    }

    /// Takes the news of an append. Runs on the store's writer thread: it notes, wakes and returns.
    pub fn note(&self, committed: &Committed) {
        if let Some(last_seq) = committed.last_seq {
            let feed = self.feeds().get(&committed.stream).and_then(Weak::upgrade);
            if let Some(feed) = feed {
                feed.reaches(last_seq);
            }
        }
        let mut changed = Vec::with_capacity(1 + committed.requests.len());
        changed.push(match committed.stream.as_str() {
            SYSTEM => Changed::System,
            stream => Changed::Execution(stream.to_owned()),
        });
        changed.extend(committed.requests.iter().cloned().map(Changed::Request));
        self.changes.note(changed);
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The feed of one execution: the one that others read already, or a new one. How far the disk is must be said to it, and
    /// that it is to be [followed](Feed::is_followed).
    pub(crate) fn feed(&self, execution_id: &str) -> Arc<Feed> {
        let mut feeds = self.feeds();
        if let Some(feed) = feeds.get(execution_id).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed::new(execution_id));
        feeds.insert(execution_id.to_owned(), Arc::downgrade(&feed));
        feed
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<String, Weak<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
