//! What one named argument may or must not be.

use mandate_plan::{ArgRule, BadPattern, Matcher, Pattern, PatternKind};
use serde_json::Value;

/// One entry of `args`, ready to be checked.
#[derive(Debug, Clone)]
pub(super) struct NamedArg {
    /// As written in the plan: a name or a JSON pointer.
    pub(super) name: String,
    /// The JSON pointer that it means.
    pub(super) pointer: String,
    /// The rule as JSON, for people.
    pub(super) rule: Value,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    OneOf(Vec<Value>),
    Matches(Matcher),
    Range(Option<f64>, Option<f64>),
    Any,
}

impl NamedArg {
    pub(super) fn compile(name: &str, rule: &ArgRule) -> Result<Self, BadPattern> {
        let matcher = |pattern: &String, kind| {
            Pattern {
                pattern: pattern.clone(),
                kind,
            }
            .matcher()
        };
        let test = match rule {
            ArgRule::Equals { equals } => Test::OneOf(vec![equals.clone()]),
            ArgRule::OneOf { one_of } => Test::OneOf(one_of.clone()),
            ArgRule::Glob { glob } => Test::Matches(matcher(glob, PatternKind::Glob)?),
            ArgRule::Regex { regex } => Test::Matches(matcher(regex, PatternKind::Regex)?),
            ArgRule::Range { min, max } => {
                let bound = |n: &Option<serde_json::Number>| {
                    n.as_ref().and_then(serde_json::Number::as_f64)
                };
                Test::Range(bound(min), bound(max))
            }
            ArgRule::Any { .. } => Test::Any,
        };
        let pointer = match name.starts_with('/') {
            true => name.to_owned(),
            false => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        let rule = serde_json::to_value(rule).unwrap_or(Value::Null);
        Ok(Self {
            name: name.to_owned(),
            pointer,
            rule,
            test,
        })
    }

    /// The top-level argument that it is about as a whole; `None` if it is about something inside one.
    pub(super) fn top_level(&self) -> Option<String> {
        let name = self.pointer.strip_prefix('/')?;
        (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
    }

    /// Only values that stand in the plan pass it.
    pub(super) fn is_literal(&self) -> bool {
        matches!(self.test, Test::OneOf(_))
    }

    /// `any: true`.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.test, Test::Any)
    }

    /// Strict: the type must be right, and every element of a list where a pattern is compared with one.
    pub(super) fn allows(&self, value: &Value) -> bool {
        match (&self.test, value) {
            (Test::Any, _) => true,
            (Test::OneOf(values), value) => values.iter().any(|allowed| same(allowed, value)),
            (Test::Matches(matcher), Value::String(text)) => matcher.is_match(text),
            (Test::Matches(_), Value::Array(items)) => {
                !items.is_empty()
                    && items
                        .iter()
                        .all(|item| item.is_string() && self.allows(item))
            }
            (Test::Range(min, max), Value::Number(number)) => {
                number.as_f64().is_some_and(|n| within(n, *min, *max))
            }
            (Test::Matches(_) | Test::Range(..), _) => false,
        }
    }

    /// Generous: what a lax tool would take for the value counts as it, anywhere inside.
    pub(super) fn forbids(&self, value: &Value) -> bool {
        let here = match (&self.test, value) {
            (Test::Any, _) => true,
            (Test::OneOf(values), value) => values.iter().any(|denied| alike(denied, value)),
            (Test::Matches(matcher), value) => {
                let text = plain(value);
                matcher.is_match(&text)
                    || matcher.is_match(&crate::normalise::strip_invisible(&text))
            }
            (Test::Range(min, max), value) => plain(value)
                .trim()
                .parse()
                .is_ok_and(|n: f64| within(n, *min, *max)),
        };
        here || match value {
            Value::Array(items) => items.iter().any(|item| self.forbids(item)),
            Value::Object(map) => map.values().any(|item| self.forbids(item)),
            _ => false,
        }
    }
}

fn within(n: f64, min: Option<f64>, max: Option<f64>) -> bool {
    min.is_none_or(|min| n >= min) && max.is_none_or(|max| n <= max)
}

/// JSON equality: numbers by value, however they are written; nothing is converted.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b
                || (a.is_f64() || b.is_f64())
                    && a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Equal, or the same once both are text without hidden characters.
fn alike(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| {
        crate::normalise::strip_invisible(&plain(value))
            .trim()
            .to_owned()
    };
    let scalar = |value: &Value| !value.is_array() && !value.is_object();
    same(a, b) || scalar(a) && scalar(b) && text(a) == text(b)
}

/// A value as a tool that wants text would take it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
