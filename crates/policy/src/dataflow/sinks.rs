//! Which arguments are sensitive: what the operator says of the tool, else what the argument's name means.

use super::pointer::{member, within};
use crate::{
    flow::SinkKind,
    resources::{
        COMMAND_KEYS, COMMAND_LIST_KEYS, FILE_WORDS, PROGRAM_ARGS_KEYS, TOUCH_NOTHING, URL_WORDS,
        words_of,
    },
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Last words of names that say who gets something.
const RECIPIENT_WORDS: &[&str] = &[
    "addressee",
    "addressees",
    "assignee",
    "assignees",
    "attendee",
    "attendees",
    "bcc",
    "beneficiary",
    "cc",
    "channel",
    "channels",
    "email",
    "emails",
    "iban",
    "invitee",
    "invitees",
    "mailto",
    "participant",
    "participants",
    "payee",
    "phone",
    "receiver",
    "receivers",
    "recipient",
    "recipients",
    "to",
];
/// What follows `to` in such names: `to_account`.
const TO_WORDS: &[&str] = &["account", "address", "name", "number", "user"];
const HOST_WORDS: &[&str] = &["domain", "host", "hostname", "hosts"];
const PLACE_WORDS: &[&str] = &["dest", "destination"];
/// Whole names of text that is run.
const CODE_KEYS: &[&str] = &["code", "script", "sql", "stdin"];
const AMOUNT_WORDS: &[&str] = &[
    "amount",
    "amounts",
    "price",
    "qty",
    "quantity",
    "quantities",
];

impl SinkKind {
    /// Every kind.
    pub const ALL: [SinkKind; 5] = [
        SinkKind::Recipient,
        SinkKind::Url,
        SinkKind::Path,
        SinkKind::Command,
        SinkKind::Amount,
    ];

    /// The kind that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The sensitive arguments of one tool.
pub(super) struct Sinks<'a> {
    tool: &'a str,
    said: Vec<(String, Option<SinkKind>)>,
}

impl<'a> Sinks<'a> {
    /// What is known of a tool; `said` is the operator's, by name or JSON pointer.
    pub(super) fn of(tool: &'a str, said: &BTreeMap<String, String>) -> Self {
        let pointer = |name: &String| match name.starts_with('/') {
            true => name.clone(),
            false => member("", name),
        };
        Self {
            tool,
            said: said
                .iter()
                .map(|(name, kind)| (pointer(name), SinkKind::parse(kind)))
                .collect(),
        }
    }

    /// The sensitive ones among these arguments, with null in every place that is not known yet.
    pub(super) fn find(&self, args: &Value) -> Vec<(String, SinkKind)> {
        let mut found = Vec::new();
        for (pointer, kind) in &self.said {
            if let Some(kind) = kind.filter(|_| args.pointer(pointer).is_some()) {
                found.push((pointer.clone(), kind));
            }
        }
        let server = self.tool.split_once('.').map_or("", |(server, _)| server);
        if !TOUCH_NOTHING.contains(&server) {
            self.value(args, "", &mut found);
        }
        found
    }

    /// The same within one value of the arguments.
    pub(super) fn find_within(&self, pointer: &str, value: &Value) -> Vec<(String, SinkKind)> {
        let mut found = Vec::new();
        self.value(value, pointer, &mut found);
        found
    }

    fn value(&self, value: &Value, pointer: &str, found: &mut Vec<(String, SinkKind)>) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if item.is_object() || item.is_array() {
                        self.value(item, &format!("{pointer}/{index}"), found);
                    }
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let pointer = member(pointer, key);
                    if self.said.iter().any(|(said, _)| *said == pointer) {
                        continue;
                    }
                    match self.kind(key, &pointer, map) {
                        Some(kind) => found.push((pointer, kind)),
                        None => self.value(value, &pointer, found),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn kind(&self, key: &str, pointer: &str, beside: &Map<String, Value>) -> Option<SinkKind> {
        match (self.tool, pointer) {
            ("http.request", "/query") => return Some(SinkKind::Url),
            ("process.exec", "/env") => return Some(SinkKind::Command),
            _ => {}
        }
        by_name(key).or_else(|| {
            let args = PROGRAM_ARGS_KEYS.contains(&words_of(key).concat().as_str());
            let program = || {
                beside
                    .keys()
                    .any(|key| by_name(key) == Some(SinkKind::Command))
            };
            (args && program()).then_some(SinkKind::Command)
        })
    }
}

/// What an argument's name says.
pub(super) fn by_name(key: &str) -> Option<SinkKind> {
    let words = words_of(key);
    let joined = words.concat();
    let joined = joined.as_str();
    let last = words.last().map_or("", String::as_str);
    let to = words.len() == 2
        && words.first().is_some_and(|first| first == "to")
        && TO_WORDS.contains(&last);
    Some(match () {
        () if COMMAND_KEYS.contains(&joined)
            || COMMAND_LIST_KEYS.contains(&joined)
            || CODE_KEYS.contains(&joined) =>
        {
            SinkKind::Command
        }
        () if FILE_WORDS.contains(&last) || PLACE_WORDS.contains(&last) => SinkKind::Path,
        () if URL_WORDS.contains(&last) || HOST_WORDS.contains(&last) => SinkKind::Url,
        () if RECIPIENT_WORDS.contains(&last) || to => SinkKind::Recipient,
        () if AMOUNT_WORDS.contains(&last) => SinkKind::Amount,
        () => return None,
    })
}

/// Whether a sink is, or holds, the place.
pub(super) fn covers(sinks: &[(String, SinkKind)], pointer: &str) -> bool {
    sinks.iter().any(|(sink, _)| within(pointer, sink))
}
