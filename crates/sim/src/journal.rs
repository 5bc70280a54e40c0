//! Between the host and its disk: everything that was acknowledged is remembered, so that it can be missed.

use crate::disk::Disk;
use crate::hold::hold;
use crate::outside::Outside;
use crate::trace::Trace;
use mandate_plan::Digest;
use mandate_store::{
    Ack, Batch, ExecutionRow, Head, Journal, LastApproved, Record, RequestRow, SYSTEM, StoreError,
    Tally,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A request that is open as far as the disk knows.
#[derive(Debug, Clone)]
pub(crate) struct OpenAsk {
    pub(crate) execution_id: String,
    pub(crate) kind: String,
    pub(crate) choices: Vec<String>,
    pub(crate) schema: Option<Value>,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) step: Option<String>,
    pub(crate) item: Option<u64>,
}

struct Row {
    kind: String,
    at_ms: i64,
    payload: Arc<[u8]>,
    /// Its place among all rows, as they were acknowledged: a clock that is set back does not tell.
    place: u64,
}

/// What was acknowledged, over all processes.
#[derive(Default)]
pub(crate) struct Acknowledged {
    streams: BTreeMap<String, Vec<Row>>,
    open: BTreeMap<String, OpenAsk>,
    /// How many rows there are.
    rows: u64,
}

impl Acknowledged {
    fn note(
        &mut self,
        stream: &str,
        (kind, at_ms, payload): (String, i64, Arc<[u8]>),
        outside: &Outside,
    ) {
        let row = Row {
            kind,
            at_ms,
            payload,
            place: self.rows,
        };
        self.rows = self.rows.saturating_add(1);
        match row.kind.as_str() {
            "step_started" | "compensation_started" => {
                let told = parsed(&row.payload);
                let key = told.get("idempotency_key").and_then(Value::as_str);
                let attempt = told.get("attempt").and_then(Value::as_u64);
                let attempt = attempt.and_then(|attempt| u32::try_from(attempt).ok());
                outside.note_start(key.unwrap_or_default(), attempt.unwrap_or(0));
            }
            "request_opened" => {
                let told = parsed(&row.payload);
                let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
                let choices = told.get("choices").and_then(Value::as_array);
                let choices = choices.into_iter().flatten().filter_map(Value::as_str);
                let ask = OpenAsk {
                    execution_id: stream.to_owned(),
                    kind: text("kind").to_owned(),
                    choices: choices.map(str::to_owned).collect(),
                    schema: told.get("answer_schema").cloned(),
                    expires_ms: told.get("expires_ms").and_then(Value::as_i64),
                    step: told.get("step").and_then(Value::as_str).map(str::to_owned),
                    item: told.get("item").and_then(Value::as_u64),
                };
                self.open.insert(text("request_id").to_owned(), ask);
            }
            "request_answered" | "request_expired" => {
                let told = parsed(&row.payload);
                let request = told.get("request_id").and_then(Value::as_str);
                self.open.remove(request.unwrap_or_default());
            }
            "step_resolved" => {
                let told = parsed(&row.payload);
                let step = told.get("step").and_then(Value::as_str);
                let item = told.get("item").and_then(Value::as_u64);
                self.open.retain(|_, ask| {
                    let same = ask.step.as_deref() == step && ask.item == item;
                    !(ask.kind == "in_doubt" && ask.execution_id == stream && same)
                });
            }
            "execution_finished" => self.open.retain(|_, ask| ask.execution_id != stream),
            _ => {}
        }
        self.streams.entry(stream.to_owned()).or_default().push(row);
    }

    /// Every execution that there is.
    pub(crate) fn executions(&self) -> Vec<String> {
        let ids = self.streams.keys().filter(|id| *id != SYSTEM);
        ids.cloned().collect()
    }

    /// Requests that wait for an answer, by id.
    pub(crate) fn open(&self) -> &BTreeMap<String, OpenAsk> {
        &self.open
    }

    /// The idempotency key of the last call of the step that a request is about.
    pub(crate) fn last_key(&self, ask: &OpenAsk) -> Option<String> {
        let rows = self.streams.get(&ask.execution_id)?.iter().rev();
        let mut starts = rows
            .filter(|row| matches!(row.kind.as_str(), "step_started" | "compensation_started"))
            .map(|row| parsed(&row.payload));
        let started = starts.find(|told| {
            told.get("step").and_then(Value::as_str) == ask.step.as_deref()
                && told.get("item").and_then(Value::as_u64) == ask.item
        })?;
        let key = started.get("idempotency_key")?.as_str()?;
        Some(key.to_owned())
    }

    /// The place of a row among all, as they were acknowledged.
    pub(crate) fn place(&self, stream: &str, seq: u64) -> Option<u64> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        Some(self.streams.get(stream)?.get(index)?.place)
    }

    /// How many rows of a stream were acknowledged.
    pub(crate) fn len(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, Vec::len) as u64
    }

    /// Whether a stream has a row of this kind.
    pub(crate) fn has(&self, stream: &str, kind: &str) -> bool {
        let rows = self.streams.get(stream).into_iter().flatten();
        rows.rev().any(|row| row.kind == kind)
    }

    /// Takes what the disk has for what was acknowledged. Gives what was acknowledged and is not there.
    pub(crate) fn reconcile(
        &mut self,
        journal: &dyn Journal,
        outside: &Outside,
    ) -> Result<Vec<String>, StoreError> {
        let before = std::mem::take(self);
        outside.forget_starts();
        let (mut missing, mut all) = (Vec::new(), Vec::new());
        let mut streams = journal.unfinished()?;
        streams.extend(before.streams.keys().cloned());
        streams.push(SYSTEM.to_owned());
        streams.sort();
        streams.dedup();
        for stream in streams {
            let rows = journal.read(&stream, 1, usize::MAX >> 1)?;
            let had = before.streams.get(&stream).map_or(&[][..], Vec::as_slice);
            for (place, row) in had.iter().enumerate() {
                if !rows.get(place).is_some_and(|found| row.is(found)) {
                    missing.push(format!(
                        "row {} of `{stream}` (`{}`)",
                        place.saturating_add(1),
                        row.kind
                    ));
                }
            }
            let kept = had.iter().map(|row| Some(row.place));
            let kept = kept.chain(std::iter::repeat(None));
            for (found, place) in rows.into_iter().zip(kept) {
                let (kind, at_ms) = (found.kind, found.at_ms);
                let payload = found.payload.into();
                all.push((place, stream.clone(), (kind, at_ms, payload)));
            }
        }
        // What had not been acknowledged came after what had.
        all.sort_by_key(|(place, _, (_, at_ms, _))| (place.unwrap_or(u64::MAX), *at_ms));
        for (_, stream, row) in all {
            self.note(&stream, row, outside);
        }
        Ok(missing)
    }
}

impl Row {
    fn is(&self, found: &Record) -> bool {
        self.kind == found.kind
            && self.at_ms == found.at_ms
            // Large values are taken out and put back, which may change how the text is written.
            && (*self.payload == *found.payload || parsed(&self.payload) == parsed(&found.payload))
    }
}

fn parsed(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_default()
}

/// The journal of one process.
pub(crate) struct SimJournal {
    pub(crate) disk: Box<dyn Disk>,
    pub(crate) acknowledged: Arc<Mutex<Acknowledged>>,
    outside: Arc<Outside>,
    trace: Arc<Mutex<Trace>>,
}

impl SimJournal {
    pub(crate) fn new(
        disk: Box<dyn Disk>,
        acknowledged: Arc<Mutex<Acknowledged>>,
        outside: Arc<Outside>,
        trace: Arc<Mutex<Trace>>,
    ) -> Self {
        Self {
            disk,
            acknowledged,
            outside,
            trace,
        }
    }

    /// Compares the disk with what was acknowledged, and goes on from the disk.
    pub(crate) fn reconcile(&self) -> Result<Vec<String>, StoreError> {
        hold(&self.acknowledged).reconcile(self.disk.as_ref(), &self.outside)
    }
}

impl Journal for SimJournal {
    fn append(&self, batch: Batch, ack: Ack) {
        let stream = batch.stream.clone();
        let rows: Vec<(String, i64, Arc<[u8]>)> = { batch.records.iter() }
            .map(|record| {
                let payload = record.payload.as_slice().into();
                (record.kind.to_owned(), record.at_ms, payload)
            })
            .collect();
        let acknowledged = Arc::clone(&self.acknowledged);
        let (outside, trace) = (Arc::clone(&self.outside), Arc::clone(&self.trace));
        self.disk.append(
            batch,
            Box::new(move |result| {
                match &result {
                    Ok(_) => {
                        let mut acknowledged = hold(&acknowledged);
                        for row in rows {
                            hold(&trace).row(&stream, &row.0, row.1, &row.2);
                            acknowledged.note(&stream, row, &outside);
                        }
                    }
                    Err(error) => hold(&trace).say(&format!("not stored: {error}")),
                }
                ack(result);
            }),
        );
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.disk.read(stream, from_seq, limit)
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.plan(hash)
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        self.disk.execution(execution_id)
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        self.disk.unfinished()
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        self.disk.request(request_id)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.disk.head()
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.disk.tally(principal, session, now_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.disk.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        self.disk.system_rows(kind)
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        self.disk.last_of_system(kinds)
    }
}
