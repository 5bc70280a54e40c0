//! The lines of an export, and the one way in which each of them is written. Who writes an export and who checks one share
//! this: a line that is not exactly what would be written for what it says was changed.

use super::Selection;
use crate::{
    Head,
    signing_key::{PublicKey, Signature},
    timestamp::rfc3339,
};
use mandate_plan::Digest;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use std::borrow::Cow;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON object per line; rows have the columns of `events`.
    #[default]
    JsonLines,
    /// One CloudEvents 1.0 document in JSON per line.
    CloudEvents,
}

/// What the first line calls this version of the format.
pub(crate) const FORMAT: &str = "mandate.journal.export.v1";

/// The first line: what the export says it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    pub(crate) export: String,
    /// A URI for this journal and no other: named by its first commit.
    pub(crate) journal: String,
    /// The head that the first commit in the export follows; number 0 = it begins with the first.
    pub(crate) from: Head,
    pub(crate) selection: Selection,
    /// Large values are left out, as the rows do.
    pub(crate) references: bool,
    /// What was archived before, so that only its hashes are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archived: Option<ArchivedBefore>,
}

/// What the journal does not hold any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchivedBefore {
    /// Rows of `events`.
    pub(crate) rows: u64,
    /// Plans.
    pub(crate) plans: u64,
}

/// A row of `events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventLine {
    pub(crate) columns: Columns,
    /// The payload, byte for byte.
    pub(crate) payload: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    pub(crate) gseq: u64,
    pub(crate) stream: String,
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) prev_hash: Digest,
    pub(crate) hash: Digest,
}

/// A row of `plans`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanLine {
    pub(crate) columns: PlanColumns,
    pub(crate) canonical: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanColumns {
    pub(crate) plan: Digest,
    pub(crate) name: String,
    pub(crate) at_ms: i64,
    pub(crate) commit: u64,
}

/// A row of `commits`, behind the rows that it binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitLine {
    pub(crate) commit: u64,
    pub(crate) first_gseq: u64,
    pub(crate) last_gseq: u64,
    pub(crate) at_ms: i64,
    pub(crate) prev_hash: Digest,
    pub(crate) hash: Digest,
    /// Hexadecimal.
    pub(crate) hmac: Digest,
    /// Hashes of its rows that were not asked for, by `gseq`.
    pub(crate) left_out: Vec<Digest>,
    /// Row hashes of its plans, by the plan's hash.
    pub(crate) plans: Vec<Digest>,
    /// Row hashes of its blobs, by the blob's hash.
    pub(crate) blobs: Vec<Digest>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) head: Head,
    /// Rows that are in the export.
    pub(crate) events: u64,
    /// Plans that are in the export.
    pub(crate) plans: u64,
    /// SHA-256 over every byte before this line.
    pub(crate) lines: Digest,
    pub(crate) public_key: PublicKey,
    pub(crate) signature: Signature,
}

/// Any line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Start(Start),
    Event(EventLine),
    Plan(PlanLine),
    Commit(CommitLine),
    /// The commits between the last one and this one are left out; in archives only.
    Skip {
        skip_to: Head,
    },
    End(End),
}

/// The line of [`Line::Skip`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SkipLine {
    skip_to: Head,
}

/// The CloudEvents attributes; names of extensions are lower case without separators, as the specification has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudEvent<'a> {
    specversion: Cow<'a, str>,
    id: Cow<'a, str>,
    source: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Cow<'a, str>>,
    datacontenttype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<Cow<'a, str>>,
    /// The exact milliseconds, since `time` cannot write every year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    atms: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prevhash: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<Digest>,
}

const KIND: &str = "dev.mandate.";
/// Of lines that are no rows; event kinds have no full stop in them.
const EXPORT_KIND: &str = "dev.mandate.export.";

/// Writes the line. `start` is the export's first line, or what it will be.
pub(crate) fn render(line: &Line, start: &Start, format: ExportFormat) -> Option<Vec<u8>> {
    let mut text = match (format, line) {
        (ExportFormat::JsonLines, line) => plain(line)?,
        (ExportFormat::CloudEvents, Line::Event(event)) => cloud_event(event, &start.journal)?,
        (ExportFormat::CloudEvents, other) => cloud_other(other, start)?,
    };
    text.push(b'\n');
    Some(text)
}

/// JSON Lines.
fn plain(line: &Line) -> Option<Vec<u8>> {
    match line {
        Line::Start(start) => serde_json::to_vec(start).ok(),
        Line::Commit(commit) => serde_json::to_vec(commit).ok(),
        Line::End(end) => serde_json::to_vec(end).ok(),
        Line::Skip { skip_to } => serde_json::to_vec(&SkipLine { skip_to: *skip_to }).ok(),
        Line::Plan(plan) => with_last(
            serde_json::to_vec(&plan.columns).ok()?,
            "canonical",
            &plan.canonical,
        ),
        Line::Event(event) => {
            let columns = serde_json::to_vec(&event.columns).ok()?;
            if has_line_break(&event.payload) {
                let text = std::str::from_utf8(&event.payload).ok()?;
                with_last(columns, "payload_text", &serde_json::to_vec(text).ok()?)
            } else {
                with_last(columns, "payload", &event.payload)
            }
        }
    }
}

fn cloud_event(event: &EventLine, journal: &str) -> Option<Vec<u8>> {
    let columns = &event.columns;
    let broken = has_line_break(&event.payload);
    let document = CloudEvent {
        specversion: "1.0".into(),
        id: columns.gseq.to_string().into(),
        source: journal.into(),
        kind: format!("{KIND}{}", columns.kind).into(),
        subject: Some(columns.stream.as_str().into()),
        time: Some(rfc3339(columns.at_ms).into()),
        datacontenttype: if broken {
            "text/plain".into()
        } else {
            "application/json".into()
        },
        sequence: Some(columns.seq.to_string().into()),
        atms: Some(columns.at_ms.to_string().into()),
        prevhash: Some(columns.prev_hash),
        hash: Some(columns.hash),
    };
    let document = serde_json::to_vec(&document).ok()?;
    if broken {
        let text = std::str::from_utf8(&event.payload).ok()?;
        return with_last(document, "data", &serde_json::to_vec(text).ok()?);
    }
    with_last(document, "data", &event.payload)
}

fn cloud_other(line: &Line, start: &Start) -> Option<Vec<u8>> {
    let data = plain(line)?;
    // Exports of one journal are many: what is in them makes the names of their first and last lines.
    let (word, id, at_ms, hash) = match line {
        Line::Start(_) => ("start", format!("start-{}", Digest::of(&data)), None, None),
        Line::Plan(plan) => {
            let PlanColumns { plan, at_ms, .. } = plan.columns;
            ("plan", format!("plan-{plan}"), Some(at_ms), Some(plan))
        }
        Line::Commit(commit) => {
            let CommitLine {
                commit,
                at_ms,
                hash,
                ..
            } = *commit;
            (
                "commit",
                format!("commit-{commit}"),
                Some(at_ms),
                Some(hash),
            )
        }
        Line::Skip { skip_to } => (
            "skip",
            format!("skip-{}", skip_to.number),
            None,
            Some(skip_to.hash),
        ),
        Line::End(end) => (
            "head",
            format!("head-{}", end.lines),
            None,
            Some(end.head.hash),
        ),
        Line::Event(_) => return None,
    };
    let document = CloudEvent {
        specversion: "1.0".into(),
        id: id.into(),
        source: start.journal.as_str().into(),
        kind: format!("{EXPORT_KIND}{word}").into(),
        subject: None,
        time: at_ms.map(|at_ms| rfc3339(at_ms).into()),
        datacontenttype: "application/json".into(),
        sequence: None,
        atms: None,
        prevhash: None,
        hash,
    };
    with_last(serde_json::to_vec(&document).ok()?, "data", &data)
}

/// `object` with one more field whose value is JSON text already.
fn with_last(mut object: Vec<u8>, name: &str, value: &[u8]) -> Option<Vec<u8>> {
    // A text that is no JSON, or more than one value, would break the line.
    serde_json::from_slice::<IgnoredAny>(value).ok()?;
    object.pop();
    object.extend_from_slice(format!(",\"{name}\":").as_bytes());
    object.extend_from_slice(value);
    object.push(b'}');
    Some(object)
}

fn has_line_break(payload: &[u8]) -> bool {
    payload.contains(&b'\n') || payload.contains(&b'\r')
}

/// What a line says, without its line feed. That it is written as it should be is seen by writing it again.
pub(crate) fn read(text: &str, format: ExportFormat) -> Option<Line> {
    match format {
        ExportFormat::JsonLines => read_plain(text),
        ExportFormat::CloudEvents => read_cloud(text),
    }
}

/// The form in which an export is that begins with this line.
pub(crate) fn format_of(first: &str) -> Option<ExportFormat> {
    [ExportFormat::JsonLines, ExportFormat::CloudEvents]
        .into_iter()
        .find(|format| matches!(read(first, *format), Some(Line::Start(_))))
}

fn read_plain(text: &str) -> Option<Line> {
    if text.starts_with("{\"gseq\":") {
        let (columns, payload) = match cut(text, "payload") {
            Some((columns, payload)) => (columns, payload.as_bytes().to_vec()),
            None => {
                let (columns, quoted) = cut(text, "payload_text")?;
                let payload: String = serde_json::from_str(quoted).ok()?;
                (columns, payload.into_bytes())
            }
        };
        let columns = serde_json::from_str(&columns).ok()?;
        return Some(Line::Event(EventLine { columns, payload }));
    }
    if text.starts_with("{\"plan\":") {
        let (columns, canonical) = cut(text, "canonical")?;
        return Some(Line::Plan(PlanLine {
            columns: serde_json::from_str(&columns).ok()?,
            canonical: canonical.as_bytes().to_vec(),
        }));
    }
    if text.starts_with("{\"commit\":") {
        return serde_json::from_str(text).ok().map(Line::Commit);
    }
    if text.starts_with("{\"skip_to\":") {
        let SkipLine { skip_to } = serde_json::from_str(text).ok()?;
        return Some(Line::Skip { skip_to });
    }
    if text.starts_with("{\"head\":") {
        return serde_json::from_str(text).ok().map(Line::End);
    }
    serde_json::from_str(text).ok().map(Line::Start)
}

fn read_cloud(text: &str) -> Option<Line> {
    let (document, data) = cut(text, "data")?;
    let document: CloudEvent<'_> = serde_json::from_str(&document).ok()?;
    if document.kind.starts_with(EXPORT_KIND) {
        return read_plain(data).filter(|line| !matches!(line, Line::Event(_)));
    }
    let payload = match &*document.datacontenttype {
        "text/plain" => serde_json::from_str::<String>(data).ok()?.into_bytes(),
        _ => data.as_bytes().to_vec(),
    };
    let columns = Columns {
        gseq: document.id.parse().ok()?,
        stream: document.subject?.into_owned(),
        seq: document.sequence?.parse().ok()?,
        at_ms: document.atms?.parse().ok()?,
        kind: document.kind.strip_prefix(KIND)?.to_owned(),
        prev_hash: document.prevhash?,
        hash: document.hash?,
    };
    Some(Line::Event(EventLine { columns, payload }))
}

/// The object without its last field, which is called `name`, and that field's value. Quotes in a text are escaped, so that
/// the first place that looks like the field is the field.
fn cut<'a>(text: &'a str, name: &str) -> Option<(String, &'a str)> {
    let (before, behind) = text.split_once(&format!(",\"{name}\":"))?;
    let value = behind.strip_suffix('}')?;
    Some((format!("{before}}}"), value))
}
