//! Patterns over whole normalised values: paths, addresses, commands.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// A pattern that a whole value must match: a glob string, or a pattern with its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "PatternForm", into = "PatternForm")]
#[schemars(with = "PatternForm")]
pub struct Pattern {
    /// The text of the pattern.
    pub pattern: String,
    /// How it is read.
    pub kind: PatternKind,
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatternKind {
    /// The very text.
    Exact,
    /// `*` and `?` stay within a path segment, `**` crosses them; `[a-z]`, `[!a-z]`, `{this,that}`, `\` takes the next character as it is.
    #[default]
    Glob,
    /// A regular expression, anchored at both ends.
    Regex,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Pattern")]
enum PatternForm {
    /// A glob.
    Glob(String),
    /// A pattern with its type.
    Typed(TypedForm),
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct TypedForm {
    /// The text of the pattern.
    pattern: String,
    /// How it is read.
    #[serde(default, rename = "type")]
    kind: PatternKind,
}

impl From<PatternForm> for Pattern {
    fn from(form: PatternForm) -> Self {
        match form {
            PatternForm::Glob(pattern) => Self {
                pattern,
                kind: PatternKind::Glob,
            },
            PatternForm::Typed(TypedForm { pattern, kind }) => Self { pattern, kind },
        }
    }
}

impl From<Pattern> for PatternForm {
    fn from(Pattern { pattern, kind }: Pattern) -> Self {
        match kind {
            PatternKind::Glob => Self::Glob(pattern),
            kind => Self::Typed(TypedForm { pattern, kind }),
        }
    }
}

/// A pattern cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` cannot be read: {reason}")]
pub struct BadPattern {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A pattern made ready for matching. Matching takes time linear in the value.
#[derive(Debug, Clone)]
pub struct Matcher(Regex);

impl Matcher {
    /// Whether the whole of `value` matches.
    pub fn is_match(&self, value: &str) -> bool {
        self.0.is_match(value)
    }
}

/// Compiled automata are bounded, so that a plan of many patterns stays small.
const COMPILED_BYTES: usize = 256 * 1024;

impl Pattern {
    /// Makes the pattern ready for matching.
    pub fn matcher(&self) -> Result<Matcher, BadPattern> {
        let compiled = match self.kind {
            PatternKind::Exact => compile(&format!(r"\A{}\z", regex::escape(&self.pattern))),
            PatternKind::Glob => {
                glob_to_regex(&self.pattern).and_then(|body| compile(&format!(r"\A(?:{body})\z")))
            }
            // Alone first, since `a)(b` becomes readable between brackets; and again with a line break, since a
            // comment under the `x` flag would swallow the closing bracket.
            PatternKind::Regex => compile(&self.pattern).and_then(|_| {
                compile(&format!(r"\A(?:{})\z", self.pattern))
                    .or_else(|_| compile(&format!("\\A(?:{}\n)\\z", self.pattern)))
            }),
        };
        compiled.map(Matcher).map_err(|reason| BadPattern {
            pattern: self.pattern.clone(),
            reason,
        })
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .size_limit(COMPILED_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
            // The last line of a syntax error says what is wrong; the lines before it draw the pattern.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim().trim_start_matches("error: ").to_owned()
            }
        })
}

/// No folder, or any number of them.
const ANY_FOLDERS: &str = "(?s:.*/)?";

/// The regular expression of a glob.
fn glob_to_regex(glob: &str) -> Result<String, String> {
    let mut regex = String::with_capacity(glob.len() * 2);
    let mut chars = glob.chars().peekable();
    let mut open = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                // `a/**/b` also means `a/b`, and `**/b` also `b`.
                let begins =
                    regex.is_empty() || regex.ends_with('/') || regex.ends_with(ANY_FOLDERS);
                if begins && chars.next_if_eq(&'/').is_some() {
                    regex.push_str(ANY_FOLDERS);
                } else {
                    regex.push_str("(?s:.*)");
                }
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => class(&mut chars, &mut regex)?,
            '{' => {
                open += 1;
                regex.push_str("(?:");
            }
            ',' if open > 0 => regex.push('|'),
            '}' if open > 0 => {
                open -= 1;
                regex.push(')');
            }
            '\\' => {
                let next = chars.next().ok_or("it ends with a lone `\\`")?;
                literal(&mut regex, next);
            }
            c => literal(&mut regex, c),
        }
    }
    if open > 0 {
        return Err("a `{` is not closed".to_owned());
    }
    Ok(regex)
}

fn literal(regex: &mut String, c: char) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// `[abc]`, `[a-z]`, `[!abc]`; never a `/`.
fn class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    regex: &mut String,
) -> Result<(), String> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut members = String::new();
    let mut first = true;
    loop {
        let c = chars.next().ok_or("a `[` is not closed")?;
        match c {
            ']' if !first => break,
            '-' if !first && chars.peek().is_some_and(|next| *next != ']') => members.push('-'),
            c => {
                // Hexadecimal, so that nothing in a class has a meaning of its own.
                let _ = write!(members, r"\x{{{:x}}}", u32::from(c));
            }
        }
        first = false;
    }
    regex.push_str(if negated { "[^/" } else { "[" });
    regex.push_str(&members);
    regex.push_str(if negated { "]" } else { "&&[^/]]" });
    Ok(())
}
