//! Lists with filters, in pages: the next page starts behind the last row's key, so that it costs the same however far
//! in it lies and rows that come meanwhile shift nothing.

use crate::{
    ExecutionRow, Reader, RequestRow, StoreError,
    projection::{EXECUTION_COLUMNS, REQUEST_COLUMNS, execution_row, request_row},
};
use mandate_plan::Digest;
use rusqlite::{Row, ToSql, types::Value};
use std::{fmt, str::FromStr};

/// Where a page ended: the time and key of its last row. Its text is for handing back, not for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    at_ms: i64,
    key: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.key)
    }
}

/// The text is not a cursor that a list gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a page cursor; use the one that the page before gave")]
pub struct NotACursor(pub String);

impl FromStr for Cursor {
    type Err = NotACursor;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotACursor(text.to_owned());
        let (at_ms, key) = text.split_once('.').ok_or_else(bad)?;
        Ok(Self {
            at_ms: at_ms.parse().map_err(|_| bad())?,
            key: key.to_owned(),
        })
    }
}

/// Which part of a list to give.
#[derive(Debug, Clone)]
pub struct Page {
    /// Start behind this row; none = at the start.
    pub after: Option<Cursor>,
    /// Rows at most; at least one is given if there is one.
    pub limit: usize,
    /// Newest first, else oldest first.
    pub newest_first: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            after: None,
            limit: 50,
            newest_first: true,
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The rows in order.
    pub rows: Vec<T>,
    /// Where the next page starts; none = this was the last.
    pub next: Option<Cursor>,
}

/// Which executions to list: those that match every field given.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    /// One of these states; empty = any.
    pub states: Vec<String>,
    /// This status.
    pub status: Option<String>,
    /// Asked for by this principal.
    pub principal: Option<String>,
    /// In this session.
    pub session: Option<String>,
    /// Waits for this kind of thing.
    pub waiting_kind: Option<String>,
    /// Its plan names this tool.
    pub tool: Option<String>,
    /// Runs this plan.
    pub plan_hash: Option<Digest>,
    /// Created at or after this time, Unix milliseconds.
    pub created_after_ms: Option<i64>,
    /// Created before this time, Unix milliseconds.
    pub created_before_ms: Option<i64>,
    /// Last moved before this time, Unix milliseconds.
    pub updated_before_ms: Option<i64>,
}

/// Which requests to list: those that match every field given.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// In this state.
    pub state: Option<String>,
    /// One of these kinds; empty = any.
    pub kinds: Vec<String>,
    /// Of this execution.
    pub execution_id: Option<String>,
    /// About this step.
    pub step: Option<String>,
    /// Expires at or before this time, Unix milliseconds.
    pub expires_by_ms: Option<i64>,
}

/// A stored plan without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSummary {
    /// The plan's hash.
    pub hash: Digest,
    /// The plan's name.
    pub name: String,
    /// When it was first stored, Unix milliseconds.
    pub at_ms: i64,
}

/// Conditions with their values, joined by AND.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `sql` has one `?` for the value.
    fn add(&mut self, sql: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.push(value.into());
            self.sql
                .push(sql.replace('?', &format!("?{}", self.values.len())));
        }
    }

    fn any_of(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            let first = self.values.len() + 1;
            self.values.extend(values.iter().cloned().map(Value::from));
            let places: Vec<_> = (first..=self.values.len())
                .map(|n| format!("?{n}"))
                .collect();
            self.sql
                .push(format!("{column} IN ({})", places.join(", ")));
        }
    }
}

/// What is listed, and by which columns it is ordered.
struct Source {
    table: &'static str,
    columns: &'static str,
    time: &'static str,
    key: &'static str,
}

impl Reader {
    /// A page of the executions that match, by time of creation.
    pub fn executions(
        &self,
        filter: &ExecutionFilter,
        page: &Page,
    ) -> Result<Listed<ExecutionRow>, StoreError> {
        let mut wanted = Conditions::default();
        wanted.any_of("state", &filter.states);
        wanted.add("status = ?", filter.status.clone());
        wanted.add("principal = ?", filter.principal.clone());
        wanted.add("session = ?", filter.session.clone());
        wanted.add("waiting_kind = ?", filter.waiting_kind.clone());
        wanted.add("instr(tools, ' ' || ? || ' ') > 0", filter.tool.clone());
        wanted.add(
            "plan_hash = ?",
            filter.plan_hash.map(|hash| hash.as_bytes().to_vec()),
        );
        wanted.add("created_at_ms >= ?", filter.created_after_ms);
        wanted.add("created_at_ms < ?", filter.created_before_ms);
        wanted.add("updated_at_ms < ?", filter.updated_before_ms);
        let source = Source {
            table: "executions",
            columns: EXECUTION_COLUMNS,
            time: "created_at_ms",
            key: "execution_id",
        };
        self.list(&source, wanted, page, execution_row, |row| Cursor {
            at_ms: row.created_at_ms,
            key: row.execution_id.clone(),
        })
    }

    /// A page of the requests that match, by time of opening.
    pub fn requests(
        &self,
        filter: &RequestFilter,
        page: &Page,
    ) -> Result<Listed<RequestRow>, StoreError> {
        let mut wanted = Conditions::default();
        wanted.add("state = ?", filter.state.clone());
        wanted.any_of("kind", &filter.kinds);
        wanted.add("execution_id = ?", filter.execution_id.clone());
        wanted.add("step = ?", filter.step.clone());
        wanted.add("expires_at_ms <= ?", filter.expires_by_ms);
        let source = Source {
            table: "requests",
            columns: REQUEST_COLUMNS,
            time: "opened_at_ms",
            key: "request_id",
        };
        self.list(&source, wanted, page, request_row, |row| Cursor {
            at_ms: row.opened_at_ms,
            key: row.request_id.clone(),
        })
    }

    /// A page of the stored plans, by the time of their first use.
    pub fn plans(&self, page: &Page) -> Result<Listed<PlanSummary>, StoreError> {
        let source = Source {
            table: "plans",
            columns: "hash, name, at_ms",
            time: "at_ms",
            key: "lower(hex(hash))",
        };
        let summary = |row: &Row<'_>| {
            Ok(PlanSummary {
                hash: Digest::from_bytes(row.get(0)?),
                name: row.get(1)?,
                at_ms: row.get(2)?,
            })
        };
        self.list(&source, Conditions::default(), page, summary, |row| {
            Cursor {
                at_ms: row.at_ms,
                key: row.hash.to_string(),
            }
        })
    }

    /// Ids of executions that start with `prefix`, at most ten; `@last` is the newest one that is no step of another.
    pub fn resolve_execution(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        if prefix == "@last" {
            return self.ids(
                "SELECT execution_id FROM executions WHERE parent IS NULL \
                 ORDER BY created_at_ms DESC, execution_id DESC LIMIT 1",
                &[],
            );
        }
        self.resolve("executions", "execution_id", prefix)
    }

    /// Ids of requests that start with `prefix`, at most ten; `@last` is the newest one.
    pub fn resolve_request(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        if prefix == "@last" {
            return self.ids(
                "SELECT request_id FROM requests ORDER BY opened_at_ms DESC, request_id DESC LIMIT 1",
                &[],
            );
        }
        self.resolve("requests", "request_id", prefix)
    }

    fn resolve(&self, table: &str, key: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
        // A range, so that the primary key serves it; the last character there is ends it.
        let sql = format!(
            "SELECT {key} FROM {table} WHERE {key} >= ?1 AND {key} < ?1 || char(1114111) ORDER BY {key} LIMIT 10"
        );
        self.ids(&sql, &[&prefix])
    }

    fn ids(&self, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<String>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(sql)?;
            let ids = query.query_map(params, |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    fn list<T>(
        &self,
        source: &Source,
        mut wanted: Conditions,
        page: &Page,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Result<Listed<T>, StoreError> {
        let Source {
            table,
            columns,
            time,
            key,
        } = source;
        let (order, beyond) = if page.newest_first {
            ("DESC", "<")
        } else {
            ("ASC", ">")
        };
        if let Some(after) = &page.after {
            wanted.values.push(after.at_ms.into());
            wanted.values.push(after.key.clone().into());
            let n = wanted.values.len();
            wanted
                .sql
                .push(format!("({time}, {key}) {beyond} (?{}, ?{n})", n - 1));
        }
        let conditions = match wanted.sql.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", wanted.sql.join(" AND ")),
        };
        let limit = page.limit.max(1);
        // One more than asked for, to know whether there is a next page.
        let sql = format!(
            "SELECT {columns} FROM {table} {conditions} ORDER BY {time} {order}, {key} {order} LIMIT {}",
            limit.saturating_add(1).min(100_001)
        );
        let mut rows = self.with(|db| {
            let mut query = db.prepare_cached(&sql)?;
            let rows =
                query.query_map(rusqlite::params_from_iter(&wanted.values), |row| read(row))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        let limit = limit.min(100_000);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Ok(Listed { rows, next })
    }
}
