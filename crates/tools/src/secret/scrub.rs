//! Keeping secrets out of everything that a call gives back.

use super::SecretValue;
use crate::{Fault, Outcome};
use base64::Engine as _;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

/// A secret of 16 KiB in all its encodings stays below this.
const REGEX_SIZE: usize = 256 * 1024 * 1024;
/// The beginning of a secret that is cut off at the end of a truncated output is removed from this length on.
const MIN_CUT: usize = 4;

/// Knows the secrets of one call, and finds them in any of the usual encodings: as they are, JSON-escaped,
/// percent-encoded (wholly or partly), base64 (standard and URL-safe, at any offset), hexadecimal.
///
/// Not found: what a tool makes of a secret beyond that (a hash, a reversal, parts of it).
#[derive(Debug, Default)]
pub struct Scrubber {
    secrets: Vec<Secret>,
}

#[derive(Debug, Clone)]
struct Secret {
    mark: String,
    /// `None` if it cannot be compiled; then nothing that the call gives is let through.
    pattern: Option<Regex>,
    /// The plain encodings, to recognise one that was cut.
    spellings: Vec<Vec<u8>>,
}

impl Scrubber {
    pub(crate) fn new(secrets: &BTreeMap<String, SecretValue>) -> Self {
        let mut secrets: Vec<(&String, &SecretValue)> = secrets.iter().collect();
        // A secret that holds another is replaced as a whole first.
        secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.expose().len()));
        let secrets = secrets
            .into_iter()
            .map(|(name, value)| Secret {
                mark: format!("[secret {name}]"),
                pattern: RegexBuilder::new(&pattern(value.expose()))
                    .unicode(false)
                    .size_limit(REGEX_SIZE)
                    .build()
                    .ok(),
                spellings: spellings(value.expose()),
            })
            .collect();
        Self { secrets }
    }

    /// One that knows the secrets of both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut secrets = [self.secrets.as_slice(), other.secrets.as_slice()].concat();
        secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.spellings.first().map_or(0, Vec::len)));
        Self { secrets }
    }

    /// Whether both know the same secrets.
    pub(crate) fn same_secrets(&self, other: &Self) -> bool {
        let all = |scrubber: &Self| {
            let secrets = scrubber.secrets.iter();
            secrets
                .map(|secret| (secret.mark.clone(), secret.spellings.clone()))
                .collect::<Vec<_>>()
        };
        all(self) == all(other)
    }

    /// Whether a secret stands in the text.
    pub fn finds(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| {
            secret
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(text.as_bytes()))
        })
    }

    /// The text without secrets.
    pub fn scrub_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(String::from_utf8_lossy(&self.scrub_bytes(text.as_bytes())).into_owned())
    }

    /// The bytes without secrets.
    pub fn scrub_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scrubbed = Cow::Borrowed(bytes);
        for secret in &self.secrets {
            let mark = secret.mark.as_bytes();
            scrubbed = match &secret.pattern {
                None => Cow::Owned(mark.to_vec()),
                Some(pattern) if pattern.is_match(&scrubbed) => Cow::Owned(
                    pattern
                        .replace_all(&scrubbed, regex::bytes::NoExpand(mark))
                        .into_owned(),
                ),
                Some(_) => scrubbed,
            };
        }
        scrubbed
    }

    /// The value without secrets, in keys, strings and numbers.
    pub fn scrub_value(&self, value: &mut Value) {
        if self.secrets.is_empty() {
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let text = number.to_string();
                if self.finds(&text) {
                    *value = Value::String(self.scrub_text(&text).into_owned());
                }
            }
            Value::String(text) => {
                if let Cow::Owned(scrubbed) = self.scrub_text(text) {
                    *text = scrubbed;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            Value::Object(entries) => {
                let scrubbed: Map<String, Value> = std::mem::take(entries)
                    .into_iter()
                    .map(|(key, mut inner)| {
                        self.scrub_value(&mut inner);
                        (self.scrub_text(&key).into_owned(), inner)
                    })
                    .collect();
                *entries = scrubbed;
            }
        }
    }

    pub(crate) fn scrub_fault(&self, fault: &mut Fault) {
        fault.message = self.scrub_text(&fault.message).into_owned();
        if let Some(details) = &mut fault.details {
            self.scrub_value(details);
        }
    }

    pub(crate) fn scrub_outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Completed { output } => self.scrub_value(output),
            Outcome::Refused(fault) | Outcome::Failed(fault) | Outcome::Unknown(fault) => {
                self.scrub_fault(fault)
            }
            Outcome::Invalid { output, fault } => {
                if let Some(output) = output {
                    self.scrub_value(output);
                }
                self.scrub_fault(fault);
            }
        }
    }

    /// The length of the longest spelling of a secret, in bytes; 0 without secrets.
    pub fn longest(&self) -> usize {
        let spellings = self.secrets.iter().flat_map(|secret| &secret.spellings);
        spellings.map(Vec::len).max().unwrap_or(0)
    }

    /// Cuts `bytes` to `limit`, secrets replaced before, so that no half of one stays unrecognised; and takes off the
    /// beginning of one at the end, whose rest the caller may have cut already.
    pub fn cut(&self, bytes: &mut Vec<u8>, limit: usize) {
        if let Cow::Owned(scrubbed) = self.scrub_bytes(bytes) {
            *bytes = scrubbed;
        }
        bytes.truncate(limit);
        let spellings = self.secrets.iter().flat_map(|secret| &secret.spellings);
        let begun = spellings.filter_map(|spelling| {
            (MIN_CUT..spelling.len()).rev().find(|length| {
                spelling
                    .get(..*length)
                    .is_some_and(|start| bytes.ends_with(start))
            })
        });
        if let Some(begun) = begun.max() {
            bytes.truncate(bytes.len() - begun);
        }
    }
}

/// A regular expression, over bytes, that matches the secret in all its encodings.
fn pattern(secret: &str) -> String {
    let mut pattern = String::new();
    let start = secret.chars().map(one_character).collect::<String>();
    let _ = write!(pattern, "(?:{start})");
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let _ = write!(pattern, "|(?i:{hex})");
    for encoded in base64_spellings(secret) {
        let encoded: String = encoded.chars().map(base64_character).collect();
        let _ = write!(pattern, "|(?:{encoded})");
    }
    pattern
}

/// One character as it is, percent-encoded, or escaped as JSON does, once or more often.
fn one_character(c: char) -> String {
    let mut buffer = [0_u8; 4];
    let raw: String = c.encode_utf8(&mut buffer).bytes().map(byte).collect();
    let percent: String = c
        .encode_utf8(&mut buffer)
        .bytes()
        .map(|byte| format!("%(?i:{byte:02x})"))
        .collect();
    let mut units = [0_u16; 2];
    let escaped: String = c
        .encode_utf16(&mut units)
        .iter()
        .map(|unit| format!(r"\\+u(?i:{unit:04x})"))
        .collect();
    let mut forms = vec![raw.clone(), percent, escaped];
    match c {
        '"' | '/' => forms.push(format!(r"\\+{raw}")),
        '\\' => forms.push(r"\\+".to_owned()),
        '\n' => forms.push(r"\\+n".to_owned()),
        '\r' => forms.push(r"\\+r".to_owned()),
        '\t' => forms.push(r"\\+t".to_owned()),
        '\u{8}' => forms.push(r"\\+b".to_owned()),
        '\u{c}' => forms.push(r"\\+f".to_owned()),
        ' ' => forms.push(r"\+".to_owned()),
        _ => {}
    }
    format!("(?:{})", forms.join("|"))
}

fn byte(byte: u8) -> String {
    format!(r"\x{byte:02x}")
}

/// The part of the base64 text that does not depend on what stands before or after the secret, for each of the three
/// offsets at which it may begin.
fn base64_spellings(secret: &str) -> Vec<String> {
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    (0..3_usize)
        .map(|offset| {
            let mut padded = vec![0_u8; offset];
            padded.extend_from_slice(secret.as_bytes());
            let encoded = engine.encode(&padded);
            // Characters that also hold bits of what stands before.
            let dependent = (offset * 8).div_ceil(6);
            let certain = padded.len() * 8 / 6;
            encoded.chars().take(certain).skip(dependent).collect()
        })
        .collect()
}

/// Standard, URL-safe, or percent-encoded.
fn base64_character(c: char) -> String {
    match c {
        '+' => r"(?:\+|-|%(?i:2b))".to_owned(),
        '/' => r"(?:\\*/|_|%(?i:2f))".to_owned(),
        other => other.to_string(),
    }
}

fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    let mut all = vec![secret.to_owned(), percent.to_string(), hex, json];
    all.extend(base64_spellings(secret));
    all.into_iter().map(String::into_bytes).collect()
}
