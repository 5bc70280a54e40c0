//! Documents: strict reading of YAML and JSON into one data model, with positions, canonical bytes and hash.

mod builder;
mod json;
mod number;
mod places;
mod plain;
mod pointer;
mod yaml;

pub(crate) use places::Finder;
pub use plain::is_plain_json;
pub(crate) use pointer::child;

use crate::{
    Digest, Violation, ViolationCode, canonical_json,
    violation::{Position, Violations},
};
use builder::{Builder, Memory};
use places::Places;
use serde_json::Value;

/// The most bytes of a document, of inputs, and of the arguments that an agent sends.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most lists and objects around a value.
pub const MAX_NESTING: usize = 64;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, core schema, without anchors, aliases, merge keys and tags.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's name asks for: JSON for `.json`, else YAML.
    pub fn of_name(name: &str) -> Self {
        match name.rsplit_once('.') {
            Some((_, extension)) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// A document that was read: its value, its identity and where everything stands.
#[derive(Debug, Clone)]
pub struct Document {
    value: Value,
    canonical: Vec<u8>,
    hash: Digest,
    places: Places,
}

impl Document {
    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The RFC 8785 canonical bytes of the value.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The SHA-256 over the canonical bytes.
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    /// Where the value at a JSON pointer begins.
    pub fn value_position(&self, pointer: &str) -> Option<Position> {
        self.finder().value(pointer)
    }

    /// Where the key at the end of a JSON pointer begins; for an item of a list, where the item begins.
    pub fn key_position(&self, pointer: &str) -> Option<Position> {
        self.finder().key(pointer)
    }

    /// Finds many places.
    pub(crate) fn finder(&self) -> Finder<'_> {
        Finder::new(&self.value, &self.places)
    }

    /// A document from its canonical bytes, without positions.
    pub(crate) fn from_canonical(bytes: &[u8]) -> Result<Self, Vec<Violation>> {
        parse(bytes, Format::Json).map(|document| Self {
            places: Places::default(),
            ..document
        })
    }
}

/// Reads a document. All that is wrong is reported, up to the first place where the text cannot be read on.
pub fn parse(bytes: &[u8], format: Format) -> Result<Document, Vec<Violation>> {
    let (value, places) = read(bytes, format, Memory::PLAN)?;
    let canonical = canonical_json(&value);
    Ok(Document {
        hash: Digest::of(&canonical),
        value,
        canonical,
        places,
    })
}

/// Reads one value under the limits of documents: inputs, arguments.
pub fn parse_value(bytes: &[u8], format: Format) -> Result<Value, Vec<Violation>> {
    read(bytes, format, Memory::DATA).map(|(value, _)| value)
}

fn read(bytes: &[u8], format: Format, memory: Memory) -> Result<(Value, Places), Vec<Violation>> {
    let text = accept(bytes).map_err(|violation| vec![violation])?;
    match format {
        Format::Json => json::read(text, Builder::new(memory)),
        // Every JSON text is a YAML text of the same meaning, and the JSON reader needs far less memory for it.
        Format::Yaml if text.trim_ascii_start().starts_with(['{', '[']) => {
            json::read(text, Builder::new(memory)).or_else(|violations| {
                let syntax = |violation: &Violation| violation.code == ViolationCode::SyntaxInvalid;
                if violations.iter().any(syntax) {
                    yaml::read(text, Builder::new(memory))
                } else {
                    Err(violations)
                }
            })
        }
        Format::Yaml => yaml::read(text, Builder::new(memory)),
    }
}

/// What can be said without parsing: size, encoding, characters that no text holds.
fn accept(bytes: &[u8]) -> Result<&str, Violation> {
    if bytes.len() > MAX_BYTES {
        return Err(Violation::new(
            ViolationCode::DocumentTooLarge,
            "",
            "the document is larger than 4 MiB",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or_default();
        Violation::new(
            ViolationCode::EncodingInvalid,
            "",
            "the document is not UTF-8",
        )
        .at(Some(end_of(valid)))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A reader that skips one mark might skip many.
    if text.starts_with('\u{feff}') {
        return Err(Violation::new(
            ViolationCode::SyntaxInvalid,
            "",
            "the document starts with more than one byte order mark",
        )
        .at(Some(end_of(""))));
    }
    if let Some((before, _)) = text.split_once('\0') {
        return Err(Violation::new(
            ViolationCode::SyntaxInvalid,
            "",
            "the document holds a NUL character",
        )
        .at(Some(end_of(before))));
    }
    Ok(text)
}

/// The position just behind a text.
fn end_of(text: &str) -> Position {
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let last = text.rsplit_once('\n').map_or(text, |(_, last)| last);
    Position {
        line,
        column: last.chars().count() + 1,
    }
}

/// One violation about the text as a whole, in a list of its own.
fn only(violation: Violation, others: Violations) -> Vec<Violation> {
    let mut all = others;
    all.push(violation);
    all.sorted()
}
