//! What the journal holds after a measurement: figures of work that left no trace mean nothing.

use crate::{failure::Failure, plans::Rows};
use mandate_host::Rebuilder;
use mandate_store::{SYSTEM, verify};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// One row as the raw measurement writes it again.
pub(crate) struct RawRow {
    pub(crate) gseq: u64,
    pub(crate) stream: String,
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) prev_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

/// Fails unless the journal in `dir` holds exactly the rows claimed and `verify` finds nothing. Gives their number.
pub(crate) fn hold_to(dir: &Path, claimed: &Rows) -> Result<u64, Failure> {
    let found = counted(&open(dir)?)?;
    if found != *claimed {
        return Err(Failure::Wrong(format!(
            "the journal holds other rows than the work that is claimed: {found:?} instead of {claimed:?}"
        )));
    }
    let report = verify(dir, None, &Rebuilder)?;
    if let Some(finding) = report.findings.first() {
        return Err(Failure::Wrong(format!(
            "the journal is not intact: {finding}"
        )));
    }
    Ok(claimed.values().sum())
}

fn open(dir: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(dir.join("journal.db"), flags)?)
}

/// The rows of executions. What concerns the data directory as a whole, such as the policy in force, is no work.
fn counted(db: &Connection) -> Result<Rows, Failure> {
    let mut query =
        db.prepare("SELECT kind, count(*) FROM events WHERE stream <> ?1 GROUP BY kind")?;
    let rows = query.query_map([SYSTEM], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The rows of each commit, in order.
pub(crate) fn by_commit(dir: &Path) -> Result<Vec<Vec<RawRow>>, Failure> {
    let db = open(dir)?;
    let mut commits = db.prepare("SELECT first_gseq, last_gseq FROM commits ORDER BY number")?;
    let mut events = db.prepare(
        "SELECT gseq, stream, seq, at_ms, kind, payload, prev_hash, hash FROM events \
         WHERE gseq BETWEEN ?1 AND ?2 ORDER BY gseq",
    )?;
    let ranges = commits.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let ranges: Vec<(u64, u64)> = ranges.collect::<Result<_, _>>()?;
    ranges
        .into_iter()
        .map(|range| {
            let rows = events.query_map(range, |row| {
                Ok(RawRow {
                    gseq: row.get(0)?,
                    stream: row.get(1)?,
                    seq: row.get(2)?,
                    at_ms: row.get(3)?,
                    kind: row.get(4)?,
                    payload: row.get(5)?,
                    prev_hash: row.get(6)?,
                    hash: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plans, rig::Rig};

    #[test]
    fn other_rows_than_claimed_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let rig = Rig::open(dir.path()).unwrap();
        let plan = plans::sequence(2, false, rig.lookup().as_ref()).unwrap();
        rig.run(&plan).unwrap();
        drop(rig);
        let mut claimed = plans::finished_rows(1, 2, false);
        assert_eq!(hold_to(dir.path(), &claimed).unwrap(), 9);
        assert_eq!(
            by_commit(dir.path())
                .unwrap()
                .iter()
                .map(Vec::len)
                .sum::<usize>(),
            10,
            "with the one that says which policy came into force"
        );
        plans::add(&mut claimed, "step_completed", 1);
        let error = hold_to(dir.path(), &claimed).unwrap_err().to_string();
        assert!(error.contains("other rows"), "{error}");
    }
}
