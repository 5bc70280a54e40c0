//! Retention: which executions of a journal may be archived and removed, and the removal itself.
//!
//! What is not over stays, with everything that ran as a step of it or held it; so does what is in doubt, what somebody is
//! asked about, and what the count of a session still rests on.

use crate::ask::HostError;
use crate::recovery::load;
use crate::sessions::IDLE_MS;
use mandate_engine::State;
use mandate_store::{
    ArchiveFile, Candidate, ExecutionRow, Journal, REMOVED_AT_ONCE, Reader, Removal, StoreError,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;

/// The kind of the event after which a state has to be looked at.
const IN_DOUBT: &str = "step_in_doubt";

/// What may be archived, and what stays.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Archivable {
    /// The executions that may go, the oldest first.
    #[serde(skip)]
    pub executions: Vec<String>,
    /// Their rows of `events`.
    pub events: u64,
    /// Those that stay, though they were created before the time that was given.
    pub kept: KeptBack,
}

/// How many executions stay, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KeptBack {
    /// They, or others of their family, are not over, or not for long enough.
    pub unfinished: u64,
    /// A request of theirs is open.
    pub asked: u64,
    /// A step of theirs is in doubt.
    pub in_doubt: u64,
    /// Their session's count, which began anew after its last idle hour, rests on their calls.
    pub counted: u64,
}

impl KeptBack {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self {
            unfinished,
            asked,
            in_doubt,
            counted,
        } = self;
        [unfinished, asked, in_doubt, counted].into_iter().sum()
    }
}

/// What may be archived of what ended before `before_ms`.
///
/// # Errors
/// The journal cannot be read.
pub fn archivable(
    reader: &Reader,
    journal: &dyn Journal,
    before_ms: i64,
    now_ms: i64,
) -> Result<Archivable, HostError> {
    let mut found = Archivable::default();
    let mut counting = BTreeMap::new();
    let kept = reader.archivable(before_ms, IN_DOUBT, &mut |candidate| {
        let count = candidate.family.len() as u64;
        if candidate.has_kind && is_in_doubt(journal, &candidate)? {
            found.kept.in_doubt += count;
        } else if is_counted(reader, &candidate.family, &mut counting, now_ms)? {
            found.kept.counted += count;
        } else {
            for row in candidate.family {
                found.events += row.last_seq;
                found.executions.push(row.execution_id);
            }
        }
        Ok(())
    })?;
    found.kept.unfinished = kept.unfinished;
    found.kept.asked = kept.asked;
    Ok(found)
}

fn is_in_doubt(journal: &dyn Journal, candidate: &Candidate) -> Result<bool, StoreError> {
    for row in &candidate.family {
        // What cannot be folded is left to `audit verify`.
        let doubts =
            load(journal, &row.execution_id).map(|state: State| !state.doubts().is_empty());
        if doubts.unwrap_or(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether calls of theirs are in what their sessions count now.
fn is_counted(
    reader: &Reader,
    family: &[ExecutionRow],
    counting: &mut BTreeMap<(String, String), Option<i64>>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    for row in family {
        let whose = (row.principal.clone(), row.session.clone());
        let first_ms = match counting.get(&whose) {
            Some(first_ms) => *first_ms,
            None => {
                let tally = reader.tally(&row.principal, &row.session, now_ms, IDLE_MS)?;
                let first_ms = tally.first_ms;
                counting.insert(whose, first_ms);
                first_ms
            }
        };
        if first_ms.is_some_and(|first_ms| row.updated_at_ms >= first_ms) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes archived executions, some in each transaction, and leaves a tombstone for each transaction. What was removed
/// before is left out, so that it can be done again after a crash. Returns when the disk has it.
///
/// # Errors
/// The store's; what was removed until then is removed.
pub fn remove(
    executions: &[(String, u64)],
    archive: &ArchiveFile,
    by: &str,
    now_ms: &dyn Fn() -> i64,
    remove_some: &mut dyn FnMut(Removal) -> Result<(), HostError>,
) -> Result<(), HostError> {
    for some in executions.chunks(REMOVED_AT_ONCE) {
        remove_some(Removal {
            at_ms: now_ms(),
            by: by.to_owned(),
            archive: archive.clone(),
            executions: some.to_vec(),
        })?;
    }
    Ok(())
}

/// Has the journal remove some, and waits until the disk has it.
///
/// # Errors
/// The store's.
pub fn remove_from(journal: &dyn Journal, removal: Removal) -> Result<(), HostError> {
    let (done, stored) = channel();
    journal.remove_archived(
        removal,
        Box::new(move |result| {
            let _ = done.send(result);
        }),
    );
    stored.recv().map_err(|_| HostError::Stopped)??;
    Ok(())
}
