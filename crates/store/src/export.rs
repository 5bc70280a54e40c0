//! The journal as text for other programs, and as evidence for people who have nothing but the text: JSON Lines, or one
//! CloudEvents 1.0 JSON document per line.
//!
//! The first line says what the export holds. Rows follow in their order, each commit behind the rows that it binds; of rows
//! that were not asked for it carries the hashes, so that the chain can be recomputed over any selection. The last line
//! carries the head, a digest over all lines, and the signature. `verify::export` is the other side.

mod archive;
mod line;
mod selection;

pub use archive::{Archived, export_archive};

pub use line::ExportFormat;
pub(crate) use line::{
    ArchivedBefore, CommitLine, End, EventLine, FORMAT, Line, PlanLine, Start, format_of, read,
    render,
};
pub use selection::{ArchiveOf, Selection};

use crate::{
    Head, Reader, SigningKey, StoreError, head_file,
    reader::{EVERY_PLACE, RECORD_COLUMNS, StoredRecord},
};
use line::{Columns, PlanColumns};
use mandate_plan::Digest;
use rusqlite::{Connection, Row, Rows};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, io::Write};

/// What to export, and how.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// The form of the lines.
    pub format: ExportFormat,
    /// Which rows.
    pub selection: Selection,
    /// Leave large values out and give the references that stand in the rows.
    pub keep_references: bool,
}

/// Writes what `options` ask for to `out`, from one snapshot; gives the head of that snapshot, which is also in the last
/// line, signed with `key`.
pub fn export(
    reader: &Reader,
    options: &ExportOptions,
    key: &SigningKey,
    out: &mut dyn Write,
) -> Result<Head, StoreError> {
    reader.with(|db| {
        let snapshot = db.unchecked_transaction()?;
        let head = head_file::last_commit(&snapshot)?;
        let selection = &options.selection;
        let from = begins_behind(&snapshot, selection, &head)?;
        let start = Start {
            export: FORMAT.to_owned(),
            journal: journal_name(&snapshot)?,
            from,
            selection: selection.clone(),
            references: options.keep_references,
            archived: archived_before(&snapshot, selection)?,
        };
        let mut lines = Lines {
            start: &start,
            format: options.format,
            digest: Sha256::new(),
            out,
        };
        lines.write(&Line::Start(start.clone()))?;
        let (events, plans) = write_commits(&snapshot, &start, &mut lines)?;
        sign_off(&mut lines, head, events, plans, key)?;
        Ok(head)
    })
}

/// Writes the last line.
fn sign_off(
    lines: &mut Lines<'_>,
    head: Head,
    events: u64,
    plans: u64,
    key: &SigningKey,
) -> Result<(), StoreError> {
    let digest = Digest::from_bytes(lines.digest.clone().finalize().into());
    lines.write(&Line::End(End {
        head,
        events,
        plans,
        lines: digest,
        public_key: key.public_key(),
        signature: key.sign_export(&head, &digest),
    }))
}

/// What an export of everything cannot hold, because it was archived.
fn archived_before(
    db: &Connection,
    selection: &Selection,
) -> Result<Option<ArchivedBefore>, StoreError> {
    if !selection.takes_all_rows() {
        return Ok(None);
    }
    let rows = db.query_row(
        "SELECT count(*) FROM removed_rows WHERE gseq > ?1",
        [selection.after_gseq],
        |row| row.get(0),
    )?;
    let plans = db.query_row(
        "SELECT count(*) FROM removed_contents WHERE kind = 'plan' AND commit_number > \
         (SELECT coalesce(max(number), 0) FROM commits WHERE last_gseq <= ?1)",
        [selection.after_gseq],
        |row| row.get(0),
    )?;
    let before = ArchivedBefore { rows, plans };
    Ok((rows > 0 || plans > 0).then_some(before))
}

/// Where lines go, and what is known of those that went.
struct Lines<'a> {
    start: &'a Start,
    format: ExportFormat,
    digest: Sha256,
    out: &'a mut dyn Write,
}

impl Lines<'_> {
    fn write(&mut self, line: &Line) -> Result<(), StoreError> {
        let text = render(line, self.start, self.format).ok_or_else(|| {
            let what = match line {
                Line::Event(event) => format!("the payload of gseq {}", event.columns.gseq),
                Line::Plan(plan) => format!("plan {}", plan.columns.plan),
                _ => "a line of the export".to_owned(),
            };
            StoreError::Damaged(format!("{what} is not JSON"))
        })?;
        self.digest.update(&text);
        self.out
            .write_all(&text)
            .map_err(|error| StoreError::Failed(format!("cannot write the export: {error}")))
    }
}

/// A URI for this journal and no other: named by its first commit.
pub(crate) fn journal_name(db: &Connection) -> Result<String, StoreError> {
    let first = head_file::commit_hash(db, 1)?;
    let name = first.map_or_else(|| "empty".to_owned(), |hash| hash.to_string());
    Ok(format!("urn:mandate:journal:{name}"))
}

/// The commit before the first one that the export needs: what was asked for begins behind it.
fn begins_behind(db: &Connection, selection: &Selection, head: &Head) -> Result<Head, StoreError> {
    if selection.after_gseq == 0 {
        let hash = Digest::from_bytes(crate::chain::GENESIS);
        return Ok(Head { number: 0, hash });
    }
    let first: Option<u64> = db.query_row(
        "SELECT min(number) FROM commits WHERE last_gseq > ?1",
        [selection.after_gseq],
        |row| row.get(0),
    )?;
    let Some(first) = first else {
        return Ok(*head);
    };
    let number = first.saturating_sub(1);
    let hash = head_file::commit_hash(db, number)?
        .ok_or_else(|| StoreError::Damaged(format!("commit {number} is missing")))?;
    Ok(Head { number, hash })
}

/// A row of `commits`, and the counts of what is written.
fn write_commits(
    db: &Connection,
    start: &Start,
    lines: &mut Lines<'_>,
) -> Result<(u64, u64), StoreError> {
    let selection = &start.selection;
    let wanted = wanted_plans(db, selection)?;
    let after_gseq: u64 = db.query_row(
        "SELECT coalesce(max(last_gseq), 0) FROM commits WHERE number <= ?1",
        [start.from.number],
        |row| row.get(0),
    )?;
    let mut query = db.prepare(&format!(
        "SELECT {RECORD_COLUMNS}, tombstone FROM {EVERY_PLACE} WHERE gseq > ?1 ORDER BY gseq"
    ))?;
    let mut rows = query.query([after_gseq])?;
    let mut query = db.prepare(
        "SELECT number, first_gseq, last_gseq, at_ms, prev_hash, hash, hmac FROM commits WHERE number > ?1 ORDER BY number",
    )?;
    let mut commits = query.query([start.from.number])?;
    let (mut events, mut plans) = (0, 0);
    while let Some(row) = commits.next()? {
        let mut commit = commit_line(row)?;
        let count = commit
            .last_gseq
            .saturating_add(1)
            .saturating_sub(commit.first_gseq);
        for _ in 0..count {
            let left_out = write_event(db, &mut rows, true, lines)?;
            events += u64::from(left_out.is_none());
            commit.left_out.extend(left_out);
        }
        plans += write_plans(db, &mut commit, wanted.as_ref(), lines)?;
        write_blobs(db, &mut commit)?;
        lines.write(&Line::Commit(commit))?;
    }
    match rows.next()? {
        None => Ok((events, plans)),
        Some(_) => Err(not_whole("rows belong to no commit")),
    }
}

fn not_whole(what: &str) -> StoreError {
    StoreError::Damaged(format!(
        "{what}: nothing is exported; `mandate audit verify` says more"
    ))
}

fn commit_line(row: &Row<'_>) -> rusqlite::Result<CommitLine> {
    Ok(CommitLine {
        commit: row.get(0)?,
        first_gseq: row.get(1)?,
        last_gseq: row.get(2)?,
        at_ms: row.get(3)?,
        prev_hash: Digest::from_bytes(row.get(4)?),
        hash: Digest::from_bytes(row.get(5)?),
        hmac: Digest::from_bytes(row.get(6)?),
        left_out: Vec::new(),
        plans: Vec::new(),
        blobs: Vec::new(),
    })
}

/// Writes the next row of `events`, or gives its hash if it was not asked for or is not there any more.
fn write_event(
    db: &Connection,
    rows: &mut Rows<'_>,
    wanted: bool,
    lines: &mut Lines<'_>,
) -> Result<Option<Digest>, StoreError> {
    let row = rows
        .next()?
        .ok_or_else(|| not_whole("rows that a commit counts are not there"))?;
    let removed = row.get::<_, Option<u64>>(8)?.is_some();
    if !wanted || removed {
        return Ok(Some(Digest::from_bytes(row.get(7)?)));
    }
    let start = lines.start;
    let (gseq, stream, at_ms, kind): (u64, String, i64, String) =
        (row.get(0)?, row.get(1)?, row.get(3)?, row.get(4)?);
    if !start.selection.takes(gseq, &stream, at_ms, &kind) {
        return Ok(Some(Digest::from_bytes(row.get(7)?)));
    }
    let stored = StoredRecord::read(row)?;
    let columns = Columns {
        gseq,
        stream,
        seq: stored.seq,
        at_ms,
        kind,
        prev_hash: Digest::from_bytes(stored.prev_hash),
        hash: Digest::from_bytes(stored.hash),
    };
    let payload = match start.references {
        true => stored.payload.into_bytes(),
        false => stored.restored(db)?.payload,
    };
    lines.write(&Line::Event(EventLine { columns, payload }))?;
    Ok(None)
}

/// Which plans go with a selection: those that its rows name; none = all there are.
fn wanted_plans(
    db: &Connection,
    selection: &Selection,
) -> Result<Option<BTreeSet<String>>, StoreError> {
    if selection.takes_all_streams() {
        return Ok(None);
    }
    let mut query = db.prepare(
        "SELECT gseq, stream, at_ms, kind, json_extract(payload, '$.plan_hash') FROM events WHERE gseq > ?1 \
         AND json_extract(payload, '$.plan_hash') IS NOT NULL",
    )?;
    let mut rows = query.query([selection.after_gseq])?;
    let mut wanted = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let (stream, kind): (String, String) = (row.get(1)?, row.get(3)?);
        if selection.takes(row.get(0)?, &stream, row.get(2)?, &kind) {
            wanted.extend(row.get::<_, String>(4));
        }
    }
    Ok(Some(wanted))
}

/// Writes the plans that came with a commit, those that are wanted, and puts all their row hashes into it.
fn write_plans(
    db: &Connection,
    commit: &mut CommitLine,
    wanted: Option<&BTreeSet<String>>,
    lines: &mut Lines<'_>,
) -> Result<u64, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT hash, name, at_ms, row_hash, canonical FROM plans WHERE commit_number = ?1 UNION ALL \
         SELECT hash, NULL, NULL, row_hash, NULL FROM removed_contents WHERE commit_number = ?1 AND kind = 'plan' \
         ORDER BY hash",
    )?;
    let mut rows = query.query([commit.commit])?;
    let mut written = 0;
    while let Some(row) = rows.next()? {
        commit.plans.push(Digest::from_bytes(row.get(3)?));
        let plan = Digest::from_bytes(row.get(0)?);
        let Some(canonical) = row.get::<_, Option<String>>(4)? else {
            continue;
        };
        if wanted.is_some_and(|wanted| !wanted.contains(&plan.to_string())) {
            continue;
        }
        lines.write(&Line::Plan(PlanLine {
            columns: PlanColumns {
                plan,
                name: row.get(1)?,
                at_ms: row.get(2)?,
                commit: commit.commit,
            },
            canonical: canonical.into_bytes(),
        }))?;
        written += 1;
    }
    Ok(written)
}

/// Puts the row hashes of the blobs that came with a commit into it.
fn write_blobs(db: &Connection, commit: &mut CommitLine) -> Result<(), StoreError> {
    let mut blobs = db.prepare_cached(
        "SELECT row_hash, hash FROM blobs WHERE commit_number = ?1 UNION ALL \
         SELECT row_hash, hash FROM removed_contents WHERE commit_number = ?1 AND kind = 'blob' ORDER BY hash",
    )?;
    let found = blobs.query_map([commit.commit], |row| Ok(Digest::from_bytes(row.get(0)?)))?;
    commit.blobs = found.collect::<Result<_, _>>()?;
    Ok(())
}
