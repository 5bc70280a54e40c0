//! The bounded queue between those who append and the one writer.

use crate::{
    Ack, CallRow, ExecutionRow, NewRecord, PlanRow, Removal, RequestRow, StoreError, blob::Blob,
};
use mandate_plan::Digest;
use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Batches that may wait.
const MAX_WAITING: usize = 4096;
/// Bytes that may wait; a single larger batch is let in when nothing else waits.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// A record whose large fields have left it.
pub(crate) struct PreparedRecord {
    pub(crate) at_ms: i64,
    pub(crate) kind: &'static str,
    pub(crate) payload: String,
    pub(crate) blobs: Vec<Blob>,
}

/// A batch as the writer takes it.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) stream: String,
    pub(crate) first_seq: u64,
    pub(crate) records: Vec<PreparedRecord>,
    /// Bytes of the payloads, blobs included.
    pub(crate) bytes: usize,
    pub(crate) plan: Option<PlanRow>,
    pub(crate) stands_on: Vec<Digest>,
    pub(crate) execution: Option<ExecutionRow>,
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) calls: Vec<CallRow>,
    /// Instead of everything else: what is to be removed.
    pub(crate) removal: Option<Box<Removal>>,
}

/// So many batches are not kept waiting for more.
const ENOUGH: usize = 32;
/// Nor is any for longer than this, whoever forgot to say that no more follows.
const PATIENCE: Duration = Duration::from_millis(2);

thread_local! {
    /// Whether this thread empties a queue.
    static EMPTIES: Cell<bool> = const { Cell::new(false) };
}

/// What waits: a batch, or what was wrong with it (told in its turn), and whom to tell.
pub(crate) struct Item {
    pub(crate) batch: Result<Prepared, StoreError>,
    pub(crate) ack: Ack,
}

impl Item {
    fn bytes(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.bytes)
    }
}

impl PreparedRecord {
    pub(crate) fn new(record: NewRecord, whose: impl Fn() -> String) -> Result<Self, StoreError> {
        let (payload, blobs) = crate::blob::split(record.payload, whose)?;
        Ok(Self {
            at_ms: record.at_ms,
            kind: record.kind,
            payload,
            blobs,
        })
    }
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    closed: bool,
    /// More follow soon.
    more: bool,
}

impl Waiting {
    /// Whether it is time to write what there is.
    fn is_due(&self) -> bool {
        !self.items.is_empty() && (!self.more || self.items.len() >= ENOUGH || self.closed)
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic runs under the lock, so what it guards is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This thread empties it. Whatever it adds has room: it would wait for itself.
    pub(crate) fn emptied_here(&self) {
        EMPTIES.set(true);
    }

    /// Adds an item, waiting for room. Gives it back if nobody will take it any more.
    pub(crate) fn push(&self, item: Item) -> Option<Item> {
        let bytes = item.bytes();
        let mut waiting = self.lock();
        while !waiting.closed
            && !EMPTIES.get()
            && (waiting.items.len() >= MAX_WAITING
                || (waiting.bytes + bytes > MAX_WAITING_BYTES && !waiting.items.is_empty()))
        {
            waiting = self
                .drained
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.closed {
            return Some(item);
        }
        waiting.bytes += bytes;
        waiting.items.push_back(item);
        // While more follow, the first sets the time at which it is written whatever comes.
        let wake = waiting.is_due() || waiting.items.len() == 1;
        drop(waiting);
        if wake {
            self.filled.notify_one();
        }
        None
    }

    /// Whether more follow soon.
    pub(crate) fn more_follows(&self, more: bool) {
        let mut waiting = self.lock();
        if waiting.more == more {
            return;
        }
        waiting.more = more;
        let wake = waiting.is_due();
        drop(waiting);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Moves the next items into `group`, waiting for the first: at most `max_items`, and no more after `max_bytes`.
    /// False = closed, and nothing is left.
    pub(crate) fn take(&self, group: &mut Vec<Item>, max_items: usize, max_bytes: usize) -> bool {
        let mut waiting = self.lock();
        while waiting.items.is_empty() {
            if waiting.closed {
                return false;
            }
            waiting = self
                .filled
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.is_due() {
            waiting = self
                .filled
                .wait_timeout_while(waiting, PATIENCE, |waiting| !waiting.is_due())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let mut bytes = 0;
        while group.len() < max_items && bytes < max_bytes {
            let Some(item) = waiting.items.pop_front() else {
                break;
            };
            bytes += item.bytes();
            group.push(item);
        }
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        drop(waiting);
        self.drained.notify_all();
        true
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// Takes nothing more; what waits is still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Takes nothing more, and gives back what waits.
    pub(crate) fn abandon(&self) -> VecDeque<Item> {
        self.close();
        std::mem::take(&mut self.lock().items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        Item {
            batch: Err(StoreError::Failed("nothing".to_owned())),
            ack: Box::new(|_| {}),
        }
    }

    fn taken(queue: &Queue) -> usize {
        let mut group = Vec::new();
        assert!(queue.take(&mut group, 512, 1024));
        group.len()
    }

    #[test]
    fn what_follows_soon_is_taken_along() {
        let queue = Queue::default();
        queue.more_follows(true);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| taken(&queue));
            for _ in 0..3 {
                assert!(queue.push(item()).is_none());
            }
            queue.more_follows(false);
            // However long the thread took to get there, nothing is left for a second commit unless patience ran out.
            let first = writer.join().unwrap();
            let rest = if first < 3 { taken(&queue) } else { 0 };
            assert_eq!(first + rest, 3);
        });
    }

    #[test]
    fn nothing_waits_for_what_never_comes() {
        let queue = Queue::default();
        queue.more_follows(true);
        assert!(queue.push(item()).is_none());
        assert_eq!(taken(&queue), 1, "after a moment");
        for _ in 0..=ENOUGH {
            assert!(queue.push(item()).is_none());
        }
        assert_eq!(taken(&queue), ENOUGH + 1, "at once: it is enough");
        assert!(queue.push(item()).is_none());
        queue.close();
        assert_eq!(taken(&queue), 1, "at once: nothing more can come");
    }

    #[test]
    fn what_the_emptying_thread_adds_has_room() {
        let queue = Queue::default();
        for _ in 0..MAX_WAITING {
            assert!(queue.push(item()).is_none());
        }
        std::thread::scope(|scope| {
            let emptying = scope.spawn(|| {
                queue.emptied_here();
                // It would wait for itself.
                assert!(queue.push(item()).is_none());
            });
            emptying.join().unwrap();
        });
        assert_eq!(taken(&queue), 512);
    }
}
