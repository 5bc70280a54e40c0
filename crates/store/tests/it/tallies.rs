//! What the calls of a session add up to.

use crate::support::{START_MS, append, batch};
use mandate_store::{CallRow, Journal as _, SqliteStore};

const HOUR_MS: i64 = 3_600_000;

fn calls(at_ms: &[i64]) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let call = |(seq, at_ms): (u64, &i64)| CallRow {
        execution_id: "a".to_owned(),
        seq,
        session: "s-1".to_owned(),
        at_ms: *at_ms,
        category: "file_write".to_owned(),
    };
    let mut of = batch("a", 1, at_ms.len() as u64);
    of.calls = (1..).zip(at_ms).map(call).collect();
    append(&store, of).unwrap();
    let tally = { store.tally("local:1000", "s-1", START_MS, HOUR_MS) }.unwrap();
    tally.calls
}

#[test]
fn what_came_before_an_idle_stretch_counts_no_more() {
    let long_ago = START_MS - 3 * HOUR_MS;
    assert_eq!(calls(&[long_ago, START_MS - 2, START_MS - 1]), 2);
    assert_eq!(calls(&[long_ago]), 0);
}

#[test]
fn a_clock_that_was_set_back_ends_no_stretch() {
    let before = START_MS + 40 * HOUR_MS;
    assert_eq!(calls(&[before, START_MS - 2, START_MS - 1]), 3);
    assert_eq!(
        calls(&[before, START_MS - 2 * HOUR_MS]),
        1,
        "what is long ago is"
    );
}
