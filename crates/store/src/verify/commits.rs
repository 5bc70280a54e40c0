//! The commits in order, each against the rows, plans and blobs that it binds.

use super::{
    report::{FindingKind, Findings, Place, VerifyReport},
    tombstones::Removals,
};
use crate::{
    Head, StoreError,
    audit_key::AuditKey,
    chain::{CommitItems, CommitParts, GENESIS},
    reader::{EVERY_PLACE, RECORD_COLUMNS, StoredRecord},
};
use mandate_plan::Digest;
use rusqlite::{Connection, Row, Rows};

struct Commit {
    parts: CommitParts,
    hash: Digest,
    hmac: Vec<u8>,
}

impl Commit {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            parts: CommitParts {
                number: row.get(0)?,
                first_gseq: row.get(1)?,
                last_gseq: row.get(2)?,
                at_ms: row.get(3)?,
                prev_hash: Digest::from_bytes(row.get(4)?),
            },
            hash: Digest::from_bytes(row.get(5)?),
            hmac: row.get(6)?,
        })
    }
}

pub(super) fn look(
    db: &Connection,
    key: Option<&AuditKey>,
    report: &mut VerifyReport,
    removed: &mut Removals,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut query = db.prepare(&format!(
        "SELECT {RECORD_COLUMNS}, tombstone FROM {EVERY_PLACE} ORDER BY gseq"
    ))?;
    let mut events = Events::over(query.query([])?, removed)?;
    let mut query = db.prepare(
        "SELECT number, first_gseq, last_gseq, at_ms, prev_hash, hash, hmac FROM commits ORDER BY number",
    )?;
    let mut commits = query.query([])?;
    let mut items = CommitItems::default();
    let mut last = CommitParts {
        number: 0,
        first_gseq: 0,
        last_gseq: 0,
        at_ms: 0,
        prev_hash: Digest::from_bytes(GENESIS),
    };
    let mut last_hash = Digest::from_bytes(GENESIS);
    while let Some(row) = commits.next()? {
        report.commits += 1;
        let commit = match Commit::read(row) {
            Ok(commit) => commit,
            Err(_) => {
                let number = row.get(0).unwrap_or_default();
                let place = Place::Commit(number);
                findings.add(FindingKind::CommitChanged, place, "it cannot be read");
                continue;
            }
        };
        check_place(&commit, &last, &last_hash, key, findings);
        items.clear();
        events.unclaimed(commit.parts.first_gseq, findings)?;
        events.claimed(&commit.parts, &mut items, findings)?;
        contents(db, commit.parts.number, &mut items)?;
        if commit.parts.hash(&items) != commit.hash {
            findings.add(
                FindingKind::CommitChanged,
                place(&commit.parts),
                "its rows, plans, blobs or own columns do not give its hash",
            );
        }
        last = commit.parts;
        last_hash = commit.hash;
    }
    events.unclaimed(u64::MAX, findings)?;
    report.events = events.seen;
    Ok(())
}

fn place(parts: &CommitParts) -> Place {
    Place::Commit(i64::try_from(parts.number).unwrap_or(i64::MAX))
}

fn check_place(
    commit: &Commit,
    last: &CommitParts,
    last_hash: &Digest,
    key: Option<&AuditKey>,
    findings: &mut Findings,
) {
    let parts = &commit.parts;
    if parts.number != last.number + 1 {
        let (from, to) = (last.number + 1, parts.number.saturating_sub(1));
        let message = if from == to {
            format!("commit {from} is missing")
        } else {
            format!("commits {from} to {to} are missing")
        };
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        findings.add(FindingKind::CommitMissing, Place::Commit(from), message);
    } else {
        if parts.prev_hash != *last_hash {
            let message = format!("it does not follow commit {}", last.number);
            findings.add(FindingKind::ChainBroken, place(parts), message);
        }
        if parts.first_gseq != last.last_gseq + 1 {
            let message = format!("its rows do not follow those of commit {}", last.number);
            findings.add(FindingKind::ChainBroken, place(parts), message);
        }
    }
    let head = Head {
        number: parts.number,
        hash: commit.hash,
    };
    if key.is_some_and(|key| !key.is_commit_mac(&head, &commit.hmac)) {
        findings.add(
            FindingKind::CommitChanged,
            place(parts),
            "its code was not made with the audit key over this number and hash",
        );
    }
}

/// The plans and blobs that came with a commit.
fn contents(db: &Connection, number: u64, items: &mut CommitItems) -> Result<(), StoreError> {
    let mut query = db.prepare_cached(
        "SELECT row_hash, hash FROM plans WHERE commit_number = ?1 UNION ALL \
         SELECT row_hash, hash FROM removed_contents WHERE commit_number = ?1 AND kind = 'plan' ORDER BY hash",
    )?;
    let mut rows = query.query([number])?;
    while let Some(row) = rows.next()? {
        items.plan(&row.get(0).unwrap_or(GENESIS));
    }
    let mut query = db.prepare_cached(
        "SELECT row_hash, hash FROM blobs WHERE commit_number = ?1 UNION ALL \
         SELECT row_hash, hash FROM removed_contents WHERE commit_number = ?1 AND kind = 'blob' ORDER BY hash",
    )?;
    let mut rows = query.query([number])?;
    while let Some(row) = rows.next()? {
        items.blob(&row.get(0).unwrap_or(GENESIS));
    }
    Ok(())
}

/// The rows of `events` by `gseq`, one looked at ahead.
struct Events<'a> {
    rows: Rows<'a>,
    next: Option<Seen>,
    seen: u64,
    removed: &'a mut Removals,
}

/// A row as far as it can be read, and its hash if that is right.
struct Seen {
    gseq: i64,
    stream: String,
    seq: i64,
    stored_hash: [u8; 32],
    intact: bool,
    /// It was removed: the `seq` of the tombstone that says so.
    tombstone: Option<i64>,
}

impl Seen {
    fn read(row: &Row<'_>) -> Self {
        let tombstone: Option<i64> = row.get(8).unwrap_or_default();
        if tombstone.is_some() {
            return Self {
                gseq: row.get(0).unwrap_or_default(),
                stream: String::new(),
                seq: 0,
                intact: true,
                stored_hash: row.get(7).unwrap_or(GENESIS),
                tombstone,
            };
        }
        match StoredRecord::read(row) {
            Ok(record) => Self {
                gseq: i64::try_from(record.gseq).unwrap_or(i64::MAX),
                seq: i64::try_from(record.seq).unwrap_or(i64::MAX),
                intact: record.computed_hash().as_bytes() == &record.hash,
                stored_hash: record.hash,
                stream: record.stream,
                tombstone,
            },
            // Its types are wrong or a hash has another length: name what can be named.
            Err(_) => Self {
                gseq: row.get(0).unwrap_or_default(),
                stream: row.get(1).unwrap_or_default(),
                seq: row.get(2).unwrap_or_default(),
                stored_hash: row.get(7).unwrap_or(GENESIS),
                intact: false,
                tombstone,
            },
        }
    }

    fn place(&self) -> Place {
        if self.tombstone.is_some() {
            let gseq = u64::try_from(self.gseq).unwrap_or_default();
            return Place::Events {
                first_gseq: gseq,
                last_gseq: gseq,
            };
        }
        Place::Event {
            gseq: self.gseq,
            stream: self.stream.clone(),
            seq: self.seq,
        }
    }
}

impl<'a> Events<'a> {
    fn over(rows: Rows<'a>, removed: &'a mut Removals) -> Result<Self, StoreError> {
        let mut events = Self {
            rows,
            next: None,
            seen: 0,
            removed,
        };
        events.advance()?;
        Ok(events)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = self.rows.next()?.map(Seen::read);
        if let Some(next) = &self.next {
            match next.tombstone {
                None => self.seen += 1,
                Some(tombstone) => self.removed.row(tombstone, next.gseq, &next.stored_hash),
            }
        }
        Ok(())
    }

    /// Passes the rows before `gseq`: no commit claims them.
    fn unclaimed(&mut self, gseq: u64, findings: &mut Findings) -> Result<(), StoreError> {
        let before = i64::try_from(gseq).unwrap_or(i64::MAX);
        while let Some(row) = self.next.as_ref().filter(|row| row.gseq < before) {
            let message = "it belongs to no commit";
            findings.add(FindingKind::RowInserted, row.place(), message);
            self.advance()?;
        }
        Ok(())
    }

    /// Passes the rows of a commit, checks each and collects their hashes.
    fn claimed(
        &mut self,
        commit: &CommitParts,
        items: &mut CommitItems,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let last = i64::try_from(commit.last_gseq).unwrap_or(i64::MAX);
        let mut expected = commit.first_gseq;
        while let Some(row) = self.next.as_ref().filter(|row| row.gseq <= last) {
            let gseq = u64::try_from(row.gseq).unwrap_or_default();
            missing(expected, gseq, commit.number, findings);
            if !row.intact {
                let message = "it was changed: its columns do not give its hash";
                findings.add(FindingKind::RowChanged, row.place(), message);
            }
            items.event(&row.stored_hash);
            expected = gseq + 1;
            self.advance()?;
        }
        missing(
            expected,
            commit.last_gseq.saturating_add(1),
            commit.number,
            findings,
        );
        Ok(())
    }
}

/// Tells if rows from `expected` up to before `found` are gone.
fn missing(expected: u64, found: u64, commit: u64, findings: &mut Findings) {
    if expected < found {
        let place = Place::Events {
            first_gseq: expected,
            last_gseq: found - 1,
        };
        let message = format!("removed, though commit {commit} counts it");
        findings.add(FindingKind::RowMissing, place, message);
    }
}
