//! One commit by SQLite alone, of the rows that the journal's last commit wrote: the same tables, indices and settings, in
//! a database of its own beside the journal, because a second writer in the journal would have the first one read all its
//! pages anew. Nothing is hashed, and nobody is told.

use crate::{failure::Failure, raw};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};
use std::{path::Path, time::Instant};
use tempfile::TempDir;

/// Writes the rows of commits again.
pub(crate) struct Beside {
    journal: Connection,
    db: Connection,
    _own: TempDir,
    last: i64,
}

/// One statement with its values.
type Write = (&'static str, Vec<Value>);

impl Beside {
    /// Beside the journal in `dir`.
    pub(crate) fn of(dir: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let journal = Connection::open_with_flags(dir.join("journal.db"), flags)?;
        let (own, db) = raw::database(dir.parent().unwrap_or(dir))?;
        let objects = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
        for sql in texts(&journal, objects)? {
            db.execute_batch(&sql)?;
        }
        raw::make_room(own.path())?;
        Ok(Self {
            journal,
            db,
            _own: own,
            last: 0,
        })
    }

    /// Commits the rows of the journal's last commit, and says how long that took, in milliseconds. None where there is no
    /// new one, or it is the first of its execution.
    pub(crate) fn commit_again(&mut self) -> Option<f64> {
        match self.try_commit() {
            Ok(took) => took,
            Err(error) => {
                eprintln!("mandate-bench: the rows cannot be written again: {error}");
                None
            }
        }
    }

    fn try_commit(&mut self) -> rusqlite::Result<Option<f64>> {
        let commit = "SELECT * FROM commits ORDER BY number DESC LIMIT 1";
        let commit = rows(&self.journal, commit, &[])?.pop().unwrap_or_default();
        let (Some(Value::Integer(number)), Some(first), Some(last)) =
            (commit.first(), commit.get(1), commit.get(2))
        else {
            return Ok(None);
        };
        if *number == self.last {
            return Ok(None);
        }
        self.last = *number;
        let range = [first.clone(), last.clone()];
        let events = "SELECT * FROM events WHERE gseq BETWEEN ?1 AND ?2 ORDER BY gseq";
        let calls = "SELECT calls.* FROM events JOIN calls ON calls.execution_id = stream AND calls.seq = events.seq \
                     WHERE gseq BETWEEN ?1 AND ?2";
        let executions = "SELECT updated_at_ms, last_seq, steps_settled, execution_id FROM executions WHERE execution_id IN \
                          (SELECT stream FROM events WHERE gseq BETWEEN ?1 AND ?2)";
        let mut writes: Vec<Write> = Vec::new();
        for (from, to) in [
            (
                events,
                "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            ),
            (calls, "INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5)"),
            (
                executions,
                "UPDATE executions SET updated_at_ms = ?1, last_seq = ?2, steps_settled = ?3 WHERE execution_id = ?4",
            ),
        ] {
            let found = rows(&self.journal, from, &range)?;
            writes.extend(found.into_iter().map(|values| (to, values)));
        }
        writes.push((
            "INSERT INTO commits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            commit,
        ));
        let known = self.have_executions(&range)?;
        let begun = Instant::now();
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for (sql, values) in writes {
            self.db
                .prepare_cached(sql)?
                .execute(params_from_iter(values))?;
        }
        self.db.prepare_cached("COMMIT")?.execute([])?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        Ok(known.then_some(took))
    }

    /// Copies the rows of executions that are not there yet; says whether all were.
    fn have_executions(&self, range: &[Value]) -> rusqlite::Result<bool> {
        let missing = "SELECT DISTINCT stream FROM events WHERE gseq BETWEEN ?1 AND ?2 AND stream <> 'system'";
        let mut all = true;
        for stream in rows(&self.journal, missing, range)? {
            let there = "SELECT 1 FROM executions WHERE execution_id = ?1";
            if !rows(&self.db, there, &stream)?.is_empty() {
                continue;
            }
            all = false;
            let columns = texts(
                &self.journal,
                "SELECT group_concat(name) FROM pragma_table_info('executions')",
            )?;
            let columns = columns.concat();
            let select = format!("SELECT {columns} FROM executions WHERE execution_id = ?1");
            for row in rows(&self.journal, &select, &stream)? {
                let places = vec!["?"; row.len()].join(",");
                let insert = format!("INSERT INTO executions ({columns}) VALUES ({places})");
                self.db.execute(&insert, params_from_iter(row))?;
            }
        }
        Ok(all)
    }
}

fn texts(db: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare(sql)?;
    let found = query.query_map([], |row| row.get(0))?;
    found.collect()
}

fn rows(db: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut query = db.prepare_cached(sql)?;
    let columns = query.column_count();
    let found = query.query_map(params_from_iter(values), |row| {
        (0..columns).map(|column| row.get(column)).collect()
    })?;
    found.collect()
}
