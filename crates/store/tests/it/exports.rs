//! Exports: every record with its hashes, in both forms, and the head at the end.

use crate::support::{START_MS, append, batch_with, system_batch};
use mandate_plan::Digest;
use mandate_store::{
    ExportFormat, ExportOptions, Head, Selection, SigningKey, SqliteStore, chain::RowParts, export,
};
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

fn text(store: &SqliteStore, options: &ExportOptions) -> String {
    let mut out = Vec::new();
    let key = SigningKey::of_directory(store.reader().dir()).unwrap();
    export(store.reader(), options, &key, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn lines(store: &SqliteStore, options: &ExportOptions) -> Vec<Value> {
    let text = text(store, options);
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
    let rows: Vec<_> = all.iter().filter(|line| !line["gseq"].is_null()).collect();
    assert_eq!(rows.len(), 3);
    let records = store.reader().events_after(0, 10).unwrap();
    for (line, record) in rows.into_iter().zip(&records) {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap();
        assert_eq!(
            *line,
            json!({"gseq": record.gseq, "stream": record.stream, "seq": record.seq, "at_ms": record.at_ms,
                "kind": record.kind, "payload": payload, "prev_hash": record.prev_hash, "hash": record.hash})
        );
    }
    let words = [
        "export", "gseq", "gseq", "plan", "commit", "gseq", "commit", "head",
    ];
    assert_eq!(all.len(), words.len());
    for (line, word) in all.iter().zip(words) {
        assert_eq!(line.as_object().unwrap().keys().next().unwrap(), word);
    }
    let end = all.last().unwrap();
    assert_eq!(
        end["head"],
        json!({"number": head.number, "hash": head.hash})
    );
    assert_eq!((&end["events"], &end["plans"]), (&json!(3), &json!(1)));
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
    for text in text(&store, &options).lines() {
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
    assert_eq!(all.len(), 8);
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
    let rows: Vec<_> = all
        .iter()
        .filter(|event| !event["sequence"].is_null())
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["type"], "dev.mandate.execution_created");
    assert_eq!(rows[0]["subject"], "a");
    assert_eq!(rows[0]["sequence"], "1");
    assert_eq!(rows[0]["time"], "2026-01-01T00:00:00.001Z");
    assert_eq!(rows[1]["data"]["output"].as_str().unwrap().len(), 120_000);
    let end = all.last().unwrap();
    assert_eq!(end["type"], "dev.mandate.export.head");
    assert_eq!(
        end["data"]["head"],
        json!({"number": head.number, "hash": head.hash})
    );
}

#[test]
fn a_part_may_be_exported() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let rows = |selection: Selection| -> Vec<u64> {
        let options = ExportOptions {
            selection,
            ..ExportOptions::default()
        };
        let lines = lines(&store, &options);
        lines
            .iter()
            .filter_map(|line| line["gseq"].as_u64())
            .collect()
    };
    let all = Selection::default;
    let system = Some("system".to_owned());
    assert_eq!(
        rows(Selection {
            stream: system,
            ..all()
        }),
        [3]
    );
    assert_eq!(
        rows(Selection {
            after_gseq: 1,
            ..all()
        }),
        [2, 3]
    );
    assert!(
        rows(Selection {
            after_gseq: 3,
            ..all()
        })
        .is_empty()
    );
    let kinds = ["execution_created".to_owned()].into();
    assert_eq!(rows(Selection { kinds, ..all() }), [1]);
    let since_ms = Some(START_MS + 2);
    assert_eq!(rows(Selection { since_ms, ..all() }), [2]);
    assert_eq!(
        rows(Selection {
            until_ms: since_ms,
            ..all()
        }),
        [1, 3]
    );
}
