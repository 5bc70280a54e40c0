//! Lists: every filter, pages that join up, short ids, readers in a second connection.

use crate::support::{START_MS, append, batch, batch_of, execution, plan, request, system_batch};
use mandate_store::{
    Cursor, ExecutionFilter, ExecutionRow, Page, Reader, RequestFilter, SqliteStore, StoreError,
};
use std::collections::BTreeSet;

/// 60 executions that differ in every respect that can be asked for.
fn filled(dir: &std::path::Path) -> (SqliteStore, Vec<ExecutionRow>) {
    let store = SqliteStore::open(dir).unwrap();
    let mut rows = Vec::new();
    for n in 0..60_i64 {
        let mut row = execution(&format!("{:02x}-{n:03}", n * 4), 1);
        row.state = ["running", "waiting", "completed"][n as usize % 3].to_owned();
        row.status = (n % 3 == 2).then(|| "success".to_owned());
        row.waiting_for =
            (n % 3 == 1).then(|| format!(r#"{{"kind":"{}"}}"#, ["plan", "timer"][n as usize % 2]));
        row.principal = format!("p{}", n % 4);
        row.session = format!("s{}", n % 5);
        // Several at the same time, so that pages must also order by id.
        row.created_at_ms = START_MS + n / 7;
        row.updated_at_ms = START_MS + 100 - n;
        row.tools = if n % 6 == 0 {
            " fs.read http.request "
        } else {
            " fs.read fs.readable "
        }
        .to_owned();
        row.plan_hash = plan(&format!("plan{}", n % 2)).hash;
        append(
            &store,
            batch_of(
                row.clone(),
                vec![request(&format!("r{n}"), &row.execution_id)],
            ),
        )
        .unwrap();
        rows.push(row);
    }
    (store, rows)
}

fn all(
    reader: &Reader,
    filter: &ExecutionFilter,
    newest_first: bool,
    limit: usize,
) -> Vec<ExecutionRow> {
    let mut page = Page {
        after: None,
        limit,
        newest_first,
    };
    let mut rows = Vec::new();
    loop {
        let listed = reader.executions(filter, &page).unwrap();
        assert!(listed.rows.len() <= limit);
        rows.extend(listed.rows);
        let Some(next) = listed.next else { return rows };
        // Through its text, as a client hands it back.
        page.after = Some(next.to_string().parse().unwrap());
    }
}

#[test]
fn pages_join_up_whatever_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut rows) = filled(dir.path());
    rows.sort_by_key(|r| (r.created_at_ms, r.execution_id.clone()));
    for limit in [1, 7, 59, 60, 61] {
        assert_eq!(
            all(store.reader(), &ExecutionFilter::default(), false, limit),
            rows
        );
    }
    rows.reverse();
    assert_eq!(
        all(store.reader(), &ExecutionFilter::default(), true, 8),
        rows
    );
    assert!("nonsense".parse::<Cursor>().is_err());
}

#[test]
fn each_filter_gives_exactly_what_matches() {
    let dir = tempfile::tempdir().unwrap();
    let (store, rows) = filled(dir.path());
    type Keep = fn(&ExecutionRow) -> bool;
    let of = ExecutionFilter::default;
    let cases: Vec<(ExecutionFilter, Keep)> = vec![
        (
            ExecutionFilter {
                states: vec!["waiting".into()],
                ..of()
            },
            |r| r.state == "waiting",
        ),
        (
            ExecutionFilter {
                states: vec!["waiting".into(), "running".into()],
                ..of()
            },
            |r| r.state != "completed",
        ),
        (
            ExecutionFilter {
                status: Some("success".into()),
                ..of()
            },
            |r| r.status.is_some(),
        ),
        (
            ExecutionFilter {
                principal: Some("p3".into()),
                ..of()
            },
            |r| r.principal == "p3",
        ),
        (
            ExecutionFilter {
                session: Some("s2".into()),
                ..of()
            },
            |r| r.session == "s2",
        ),
        (
            ExecutionFilter {
                waiting_kind: Some("timer".into()),
                ..of()
            },
            |r| r.waiting_for.as_deref() == Some(r#"{"kind":"timer"}"#),
        ),
        (
            ExecutionFilter {
                tool: Some("http.request".into()),
                ..of()
            },
            |r| r.tools.contains("http"),
        ),
        // Not `fs.readable`.
        (
            ExecutionFilter {
                tool: Some("fs.rea".into()),
                ..of()
            },
            |_| false,
        ),
        (
            ExecutionFilter {
                created_after_ms: Some(START_MS + 3),
                ..of()
            },
            |r| r.created_at_ms >= START_MS + 3,
        ),
        (
            ExecutionFilter {
                created_before_ms: Some(START_MS + 3),
                ..of()
            },
            |r| r.created_at_ms < START_MS + 3,
        ),
        (
            ExecutionFilter {
                states: vec!["completed".into(), "waiting".into()],
                created_after_ms: Some(START_MS + 2),
                created_before_ms: Some(START_MS + 6),
                ..of()
            },
            |r| r.state != "running" && (START_MS + 2..START_MS + 6).contains(&r.created_at_ms),
        ),
        (
            ExecutionFilter {
                tool: Some("fs.read".into()),
                states: vec!["completed".into(), "waiting".into()],
                created_after_ms: Some(START_MS + 2),
                ..of()
            },
            |r| r.state != "running" && r.created_at_ms >= START_MS + 2,
        ),
        (
            ExecutionFilter {
                states: vec!["running".into()],
                principal: Some("p1".into()),
                session: Some("s4".into()),
                ..of()
            },
            |r| r.state == "running" && r.principal == "p1" && r.session == "s4",
        ),
    ];
    for (filter, keep) in cases {
        let expected: BTreeSet<_> = rows
            .iter()
            .filter(|r| keep(r))
            .map(|r| &r.execution_id)
            .collect();
        for newest_first in [true, false] {
            let found = all(store.reader(), &filter, newest_first, 4);
            let ids = found.iter().map(|r| &r.execution_id);
            assert_eq!(ids.collect::<BTreeSet<_>>(), expected, "{filter:?}");
            assert_eq!(found.len(), expected.len());
        }
    }
}

#[test]
fn requests_are_listed_by_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let mut first = request("r1", "a");
    first.kind = "in_doubt".to_owned();
    first.expires_at_ms = None;
    let mut second = request("r2", "a");
    second.state = "answered".to_owned();
    second.step = Some("fetch".to_owned());
    append(&store, batch_of(execution("a", 1), vec![first, second])).unwrap();
    append(
        &store,
        batch_of(execution("b", 1), vec![request("r3", "b")]),
    )
    .unwrap();
    let ids = |filter: &RequestFilter| -> Vec<String> {
        let listed = store.reader().requests(
            filter,
            &Page {
                newest_first: false,
                ..Page::default()
            },
        );
        listed
            .unwrap()
            .rows
            .into_iter()
            .map(|r| r.request_id)
            .collect()
    };
    let of = RequestFilter::default;
    assert_eq!(ids(&of()), ["r1", "r2", "r3"]);
    assert_eq!(
        ids(&RequestFilter {
            state: Some("open".into()),
            ..of()
        }),
        ["r1", "r3"]
    );
    assert_eq!(
        ids(&RequestFilter {
            kinds: vec!["in_doubt".into(), "step".into()],
            ..of()
        }),
        ["r1"]
    );
    assert_eq!(
        ids(&RequestFilter {
            execution_id: Some("a".into()),
            ..of()
        }),
        ["r1", "r2"]
    );
    assert_eq!(
        ids(&RequestFilter {
            step: Some("fetch".into()),
            ..of()
        }),
        ["r2"]
    );
    assert_eq!(
        ids(&RequestFilter {
            state: Some("open".into()),
            kinds: vec!["plan".into()],
            ..of()
        }),
        ["r3"]
    );
    assert_eq!(
        ids(&RequestFilter {
            state: Some("answered".into()),
            kinds: vec!["plan".into()],
            ..of()
        }),
        ["r2"]
    );
}

#[test]
fn ids_may_be_shortened_and_the_last_one_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, rows) = filled(dir.path());
    let reader = store.reader();
    assert_eq!(reader.resolve_execution("04-").unwrap(), ["04-001"]);
    assert_eq!(
        reader.resolve_execution("0").unwrap(),
        ["00-000", "04-001", "08-002", "0c-003"]
    );
    assert_eq!(reader.resolve_execution("04-001").unwrap(), ["04-001"]);
    assert_eq!(reader.resolve_execution("04-0011").unwrap(), [""; 0]);
    assert_eq!(reader.resolve_execution("%").unwrap(), [""; 0]);
    assert_eq!(reader.resolve_execution("").unwrap().len(), 10);
    assert_eq!(
        reader.resolve_execution("@last").unwrap(),
        [rows[59].execution_id.clone()]
    );
    assert_eq!(reader.resolve_request("r59").unwrap(), ["r59"]);
    let plans = reader.plans(&Page::default()).unwrap();
    assert_eq!(plans.rows.len(), 1);
    assert_eq!(plans.rows[0].hash, plan("sample").hash);
}

#[test]
fn a_reader_beside_the_writer_sees_what_is_durable_and_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let none = SqliteStore::open_readonly(dir.path()).unwrap_err();
    assert!(none.to_string().contains("no journal"), "{none}");
    assert!(matches!(none, StoreError::Failed(_)));
    let store = SqliteStore::open(dir.path()).unwrap();
    let reader = SqliteStore::open_readonly(dir.path()).unwrap();
    append(&store, batch("a", 1, 3)).unwrap();
    append(&store, system_batch("frozen", START_MS)).unwrap();
    append(&store, batch("a", 4, 1)).unwrap();
    assert_eq!(reader.read("a", 2, 10).unwrap().len(), 3);
    assert_eq!(reader.last_seq("a").unwrap(), 4);
    assert_eq!(reader.last_seq("b").unwrap(), 0);
    let feed = reader.events_after(2, 3).unwrap();
    let feed: Vec<_> = feed
        .iter()
        .map(|r| (r.gseq, r.stream.as_str(), r.seq))
        .collect();
    assert_eq!(feed, [(3, "a", 3), (4, "system", 1), (5, "a", 4)]);
    drop(store);
    // And when no writer runs.
    assert_eq!(reader.read("a", 1, 10).unwrap().len(), 4);
    drop(reader);
    let reader = SqliteStore::open_readonly(dir.path()).unwrap();
    assert_eq!(reader.head().unwrap().number, 3);
}
