//! Reads the parts of a document one by one and notes everything that is not as it should be.

use crate::{
    Document, Violation, ViolationCode,
    document::{Finder, child},
    model::MAX_INTEGER,
    violation::{Violations, nearest, quoted},
};
use serde_json::{Map, Value};

/// Reads values of one document and collects what is wrong with it.
pub(super) struct Reader<'a> {
    document: &'a Document,
    places: Finder<'a>,
    pub(super) violations: Violations,
    /// How many errors were noted.
    pub(super) errors: usize,
    effort: Effort,
}

/// What was compiled so far for the whole document, nested plans included: compiling takes far longer than reading.
#[derive(Debug, Default)]
struct Effort {
    inputs: usize,
    patterns: usize,
    expressions: usize,
    source_bytes: usize,
    reported: bool,
}

/// Most inputs in a document.
const MOST_INPUTS: usize = 256;
/// Most patterns in a document.
const MOST_PATTERNS: usize = 1_024;
/// Most expressions in a document; a string with several counts once.
const MOST_EXPRESSIONS: usize = 10_000;
/// Most bytes of expressions in a document; those of `args` are compiled twice.
const MOST_SOURCE_BYTES: usize = 256 * 1024;

/// An object of the document and its pointer.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    pub(super) pointer: String,
    /// Keys that were noted as unknown.
    unknown: Vec<&'a str>,
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(super) fn place(&self, key: &str) -> String {
        child(&self.pointer, key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a String> {
        self.map.keys()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// How a message names the value at a pointer.
pub(super) fn label(pointer: &str) -> String {
    match pointer.rsplit_once('/') {
        None => "the document".to_owned(),
        Some((_, token)) if token.bytes().all(|byte| byte.is_ascii_digit()) => {
            "this item".to_owned()
        }
        Some((_, token)) => {
            let token = token.replace("~1", "/").replace("~0", "~");
            format!("`{}`", quoted(&token))
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            places: document.finder(),
            violations: Violations::default(),
            errors: 0,
            effort: Effort::default(),
        }
    }

    /// The value that a pointer names.
    pub(super) fn value_at(&self, pointer: &str) -> Option<&'a Value> {
        self.document.value().pointer(pointer)
    }

    /// Notes a violation at the value that its pointer names, or at what is nearest above it.
    pub(super) fn note(&mut self, violation: Violation) {
        // Finding a place takes time: none is looked for that nobody will see.
        if self.violations.is_full() {
            self.errors += 1;
            return;
        }
        let mut pointer = violation.pointer.as_str();
        let position = loop {
            match (self.places.value(pointer), pointer.rsplit_once('/')) {
                (None, Some((above, _))) => pointer = above,
                (position, _) => break position,
            }
        };
        self.add(violation.at(position));
    }

    /// Notes a violation at the key that its pointer names.
    pub(super) fn note_key(&mut self, violation: Violation) {
        let position = self.places.key(&violation.pointer);
        self.add(violation.at(position));
    }

    /// Whether one more input may be compiled.
    pub(super) fn afford_input(&mut self, pointer: &str) -> bool {
        self.effort.inputs += 1;
        let fits = self.effort.inputs <= MOST_INPUTS;
        self.affordable(fits, pointer, "256 inputs")
    }

    /// Whether one more pattern may be compiled.
    pub(super) fn afford_pattern(&mut self, pointer: &str) -> bool {
        self.effort.patterns += 1;
        let fits = self.effort.patterns <= MOST_PATTERNS;
        self.affordable(fits, pointer, "1024 patterns")
    }

    /// Whether one more expression of so many bytes may be compiled.
    pub(super) fn afford_expression(&mut self, pointer: &str, bytes: usize) -> bool {
        let effort = &mut self.effort;
        effort.expressions += 1;
        effort.source_bytes = effort.source_bytes.saturating_add(bytes);
        let fits =
            effort.expressions <= MOST_EXPRESSIONS && effort.source_bytes <= MOST_SOURCE_BYTES;
        self.affordable(fits, pointer, "10000 expressions, or 256 KiB of them")
    }

    /// Notes once what is too much.
    fn affordable(&mut self, fits: bool, pointer: &str, most: &str) -> bool {
        if !fits && !self.effort.reported {
            self.effort.reported = true;
            let message = format!("a plan holds at most {most}");
            self.error(ViolationCode::PlanTooLarge, pointer, message);
        }
        fits
    }

    fn add(&mut self, violation: Violation) {
        self.errors += usize::from(violation.is_error());
        self.violations.push(violation);
    }

    pub(super) fn error(&mut self, code: ViolationCode, pointer: &str, message: impl Into<String>) {
        self.note(Violation::new(code, pointer, message));
    }

    pub(super) fn wrong_type(&mut self, pointer: &str, wanted: &str, found: &Value) {
        let message = format!("{} must be {wanted}, not {}", label(pointer), kind(found));
        self.error(ViolationCode::TypeMismatch, pointer, message);
    }

    /// An object with no keys but these; the other keys are noted.
    pub(super) fn object(
        &mut self,
        value: &'a Value,
        pointer: &str,
        known: &[&str],
    ) -> Option<Object<'a>> {
        let mut object = self.map(value, pointer)?;
        for key in object.map.keys() {
            if self.violations.is_full() {
                break;
            }
            if !known.contains(&key.as_str()) {
                let message = format!("the key `{}` is not known here", quoted(key));
                let suggestion = nearest(key, known.iter().copied());
                let violation =
                    Violation::new(ViolationCode::KeyUnknown, object.place(key), message)
                        .suggest(suggestion);
                self.note_key(violation);
                object.unknown.push(key);
            }
        }
        Some(object)
    }

    /// An object with any keys.
    pub(super) fn map(&mut self, value: &'a Value, pointer: &str) -> Option<Object<'a>> {
        match value {
            Value::Object(map) => Some(Object {
                map,
                pointer: pointer.to_owned(),
                unknown: Vec::new(),
            }),
            other => {
                self.wrong_type(pointer, "an object", other);
                None
            }
        }
    }

    /// Notes a key that must be there and is not.
    pub(super) fn require(&mut self, object: &Object<'a>, key: &str) {
        if !object.has(key) {
            // A misspelt key of that meaning has been noted as unknown; that is the cause.
            let meant = object
                .unknown
                .iter()
                .any(|other| nearest(other, [key]).is_some());
            if !meant {
                let message = format!("`{key}` is missing");
                self.error(ViolationCode::KeyMissing, &object.pointer, message);
            }
        }
    }

    pub(super) fn string(&mut self, object: &Object<'a>, key: &str) -> Option<String> {
        self.string_of(object, key, "a string")
    }

    /// An expression; YAML makes a bare `true` something else.
    pub(super) fn expression(&mut self, object: &Object<'a>, key: &str) -> Option<String> {
        self.string_of(object, key, "a string that holds a CEL expression")
    }

    fn string_of(&mut self, object: &Object<'a>, key: &str, wanted: &str) -> Option<String> {
        match object.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.wrong_type(&object.place(key), wanted, other);
                None
            }
        }
    }

    /// A string whose length in characters lies within the bounds.
    pub(super) fn text(
        &mut self,
        object: &Object<'a>,
        key: &str,
        (least, most): (usize, usize),
    ) -> Option<String> {
        let text = self.string(object, key)?;
        let length = text.chars().take(most.saturating_add(1)).count();
        if length < least || length > most {
            let message = if least == 1 && length == 0 {
                format!("`{key}` must not be empty")
            } else {
                format!("`{key}` must have {least} to {most} characters")
            };
            self.error(ViolationCode::ValueOutOfRange, &object.place(key), message);
        }
        Some(text)
    }

    pub(super) fn boolean(&mut self, object: &Object<'a>, key: &str) -> Option<bool> {
        match object.get(key)? {
            Value::Bool(truth) => Some(*truth),
            other => {
                self.wrong_type(&object.place(key), "true or false", other);
                None
            }
        }
    }

    /// A whole number within the bounds.
    pub(super) fn integer(
        &mut self,
        object: &Object<'a>,
        key: &str,
        (least, most): (i64, i64),
    ) -> Option<i64> {
        let value = object.get(key)?;
        let Some(number) = value.as_i64() else {
            self.wrong_type(&object.place(key), "a whole number", value);
            return None;
        };
        if number < least || number > most {
            let message = if most >= MAX_INTEGER {
                format!("`{key}` must be at least {least}")
            } else {
                format!("`{key}` must lie between {least} and {most}")
            };
            self.error(ViolationCode::ValueOutOfRange, &object.place(key), message);
            return None;
        }
        Some(number)
    }

    /// A number within the bounds.
    pub(super) fn number(
        &mut self,
        object: &Object<'a>,
        key: &str,
        (least, most): (f64, f64),
    ) -> Option<f64> {
        let value = object.get(key)?;
        let Some(number) = value.as_f64() else {
            self.wrong_type(&object.place(key), "a number", value);
            return None;
        };
        if number < least || number > most {
            let message = if most.is_finite() {
                format!("`{key}` must lie between {least} and {most}")
            } else {
                format!("`{key}` must be at least {least}")
            };
            self.error(ViolationCode::ValueOutOfRange, &object.place(key), message);
            return None;
        }
        Some(number)
    }

    /// A list and its pointer.
    pub(super) fn list(&mut self, object: &Object<'a>, key: &str) -> Option<(&'a [Value], String)> {
        let place = object.place(key);
        match object.get(key)? {
            Value::Array(items) => Some((items, place)),
            other => {
                self.wrong_type(&place, "a list", other);
                None
            }
        }
    }

    /// A list of strings. Items of other types are noted and left out as empty strings, so that indices stay.
    pub(super) fn strings(&mut self, object: &Object<'a>, key: &str) -> Option<Vec<String>> {
        let (items, place) = self.list(object, key)?;
        let mut strings = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(text) => strings.push(text.clone()),
                other => {
                    self.wrong_type(&child(&place, index), "a string", other);
                    strings.push(String::new());
                }
            }
        }
        Some(strings)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        object: &Object<'a>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = object.get(key)?;
        self.word_of(value, &object.place(key), words)
    }

    pub(super) fn word_of<T: Copy>(
        &mut self,
        value: &Value,
        pointer: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.wrong_type(pointer, "a string", value);
            return None;
        };
        if let Some((_, found)) = words.iter().find(|(word, _)| word == text) {
            return Some(*found);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!(
            "`{}` is none of {}",
            quoted(text),
            names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let violation = Violation::new(ViolationCode::ValueUnknown, pointer, message)
            .suggest(nearest(text, names));
        self.note(violation);
        None
    }
}
