//! What is wrong with a document, and where.

use crate::ViolationCode;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How grave a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The plan cannot be used.
    Error,
    /// The plan can be used; whoever approves it sees this.
    Warning,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What kind of thing.
    pub code: ViolationCode,
    /// How grave.
    pub level: Level,
    /// What is wrong, for people.
    pub message: String,
    /// The JSON pointer of the place; an unknown key's own pointer, a missing key's object.
    pub pointer: String,
    /// The line, counted from 1, where the document has lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What to write instead, as a phrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Violation {
    /// An error at a pointer.
    pub fn new(
        code: ViolationCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            level: Level::Error,
            message: message.into(),
            pointer: pointer.into(),
            line: None,
            column: None,
            suggestion: None,
        }
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    /// The same, with what to write instead.
    #[must_use]
    pub fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// The same, at a line and a column.
    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.line = position.map(|position| position.line);
        self.column = position.map(|position| position.column);
        self
    }

    /// Whether it is an error, and not a warning.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: {}", self.code, self.message)?;
        if !self.pointer.is_empty() {
            write!(f, " (at `{}`)", self.pointer)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        Ok(())
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// Violations are bounded, and so is the text of each: a hostile document must not be answered with a larger answer.
const MOST_VIOLATIONS: usize = 1_000;
pub(crate) const LONGEST_POINTER: usize = 1_024;

/// Collects violations up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    found: Vec<Violation>,
}

impl Violations {
    pub(crate) fn push(&mut self, mut violation: Violation) {
        if self.found.len() < MOST_VIOLATIONS {
            shorten(&mut violation.pointer, LONGEST_POINTER);
            self.found.push(violation);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MOST_VIOLATIONS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, in the order of the document.
    pub(crate) fn sorted(self) -> Vec<Violation> {
        let mut found = self.found;
        found.sort_by(|a, b| {
            (a.line, a.column, &a.pointer, a.code).cmp(&(b.line, b.column, &b.pointer, b.code))
        });
        found.dedup_by(|b, a| {
            (a.code, &a.pointer, &a.message, a.line, a.column)
                == (b.code, &b.pointer, &b.message, b.line, b.column)
        });
        found
    }
}

fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let end = text.floor_char_boundary(most);
        text.truncate(end);
        text.push('…');
    }
}

/// A text of the document as messages quote it: not too long, and without control characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// Asks for the name nearest to `wanted`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    // Comparing takes the product of both lengths.
    if wanted.len() > 100 {
        return None;
    }
    let typos = wanted.chars().count() / 3;
    names
        .into_iter()
        .filter(|name| *name != wanted && name.len() <= 100)
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        // Alike as a whole, or a slip of the hand away.
        .filter(|(alike, name)| {
            *alike >= 0.84 || strsim::damerau_levenshtein(wanted, name) <= typos
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| did_you_mean(name))
}

pub(crate) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}
