//! Histories to put into a journal. Each record carries the projection rows as they stand after it, so that the rows can
//! be rebuilt from the records alone.

use mandate_plan::Digest;
use mandate_store::{
    Appended, Batch, ExecutionRow, Journal, NewRecord, PlanRow, RequestRow, StoreError,
};
use serde_json::{Value, json};
use std::sync::mpsc;

/// 2026-01-01.
pub const START_MS: i64 = 1_767_225_600_000;

pub fn plan(name: &str) -> PlanRow {
    let canonical = format!(r#"{{"name":"{name}","steps":[],"version":"1"}}"#).into_bytes();
    PlanRow {
        hash: Digest::of(&canonical),
        canonical,
        name: name.to_owned(),
        at_ms: START_MS,
    }
}

pub fn execution(id: &str, seq: u64) -> ExecutionRow {
    ExecutionRow {
        execution_id: id.to_owned(),
        plan_id: format!("plan-of-{id}"),
        revision: 1,
        plan_hash: plan("sample").hash,
        name: "sample".to_owned(),
        principal: "local:1000".to_owned(),
        session: "s-1".to_owned(),
        state: "running".to_owned(),
        status: None,
        error_code: None,
        waiting_for: None,
        priority: 0,
        created_at_ms: START_MS,
        updated_at_ms: START_MS + seq as i64,
        finished_at_ms: None,
        last_seq: seq,
        steps_total: 9,
        steps_settled: (seq / 2) as u32,
        tools: " fs.read fs.write ".to_owned(),
        parent: None,
    }
}

pub fn request(id: &str, execution_id: &str) -> RequestRow {
    RequestRow {
        request_id: id.to_owned(),
        execution_id: execution_id.to_owned(),
        kind: "plan".to_owned(),
        step: None,
        state: "open".to_owned(),
        subject: Digest::of(b"subject"),
        detail: r#"{"effects":[]}"#.to_owned(),
        answer: None,
        opened_at_ms: START_MS + 1,
        expires_at_ms: Some(START_MS + 1000),
        closed_at_ms: None,
        approved: None,
    }
}

/// A record whose payload holds `output` and the rows.
pub fn record(seq: u64, output: &Value, row: &ExecutionRow, requests: &[RequestRow]) -> NewRecord {
    let payload = json!({"output": output, "requests": requests, "row": row});
    NewRecord {
        at_ms: row.updated_at_ms,
        kind: if seq == 1 {
            "execution_created"
        } else {
            "step_completed"
        },
        payload: serde_json::to_vec(&payload).unwrap(),
    }
}

/// A batch of `count` small records that stands at `first_seq`.
pub fn batch(id: &str, first_seq: u64, count: u64) -> Batch {
    batch_with(id, first_seq, count, &json!("small"))
}

/// The same with `output` in the last record.
pub fn batch_with(id: &str, first_seq: u64, count: u64, output: &Value) -> Batch {
    let last_seq = first_seq + count - 1;
    let records = (first_seq..=last_seq)
        .map(|seq| {
            let small = json!(seq);
            let output = if seq == last_seq { output } else { &small };
            record(seq, output, &execution(id, seq), &[])
        })
        .collect();
    Batch {
        stream: id.to_owned(),
        first_seq,
        records,
        plan: (first_seq == 1).then(|| plan("sample")),
        stands_on: Vec::new(),
        execution: Some(execution(id, last_seq)),
        requests: Vec::new(),
        calls: Vec::new(),
    }
}

/// A batch of one record whose output is a text of `length` characters, made without a JSON printer: those are slow over
/// many megabytes in a debug build.
pub fn batch_with_text(id: &str, seq: u64, length: usize) -> Batch {
    let mut batch = batch_with(id, seq, 1, &json!("@"));
    let payload = String::from_utf8(batch.records[0].payload.clone()).unwrap();
    batch.records[0].payload = payload.replace('@', &"x".repeat(length)).into_bytes();
    batch
}

/// A batch of one record that carries `row` and `requests` as given.
pub fn batch_of(row: ExecutionRow, requests: Vec<RequestRow>) -> Batch {
    Batch {
        stream: row.execution_id.clone(),
        first_seq: row.last_seq,
        records: vec![record(row.last_seq, &json!(null), &row, &requests)],
        plan: (row.last_seq == 1).then(|| plan("sample")),
        stands_on: Vec::new(),
        execution: Some(row),
        requests,
        calls: Vec::new(),
    }
}

pub fn system_batch(kind: &'static str, at_ms: i64) -> Batch {
    Batch {
        stream: mandate_store::SYSTEM.to_owned(),
        records: vec![NewRecord {
            at_ms,
            kind,
            payload: br#"{"by":"local:1000"}"#.to_vec(),
        }],
        ..Batch::default()
    }
}

/// Appends and waits.
pub fn append(journal: &dyn Journal, batch: Batch) -> Result<Appended, StoreError> {
    append_later(journal, batch)
        .recv()
        .expect("every batch is acknowledged")
}

/// Appends; the answer comes through the channel.
pub fn append_later(
    journal: &dyn Journal,
    batch: Batch,
) -> mpsc::Receiver<Result<Appended, StoreError>> {
    let (tell, told) = mpsc::channel();
    let ack = Box::new(move |result| {
        let _ = tell.send(result);
    });
    journal.append(batch, ack);
    told
}
