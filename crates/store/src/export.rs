//! The journal as text for other programs: JSON Lines, or one CloudEvents 1.0 JSON document per line. Each line carries
//! its hashes; the last one carries the head, so that a cut-off export shows.

use crate::{
    Head, Reader, StoreError, head_file,
    reader::{RECORD_COLUMNS, StoredRecord},
    timestamp::rfc3339,
};
use mandate_plan::Digest;
use rusqlite::{Connection, params};
use serde::{Serialize, de::IgnoredAny};
use std::io::Write;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportFormat {
    /// One object per record with the columns of `events`.
    #[default]
    JsonLines,
    /// One CloudEvents 1.0 document in JSON per record.
    CloudEvents,
}

/// What to export, and how.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// The form of the lines.
    pub format: ExportFormat,
    /// Only this stream; none = all.
    pub stream: Option<String>,
    /// Only what comes after this place in the store-wide sequence; 0 = everything.
    pub after_gseq: u64,
    /// Leave large values out and give the references that stand in the rows: hashes are taken over that form.
    pub keep_references: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    gseq: u64,
    stream: &'a str,
    seq: u64,
    at_ms: i64,
    kind: &'a str,
    prev_hash: Digest,
    hash: Digest,
}

/// The CloudEvents attributes; names of extensions are lower case without separators, as the specification has it.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: &'a str,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevhash: Option<Digest>,
    hash: Digest,
}

#[derive(Serialize)]
struct HeadLine {
    head: Head,
}

/// Writes what `options` ask for to `out`, from one snapshot; gives the head of that snapshot, which is also the last
/// line.
pub fn export(
    reader: &Reader,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> Result<Head, StoreError> {
    reader.with(|db| {
        let snapshot = db.unchecked_transaction()?;
        let head = head_file::last_commit(&snapshot)?;
        let source = source(&snapshot)?;
        let mut query = snapshot.prepare(&format!(
            "SELECT {RECORD_COLUMNS} FROM events WHERE gseq > ?1 AND (?2 IS NULL OR stream = ?2) ORDER BY gseq"
        ))?;
        let mut rows = query.query(params![options.after_gseq, options.stream])?;
        while let Some(row) = rows.next()? {
            write_record(&snapshot, StoredRecord::read(row)?, &source, options, out)?;
        }
        match options.format {
            ExportFormat::JsonLines => write_line(&HeadLine { head }, None, out)?,
            ExportFormat::CloudEvents => write_line(
                &CloudEvent {
                    specversion: "1.0",
                    id: format!("head-{}", head.number),
                    source: &source,
                    kind: "dev.mandate.head".to_owned(),
                    subject: None,
                    time: None,
                    datacontenttype: "application/json",
                    sequence: None,
                    prevhash: None,
                    hash: head.hash,
                },
                Some(("data", &text(&head)?)),
                out,
            )?,
        }
        Ok(head)
    })
}

/// A URI for this journal and no other: named by its first commit.
fn source(db: &Connection) -> Result<String, StoreError> {
    let first = head_file::commit_hash(db, 1)?;
    let name = first.map_or_else(|| "empty".to_owned(), |hash| hash.to_string());
    Ok(format!("urn:mandate:journal:{name}"))
}

fn write_record(
    db: &Connection,
    stored: StoredRecord,
    source: &str,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let (prev_hash, hash) = (
        Digest::from_bytes(stored.prev_hash),
        Digest::from_bytes(stored.hash),
    );
    let (gseq, seq, at_ms) = (stored.gseq, stored.seq, stored.at_ms);
    let (stream, kind) = (stored.stream.clone(), stored.kind.clone());
    let payload = match options.keep_references {
        true => stored.payload.into_bytes(),
        false => stored.restored(db)?.payload,
    };
    let payload = one_line(payload)
        .ok_or_else(|| StoreError::Damaged(format!("the payload of gseq {gseq} is not JSON")))?;
    match options.format {
        ExportFormat::JsonLines => write_line(
            &Line {
                gseq,
                stream: &stream,
                seq,
                at_ms,
                kind: &kind,
                prev_hash,
                hash,
            },
            Some(("payload", &payload)),
            out,
        ),
        ExportFormat::CloudEvents => write_line(
            &CloudEvent {
                specversion: "1.0",
                id: gseq.to_string(),
                source,
                kind: format!("dev.mandate.{kind}"),
                subject: Some(&stream),
                time: Some(rfc3339(at_ms)),
                datacontenttype: "application/json",
                sequence: Some(seq.to_string()),
                prevhash: Some(prev_hash),
                hash,
            },
            Some(("data", &payload)),
            out,
        ),
    }
}

/// The payload as it stands in a line: byte for byte, since hashes are taken over it, unless it holds line breaks.
fn one_line(payload: Vec<u8>) -> Option<Vec<u8>> {
    serde_json::from_slice::<IgnoredAny>(&payload).ok()?;
    if !payload.contains(&b'\n') && !payload.contains(&b'\r') {
        return Some(payload);
    }
    let value: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    serde_json::to_vec(&value).ok()
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::Failed(format!("cannot write the export: {error}")))
}

/// Writes `object`, with `last` as one more field whose value is JSON text already.
fn write_line(
    object: &impl Serialize,
    last: Option<(&str, &[u8])>,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let mut line = text(object)?;
    if let Some((name, value)) = last {
        line.pop();
        line.extend_from_slice(format!(",\"{name}\":").as_bytes());
        line.extend_from_slice(value);
        line.push(b'}');
    }
    line.push(b'\n');
    out.write_all(&line)
        .map_err(|error| StoreError::Failed(format!("cannot write the export: {error}")))
}
