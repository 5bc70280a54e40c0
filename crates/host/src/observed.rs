//! A journal that says what has become durable, to whoever shows it to people.

use mandate_plan::Digest;
use mandate_store::{
    Ack, Batch, ExecutionRow, Head, Journal, LastApproved, Record, Removal, RequestRow, StoreError,
    Tally,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one append made durable.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Execution id, or `system`.
    pub stream: String,
    /// The `seq` of the last record; of the system stream, whose seqs the store counts, none.
    pub last_seq: Option<u64>,
    /// The requests that were opened or closed by it.
    pub requests: Vec<String>,
    /// The kind of each of its records.
    pub kinds: Vec<&'static str>,
    /// The number of the commit that holds it; several may share one.
    pub commit: u64,
    /// How long it took from being handed over until it was on the disk.
    pub took: Duration,
}

/// Called on the store's writer thread: it must hand the news on and return.
type Told = Arc<dyn Fn(Committed) + Send + Sync>;

/// A journal, and whoever is told of what it has taken.
pub struct Observed {
    inner: Arc<dyn Journal>,
    told: Told,
}

impl Observed {
    /// Tells `told` after each append that has reached the disk.
    pub fn new(inner: Arc<dyn Journal>, told: impl Fn(Committed) + Send + Sync + 'static) -> Self {
        Self {
            inner,
            told: Arc::new(told),
        }
    }

    fn telling(&self, mut committed: Committed, ack: Ack) -> Ack {
        let (told, begun) = (self.told.clone(), Instant::now());
        Box::new(move |result| {
            let stored = result.as_ref().ok().map(|appended| appended.head.number);
            ack(result);
            if let Some(commit) = stored {
                committed.commit = commit;
                committed.took = begun.elapsed();
                told(committed);
            }
        })
    }
}

impl Journal for Observed {
    fn append(&self, batch: Batch, ack: Ack) {
        let count = u64::try_from(batch.records.len()).unwrap_or(u64::MAX);
        let last_seq = batch.first_seq.saturating_add(count).saturating_sub(1);
        let requests = batch.requests.iter();
        let committed = Committed {
            last_seq: (batch.stream != mandate_store::SYSTEM).then_some(last_seq),
            stream: batch.stream.clone(),
            requests: requests.map(|row| row.request_id.clone()).collect(),
            kinds: batch.records.iter().map(|record| record.kind).collect(),
            commit: 0,
            took: Duration::ZERO,
        };
        let ack = self.telling(committed, ack);
        self.inner.append(batch, ack);
    }

    fn more_follows(&self, more: bool) {
        self.inner.more_follows(more);
    }

    fn remove_archived(&self, removal: Removal, ack: Ack) {
        let committed = Committed {
            stream: mandate_store::SYSTEM.to_owned(),
            last_seq: None,
            requests: Vec::new(),
            kinds: Vec::new(),
            commit: 0,
            took: Duration::ZERO,
        };
        let ack = self.telling(committed, ack);
        self.inner.remove_archived(removal, ack);
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

    fn knows(&self, execution_id: &str) -> Result<bool, StoreError> {
        self.inner.knows(execution_id)
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

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.inner.tally(principal, session, now_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.inner.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        self.inner.system_rows(kind)
    }

    fn failure(&self) -> Option<StoreError> {
        self.inner.failure()
    }

    fn rows_of_system(&self, kinds: &[&str], after_seq: u64) -> Result<Vec<Record>, StoreError> {
        self.inner.rows_of_system(kinds, after_seq)
    }

    fn system_mark(&self) -> Option<u64> {
        self.inner.system_mark()
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        self.inner.last_of_system(kinds)
    }
}
