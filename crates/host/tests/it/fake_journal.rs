//! A journal in memory, with a disk that a test holds in its hands.

use mandate_plan::Digest;
use mandate_store::{
    Ack, Appended, Batch, ExecutionRow, Head, Journal, LastApproved, Record, RequestRow,
    StoreError, Tally,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// A journal whose disk is as slow as the test wants: batches wait until [`FakeJournal::sync_one`].
#[derive(Default)]
pub struct FakeJournal {
    inner: Mutex<Disk>,
}

#[derive(Default)]
struct Disk {
    calls: Vec<mandate_store::CallRow>,
    queue: VecDeque<(Batch, Ack)>,
    records: Vec<Record>,
    plans: BTreeMap<Digest, Vec<u8>>,
    rows: BTreeMap<String, ExecutionRow>,
    fail_next: bool,
    syncs: u64,
}

impl FakeJournal {
    /// Makes the oldest waiting batch durable and acknowledges it. False: none waits.
    pub fn sync_one(&self) -> bool {
        let (batch, ack, result) = {
            let mut disk = self.inner.lock().unwrap();
            let Some((batch, ack)) = disk.queue.pop_front() else {
                return false;
            };
            let result = if std::mem::take(&mut disk.fail_next) {
                Err(StoreError::Failed("the disk is full".to_owned()))
            } else {
                disk.syncs += 1;
                disk.store(&batch)
            };
            (batch, ack, result)
        };
        drop(batch);
        ack(result);
        true
    }

    pub fn fail_next(&self) {
        self.inner.lock().unwrap().fail_next = true;
    }

    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().queue.len()
    }

    pub fn syncs(&self) -> u64 {
        self.inner.lock().unwrap().syncs
    }

    /// What a crash leaves: the durable part.
    pub fn after_crash(&self) -> FakeJournal {
        let disk = self.inner.lock().unwrap();
        let kept = Disk {
            records: disk.records.clone(),
            plans: disk.plans.clone(),
            rows: disk.rows.clone(),
            calls: disk.calls.clone(),
            ..Disk::default()
        };
        FakeJournal {
            inner: Mutex::new(kept),
        }
    }

    /// Loses every plan, as no disk should.
    pub fn lose_plan_of(&self, id: &str) {
        let mut disk = self.inner.lock().unwrap();
        let hash = disk.rows[id].plan_hash;
        disk.plans.remove(&hash);
    }

    pub fn row(&self, id: &str) -> ExecutionRow {
        self.inner.lock().unwrap().rows[id].clone()
    }

    pub fn kinds(&self, stream: &str) -> Vec<String> {
        self.read(stream, 1, usize::MAX)
            .unwrap()
            .into_iter()
            .map(|record| record.kind)
            .collect()
    }
}

impl Disk {
    fn store(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        let have = self
            .records
            .iter()
            .filter(|record| record.stream == batch.stream)
            .count() as u64;
        if batch.stream != mandate_store::SYSTEM && batch.first_seq != have + 1 {
            return Err(StoreError::Gap {
                stream: batch.stream.clone(),
                expected: have + 1,
                found: batch.first_seq,
            });
        }
        for (index, record) in batch.records.iter().enumerate() {
            self.records.push(Record {
                gseq: self.records.len() as u64 + 1,
                stream: batch.stream.clone(),
                seq: have + 1 + index as u64,
                at_ms: record.at_ms,
                kind: record.kind.to_owned(),
                payload: record.payload.clone(),
                prev_hash: Digest::of(b""),
                hash: Digest::of(b""),
            });
        }
        self.calls.extend(batch.calls.iter().cloned());
        if let Some(plan) = &batch.plan {
            self.plans.insert(plan.hash, plan.canonical.clone());
        }
        if let Some(row) = &batch.execution {
            self.rows.insert(row.execution_id.clone(), row.clone());
        }
        Ok(Appended {
            last_gseq: self.records.len() as u64,
            head: Head {
                number: self.syncs,
                hash: Digest::of(b"head"),
            },
            alone: false,
        })
    }
}

impl Journal for FakeJournal {
    fn append(&self, batch: Batch, ack: Ack) {
        self.inner.lock().unwrap().queue.push_back((batch, ack));
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let disk = self.inner.lock().unwrap();
        let rows = disk
            .records
            .iter()
            .filter(|record| record.stream == stream && record.seq >= from_seq);
        Ok(rows.take(limit).cloned().collect())
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner.lock().unwrap().plans.get(hash).cloned())
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        Ok(self.inner.lock().unwrap().rows.get(execution_id).cloned())
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        let disk = self.inner.lock().unwrap();
        Ok(disk
            .rows
            .values()
            .filter(|row| row.status.is_none())
            .map(|row| {
                let turn = (
                    std::cmp::Reverse(row.priority),
                    row.created_at_ms,
                    row.execution_id.clone(),
                );
                (turn, row.execution_id.clone())
            })
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect())
    }

    fn request(&self, _: &str) -> Result<Option<RequestRow>, StoreError> {
        Ok(None)
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(Head {
            number: 0,
            hash: Digest::of(b""),
        })
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        let disk = self.inner.lock().unwrap();
        let mut calls: Vec<_> = disk
            .calls
            .iter()
            .filter(|row| {
                let execution = disk.rows.get(&row.execution_id);
                let of = execution.is_some_and(|execution| execution.principal == principal);
                row.session == session && of
            })
            .collect();
        let open = disk.rows.values().filter(|row| {
            row.session == session
                && row.principal == principal
                && row.status.is_none()
                && row.state != "pending"
        });
        let open: Vec<String> = open.map(|row| row.execution_id.clone()).collect();
        calls.sort_by_key(|row| row.at_ms);
        let newest = calls.into_iter().rev();
        let newest = newest.map(|row| Ok::<_, StoreError>((row.at_ms, row.category.clone())));
        let mut tally = Tally::of(newest, now_ms, idle_ms)?;
        tally.open = open;
        Ok(tally)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        let _ = name;
        Ok(None)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        let disk = self.inner.lock().unwrap();
        let rows = disk.records.iter();
        Ok(rows
            .filter(|row| row.stream == "system" && row.kind == kind)
            .cloned()
            .collect())
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        let disk = self.inner.lock().unwrap();
        let mut rows = disk.records.iter().rev();
        let found = rows.find(|row| row.stream == "system" && kinds.contains(&row.kind.as_str()));
        Ok(found.cloned())
    }
}
