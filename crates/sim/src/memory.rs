//! A journal in memory with a durable prefix: the contract of the store, without a store.

use crate::disk::Disk;
use crate::hold::hold;
use crate::random::Random;
use mandate_plan::Digest;
use mandate_store::{
    Ack, Appended, Batch, CallRow, ExecutionRow, Head, Journal, LastApproved, Record, RequestRow,
    SYSTEM, StoreError, Tally, approved_hash,
};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Batches in one commit, at most.
const GROUP: u64 = 4;

/// What survives a crash.
#[derive(Default)]
pub(crate) struct Durable {
    streams: BTreeMap<String, Vec<Record>>,
    plans: BTreeMap<Digest, Vec<u8>>,
    rows: BTreeMap<String, ExecutionRow>,
    requests: BTreeMap<String, RequestRow>,
    calls: Vec<CallRow>,
    last_gseq: u64,
    commits: u64,
}

/// The journal of one process.
pub(crate) struct MemoryDisk {
    durable: Arc<Mutex<Durable>>,
    flying: Mutex<Flying>,
}

#[derive(Default)]
struct Flying {
    waiting: VecDeque<(Batch, Ack)>,
    /// Durable, or failed, and not told yet.
    untold: VecDeque<(Ack, Result<Appended, StoreError>)>,
    full: bool,
}

impl MemoryDisk {
    /// A process on what the disk has.
    pub(crate) fn on(durable: Arc<Mutex<Durable>>) -> Self {
        Self {
            durable,
            flying: Mutex::default(),
        }
    }
}

impl Durable {
    fn store(&mut self, batch: Batch) -> Result<Appended, StoreError> {
        let stream = self.streams.entry(batch.stream.clone()).or_default();
        let have = stream.len() as u64;
        if batch.stream != SYSTEM && batch.first_seq != have.saturating_add(1) {
            return Err(StoreError::Gap {
                stream: batch.stream,
                expected: have.saturating_add(1),
                found: batch.first_seq,
            });
        }
        for record in batch.records {
            self.last_gseq = self.last_gseq.saturating_add(1);
            let seq = stream.len() as u64;
            stream.push(Record {
                gseq: self.last_gseq,
                stream: batch.stream.clone(),
                seq: seq.saturating_add(1),
                at_ms: record.at_ms,
                kind: record.kind.to_owned(),
                payload: record.payload,
                prev_hash: Digest::of(b""),
                hash: Digest::of(b""),
            });
        }
        self.calls.extend(batch.calls);
        if let Some(plan) = batch.plan {
            self.plans.insert(plan.hash, plan.canonical);
        }
        if let Some(row) = batch.execution {
            self.rows.insert(row.execution_id.clone(), row);
        }
        for request in batch.requests {
            self.requests.insert(request.request_id.clone(), request);
        }
        Ok(Appended {
            last_gseq: self.last_gseq,
            head: self.head(),
            alone: false,
        })
    }

    fn head(&self) -> Head {
        Head {
            number: self.commits,
            hash: Digest::of(&self.commits.to_be_bytes()),
        }
    }
}

impl Disk for MemoryDisk {
    fn sync(&self, random: &mut Random) -> bool {
        let mut flying = hold(&self.flying);
        if flying.untold.is_empty() {
            if flying.waiting.is_empty() {
                return false;
            }
            let group = random.between(1, GROUP);
            let mut durable = hold(&self.durable);
            durable.commits = durable.commits.saturating_add(1);
            for _ in 0..group {
                let Some((batch, ack)) = flying.waiting.pop_front() else {
                    break;
                };
                let result = match flying.full {
                    true => Err(StoreError::Failed("the disk is full".to_owned())),
                    false => durable.store(batch),
                };
                flying.untold.push_back((ack, result));
            }
            // The process may die between the two.
            if random.one_in(4) {
                return true;
            }
        }
        let untold = std::mem::take(&mut flying.untold);
        drop(flying);
        for (ack, result) in untold {
            ack(result);
        }
        true
    }

    fn waits(&self) -> bool {
        let flying = hold(&self.flying);
        !flying.waiting.is_empty() || !flying.untold.is_empty()
    }

    fn fill(&self) {
        hold(&self.flying).full = true;
    }

    fn fail_power_in(&self, _: u32) {}

    fn is_dead(&self) -> bool {
        false
    }
}

impl Journal for MemoryDisk {
    fn append(&self, batch: Batch, ack: Ack) {
        hold(&self.flying).waiting.push_back((batch, ack));
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let durable = hold(&self.durable);
        let rows = durable.streams.get(stream).into_iter().flatten();
        let from = usize::try_from(from_seq.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(rows.skip(from).take(limit).cloned().collect())
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(hold(&self.durable).plans.get(hash).cloned())
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        Ok(hold(&self.durable).rows.get(execution_id).cloned())
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        let durable = hold(&self.durable);
        let rows = durable.rows.values().filter(|row| row.status.is_none());
        let mut turns: Vec<_> = rows
            .map(|row| {
                (
                    Reverse(row.priority),
                    row.created_at_ms,
                    row.execution_id.clone(),
                )
            })
            .collect();
        turns.sort();
        Ok(turns.into_iter().map(|(.., id)| id).collect())
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        Ok(hold(&self.durable).requests.get(request_id).cloned())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(hold(&self.durable).head())
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        let durable = hold(&self.durable);
        let of = |row: &ExecutionRow| row.session == session && row.principal == principal;
        let rows = durable.calls.iter().filter(|row| {
            let execution = durable.rows.get(&row.execution_id);
            execution.is_some_and(of)
        });
        let mut calls: Vec<&CallRow> = rows.collect();
        calls.sort_by_key(|row| row.at_ms);
        let newest = calls.into_iter().rev();
        let newest = newest.map(|row| Ok::<_, StoreError>((row.at_ms, row.category.clone())));
        let mut tally = Tally::of(newest, now_ms, idle_ms)?;
        let open = durable
            .rows
            .values()
            .filter(|row| of(row) && row.status.is_none());
        tally.open = open.map(|row| row.execution_id.clone()).collect();
        Ok(tally)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        let durable = hold(&self.durable);
        let rows = { durable.requests.values() }.filter_map(|row| {
            row.approved
                .as_deref()
                .filter(|approved| *approved == name)?;
            let events = durable.streams.get(&row.execution_id).into_iter().flatten();
            let revoked = events.into_iter().any(|row| row.kind == "approval_revoked");
            let answer: Value = serde_json::from_str(row.answer.as_deref()?).ok()?;
            (!revoked).then_some(())?;
            Some(LastApproved {
                execution_id: row.execution_id.clone(),
                request_id: row.request_id.clone(),
                plan_hash: approved_hash(&row.kind, &row.detail)?,
                by: answer.get("by")?.as_str()?.to_owned(),
                at_ms: row.closed_at_ms.unwrap_or_default(),
            })
        });
        Ok(rows.max_by_key(|row| (row.at_ms, row.request_id.clone())))
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        let durable = hold(&self.durable);
        let rows = durable.streams.get(SYSTEM).into_iter().flatten();
        Ok(rows.filter(|row| row.kind == kind).cloned().collect())
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        let durable = hold(&self.durable);
        let rows = durable.streams.get(SYSTEM).into_iter().flatten();
        let mut found = rows.rev().filter(|row| kinds.contains(&row.kind.as_str()));
        Ok(found.next().cloned())
    }
}
