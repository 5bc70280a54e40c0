//! What every [`Journal`] must do, whatever stands behind it. A backend is a function that opens the same, at first
//! empty, store again and again; `conformance_tests!` makes a test of each rule for it.

use crate::support::{
    START_MS, append, append_later, batch, batch_of, batch_with, batch_with_text, execution, plan,
    request, system_batch,
};
use mandate_plan::Digest;
use mandate_store::{
    Batch, ExecutionRow, Journal, SYSTEM, StoreError, VALUE_LIMIT_BYTES,
    chain::{GENESIS, RowParts},
};
use serde_json::json;
use std::sync::{Arc, Mutex, mpsc};

/// Opens the store; the one before must be dropped.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn Journal>;

macro_rules! conformance_tests {
    ($backend:ident, $open:expr) => {
        mod $backend {
            conformance_tests!(@each $open,
                appended_records_are_read_back_in_order
                a_batch_is_all_or_nothing
                repeats_succeed_and_change_nothing
                a_repeat_may_carry_more
                other_content_diverges_and_closes_the_stream
                gaps_are_refused
                rows_chain_by_the_published_formula
                heads_count_up_and_survive
                the_system_stream_counts_for_itself
                acks_come_in_order
                large_values_come_back_as_they_were
                too_large_values_are_refused
                projections_follow_the_last_batch
                each_column_of_a_projection_is_kept_up
                unfinished_ones_come_by_priority_then_age
                plans_are_stored_once_and_checked
                rows_without_records_are_refused
                an_empty_batch_is_acknowledged
                everything_acknowledged_is_there_after_reopening
            );
        }
    };
    (@each $open:expr, $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                let dir = tempfile::tempdir().unwrap();
                $crate::conformance::$rule(&|| ($open)(dir.path()));
            }
        )*
    };
}

pub fn appended_records_are_read_back_in_order(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 3)).unwrap();
    append(&*journal, batch("b", 1, 1)).unwrap();
    append(&*journal, batch("a", 4, 2)).unwrap();
    let records = journal.read("a", 1, 100).unwrap();
    let seqs: Vec<_> = records.iter().map(|r| r.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert!(records.windows(2).all(|w| w[0].gseq < w[1].gseq));
    let offered = batch("a", 4, 2).records;
    for (stored, offered) in records[3..].iter().zip(&offered) {
        assert_eq!(stored.payload, offered.payload);
        assert_eq!(stored.at_ms, offered.at_ms);
        assert_eq!(stored.kind, offered.kind);
        assert_eq!(stored.stream, "a");
    }
    assert_eq!(journal.read("a", 3, 2).unwrap(), records[2..4]);
    assert_eq!(journal.read("a", 6, 2).unwrap(), []);
    assert_eq!(journal.read("nobody", 1, 2).unwrap(), []);
}

pub fn a_batch_is_all_or_nothing(open: Open<'_>) {
    let journal = open();
    let mut bad = batch("a", 1, 3);
    bad.records[2].payload = b"\xff\xfe".to_vec();
    assert!(append(&*journal, bad).is_err());
    assert_eq!(journal.read("a", 1, 10).unwrap(), []);
    assert_eq!(journal.execution("a").unwrap(), None);
    assert_eq!(journal.plan(&plan("sample").hash).unwrap(), None);
    append(&*journal, batch("a", 1, 3)).unwrap();
    assert_eq!(journal.read("a", 1, 10).unwrap().len(), 3);
}

pub fn repeats_succeed_and_change_nothing(open: Open<'_>) {
    let journal = open();
    let first = append(&*journal, batch("a", 1, 3)).unwrap();
    append(&*journal, batch("a", 4, 1)).unwrap();
    let before = (journal.read("a", 1, 10).unwrap(), journal.head().unwrap());
    let again = append(&*journal, batch("a", 1, 3)).unwrap();
    assert_eq!(again.last_gseq, first.last_gseq);
    assert_eq!(
        (journal.read("a", 1, 10).unwrap(), journal.head().unwrap()),
        before
    );
    // The projection is the later one still.
    assert_eq!(journal.execution("a").unwrap().unwrap().last_seq, 4);
}

pub fn a_repeat_may_carry_more(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 3)).unwrap();
    let mut longer = batch("a", 2, 4);
    longer.records[1] = batch("a", 1, 3).records[2].clone();
    append(&*journal, longer).unwrap();
    assert_eq!(journal.read("a", 1, 10).unwrap().len(), 5);
}

pub fn other_content_diverges_and_closes_the_stream(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 3)).unwrap();
    let other = batch_with("a", 3, 1, &json!("another"));
    let error = append(&*journal, other).unwrap_err();
    assert!(
        matches!(&error, StoreError::Divergence { stream, seq: 3 } if stream == "a"),
        "{error}"
    );
    // Whoever holds another history may not add to this one, even where the numbers fit.
    let error = append(&*journal, batch("a", 4, 1)).unwrap_err();
    assert!(
        matches!(error, StoreError::Divergence { seq: 3, .. }),
        "{error}"
    );
    append(&*journal, batch("b", 1, 1)).unwrap();
    assert_eq!(journal.read("a", 1, 10).unwrap().len(), 3);
}

pub fn gaps_are_refused(open: Open<'_>) {
    let journal = open();
    let gap = |expected, found| move |e: &StoreError| matches!(e, StoreError::Gap { expected: x, found: f, .. } if *x == expected && *f == found);
    let error = append(&*journal, batch("a", 2, 1)).unwrap_err();
    assert!(gap(1, 2)(&error), "{error}");
    append(&*journal, batch("a", 1, 3)).unwrap();
    let error = append(&*journal, batch("a", 5, 1)).unwrap_err();
    assert!(gap(4, 5)(&error), "{error}");
    append(&*journal, batch("a", 4, 1)).unwrap();
}

pub fn rows_chain_by_the_published_formula(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 2)).unwrap();
    append(&*journal, batch("b", 1, 2)).unwrap();
    append(&*journal, batch("a", 3, 1)).unwrap();
    let mut before = Digest::from_bytes(GENESIS);
    for record in journal.read("a", 1, 10).unwrap() {
        assert_eq!(record.prev_hash, before);
        let parts = RowParts {
            stream: &record.stream,
            seq: record.seq,
            at_ms: record.at_ms,
            kind: &record.kind,
            payload: &record.payload,
            prev_hash: before.as_bytes(),
        };
        assert_eq!(record.hash, parts.hash());
        before = record.hash;
    }
}

pub fn heads_count_up_and_survive(open: Open<'_>) {
    let journal = open();
    assert_eq!(journal.head().unwrap().number, 0);
    let one = append(&*journal, batch("a", 1, 1)).unwrap().head;
    assert_eq!(journal.head().unwrap(), one);
    assert_eq!(one.number, 1);
    let two = append(&*journal, batch("a", 2, 1)).unwrap().head;
    assert_eq!(two.number, 2);
    assert_ne!(one.hash, two.hash);
    drop(journal);
    let journal = open();
    assert_eq!(journal.head().unwrap(), two);
    assert_eq!(append(&*journal, batch("a", 3, 1)).unwrap().head.number, 3);
}

pub fn the_system_stream_counts_for_itself(open: Open<'_>) {
    let journal = open();
    for (n, kind) in ["frozen", "thawed", "logged_in"].into_iter().enumerate() {
        let mut batch = system_batch(kind, START_MS + n as i64);
        batch.first_seq = 77;
        append(&*journal, batch).unwrap();
    }
    let found: Vec<_> = journal.read(SYSTEM, 1, 10).unwrap();
    let found: Vec<_> = found.iter().map(|r| (r.seq, r.kind.as_str())).collect();
    assert_eq!(found, [(1, "frozen"), (2, "thawed"), (3, "logged_in")]);
}

pub fn acks_come_in_order(open: Open<'_>) {
    let journal = open();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (done, finished) = mpsc::channel();
    for n in 0..50_u64 {
        let (order, done) = (Arc::clone(&order), done.clone());
        // Every seventh is refused; that must not overtake either.
        let seq = if n % 7 == 3 { 5 } else { 1 };
        let ack = Box::new(move |result: Result<_, _>| {
            assert_eq!(result.is_err(), n % 7 == 3);
            order.lock().unwrap().push(n);
            done.send(()).unwrap();
        });
        journal.append(batch(&format!("e{n}"), seq, 1), ack);
    }
    for _ in 0..50 {
        finished.recv().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

pub fn large_values_come_back_as_they_were(open: Open<'_>) {
    let journal = open();
    let large = json!({"text": "ü\"\\,}".repeat(20_000), "n": [1, {"x": null}]});
    let offered = batch_with("a", 1, 2, &large);
    append(&*journal, offered.clone()).unwrap();
    append(&*journal, batch_with("b", 1, 1, &large)).unwrap();
    let stored = journal.read("a", 1, 10).unwrap();
    assert!(stored[1].payload == offered.records[1].payload);
    // A repeat is recognised although its value is stored elsewhere.
    append(&*journal, offered).unwrap();
    append(&*journal, batch("a", 3, 1)).unwrap();
    drop(journal);
    let journal = open();
    assert!(journal.read("a", 2, 1).unwrap()[0].payload == stored[1].payload);
    // Space between the parts stays as it was too.
    let payload = format!("{{ \"x\" :  \"{}\" , \"y\":1 }}", "z".repeat(70_000)).into_bytes();
    let mut spaced = system_batch("logged_in", START_MS);
    spaced.records[0].payload.clone_from(&payload);
    append(&*journal, spaced).unwrap();
    assert!(journal.read(SYSTEM, 1, 1).unwrap()[0].payload == payload);
}

pub fn too_large_values_are_refused(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 1)).unwrap();
    append(&*journal, batch_with_text("a", 2, VALUE_LIMIT_BYTES - 2)).unwrap();
    let over = batch_with_text("a", 3, VALUE_LIMIT_BYTES - 1);
    let error = append(&*journal, over).unwrap_err();
    assert!(
        matches!(&error, StoreError::TooLarge { what, .. } if what.contains("output")),
        "{error}"
    );
    append(&*journal, batch("a", 3, 1)).unwrap();
}

pub fn projections_follow_the_last_batch(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 1)).unwrap();
    assert_eq!(journal.execution("a").unwrap().unwrap(), execution("a", 1));
    // Only moved on, then changed in every respect that may change.
    append(&*journal, batch("a", 2, 1)).unwrap();
    assert_eq!(journal.execution("a").unwrap().unwrap(), execution("a", 2));
    let mut waiting = execution("a", 3);
    waiting.state = "waiting".to_owned();
    waiting.waiting_for = Some(r#"{"kind":"plan","step":null}"#.to_owned());
    waiting.revision = 2;
    let asked = request("r1", "a");
    append(&*journal, batch_of(waiting.clone(), vec![asked.clone()])).unwrap();
    assert_eq!(journal.execution("a").unwrap().unwrap(), waiting);
    assert_eq!(journal.request("r1").unwrap().unwrap(), asked);
    let mut ended = execution("a", 4);
    ended.state = "failed".to_owned();
    ended.status = Some("failure".to_owned());
    ended.error_code = Some("APPROVAL_REJECTED".to_owned());
    ended.finished_at_ms = Some(START_MS + 9);
    let mut answered = asked;
    answered.state = "answered".to_owned();
    answered.answer = Some(r#"{"choice":"reject"}"#.to_owned());
    answered.closed_at_ms = Some(START_MS + 9);
    append(&*journal, batch_of(ended.clone(), vec![answered.clone()])).unwrap();
    assert_eq!(journal.execution("a").unwrap().unwrap(), ended);
    assert_eq!(journal.request("r1").unwrap().unwrap(), answered);
    assert_eq!(journal.request("r2").unwrap(), None);
}

pub fn each_column_of_a_projection_is_kept_up(open: Open<'_>) {
    let journal = open();
    let mut row = execution("a", 1);
    append(&*journal, batch_of(row.clone(), Vec::new())).unwrap();
    // One at a time: a store may write less when less has changed.
    let changes: [fn(&mut ExecutionRow); 16] = [
        |row| row.plan_id.push('x'),
        |row| row.revision += 1,
        |row| row.plan_hash = plan("second").hash,
        |row| row.name.push('x'),
        |row| row.principal.push('x'),
        |row| row.session.push('x'),
        |row| row.state = "waiting".to_owned(),
        |row| row.waiting_for = Some(r#"{"kind":"timer"}"#.to_owned()),
        |row| row.waiting_for = None,
        |row| row.priority += 1,
        |row| row.created_at_ms += 1,
        |row| row.steps_total += 1,
        |row| row.tools.push_str("time.now "),
        |row| row.status = Some("failure".to_owned()),
        |row| row.error_code = Some("CANCELLED".to_owned()),
        |row| row.finished_at_ms = Some(START_MS + 99),
    ];
    for change in changes {
        row.last_seq += 1;
        change(&mut row);
        append(&*journal, batch_of(row.clone(), Vec::new())).unwrap();
        assert_eq!(journal.execution("a").unwrap().unwrap(), row);
    }
}

pub fn unfinished_ones_come_by_priority_then_age(open: Open<'_>) {
    let journal = open();
    for (id, priority, created, finished) in [
        ("old", 0, 1, false),
        ("new", 0, 5, false),
        ("done", 9, 2, true),
        ("urgent", 7, 9, false),
    ] {
        let mut row = execution(id, 1);
        row.priority = priority;
        row.created_at_ms = START_MS + created;
        row.finished_at_ms = finished.then_some(START_MS + 10);
        append(&*journal, batch_of(row, Vec::new())).unwrap();
    }
    assert_eq!(journal.unfinished().unwrap(), ["urgent", "old", "new"]);
}

pub fn plans_are_stored_once_and_checked(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 1)).unwrap();
    append(&*journal, batch("b", 1, 1)).unwrap();
    let sample = plan("sample");
    assert_eq!(
        journal.plan(&sample.hash).unwrap().unwrap(),
        sample.canonical
    );
    assert_eq!(journal.plan(&Digest::of(b"none")).unwrap(), None);
    let mut forged = batch("c", 1, 1);
    forged.plan = Some(mandate_store::PlanRow {
        canonical: b"{}".to_vec(),
        ..sample
    });
    assert!(append(&*journal, forged).is_err());
    // A plan may come alone.
    let alone = Batch {
        plan: Some(plan("alone")),
        stream: "d".to_owned(),
        first_seq: 1,
        ..Batch::default()
    };
    append(&*journal, alone).unwrap();
    assert!(journal.plan(&plan("alone").hash).unwrap().is_some());
}

pub fn rows_without_records_are_refused(open: Open<'_>) {
    let journal = open();
    append(&*journal, batch("a", 1, 1)).unwrap();
    let mut bare = batch("a", 2, 1);
    bare.records.clear();
    assert!(append(&*journal, bare).is_err());
    let mut foreign = batch("a", 2, 1);
    foreign.execution = Some(execution("b", 2));
    assert!(append(&*journal, foreign).is_err());
    let mut early = batch("a", 2, 1);
    early.execution = Some(execution("a", 1));
    assert!(append(&*journal, early).is_err());
    assert_eq!(journal.read("a", 1, 10).unwrap().len(), 1);
}

pub fn an_empty_batch_is_acknowledged(open: Open<'_>) {
    let journal = open();
    let head = append(&*journal, batch("a", 1, 1)).unwrap().head;
    let empty = Batch {
        stream: "a".to_owned(),
        first_seq: 2,
        ..Batch::default()
    };
    assert_eq!(append(&*journal, empty).unwrap().head, head);
}

pub fn everything_acknowledged_is_there_after_reopening(open: Open<'_>) {
    let journal = open();
    let told: Vec<_> = (0..20_u64)
        .flat_map(|e| (0..10_u64).map(move |n| (format!("e{e}"), n * 3 + 1)))
        .map(|(id, seq)| append_later(&*journal, batch(&id, seq, 3)))
        .collect();
    // Dropping writes what is queued.
    drop(journal);
    for told in told {
        told.recv().unwrap().unwrap();
    }
    let journal = open();
    for e in 0..20 {
        let id = format!("e{e}");
        assert_eq!(journal.read(&id, 1, 100).unwrap().len(), 30);
        assert_eq!(journal.execution(&id).unwrap().unwrap(), execution(&id, 30));
    }
    append(&*journal, batch("e0", 31, 1)).unwrap();
}
