//! The values that an evaluation works with: borrowed from the documents as long as nothing new is made.

use super::limits::MAX_SAFE_INTEGER;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Number, Value};
use std::rc::Rc;

/// A value during an evaluation. Copying one is cheap: it borrows or counts references.
#[derive(Debug, Clone)]
pub(super) enum Val<'e> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Text<'e>),
    Bytes(Rc<[u8]>),
    List(List<'e>),
    Map(Map<'e>),
    Time(DateTime<Utc>),
    Span(TimeDelta),
    /// What `type(x)` gives: the name of a type.
    Kind(&'static str),
}

/// A text, from a document or made.
#[derive(Debug, Clone)]
pub(super) enum Text<'e> {
    Borrowed(&'e str),
    Made(Rc<str>),
}

/// A list, from a document or made.
#[derive(Debug, Clone)]
pub(super) enum List<'e> {
    Json(&'e [Value]),
    Made(Rc<Vec<Val<'e>>>),
}

/// A map with text keys, from a document or made; always in key order.
#[derive(Debug, Clone)]
pub(super) enum Map<'e> {
    Json(&'e serde_json::Map<String, Value>),
    /// Sorted by key, each key once.
    Made(Rc<Vec<(Text<'e>, Val<'e>)>>),
}

impl<'e> Val<'e> {
    /// Looks at a JSON value without copying it. A number without a fraction is an int however it is written.
    pub(super) fn of(json: &'e Value) -> Self {
        match json {
            Value::Null => Val::Null,
            Value::Bool(flag) => Val::Bool(*flag),
            Value::Number(number) => Val::number(number),
            Value::String(text) => Val::Text(Text::Borrowed(text)),
            Value::Array(items) => Val::List(List::Json(items)),
            Value::Object(entries) => Val::Map(Map::Json(entries)),
        }
    }

    pub(super) fn number(number: &Number) -> Self {
        match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Val::Int(int),
            (None, Some(double)) => whole(double).map_or(Val::Double(double), Val::Int),
            (None, None) => Val::Null,
        }
    }

    pub(super) fn text(made: impl Into<Rc<str>>) -> Self {
        Val::Text(Text::Made(made.into()))
    }

    pub(super) fn list(items: Vec<Val<'e>>) -> Self {
        Val::List(List::Made(Rc::new(items)))
    }

    /// The name of the value's type, as `type(x)` gives it and as messages say it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Val::Null => "null_type",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Double(double) => {
                if whole(*double).is_some() {
                    "int"
                } else {
                    "double"
                }
            }
            Val::Text(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::List(_) => "list",
            Val::Map(_) => "map",
            Val::Time(_) => "timestamp",
            Val::Span(_) => "duration",
            Val::Kind(_) => "type",
        }
    }

    /// The whole number that the value is, however it is held.
    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Val::Int(int) => Some(*int),
            Val::Double(double) => whole(*double),
            _ => None,
        }
    }
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl<'e> List<'e> {
    pub(super) fn len(&self) -> usize {
        match self {
            List::Json(items) => items.len(),
            List::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Val<'e>> {
        match self {
            List::Json(items) => items.get(index).map(Val::of),
            List::Made(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Val<'e>> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index).unwrap_or(Val::Null))
    }
}

impl<'e> Map<'e> {
    pub(super) fn len(&self) -> usize {
        match self {
            Map::Json(entries) => entries.len(),
            Map::Made(entries) => entries.len(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Val<'e>> {
        match self {
            Map::Json(entries) => entries.get(key).map(Val::of),
            Map::Made(entries) => {
                let found = entries
                    .binary_search_by(|(name, _)| name.as_str().cmp(key))
                    .ok()?;
                entries.get(found).map(|(_, value)| value.clone())
            }
        }
    }

    /// The entries in key order.
    pub(super) fn entries(&self) -> Vec<(Text<'e>, Val<'e>)> {
        match self {
            Map::Json(entries) => {
                let mut entries: Vec<(Text<'e>, Val<'e>)> = entries
                    .iter()
                    .map(|(key, value)| (Text::Borrowed(key), Val::of(value)))
                    .collect();
                // Such a map keeps whatever order it was read in.
                if !entries.is_sorted_by(|one, two| one.0.as_str() <= two.0.as_str()) {
                    entries.sort_by(|one, two| one.0.as_str().cmp(two.0.as_str()));
                }
                entries
            }
            Map::Made(entries) => entries.as_ref().clone(),
        }
    }
}

/// The whole number that a double is, if every JSON reader keeps it exactly.
pub(super) fn whole(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() <= MAX_SAFE_INTEGER as f64).then_some(double as i64)
}
