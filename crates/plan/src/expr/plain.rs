//! Plain paths, such as `inputs.a.b[0]`: read without the CEL parser, and evaluated without an evaluator.
//!
//! Accepts only what CEL parses to the same path; everything else is left to the parser.

use super::{
    access::{missing_index, missing_key},
    failure::Fail,
    node::{Kind, Node, Root, Segment, Tree},
    output,
    scope::Scope,
};
use serde_json::Value;

/// One part of a plain path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part<'s> {
    Key(&'s str),
    Index(i64),
}

/// A plain path as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plain<'s> {
    pub(super) root: &'s str,
    /// Where the root starts, in bytes.
    pub(super) start: usize,
    /// The parts after the root, each with where its dot or bracket stands.
    pub(super) parts: Vec<(Part<'s>, usize)>,
}

/// Words that CEL does not read as names.
const WORDS: [&str; 4] = ["in", "true", "false", "null"];

/// The plain path that the source is; `None` when it is anything else.
pub(super) fn scan(source: &str) -> Option<Plain<'_>> {
    let start = source.len() - source.trim_ascii_start().len();
    let text = source.trim_ascii();
    let (root, mut rest) = name(text)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let offset = start + text.len() - rest.len();
        if let Some(after) = rest.strip_prefix('.') {
            let (key, after) = name(after)?;
            parts.push((Part::Key(key), offset));
            rest = after;
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            parts.push((index(inside)?, offset));
            rest = after;
        }
    }
    Some(Plain { root, start, parts })
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let starts_well = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts_well && !WORDS.contains(&word)).then_some((word, rest))
}

fn index(text: &str) -> Option<Part<'_>> {
    let is_number =
        (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return text.parse().ok().map(Part::Index);
    }
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let key = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_simple = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-. /:@".contains(&byte));
    is_simple.then_some(Part::Key(key))
}

/// The value at the path, when the tree is nothing but a literal path into the scope.
pub(super) fn resolve(tree: &Tree, scope: &dyn Scope) -> Option<Result<Value, Fail>> {
    let (root, segments) = match &tree.root.kind {
        Kind::Root(slot) => (tree.roots.get(*slot)?, &[][..]),
        Kind::Path(base, segments) => match &base.kind {
            Kind::Root(slot) => (tree.roots.get(*slot)?, segments.as_slice()),
            _ => return None,
        },
        _ => return None,
    };
    // The evaluator has the message for a name that is not in scope.
    let document = match root {
        Root::Variable(name) => scope.variable(name)?,
        Root::Step(id, field) => scope.step(id, *field)?,
    };
    let mut value: &Value = &document;
    for segment in segments {
        let next = match (segment, value) {
            (Segment::Key(key), Value::Object(entries)) => {
                entries.get(&**key).ok_or_else(|| missing_key(Some(key)))
            }
            (
                Segment::Index(Node {
                    kind: Kind::Int(index),
                    ..
                }),
                Value::Array(items),
            ) => usize::try_from(*index)
                .ok()
                .and_then(|index| items.get(index))
                .ok_or_else(missing_index),
            _ => return None,
        };
        match next {
            Ok(next) => value = next,
            Err(mut fail) => {
                fail.offset = Some(tree.root.offset);
                return Some(Err(fail));
            }
        }
    }
    Some(Ok(output::copy(value)))
}
