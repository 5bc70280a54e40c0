//! Verifying: finds whatever was changed, added or removed since it was written, and says where.
//!
//! Five looks at one snapshot: at the database as SQLite sees it, at the commits with the rows, plans and blobs that
//! they bind (`commits`), at each stream's own chain and the projections that follow from it (`streams`), at what was archived and what says so
//! (`tombstones`), and at what
//! holds the end in place: head file, lease, a head kept elsewhere (`anchors`). `docs/journal-format.md` says what this
//! can claim. Memory is bounded by the largest single execution.

mod anchors;
mod commits;
mod contents;
mod export;
mod report;
mod streams;
mod tombstones;

pub use export::{ExportReport, Known, Origin, verify_archive, verify_export};
pub use report::{Finding, FindingKind, Place, VerifyReport};

use crate::{
    CallRow, ExecutionRow, Head, Reader, Record, RequestRow, StoreError, audit_key::AuditKey,
    head_file, schema,
};
use mandate_plan::Digest;
use report::Findings;
use rusqlite::Connection;
use std::path::Path;

/// Derives an execution's projection rows from its records: the host does it with the engine.
pub trait Rebuild {
    /// The rows as they must stand after `records`, which are all of `stream`, in order, with their values in place.
    /// `plan` gives the canonical bytes of a stored plan. An error says why the records give no rows.
    fn rows(
        &self,
        stream: &str,
        records: &[Record],
        plan: &dyn Fn(&Digest) -> Option<Vec<u8>>,
    ) -> Result<Rebuilt, String>;
}

/// The projection rows of one execution.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// The execution.
    pub execution: ExecutionRow,
    /// Its requests.
    pub requests: Vec<RequestRow>,
    /// Its calls.
    pub calls: Vec<CallRow>,
}

/// Verifies the journal of the data directory `dir`; a host may run meanwhile. `expected_head` is a head kept elsewhere:
/// it finds a rollback of the whole directory. Errors only if there is no journal that could be looked at.
pub fn verify(
    dir: &Path,
    expected_head: Option<Head>,
    rebuild: &dyn Rebuild,
) -> Result<VerifyReport, StoreError> {
    verify_reader(&Reader::open(dir)?, expected_head, rebuild)
}

/// The same over an open journal.
pub fn verify_reader(
    reader: &Reader,
    expected_head: Option<Head>,
    rebuild: &dyn Rebuild,
) -> Result<VerifyReport, StoreError> {
    // Before the snapshot: a commit that comes in between leaves the file behind, as a crash may, never ahead.
    let before = head_file::read(reader.dir())?;
    let key = AuditKey::load(reader.dir());
    reader.with(|db| {
        let snapshot = db.unchecked_transaction()?;
        // The first read fixes the snapshot. A host that opened the store since the look before it has brought the file
        // up to its lease; the file must be right at one of the two moments.
        snapshot.query_row("SELECT count(*) FROM lease", [], |_| Ok(()))?;
        let head_files = [before, head_file::read(reader.dir())?];
        let mut findings = Findings::default();
        let mut report = VerifyReport::default();
        let key = match key {
            Ok(Some(key)) => Some(key),
            Ok(None) => {
                findings.add(
                    FindingKind::KeyMissing,
                    Place::Key,
                    "the audit key is missing: no commit can be proved to be this program's",
                );
                None
            }
            Err(error) => {
                findings.add(FindingKind::KeyMissing, Place::Key, error.to_string());
                None
            }
        };
        look(&mut findings, "its pages", |findings| {
            look_at_database(&snapshot, findings)
        });
        let mut removed = tombstones::Removals::default();
        look(&mut findings, "its commits", |findings| {
            commits::look(&snapshot, key.as_ref(), &mut report, &mut removed, findings)
        });
        look(&mut findings, "its plans and blobs", |findings| {
            contents::look(&snapshot, &mut report, findings)
        });
        look(&mut findings, "its streams", |findings| {
            streams::look(&snapshot, rebuild, &mut report, findings)
        });
        look(&mut findings, "its tombstones", |findings| {
            tombstones::look(&snapshot, removed, &mut report, findings)
        });
        look(&mut findings, "its lease and head", |findings| {
            anchors::look(&snapshot, key.as_ref(), head_files, expected_head, findings)
        });
        look(&mut findings, "its last commit", |_| {
            report.head = head_file::last_commit(&snapshot)?;
            Ok(())
        });
        report.total_findings = findings.total();
        report.findings = findings.into_list();
        Ok(report)
    })
}

/// A look that cannot be finished is itself a finding; the others go on.
fn look(
    findings: &mut Findings,
    at: &str,
    run: impl FnOnce(&mut Findings) -> Result<(), StoreError>,
) {
    if let Err(error) = run(findings) {
        let why = match error {
            StoreError::Damaged(why) => why,
            other => other.to_string(),
        };
        findings.add(
            FindingKind::DatabaseDamaged,
            Place::Database,
            format!("{at} cannot be read to the end: {why}"),
        );
    }
}

/// What SQLite itself can tell, among it whether indices and tables agree, and whether tables are what they should be.
fn look_at_database(db: &Connection, findings: &mut Findings) -> Result<(), StoreError> {
    let mut check = db.prepare("PRAGMA integrity_check(100)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let line = line?;
        if line != "ok" {
            findings.add(FindingKind::DatabaseDamaged, Place::Database, line);
        }
    }
    let found = schema::objects(db)?;
    let expected = schema::expected_objects()?;
    for (name, sql) in &found {
        if !expected.iter().any(|(n, s)| n == name && s == sql) {
            findings.add(
                FindingKind::SchemaChanged,
                Place::Schema(name.clone()),
                "it was added or changed",
            );
        }
    }
    for (name, _) in &expected {
        if !found.iter().any(|(n, _)| n == name) {
            findings.add(
                FindingKind::SchemaChanged,
                Place::Schema(name.clone()),
                "it was removed",
            );
        }
    }
    Ok(())
}
