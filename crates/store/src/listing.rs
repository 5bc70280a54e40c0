//! Lists with filters, in pages: the next page starts behind the last row's key, so that it costs the same however far
//! in it lies and rows that come meanwhile shift nothing.

mod along;

use crate::{
    ExecutionRow, Reader, RequestRow, StoreError,
    projection::{EXECUTION_COLUMNS, REQUEST_COLUMNS, execution_row, request_row},
};
use along::{Source, Stretches, Wanted};
use mandate_plan::Digest;
use rusqlite::{Connection, Row, ToSql};
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
    /// Created at or after this time, Unix milliseconds.
    pub created_after_ms: Option<i64>,
    /// Created before this time, Unix milliseconds.
    pub created_before_ms: Option<i64>,
    /// Its plan is the one of this hash.
    pub plan_hash: Option<Digest>,
    /// A step of this execution stands for it.
    pub parent: Option<String>,
    /// Its plan's name, or its id, holds this text, whatever the case.
    pub text: Option<String>,
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

/// Rows of one page at most.
const LIMIT: usize = 100_000;

impl Reader {
    /// A page of the executions that match, by time of creation.
    pub fn executions(
        &self,
        filter: &ExecutionFilter,
        page: &Page,
    ) -> Result<Listed<ExecutionRow>, StoreError> {
        let source = Source {
            table: "executions",
            columns: EXECUTION_COLUMNS,
            time: "created_at_ms",
            key: "execution_id",
        };
        let cursor = |row: &ExecutionRow| Cursor {
            at_ms: row.created_at_ms,
            key: row.execution_id.clone(),
        };
        self.list(&source, page, execution_row, cursor, |db| {
            wanted_executions(db, filter)
        })
    }

    /// A page of the requests that match, by time of opening.
    pub fn requests(
        &self,
        filter: &RequestFilter,
        page: &Page,
    ) -> Result<Listed<RequestRow>, StoreError> {
        let source = Source {
            table: "requests",
            columns: REQUEST_COLUMNS,
            time: "opened_at_ms",
            key: "request_id",
        };
        let cursor = |row: &RequestRow| Cursor {
            at_ms: row.opened_at_ms,
            key: row.request_id.clone(),
        };
        self.list(&source, page, request_row, cursor, |db| {
            wanted_requests(db, filter)
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
        let cursor = |row: &PlanSummary| Cursor {
            at_ms: row.at_ms,
            key: row.hash.to_string(),
        };
        self.list(&source, page, summary, cursor, |_| Ok(Wanted::default()))
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

    pub(crate) fn resolve(
        &self,
        table: &str,
        key: &str,
        prefix: &str,
    ) -> Result<Vec<String>, StoreError> {
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
        page: &Page,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        cursor: impl Fn(&T) -> Cursor,
        wanted: impl FnOnce(&Connection) -> Result<Wanted, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let mut rows = self.with(|db| {
            let snapshot = db.unchecked_transaction()?;
            let wanted = wanted(&snapshot)?;
            along::rows(&snapshot, source, &wanted, page, read, &cursor)
        })?;
        let limit = page.limit.clamp(1, LIMIT);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Ok(Listed { rows, next })
    }
}

fn wanted_executions(db: &Connection, filter: &ExecutionFilter) -> Result<Wanted, StoreError> {
    let mut wanted = Wanted {
        since_ms: filter.created_after_ms,
        until_ms: filter.created_before_ms,
        ..Wanted::default()
    };
    let hash = filter.plan_hash.as_ref();
    let hash = hash.map(|hash| hash.as_bytes().to_vec());
    wanted.other.add("plan_hash = ?", hash);
    wanted.other.add("parent = ?", filter.parent.clone());
    let text = filter.text.as_ref().map(|text| text.to_lowercase());
    let held = "instr(lower(name || ' ' || execution_id), ?) > 0";
    wanted.other.add(held, text);
    let one = |value: &Option<String>| value.iter().cloned().collect();
    for (index, column, values) in [
        (
            "executions_waiting",
            "waiting_kind",
            one(&filter.waiting_kind),
        ),
        ("executions_by_session", "session", one(&filter.session)),
        ("executions_by_state", "state", filter.states.clone()),
        ("executions_by_status", "status", one(&filter.status)),
        (
            "executions_by_principal",
            "principal",
            one(&filter.principal),
        ),
    ] {
        if !values.is_empty() {
            wanted.stretches.push(Stretches {
                index,
                column,
                values,
                otherwise: None,
            });
        }
    }
    if let Some(tool) = &filter.tool {
        let fits = "instr(one, ' ' || ?1 || ' ') > 0";
        wanted.stretches.push(Stretches {
            index: "executions_by_tools",
            column: "tools",
            values: along::distinct(db, "executions WHERE 1", "tools", fits, &[tool])?,
            otherwise: Some(("instr(tools, ' ' || ? || ' ') > 0", vec![tool.clone()])),
        });
    }
    Ok(wanted)
}

fn wanted_requests(db: &Connection, filter: &RequestFilter) -> Result<Wanted, StoreError> {
    let mut wanted = Wanted::default();
    let mut push = |index, column, values| {
        wanted.stretches.push(Stretches {
            index,
            column,
            values,
            otherwise: None,
        });
    };
    if let Some(execution_id) = filter.execution_id.clone() {
        push("requests_by_execution", "execution_id", vec![execution_id]);
    }
    if filter.state.as_deref() == Some("open") {
        // Few are open, of few kinds; an index of those alone needs the condition as it stands there.
        let open = "requests WHERE state = 'open'";
        let kinds = match filter.kinds.is_empty() {
            true => along::distinct(db, open, "kind", "1", &[])?,
            false => filter.kinds.clone(),
        };
        push("requests_open", "kind", kinds);
        wanted.held.always("state = 'open'");
    } else {
        if !filter.kinds.is_empty() {
            push("requests_by_kind", "kind", filter.kinds.clone());
        }
        wanted.other.add("state = ?", filter.state.clone());
    }
    wanted.other.add("step = ?", filter.step.clone());
    Ok(wanted)
}
