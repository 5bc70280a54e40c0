//! Along which index a list is read. Each stretch of an index holds the rows with one value, by time, so that a page of it
//! costs the same wherever it lies; where several values are asked for, their stretches are merged. Where several indices
//! would do, the one with the fewest rows is taken; what the others say is checked row by row.

use super::{Cursor, Page};
use crate::StoreError;
use rusqlite::{Connection, Row, ToSql, params_from_iter, types::Value};

/// Rows that are counted, at most, to find the index with the fewest.
const COUNTED: usize = 2_048;

/// What is listed, and by which columns it is ordered.
pub(super) struct Source {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
    pub(super) time: &'static str,
    pub(super) key: &'static str,
}

/// One of `values` in `column`, which `index` begins with; the time follows.
pub(super) struct Stretches {
    pub(super) index: &'static str,
    pub(super) column: &'static str,
    pub(super) values: Vec<String>,
    /// The same as a condition on a row, with one `?` for each of its own values; none = `column IN (values)`.
    pub(super) otherwise: Option<(&'static str, Vec<String>)>,
}

/// A condition and the values of its `?`.
#[derive(Default, Clone)]
pub(super) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `sql` has one `?` for the value.
    pub(super) fn add(&mut self, sql: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sql.push(sql.to_owned());
            self.values.push(value.into());
        }
    }

    /// `sql` has no `?`.
    pub(super) fn always(&mut self, sql: &str) {
        self.sql.push(sql.to_owned());
    }

    fn among(&mut self, stretches: &Stretches) {
        let (sql, values) = match &stretches.otherwise {
            Some((sql, values)) => ((*sql).to_owned(), values),
            None => {
                let places = vec!["?"; stretches.values.len()].join(", ");
                let sql = format!("{} IN ({places})", stretches.column);
                (sql, &stretches.values)
            }
        };
        self.sql.push(sql);
        self.values.extend(values.iter().cloned().map(Value::from));
    }

    fn and(&self, more: &Self) -> Self {
        let mut both = self.clone();
        both.sql.extend(more.sql.iter().cloned());
        both.values.extend(more.values.iter().cloned());
        both
    }

    fn text(&self) -> String {
        match self.sql.is_empty() {
            true => "1".to_owned(),
            false => self.sql.join(" AND "),
        }
    }
}

/// What is asked for.
#[derive(Default)]
pub(super) struct Wanted {
    /// At or after this time.
    pub(super) since_ms: Option<i64>,
    /// Before this time.
    pub(super) until_ms: Option<i64>,
    /// What an index holds at all.
    pub(super) held: Conditions,
    /// What an index can be read along for.
    pub(super) stretches: Vec<Stretches>,
    /// What is checked row by row.
    pub(super) other: Conditions,
}

/// One end of what is looked along: the time that it is asked for, or a row that it ends beside. SQLite takes one condition
/// for each end of a stretch of an index and checks others row by row, so it is told the nearer of the two alone.
fn end(
    source: &Source,
    is_lower: bool,
    asked_ms: Option<i64>,
    beside: Option<&Cursor>,
) -> Conditions {
    let Source { time, key, .. } = source;
    let (at, row) = match is_lower {
        true => (">=", ">"),
        false => ("<", "<"),
    };
    let is_nearer = |beside: &Cursor| match (asked_ms, is_lower) {
        (Some(since_ms), true) => beside.at_ms >= since_ms,
        (Some(until_ms), false) => beside.at_ms < until_ms,
        (None, _) => true,
    };
    let mut end = Conditions::default();
    match beside.filter(|beside| is_nearer(beside)) {
        Some(beside) => {
            end.sql.push(format!("({time}, {key}) {row} (?, ?)"));
            end.values.push(beside.at_ms.into());
            end.values.push(beside.key.clone().into());
        }
        None => end.add(&format!("{time} {at} ?"), asked_ms),
    }
    end
}

/// The distinct values of `column` that fit, found by as many seeks as there are values in all.
pub(super) fn distinct(
    db: &Connection,
    from: &str,
    column: &str,
    fits: &str,
    params: &[&dyn ToSql],
) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "WITH RECURSIVE every(one) AS (SELECT min({column}) FROM {from} UNION ALL \
         SELECT (SELECT min({column}) FROM {from} AND {column} > every.one) FROM every WHERE every.one IS NOT NULL) \
         SELECT one FROM every WHERE one IS NOT NULL AND {fits}"
    );
    let mut query = db.prepare_cached(&sql)?;
    let found = query.query_map(params, |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The rows of a page and one more, if there is one.
pub(super) fn rows<T>(
    db: &Connection,
    source: &Source,
    wanted: &Wanted,
    page: &Page,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    cursor: impl Fn(&T) -> Cursor,
) -> Result<Vec<T>, StoreError> {
    let Source { time, key, .. } = source;
    let order = if page.newest_first { "DESC" } else { "ASC" };
    let (starts, ends) = match page.newest_first {
        true => (wanted.until_ms, wanted.since_ms),
        false => (wanted.since_ms, wanted.until_ms),
    };
    let start = end(source, !page.newest_first, starts, page.after.as_ref());
    let ended_by = |last: Option<&Cursor>| end(source, page.newest_first, ends, last);
    let span = wanted.held.and(&start);
    let along = fewest(db, source, wanted, &span.and(&ended_by(None)))?;
    let mut checked = span.and(&wanted.other);
    for (n, stretches) in wanted.stretches.iter().enumerate() {
        if Some(n) != along {
            checked.among(stretches);
        }
    }
    let along = along.and_then(|n| wanted.stretches.get(n));
    let (from, mine, values) = match along {
        None => (source.table.to_owned(), "1".to_owned(), vec![Value::Null]),
        Some(stretches) => (
            format!("{} INDEXED BY {}", source.table, stretches.index),
            format!("{} = ?", stretches.column),
            stretches.values.iter().cloned().map(Value::from).collect(),
        ),
    };
    let limit = page.limit.clamp(1, super::LIMIT).saturating_add(1);
    let mut found: Vec<(Cursor, T)> = Vec::new();
    for value in values {
        // What lies behind the last row of a page that is full already is not looked at.
        let last = found.last().filter(|_| found.len() == limit);
        let conditions = checked.and(&ended_by(last.map(|(last, _)| last)));
        let sql = format!(
            "SELECT {} FROM {from} WHERE {mine} AND {} ORDER BY {time} {order}, {key} {order} LIMIT {limit}",
            source.columns,
            conditions.text(),
        );
        let mut params: Vec<Value> = Vec::new();
        params.extend(along.map(|_| value));
        params.extend(conditions.values.iter().cloned());
        let mut query = db.prepare_cached(&sql)?;
        let mut rows = query.query(params_from_iter(&params))?;
        while let Some(row) = rows.next()? {
            let row = read(row)?;
            found.push((cursor(&row), row));
        }
        found.sort_by(|(a, _), (b, _)| {
            let ascending = (a.at_ms, &a.key).cmp(&(b.at_ms, &b.key));
            match page.newest_first {
                true => ascending.reverse(),
                false => ascending,
            }
        });
        found.truncate(limit);
    }
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// Which of the stretches hold the fewest rows within `span`, as far as counting goes.
fn fewest(
    db: &Connection,
    source: &Source,
    wanted: &Wanted,
    span: &Conditions,
) -> Result<Option<usize>, StoreError> {
    if wanted.stretches.len() < 2 {
        return Ok((!wanted.stretches.is_empty()).then_some(0));
    }
    let mut best: Option<(usize, usize)> = None;
    for (n, stretches) in wanted.stretches.iter().enumerate() {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} INDEXED BY {} WHERE {} = ? AND {} LIMIT {COUNTED})",
            source.table,
            stretches.index,
            stretches.column,
            span.text(),
        );
        let mut query = db.prepare_cached(&sql)?;
        let mut count = 0_usize;
        for value in &stretches.values {
            let value = Value::from(value.clone());
            let params = std::iter::once(&value).chain(&span.values);
            let here: usize = query.query_row(params_from_iter(params), |row| row.get(0))?;
            count = count.saturating_add(here);
            if count >= COUNTED {
                break;
            }
        }
        if best.is_none_or(|(fewest, _)| count < fewest) {
            best = Some((count, n));
        }
    }
    Ok(best.map(|(_, n)| n))
}
