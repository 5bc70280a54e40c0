//! A journal that misbehaves as disks, networks and impatient callers do: it repeats, delays or fails appends.

use crate::support::{append, batch};
use mandate_plan::Digest;
use mandate_store::{
    Ack, Batch, ExecutionRow, Head, Journal, LastApproved, Record, RequestRow, SqliteStore,
    StoreError, Tally,
};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// What happens to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done twice.
    Repeat,
    /// Its acknowledgement comes late, in order.
    Delay(Duration),
    /// It is not done, and the error says so.
    FailBefore,
    /// It is done, but the answer is an error: the caller cannot know.
    FailAfter,
}

/// `inner` with `fault` at every append whose number (from 1) is a multiple of `every`.
pub struct Faulty<J> {
    inner: J,
    fault: Fault,
    every: u64,
    appends: AtomicU64,
}

impl<J: Journal> Faulty<J> {
    pub fn new(inner: J, fault: Fault, every: u64) -> Self {
        Self {
            inner,
            fault,
            every,
            appends: AtomicU64::new(0),
        }
    }
}

impl<J: Journal> Journal for Faulty<J> {
    fn append(&self, batch: Batch, ack: Ack) {
        let number = self.appends.fetch_add(1, Ordering::Relaxed) + 1;
        if !number.is_multiple_of(self.every) {
            return self.inner.append(batch, ack);
        }
        match self.fault {
            // Not for the stream that the store numbers itself: there every append is a new one.
            Fault::Repeat if batch.stream == mandate_store::SYSTEM => self.inner.append(batch, ack),
            Fault::Repeat => {
                self.inner.append(batch.clone(), Box::new(|_| {}));
                self.inner.append(batch, ack);
            }
            Fault::Delay(time) => self.inner.append(
                batch,
                Box::new(move |result| {
                    thread::sleep(time);
                    ack(result);
                }),
            ),
            Fault::FailBefore => ack(Err(StoreError::Failed("injected before".to_owned()))),
            Fault::FailAfter => self.inner.append(
                batch,
                Box::new(move |result| {
                    ack(result.and(Err(StoreError::Failed("injected after".to_owned()))));
                }),
            ),
        }
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.inner.read(stream, from_seq, limit)
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.plan(hash)
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        self.inner.execution(execution_id)
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        self.inner.unfinished()
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        self.inner.request(request_id)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.inner.head()
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        self.inner.last_of_system(kinds)
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        minute_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.inner.tally(principal, session, minute_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.inner.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        self.inner.system_rows(kind)
    }
}

fn sqlite(dir: &Path) -> Box<dyn Journal> {
    Box::new(SqliteStore::open(&dir.join("data")).unwrap())
}

fn repeating(dir: &Path) -> Box<dyn Journal> {
    let store = SqliteStore::open(&dir.join("data")).unwrap();
    Box::new(Faulty::new(store, Fault::Repeat, 1))
}

fn delaying(dir: &Path) -> Box<dyn Journal> {
    let store = SqliteStore::open(&dir.join("data")).unwrap();
    let fault = Fault::Delay(Duration::from_micros(500));
    Box::new(Faulty::new(store, fault, 2))
}

conformance_tests!(sqlite_store, super::sqlite);
conformance_tests!(sqlite_store_repeating, super::repeating);
conformance_tests!(sqlite_store_delaying, super::delaying);

#[test]
fn whoever_repeats_until_it_succeeds_gets_each_record_once() {
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        let dir = tempfile::tempdir().unwrap();
        let journal = Faulty::new(SqliteStore::open(dir.path()).unwrap(), fault, 3);
        for n in 0..20 {
            let mut tries = 0;
            while append(&journal, batch("a", n * 2 + 1, 2)).is_err() {
                tries += 1;
                assert!(tries < 3, "{fault:?}");
            }
        }
        let seqs: Vec<_> = journal
            .read("a", 1, 100)
            .unwrap()
            .iter()
            .map(|r| r.seq)
            .collect();
        assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
    }
}
