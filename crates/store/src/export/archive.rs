//! An archive: an export of whole executions that leaves out the commits that hold none of them, so that it does not grow
//! with the journal.

use super::{
    ExportFormat, FORMAT, Line, Lines, Start, commit_line, journal_name, selection::ArchiveOf,
    sign_off, write_blobs, write_event, write_plans,
};
use crate::{
    Head, Reader, Selection, SigningKey, StoreError,
    archive::plan_hashes,
    chain::GENESIS,
    head_file,
    reader::{EVERY_PLACE, RECORD_COLUMNS},
};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeSet, HashSet},
    io::Write,
};

/// What an archive holds.
#[derive(Debug, Clone, Default)]
pub struct Archived {
    /// Its executions, each with the `seq` of its last event.
    pub executions: Vec<(String, u64)>,
    /// Rows of `events`.
    pub events: u64,
    /// Plans.
    pub plans: u64,
}

/// Writes the executions of these ids, all of their rows and plans, to `out`, from one snapshot.
pub fn export_archive(
    reader: &Reader,
    executions: impl IntoIterator<Item = String>,
    key: &SigningKey,
    out: &mut dyn Write,
) -> Result<Archived, StoreError> {
    reader.with(|db| {
        let snapshot = db.unchecked_transaction()?;
        let mut archive = Archived::default();
        let needed = needed(&snapshot, executions, &mut archive)?;
        let genesis = Head {
            number: 0,
            hash: Digest::from_bytes(GENESIS),
        };
        let start = Start {
            export: FORMAT.to_owned(),
            journal: journal_name(&snapshot)?,
            from: genesis,
            selection: Selection {
                archive: Some(ArchiveOf {
                    executions: archive.executions.len() as u64,
                }),
                ..Selection::default()
            },
            references: false,
            archived: None,
        };
        let mut lines = Lines {
            start: &start,
            format: ExportFormat::JsonLines,
            digest: Sha256::new(),
            out,
        };
        lines.write(&Line::Start(start.clone()))?;
        let head = head_file::last_commit(&snapshot)?;
        let mut at = genesis;
        for number in &needed.commits {
            skip_to(&snapshot, number.saturating_sub(1), &mut at, &mut lines)?;
            at = write_commit(&snapshot, *number, &needed, &mut archive, &mut lines)?;
        }
        skip_to(&snapshot, head.number, &mut at, &mut lines)?;
        sign_off(&mut lines, head, archive.events, archive.plans, key)?;
        Ok(archive)
    })
}

/// What has to be in the archive.
struct Needed {
    /// Rows by `gseq`, in order.
    rows: Vec<u64>,
    /// Plans by the text of their hash.
    plans: BTreeSet<String>,
    /// Commits by number.
    commits: BTreeSet<u64>,
}

fn needed(
    db: &Connection,
    executions: impl IntoIterator<Item = String>,
    archive: &mut Archived,
) -> Result<Needed, StoreError> {
    let mut rows = Vec::new();
    let mut plans: HashSet<Digest> = HashSet::new();
    let mut query =
        db.prepare("SELECT gseq, seq, payload FROM events WHERE stream = ?1 ORDER BY seq")?;
    for execution_id in executions {
        let mut last_seq = 0;
        let mut stream = query.query([&execution_id])?;
        while let Some(row) = stream.next()? {
            rows.push(row.get(0)?);
            last_seq = row.get(1)?;
            plans.extend(plan_hashes(
                row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?,
            ));
        }
        archive.executions.push((execution_id, last_seq));
    }
    rows.sort_unstable();
    let mut commits = commits_of(db, &rows)?;
    let mut stored = db.prepare("SELECT commit_number FROM plans WHERE hash = ?1")?;
    let mut there = BTreeSet::new();
    for plan in plans {
        let commit: Option<u64> = stored
            .query_row([plan.as_bytes()], |row| row.get(0))
            .optional()?;
        if let Some(commit) = commit {
            commits.insert(commit);
            there.insert(plan.to_string());
        }
    }
    Ok(Needed {
        rows,
        plans: there,
        commits,
    })
}

/// The commits that hold these rows, which are in order.
fn commits_of(db: &Connection, rows: &[u64]) -> Result<BTreeSet<u64>, StoreError> {
    let mut commits = BTreeSet::new();
    let last = head_file::last_commit(db)?.number;
    let mut range = db.prepare("SELECT first_gseq, last_gseq FROM commits WHERE number = ?1")?;
    let mut of = |number: u64| -> Result<(u64, u64), StoreError> {
        range
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| StoreError::Damaged(format!("commit {number} is missing")))
    };
    let mut current: Option<(u64, u64)> = None;
    for gseq in rows {
        if current.is_some_and(|(_, to)| *gseq <= to) {
            continue;
        }
        let (mut low, mut high) = (current.map_or(1, |(number, _)| number), last);
        while low < high {
            let middle = low + (high - low) / 2;
            match of(middle)?.1 < *gseq {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        current = Some((low, of(low)?.1));
        commits.insert(low);
    }
    Ok(commits)
}

/// Leaves out the commits up to `number`.
fn skip_to(
    db: &Connection,
    number: u64,
    at: &mut Head,
    lines: &mut Lines<'_>,
) -> Result<(), StoreError> {
    if at.number >= number {
        return Ok(());
    }
    let hash = head_file::commit_hash(db, number)?
        .ok_or_else(|| StoreError::Damaged(format!("commit {number} is missing")))?;
    *at = Head { number, hash };
    lines.write(&Line::Skip { skip_to: *at })
}

fn write_commit(
    db: &Connection,
    number: u64,
    needed: &Needed,
    archive: &mut Archived,
    lines: &mut Lines<'_>,
) -> Result<Head, StoreError> {
    let mut commit = db
        .prepare_cached(
            "SELECT number, first_gseq, last_gseq, at_ms, prev_hash, hash, hmac FROM commits WHERE number = ?1",
        )?
        .query_row([number], commit_line)?;
    let mut query = db.prepare_cached(&format!(
        "SELECT {RECORD_COLUMNS}, tombstone FROM {EVERY_PLACE} WHERE gseq BETWEEN ?1 AND ?2 ORDER BY gseq"
    ))?;
    let mut rows = query.query([commit.first_gseq, commit.last_gseq])?;
    for gseq in commit.first_gseq..=commit.last_gseq {
        let wanted = needed.rows.binary_search(&gseq).is_ok();
        let left_out = write_event(db, &mut rows, wanted, lines)?;
        archive.events += u64::from(left_out.is_none());
        commit.left_out.extend(left_out);
    }
    archive.plans += write_plans(db, &mut commit, Some(&needed.plans), lines)?;
    write_blobs(db, &mut commit)?;
    let head = Head {
        number,
        hash: commit.hash,
    };
    lines.write(&Line::Commit(commit))?;
    Ok(head)
}
