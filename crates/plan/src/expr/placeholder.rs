//! Finds the `${…}` in a string of arguments.

use super::ExprProblem;
use crate::ViolationCode;

/// A part of a string, and where it starts in it (for a placeholder: its inside), in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text as it stands, with `$${` read as `${`.
    Text(String),
    /// The inside of a `${…}`.
    Placeholder(String, usize),
}

impl Part {
    /// The text of a part that is no placeholder.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            Part::Placeholder(..) => None,
        }
    }
}

/// Takes a string apart.
pub(super) fn split(text: &str) -> Result<Vec<Part>, ExprProblem> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            literal.push_str(before);
            literal.push_str("${");
            rest = after;
            continue;
        }
        literal.push_str(before);
        let start = text.len() - after.len();
        let Some((inside, after)) = close(after) else {
            let message = "a `${` is not closed".to_owned();
            let mut problem = ExprProblem::new(ViolationCode::TemplateUnclosed, message, start - 2);
            problem.suggestion =
                Some("close it with `}`, or write `$${` for a literal `${`".to_owned());
            return Err(problem);
        };
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(Part::Placeholder(inside.to_owned(), start));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// Splits at the first `}` that stands outside of CEL's brackets and strings.
fn close(text: &str) -> Option<(&str, &str)> {
    let mut open = Vec::new();
    let mut at = 0;
    let mut last = '\0';
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match character {
            '(' | '[' | '{' => open.push(character),
            ')' | ']'
                if open
                    .last()
                    .is_some_and(|open| *open == if character == ')' { '(' } else { '[' }) =>
            {
                open.pop();
            }
            '}' if open.last() == Some(&'{') => {
                open.pop();
            }
            // With another bracket open the expression is broken anyway; what stands before says best how.
            '}' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '"' | '\'' => {
                at = string_end(text, at, character, is_raw(text, at, last))?;
                last = character;
                continue;
            }
            _ => {}
        }
        last = character;
        at += character.len_utf8();
    }
    None
}

/// Whether the quote at `at` starts a raw string: `r"…"`, `br"…"`, and the `r` is no end of a longer name.
fn is_raw(text: &str, at: usize, last: char) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let word = before
        .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()
        .unwrap_or_default();
    matches!(last, 'r' | 'R') && matches!(word.to_ascii_lowercase().as_str(), "r" | "br")
}

/// Where the string that starts at `at` is over.
fn string_end(text: &str, at: usize, quote: char, raw: bool) -> Option<usize> {
    let triple = String::from(quote).repeat(3);
    let rest = text.get(at..)?;
    let closing = if rest.starts_with(&triple) {
        triple.as_str()
    } else {
        triple.get(..1)?
    };
    let mut at = at + closing.len();
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with(closing) {
            return Some(at + closing.len());
        }
        let mut characters = rest.chars();
        let character = characters.next()?;
        at += character.len_utf8();
        if character == '\\' && !raw {
            at += characters.next()?.len_utf8();
        }
    }
}
