//! `audit-head`: the number and hash of the last commit, in a file beside the database, so that a removed tail is seen.
//!
//! It is overwritten in place after each commit and not synced, which would cost a second wait for the disk. Therefore a
//! killed process leaves it at most one commit behind, and a power failure leaves it anywhere between the head at the
//! last opening (written and synced there, and recorded under the audit key in `lease`) and the last commit. It is
//! never ahead. `fault` accepts exactly that.

use crate::{Head, StoreError, chain::GENESIS, failure::file_failed, ownership::LeaseRow};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The open file.
pub(crate) struct HeadFile {
    file: File,
    path: PathBuf,
}

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file, or an empty one: nothing was ever opened here.
    Nothing,
    /// A head.
    Head(Head),
    /// Something else.
    Unreadable,
}

pub(crate) fn head_path(dir: &Path) -> PathBuf {
    dir.join("audit-head")
}

impl HeadFile {
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = head_path(dir);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| file_failed("open", &path, &error))?;
        Ok(Self { file, path })
    }

    /// Overwrites the head. Of fixed width, so that there is never a rest of a longer one.
    pub(crate) fn write(&self, head: &Head) -> Result<(), StoreError> {
        let line = format!("{:020} {}\n", head.number, head.hash);
        self.file
            .write_all_at(line.as_bytes(), 0)
            .map_err(|error| file_failed("write", &self.path, &error))
    }

    /// Waits until the head is on the disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync_all()
            .map_err(|error| file_failed("sync", &self.path, &error))
    }
}

/// Reads the head file of `dir`. A reader may meet a write half done, so it looks until two looks agree.
pub(crate) fn read(dir: &Path) -> Result<Found, StoreError> {
    let path = head_path(dir);
    let look = || match fs::read(&path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(file_failed("read", &path, &error)),
    };
    let mut bytes = look()?;
    for _ in 0..100 {
        let again = look()?;
        if again == bytes {
            break;
        }
        bytes = again;
    }
    if bytes.is_empty() {
        return Ok(Found::Nothing);
    }
    let head = std::str::from_utf8(&bytes).ok().and_then(parse);
    Ok(head.map_or(Found::Unreadable, Found::Head))
}

fn parse(text: &str) -> Option<Head> {
    let (number, hash) = text.strip_suffix('\n')?.split_once(' ')?;
    if number.len() != 20 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (number, hash) = (number.parse().ok()?, hash.parse().ok()?);
    let head = Head { number, hash };
    // One way to write each head: upper-case digits would be a change that no crash makes.
    (format!("{:020} {}\n", head.number, head.hash) == text).then_some(head)
}

/// The head of the last commit in the database.
pub(crate) fn last_commit(db: &Connection) -> Result<Head, StoreError> {
    let last = db
        .prepare_cached("SELECT number, hash FROM commits ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Head {
                number: row.get(0)?,
                hash: Digest::from_bytes(row.get(1)?),
            })
        })
        .optional()?;
    Ok(last.unwrap_or(Head {
        number: 0,
        hash: Digest::from_bytes(GENESIS),
    }))
}

/// The hash of commit `number` in the database; that of number 0 is all zero.
pub(crate) fn commit_hash(db: &Connection, number: u64) -> Result<Option<Digest>, StoreError> {
    if number == 0 {
        return Ok(Some(Digest::from_bytes(GENESIS)));
    }
    let hash = db
        .prepare_cached("SELECT hash FROM commits WHERE number = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    Ok(hash.map(Digest::from_bytes))
}

/// Refuses if commits are named, where the database holds none: it, or its log, is gone.
pub(crate) fn refuse_without_journal(found: Found) -> Result<(), StoreError> {
    match found {
        Found::Head(head) if head.number > 0 => Err(StoreError::Damaged(format!(
            "`audit-head` names commit {}, but `journal.db` holds nothing: it or its log was removed or damaged",
            head.number
        ))),
        _ => Ok(()),
    }
}

/// What is wrong with the head file, if it is anything but what a crash can leave.
pub(crate) fn fault(
    db: &Connection,
    found: Found,
    lease: Option<&LeaseRow>,
) -> Result<Option<String>, StoreError> {
    let last = last_commit(db)?;
    let head = match (found, lease) {
        (Found::Nothing, None) if last.number == 0 => return Ok(None),
        (Found::Nothing, _) => {
            return Ok(Some(format!(
                "`audit-head` is missing, though the journal has {} commits",
                last.number
            )));
        }
        (Found::Unreadable, _) => return Ok(Some("`audit-head` holds no head".to_owned())),
        (Found::Head(head), _) => head,
    };
    if head.number > last.number {
        return Ok(Some(format!(
            "`audit-head` names commit {}, but the journal ends at commit {}: its tail was removed",
            head.number, last.number
        )));
    }
    let at_opening = lease.map_or(0, |lease| lease.head.number);
    if head.number < at_opening {
        return Ok(Some(format!(
            "`audit-head` names commit {}, older than commit {at_opening} at the last opening",
            head.number
        )));
    }
    if commit_hash(db, head.number)? != Some(head.hash) {
        return Ok(Some(format!(
            "`audit-head` has another hash for commit {} than the journal",
            head.number
        )));
    }
    Ok(None)
}
