//! From an evaluation's values to JSON, within the limits on results.

use super::{
    budget::Budget,
    failure::{Fail, Failure},
    limits::{MAX_VALUE_BYTES, MAX_VALUE_DEPTH},
    temporal,
    value::{List, Map, Val, whole},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Number, Value};

// What a value weighs beside its text: roughly what it takes in memory.
const NODE_WEIGHT: usize = 16;
const MAP_WEIGHT: usize = 64;

/// The JSON form of `value`: whole doubles as integers, timestamps and durations as CEL writes them, bytes in base64.
pub(super) fn to_json(value: &Val<'_>, budget: &Budget) -> Result<Value, Fail> {
    Writer { budget, weight: 0 }.write(value, 0)
}

/// A copy of a document's value with whole numbers as integers, as [`to_json`] would give it.
pub(super) fn copy(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(normal(number)),
        Value::Array(items) => Value::Array(items.iter().map(copy).collect()),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), copy(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// Fails when a finished value is too large or too deep to be kept.
pub(super) fn within_limits(value: &Value) -> Result<(), Fail> {
    let mut weight = 0;
    let mut left = vec![(value, 0_usize)];
    while let Some((value, depth)) = left.pop() {
        weight += match value {
            Value::String(text) => text.len(),
            Value::Array(items) => {
                left.extend(items.iter().map(|item| (item, depth + 1)));
                NODE_WEIGHT
            }
            Value::Object(entries) => {
                left.extend(entries.values().map(|item| (item, depth + 1)));
                NODE_WEIGHT + entries.keys().map(String::len).sum::<usize>()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        };
        check(weight, depth)?;
    }
    Ok(())
}

fn check(weight: usize, depth: usize) -> Result<(), Fail> {
    if weight > MAX_VALUE_BYTES {
        return Err(Failure::exhausted(format!(
            "the value is larger than {MAX_VALUE_BYTES} bytes"
        )));
    }
    if depth > MAX_VALUE_DEPTH {
        return Err(Failure::exhausted(format!(
            "the value nests deeper than {MAX_VALUE_DEPTH} levels"
        )));
    }
    Ok(())
}

fn normal(number: &Number) -> Number {
    match number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
        Some(int) => int.into(),
        None => number.clone(),
    }
}

struct Writer<'b> {
    budget: &'b Budget,
    weight: usize,
}

impl Writer<'_> {
    fn grow(&mut self, weight: usize, depth: usize) -> Result<(), Fail> {
        self.weight = self.weight.saturating_add(weight);
        check(self.weight, depth)?;
        self.budget.items(1)
    }

    fn write(&mut self, value: &Val<'_>, depth: usize) -> Result<Value, Fail> {
        self.grow(NODE_WEIGHT, depth)?;
        Ok(match value {
            Val::Null => Value::Null,
            Val::Bool(flag) => Value::Bool(*flag),
            Val::Int(int) => Value::from(*int),
            Val::Double(double) => match whole(*double) {
                Some(int) => Value::from(int),
                None => Value::from(*double),
            },
            Val::Text(text) => self.text(text.as_str(), depth)?,
            Val::Bytes(bytes) => self.text(&STANDARD.encode(bytes), depth)?,
            Val::Time(time) => Value::String(temporal::time_text(time)),
            Val::Span(span) => Value::String(temporal::span_text(span)),
            Val::Kind(name) => Value::String((*name).to_owned()),
            Val::List(List::Json(items)) => Value::Array(
                items
                    .iter()
                    .map(|item| self.json(item, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Val::List(List::Made(items)) => Value::Array(
                items
                    .iter()
                    .map(|item| self.write(item, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Val::Map(Map::Json(entries)) => self.object(entries, depth)?,
            Val::Map(Map::Made(entries)) => {
                self.grow(MAP_WEIGHT, depth)?;
                let mut object = serde_json::Map::new();
                for (key, value) in entries.iter() {
                    self.grow(key.as_str().len(), depth)?;
                    object.insert(key.as_str().to_owned(), self.write(value, depth + 1)?);
                }
                Value::Object(object)
            }
        })
    }

    fn text(&mut self, text: &str, depth: usize) -> Result<Value, Fail> {
        self.grow(text.len(), depth)?;
        Ok(Value::String(text.to_owned()))
    }

    fn json(&mut self, value: &Value, depth: usize) -> Result<Value, Fail> {
        self.grow(NODE_WEIGHT, depth)?;
        Ok(match value {
            Value::Number(number) => Value::Number(normal(number)),
            Value::String(text) => self.text(text, depth)?,
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.json(item, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(entries) => self.object(entries, depth)?,
            Value::Null | Value::Bool(_) => value.clone(),
        })
    }

    fn object(
        &mut self,
        entries: &serde_json::Map<String, Value>,
        depth: usize,
    ) -> Result<Value, Fail> {
        self.grow(MAP_WEIGHT, depth)?;
        let mut object = serde_json::Map::new();
        for (key, value) in entries {
            self.grow(key.len(), depth)?;
            object.insert(key.clone(), self.json(value, depth + 1)?);
        }
        Ok(Value::Object(object))
    }
}
