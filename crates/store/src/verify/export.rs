//! Verifying an export with nothing but the export: rows, commits and completeness from its own lines, its origin by the
//! signature in the last one. Where the audit key of the same journal is at hand, the codes of the commits are checked too.
//!
//! Every line is read, written again as an export would write it, and compared, so that nothing can be hidden in how it is
//! written. Memory is bounded by the largest row, the largest commit and the number of executions.

mod commit;

use super::report::{Finding, FindingKind, Findings, Place};
use crate::{
    EXECUTION_LIMIT_BYTES, ExportFormat, Head, PublicKey, Reader, Selection, StoreError,
    audit_key::AuditKey,
    blob,
    chain::{GENESIS, RowParts, plan_row_hash},
    export::{self, ArchivedBefore, End, EventLine, FORMAT, Line, PlanLine, Start},
    signing_key::is_signed_export,
};
use mandate_plan::Digest;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    io::{BufRead, Read as _},
    path::Path,
};

/// A longer line is none of an export: a row has at most what an execution has, and a text in JSON at most six bytes for one.
const LINE_LIMIT_BYTES: u64 = 6 * EXECUTION_LIMIT_BYTES;

/// What is known from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// A head that was kept: the export must hold it.
    pub head: Option<Head>,
    /// The public key whose signature is expected.
    pub public_key: Option<PublicKey>,
    /// A data directory. If the export is of the journal there, the codes of its commits are checked with the audit key.
    pub dir: Option<&'a Path>,
}

/// What the signature of an export says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// There is no signature that could be checked.
    Unsigned,
    /// The signature is not one over this export by the key that the export names, or that key is not the expected one.
    Wrong,
    /// The key that the export names made it. Whose key that is, somebody has to know.
    Unknown,
    /// The expected key made it.
    Proven,
}

/// What was looked at in an export, and what is wrong with it.
#[derive(Debug, Clone, Serialize)]
pub struct ExportReport {
    /// What the export says it holds.
    pub selection: Option<Selection>,
    /// The head that its first commit follows; number 0 = it begins with the first.
    pub from: Head,
    /// The last commit found.
    pub head: Head,
    /// Rows of `events`.
    pub events: u64,
    /// Rows of which there is only a hash.
    pub left_out: u64,
    /// Streams that are executions.
    pub executions: u64,
    /// Commits.
    pub commits: u64,
    /// Plans.
    pub plans: u64,
    /// The key that the export names.
    pub public_key: Option<PublicKey>,
    /// What the signature says.
    pub origin: Origin,
    /// The codes of the commits were checked with the audit key.
    pub hmac_checked: bool,
    /// What is wrong, at most a thousand.
    pub findings: Vec<Finding>,
    /// How much is wrong, the findings left out included.
    pub total_findings: u64,
}

impl ExportReport {
    /// Nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.total_findings == 0
    }
}

/// Verifies an export. Errors only if it cannot be read.
pub fn verify_export(
    input: &mut dyn BufRead,
    known: &Known<'_>,
) -> Result<ExportReport, StoreError> {
    Ok(look_at(input, known)?.finish())
}

/// The same of an archive; gives the `seq` of each execution's last event too.
pub fn verify_archive(
    input: &mut dyn BufRead,
    known: &Known<'_>,
) -> Result<(ExportReport, Vec<(String, u64)>), StoreError> {
    let (mut report, streams) = look_at(input, known)?.finish_with();
    if report
        .selection
        .as_ref()
        .is_none_or(|it| it.archive.is_none())
    {
        let message = "it is no archive of whole executions".to_owned();
        report.total_findings += 1;
        report.findings.push(Finding {
            kind: FindingKind::LineChanged,
            place: Place::Line(1),
            message,
        });
    }
    let streams = streams.into_iter().map(|(stream, (seq, _))| (stream, seq));
    Ok((report, streams.collect()))
}

fn look_at<'a>(input: &mut dyn BufRead, known: &'a Known<'a>) -> Result<Look<'a>, StoreError> {
    let mut lines = Lines { input, number: 0 };
    let mut look = Look::new(known);
    let first = lines.next()?;
    let format = match &first {
        None => None,
        Some(first) => first.text().and_then(export::format_of),
    };
    let Some(format) = format else {
        let message = "it does not begin as an export of this version does";
        look.findings
            .add(FindingKind::LineChanged, Place::Line(1), message);
        return Ok(look);
    };
    let mut next = first;
    while let Some(line) = next {
        look.line(&line, lines.number, format)?;
        next = lines.next()?;
    }
    look.end_of_input(lines.number);
    Ok(look)
}

/// One line, with its line feed if it has one.
struct Raw(Vec<u8>);

impl Raw {
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.0.strip_suffix(b"\n")?).ok()
    }
}

struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Raw>, StoreError> {
        let mut bytes = Vec::new();
        self.input
            .take(LINE_LIMIT_BYTES)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| StoreError::Failed(format!("cannot read the export: {error}")))?;
        self.number = self.number.saturating_add(1);
        Ok((!bytes.is_empty()).then_some(Raw(bytes)))
    }
}

/// Everything that is known so far.
struct Look<'a> {
    known: &'a Known<'a>,
    start: Option<Start>,
    key: Option<AuditKey>,
    digest: Sha256,
    /// The last commit, and the last row that a commit counted, where that is known.
    head: Head,
    last_gseq: Option<u64>,
    /// Rows behind the last commit: place and hash.
    rows: Vec<(u64, Digest)>,
    /// Row hashes of plans behind the last commit, and the commit that each names.
    plans: Vec<(u64, Digest)>,
    /// Place and hash of each stream's last row.
    streams: BTreeMap<String, (u64, Digest)>,
    last_row: u64,
    kept_head_seen: bool,
    ended: bool,
    /// Rows and plans of which there are only hashes, though everything was asked for.
    hidden: ArchivedBefore,
    findings: Findings,
    report: ExportReport,
}

impl<'a> Look<'a> {
    fn new(known: &'a Known<'a>) -> Self {
        let head = Head {
            number: 0,
            hash: Digest::from_bytes(GENESIS),
        };
        Self {
            known,
            start: None,
            key: None,
            digest: Sha256::new(),
            head,
            last_gseq: None,
            rows: Vec::new(),
            plans: Vec::new(),
            streams: BTreeMap::new(),
            last_row: 0,
            kept_head_seen: false,
            ended: false,
            hidden: ArchivedBefore { rows: 0, plans: 0 },
            findings: Findings::default(),
            report: ExportReport {
                selection: None,
                from: head,
                head,
                events: 0,
                left_out: 0,
                executions: 0,
                commits: 0,
                plans: 0,
                public_key: None,
                origin: Origin::Unsigned,
                hmac_checked: false,
                findings: Vec::new(),
                total_findings: 0,
            },
        }
    }

    fn add(&mut self, kind: FindingKind, place: Place, message: impl Into<String>) {
        self.findings.add(kind, place, message);
    }

    fn line(&mut self, raw: &Raw, number: u64, format: ExportFormat) -> Result<(), StoreError> {
        let before = self.digest.clone();
        self.digest.update(&raw.0);
        if self.ended {
            let message = "it stands behind the last line of the export";
            self.add(FindingKind::LineChanged, Place::Line(number), message);
            return Ok(());
        }
        let Some(line) = raw.text().and_then(|text| export::read(text, format)) else {
            let message = "it is no line of an export";
            self.add(FindingKind::LineChanged, Place::Line(number), message);
            return Ok(());
        };
        if let (Line::Start(start), None) = (&line, &self.start) {
            self.start = Some(start.clone());
        }
        let Some(start) = self.start.clone() else {
            return Ok(());
        };
        if export::render(&line, &start, format).as_deref() != Some(&raw.0) {
            let message = "it is not written as an export writes it";
            self.add(FindingKind::LineChanged, Place::Line(number), message);
        }
        match line {
            Line::Start(start) if number == 1 => self.begin(&start)?,
            Line::Start(_) => {
                let message = "a second first line";
                self.add(FindingKind::LineChanged, Place::Line(number), message);
            }
            Line::Event(event) => self.event(&event, &start),
            Line::Plan(plan) => self.plan(&plan),
            Line::Commit(commit) => self.commit(&commit, &start),
            Line::Skip { skip_to } => self.skip(skip_to, &start, number),
            Line::End(end) => {
                let lines = Digest::from_bytes(before.finalize().into());
                self.end(&end, &lines, number);
            }
        }
        Ok(())
    }

    fn begin(&mut self, start: &Start) -> Result<(), StoreError> {
        if start.export != FORMAT {
            let message = format!("its format is `{}`, not `{FORMAT}`", start.export);
            self.add(FindingKind::LineChanged, Place::Line(1), message);
        }
        self.report.selection = Some(start.selection.clone());
        self.report.from = start.from;
        self.head = start.from;
        if start.from.number == 0 {
            self.last_gseq = Some(0);
        }
        let is_whole = start.selection.after_gseq == 0;
        let genesis = start.from.hash.as_bytes() == &GENESIS;
        if (start.from.number == 0) != genesis || (is_whole && start.from.number != 0) {
            let message = "where it says that it begins, it cannot begin";
            self.add(FindingKind::ChainBroken, Place::Line(1), message);
        }
        self.kept_head(start.from);
        if let Some(dir) = self.known.dir
            && Reader::has_journal(dir)
        {
            let here = Reader::open(dir)?.with(export::journal_name)?;
            if here == start.journal {
                self.key = AuditKey::load(dir)?;
                self.report.hmac_checked = self.key.is_some();
            }
        }
        Ok(())
    }

    /// Compares a commit with the head that was kept elsewhere.
    fn kept_head(&mut self, found: Head) {
        let Some(kept) = self.known.head.filter(|kept| kept.number == found.number) else {
            return;
        };
        self.kept_head_seen = true;
        if kept.hash != found.hash {
            let message = format!("the export has another commit {} than it", kept.number);
            self.add(FindingKind::RolledBack, Place::ExpectedHead, message);
        }
    }

    fn event(&mut self, event: &EventLine, start: &Start) {
        let columns = &event.columns;
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let place = || Place::Event {
            gseq: signed(columns.gseq),
            stream: columns.stream.clone(),
            seq: signed(columns.seq),
        };
        self.report.events += 1;
        if stored_hash(event, start.references) != Some(columns.hash) {
            let message = "it was changed: its columns do not give its hash";
            self.add(FindingKind::RowChanged, place(), message);
        }
        if columns.gseq <= self.last_row {
            let message = "it stands behind a row that was written later";
            self.add(FindingKind::ChainBroken, place(), message);
        }
        self.last_row = self.last_row.max(columns.gseq);
        let selection = &start.selection;
        let (stream, kind) = (&columns.stream, &columns.kind);
        if !selection.takes(columns.gseq, stream, columns.at_ms, kind) {
            let message = "it is not of what the export says it holds";
            self.add(FindingKind::RowInserted, place(), message);
        }
        let (from_start, whole) = (selection.after_gseq == 0, selection.takes_whole_streams());
        let genesis = (0, Digest::from_bytes(GENESIS));
        let last = match self.streams.get(stream) {
            Some(last) => Some(*last),
            None => (columns.seq == 1 || (from_start && whole)).then_some(genesis),
        };
        match last {
            Some((seq, hash))
                if columns.seq == seq.saturating_add(1) && columns.prev_hash == hash => {}
            Some((seq, _)) if columns.seq == seq.saturating_add(1) => {
                let message = "it does not follow the row before it in its stream";
                self.add(FindingKind::ChainBroken, place(), message);
            }
            Some((seq, _)) if columns.seq <= seq => {
                let message = "its stream was further already";
                self.add(FindingKind::ChainBroken, place(), message);
            }
            Some((seq, _)) if whole => {
                let place = Place::Stream {
                    stream: stream.clone(),
                    first_seq: seq.saturating_add(1),
                    last_seq: columns.seq.saturating_sub(1),
                };
                self.add(FindingKind::RowMissing, place, "removed from its stream");
            }
            _ => {}
        }
        let seen = (columns.seq, columns.hash);
        self.streams.insert(stream.clone(), seen);
        self.rows.push((columns.gseq, columns.hash));
    }

    fn plan(&mut self, line: &PlanLine) {
        let columns = &line.columns;
        self.report.plans += 1;
        if Digest::of(&line.canonical) != columns.plan {
            let place = Place::Plan(columns.plan.to_string());
            let message = "it was changed: its document does not give its hash";
            self.add(FindingKind::PlanChanged, place, message);
        }
        let (hash, name) = (columns.plan.as_bytes(), &columns.name);
        let row = plan_row_hash(hash, name, columns.at_ms, columns.commit);
        self.plans.push((columns.commit, row));
    }

    /// Commits that an archive leaves out: their place in the chain is taken from the line, which is signed.
    fn skip(&mut self, to: Head, start: &Start, number: u64) {
        if start.selection.archive.is_none() || to.number <= self.head.number {
            let message = "commits cannot be left out here";
            self.add(FindingKind::CommitMissing, Place::Line(number), message);
            return;
        }
        self.behind_the_last_commit();
        self.head = to;
        self.last_gseq = None;
        self.kept_head(to);
    }

    /// Whether exactly that is left out which was archived before, and whether an archive holds what it says.
    fn complete(&mut self, number: u64) {
        let Some(start) = &self.start else { return };
        let (said, hidden) = (start.archived, self.hidden);
        let archive = start.selection.archive.clone();
        let said = said.unwrap_or(ArchivedBefore { rows: 0, plans: 0 });
        if said != hidden {
            let message = format!(
                "{} rows and {} plans are left out, but {} and {} are said to be archived",
                hidden.rows, hidden.plans, said.rows, said.plans
            );
            self.add(FindingKind::RowMissing, Place::Line(number), message);
        }
        if let Some(archive) = archive
            && archive.executions != self.streams.len() as u64
        {
            let (says, found) = (archive.executions, self.streams.len());
            let message = format!("it holds {found} executions and says that it holds {says}");
            self.add(FindingKind::RowMissing, Place::Line(number), message);
        }
    }

    fn end(&mut self, end: &End, lines: &Digest, number: u64) {
        self.ended = true;
        self.behind_the_last_commit();
        self.complete(number);
        self.report.public_key = Some(end.public_key);
        let place = || Place::Line(number);
        if end.head != self.head {
            let message = format!(
                "it names commit {}, but the commits before it end with {}",
                end.head.number, self.head.number
            );
            self.add(FindingKind::CommitMissing, place(), message);
        }
        if (end.events, end.plans) != (self.report.events, self.report.plans) {
            let message = format!(
                "it counts {} rows and {} plans, but {} and {} are there",
                end.events, end.plans, self.report.events, self.report.plans
            );
            self.add(FindingKind::RowMissing, place(), message);
        }
        self.report.origin = Origin::Wrong;
        if end.lines != *lines {
            let message = "the lines before it are not those that were signed";
            self.add(FindingKind::LineChanged, place(), message);
        } else if !is_signed_export(&end.head, lines, &end.signature, &end.public_key) {
            let message = "its signature was not made over this export by the key that it names";
            self.add(FindingKind::SignatureWrong, place(), message);
        } else {
            match self.known.public_key {
                None => self.report.origin = Origin::Unknown,
                Some(known) if known == end.public_key => self.report.origin = Origin::Proven,
                Some(_) => {
                    let message = format!("it was signed by another key, {}", end.public_key);
                    self.add(FindingKind::OtherKey, place(), message);
                }
            }
        }
    }

    /// Rows and plans that no commit behind them counts.
    fn behind_the_last_commit(&mut self) {
        for (gseq, _) in std::mem::take(&mut self.rows) {
            let place = Place::Events {
                first_gseq: gseq,
                last_gseq: gseq,
            };
            let message = "it belongs to no commit";
            self.findings.add(FindingKind::RowInserted, place, message);
        }
        for (commit, _) in std::mem::take(&mut self.plans) {
            let place = Place::Commit(i64::try_from(commit).unwrap_or(i64::MAX));
            let message = "a plan that names it does not belong to it";
            self.findings.add(FindingKind::PlanInserted, place, message);
        }
    }

    fn end_of_input(&mut self, number: u64) {
        if !self.ended {
            let message = "the export is cut off: its last line is missing";
            self.add(FindingKind::CutOff, Place::Line(number), message);
            self.behind_the_last_commit();
        }
        let Some(kept) = self.known.head.filter(|_| !self.kept_head_seen) else {
            return;
        };
        let message = if kept.number < self.report.from.number {
            format!(
                "the export begins behind commit {}: it says nothing about an earlier one",
                self.report.from.number
            )
        } else {
            format!("the export ends before it, at commit {}", self.head.number)
        };
        self.add(FindingKind::RolledBack, Place::ExpectedHead, message);
    }

    fn finish(self) -> ExportReport {
        self.finish_with().0
    }

    /// The report, and the `seq` and hash of each stream's last row.
    fn finish_with(mut self) -> (ExportReport, BTreeMap<String, (u64, Digest)>) {
        self.report.head = self.head;
        let executions = self.streams.keys().filter(|name| *name != crate::SYSTEM);
        self.report.executions = executions.count() as u64;
        self.report.total_findings = self.findings.total();
        self.report.findings = self.findings.into_list();
        (self.report, self.streams)
    }
}

/// The hash that a row's columns give, its large values put where they stood.
fn stored_hash(event: &EventLine, references: bool) -> Option<Digest> {
    let columns = &event.columns;
    let stored = match references {
        true => event.payload.clone(),
        false => {
            let (stored, _) = blob::split(event.payload.clone(), String::new).ok()?;
            stored.into_bytes()
        }
    };
    let parts = RowParts {
        stream: &columns.stream,
        seq: columns.seq,
        at_ms: columns.at_ms,
        kind: &columns.kind,
        payload: &stored,
        prev_hash: columns.prev_hash.as_bytes(),
    };
    Some(parts.hash())
}
