//! Exports: every record with its hashes, in both forms, and the head at the end.

use crate::support::{START_MS, append, batch_with, system_batch};
use mandate_plan::Digest;
use mandate_store::{ExportFormat, ExportOptions, Head, SqliteStore, chain::RowParts, export};
use serde_json::{Value, json};

fn filled(dir: &std::path::Path) -> (SqliteStore, Head) {
    let store = SqliteStore::open(dir).unwrap();
    append(
        &store,
        batch_with("a", 1, 2, &json!("large ".repeat(20_000))),
    )
    .unwrap();
    let head = append(&store, system_batch("frozen", START_MS))
        .unwrap()
        .head;
    (store, head)
}

fn lines(store: &SqliteStore, options: &ExportOptions) -> Vec<Value> {
    let mut out = Vec::new();
    export(store.reader(), options, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn json_lines_hold_every_column_and_end_with_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let (store, head) = filled(dir.path());
    let all = lines(&store, &ExportOptions::default());
    assert_eq!(all.len(), 4);
    let records = store.reader().events_after(0, 10).unwrap();
    for (line, record) in all.iter().zip(&records) {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap();
        assert_eq!(
            *line,
            json!({"gseq": record.gseq, "stream": record.stream, "seq": record.seq, "at_ms": record.at_ms,
                "kind": record.kind, "payload": payload, "prev_hash": record.prev_hash, "hash": record.hash})
        );
    }
    assert_eq!(
        all[3],
        json!({"head": {"number": head.number, "hash": head.hash}})
    );
}

#[test]
fn with_references_kept_the_hashes_can_be_recomputed_from_the_export() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let options = ExportOptions {
        keep_references: true,
        ..ExportOptions::default()
    };
    let mut before = Digest::from_bytes([0; 32]);
    let mut found = 0;
    let mut out = Vec::new();
    export(store.reader(), &options, &mut out).unwrap();
    for text in String::from_utf8(out).unwrap().lines() {
        let line: Value = serde_json::from_str(text).unwrap();
        if line["stream"] != "a" {
            continue;
        }
        assert!(text.len() < 5000);
        let (_, payload) = text.split_once(",\"payload\":").unwrap();
        let payload = payload.strip_suffix('}').unwrap();
        let parts = RowParts {
            stream: "a",
            seq: line["seq"].as_u64().unwrap(),
            at_ms: line["at_ms"].as_i64().unwrap(),
            kind: line["kind"].as_str().unwrap(),
            payload: payload.as_bytes(),
            prev_hash: before.as_bytes(),
        };
        before = parts.hash();
        assert_eq!(line["hash"], before.to_string());
        found += 1;
    }
    assert_eq!(found, 2);
}

#[test]
fn cloud_events_have_what_the_specification_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let (store, head) = filled(dir.path());
    let options = ExportOptions {
        format: ExportFormat::CloudEvents,
        ..ExportOptions::default()
    };
    let all = lines(&store, &options);
    assert_eq!(all.len(), 4);
    let mut ids = std::collections::BTreeSet::new();
    for event in &all {
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["datacontenttype"], "application/json");
        assert!(
            event["source"]
                .as_str()
                .unwrap()
                .starts_with("urn:mandate:journal:")
        );
        assert!(event["type"].as_str().unwrap().starts_with("dev.mandate."));
        assert!(
            ids.insert(event["id"].as_str().unwrap().to_owned()),
            "source and id are unique"
        );
        for name in event.as_object().unwrap().keys() {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                "{name}"
            );
        }
    }
    assert_eq!(all[0]["type"], "dev.mandate.execution_created");
    assert_eq!(all[0]["subject"], "a");
    assert_eq!(all[0]["sequence"], "1");
    assert_eq!(all[0]["time"], "2026-01-01T00:00:00.001Z");
    assert_eq!(all[1]["data"]["output"].as_str().unwrap().len(), 120_000);
    assert_eq!(all[3]["type"], "dev.mandate.head");
    assert_eq!(
        all[3]["data"],
        json!({"number": head.number, "hash": head.hash})
    );
}

#[test]
fn a_part_may_be_exported() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let system = ExportOptions {
        stream: Some("system".to_owned()),
        ..ExportOptions::default()
    };
    assert_eq!(lines(&store, &system).len(), 2);
    let later = ExportOptions {
        after_gseq: 2,
        ..ExportOptions::default()
    };
    assert_eq!(lines(&store, &later)[0]["gseq"], 3);
}
