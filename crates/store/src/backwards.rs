//! Rows of chosen kinds, the newest first: what a log for people pages through.

use crate::{
    Reader, Record, StoreError,
    reader::{RECORD_COLUMNS, records},
};
use rusqlite::{params_from_iter, types::Value};

/// Which rows are read backwards.
#[derive(Debug, Clone, Default)]
pub struct Backwards<'a> {
    /// One of these kinds.
    pub kinds: Vec<&'a str>,
    /// Of this stream.
    pub stream: Option<&'a str>,
    /// Before this place in the store-wide sequence; none = from the end.
    pub before: Option<u64>,
    /// At this time or after it, Unix milliseconds.
    pub since_ms: Option<i64>,
}

impl Reader {
    /// The rows that are asked for, the newest first, at most `limit`.
    pub fn backwards(
        &self,
        asked: &Backwards<'_>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let places = vec!["?"; asked.kinds.len()].join(", ");
        let kinds = asked.kinds.iter();
        let mut values: Vec<Value> = kinds.map(|kind| Value::from((*kind).to_owned())).collect();
        let mut conditions = vec![format!("kind IN ({places})")];
        let gseq = |gseq: u64| Value::from(i64::try_from(gseq).unwrap_or(i64::MAX));
        // An index of the system's rows needs the condition as it stands there.
        let of_system = asked.stream == Some(crate::SYSTEM);
        let others = asked.stream.filter(|_| !of_system);
        if of_system {
            conditions.push("stream = 'system'".to_owned());
        }
        let others = others.map(|stream| Value::from(stream.to_owned()));
        let mut more = vec![("stream = ?", others), ("gseq < ?", asked.before.map(gseq))];
        self.with(|db| {
            let snapshot = db.unchecked_transaction()?;
            if let Some(since_ms) = asked.since_ms {
                // A commit has the time of its latest row: none before the first of these has a row that is asked for.
                let first: Option<u64> = snapshot
                    .prepare_cached("SELECT min(first_gseq) FROM commits WHERE at_ms >= ?1")?
                    .query_row([since_ms], |row| row.get(0))?;
                let Some(first) = first else {
                    return Ok(Vec::new());
                };
                more.push(("at_ms >= ?", Some(since_ms.into())));
                more.push(("gseq >= ?", Some(gseq(first))));
            }
            for (condition, value) in more {
                if let Some(value) = value {
                    conditions.push(condition.to_owned());
                    values.push(value);
                }
            }
            // A stream is found by its own index, which is in the order of its rows, and so is a kind of the system's.
            let (along, order) = match (asked.stream, asked.kinds.as_slice()) {
                (Some(crate::SYSTEM), [_]) => ("INDEXED BY events_of_system", "seq"),
                (Some(_), _) => ("", "seq"),
                (None, _) => ("NOT INDEXED", "gseq"),
            };
            let sql = format!(
                "SELECT {RECORD_COLUMNS} FROM events {along} WHERE {} ORDER BY {order} DESC LIMIT {limit}",
                conditions.join(" AND ")
            );
            records(&snapshot, &sql, params_from_iter(&values))
        })
    }
}
