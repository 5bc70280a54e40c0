//! Regular expressions: linear in time, bounded in size, and charged by what they cost at worst.

use super::{
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    growing::Growing,
    limits::{MAX_ITEMS, MAX_PATTERN_BYTES},
    node::{Kind, Node},
    value::Val,
};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

// Largest compiled form, in bytes.
const SIZE_LIMIT: usize = 256 * 1024;
// What compiling one costs at worst, in units of work.
const COMPILE_UNITS: u64 = 40_000;
// How many units one byte of text costs for so many states.
const STATES_PER_UNIT: u64 = 16;
// How many bytes of the rest of a text one more match costs a unit: a search may look to its end each time.
const LOOKAHEAD_PER_UNIT: usize = 128;

/// A compiled regular expression and how many states it may be in at once.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    states: u64,
}

impl Pattern {
    /// The pattern of a call whose second argument is a literal one, if the function takes a pattern there.
    pub(super) fn literal(function: Function, arguments: &[Node]) -> Option<Result<Self, String>> {
        match arguments.get(1).map(|argument| &argument.kind) {
            Some(Kind::Text(text)) if takes_pattern(function) => Some(Self::new(text)),
            _ => None,
        }
    }

    /// The text of the pattern among evaluated arguments, if the function takes one.
    pub(super) fn text_of<'v>(function: Function, arguments: &'v [Val<'_>]) -> Option<&'v str> {
        match arguments.get(1) {
            Some(Val::Text(text)) if takes_pattern(function) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Compiles a pattern that came up during an evaluation.
    pub(super) fn compile(text: &str, budget: &Budget) -> Result<Self, Fail> {
        budget.charge(COMPILE_UNITS)?;
        Self::new(text).map_err(Failure::invalid)
    }

    fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "the regular expression is longer than {MAX_PATTERN_BYTES} bytes"
            ));
        }
        let unreadable = || {
            "the regular expression cannot be read: look-around and back-references are not known"
                .to_owned()
        };
        let hir = regex_syntax::parse(text).map_err(|_| unreadable())?;
        let regex = RegexBuilder::new(text)
            .size_limit(SIZE_LIMIT)
            .nest_limit(50)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    "the regular expression grows too large".to_owned()
                }
                _ => unreadable(),
            })?;
        Ok(Self {
            regex,
            states: states(&hir).saturating_add(8),
        })
    }

    /// Calls a function that takes a pattern.
    pub(super) fn call<'e>(
        &self,
        function: Function,
        arguments: &[Val<'e>],
        budget: &Budget,
    ) -> Result<Val<'e>, Fail> {
        let text = argument::text(function, arguments, 0)?;
        let scan = (text.len() as u64 + 1).saturating_mul(self.states) / STATES_PER_UNIT + 1;
        budget.charge(scan)?;
        match function {
            Function::RegexExtract => match self.matches(text).next() {
                Some((_, Some(found))) => made(found, budget),
                _ => Ok(Val::Null),
            },
            Function::RegexExtractAll => {
                let mut all = Vec::new();
                for (start, found) in self.matches(text) {
                    budget.items(1 + (text.len() - start) / LOOKAHEAD_PER_UNIT)?;
                    if all.len() == MAX_ITEMS {
                        budget.list(MAX_ITEMS + 1)?;
                    }
                    all.push(found.map_or(Ok(Val::Null), |found| made(found, budget))?);
                }
                Ok(Val::list(all))
            }
            Function::RegexReplace => self.replace(text, arguments, budget),
            _ => Ok(Val::Bool(self.regex.is_match(text))),
        }
    }

    /// Where each match starts, and its first group; the whole match when the pattern has no groups.
    fn matches<'t>(
        &'t self,
        text: &'t str,
    ) -> Box<dyn Iterator<Item = (usize, Option<&'t str>)> + 't> {
        if self.regex.captures_len() == 1 {
            // Searching without groups is several times as fast.
            return Box::new(
                self.regex
                    .find_iter(text)
                    .map(|found| (found.start(), Some(found.as_str()))),
            );
        }
        Box::new(self.regex.captures_iter(text).map(|found| {
            (
                found.get(0).map_or(0, |whole| whole.start()),
                found.get(1).map(|group| group.as_str()),
            )
        }))
    }

    fn replace<'e>(
        &self,
        text: &str,
        arguments: &[Val<'e>],
        budget: &Budget,
    ) -> Result<Val<'e>, Fail> {
        let by = argument::text(Function::RegexReplace, arguments, 2)?;
        let limit = match argument::optional_int(Function::RegexReplace, arguments, 3)? {
            None => usize::MAX,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let mut result = Growing::new(budget);
        let mut end = 0;
        for found in self.regex.captures_iter(text).take(limit) {
            let Some(whole) = found.get(0) else { continue };
            budget.items(1 + (text.len() - whole.start()) / LOOKAHEAD_PER_UNIT)?;
            result.push(text.get(end..whole.start()).unwrap_or_default())?;
            expand(by, &found, &mut result)?;
            end = whole.end();
        }
        result.push(text.get(end..).unwrap_or_default())?;
        Ok(result.finish())
    }
}

/// Appends `by` with `\0` to `\9` replaced by the groups, and `\\` by a backslash.
fn expand(by: &str, found: &regex::Captures<'_>, into: &mut Growing<'_>) -> Result<(), Fail> {
    let mut rest = by;
    while let Some((before, after)) = rest.split_once('\\') {
        into.push(before)?;
        let mut characters = after.chars();
        match characters.next() {
            Some('\\') => into.push("\\")?,
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit
                    .to_digit(10)
                    .and_then(|group| usize::try_from(group).ok())
                    .unwrap_or_default();
                if group >= found.len() {
                    return Err(Failure::invalid(format!(
                        "the regular expression has no group {group}"
                    )));
                }
                into.push(found.get(group).map_or("", |group| group.as_str()))?;
            }
            _ => {
                return Err(Failure::invalid(
                    "in a replacement, `\\` stands before a digit or another `\\`",
                ));
            }
        }
        rest = characters.as_str();
    }
    into.push(rest)
}

fn made<'e>(text: &str, budget: &Budget) -> Result<Val<'e>, Fail> {
    budget.text(text.len())?;
    Ok(Val::text(text))
}

fn takes_pattern(function: Function) -> bool {
    matches!(
        function,
        Function::Matches
            | Function::RegexExtract
            | Function::RegexExtractAll
            | Function::RegexReplace
    )
}

/// How many positions the pattern has, with repetitions written out: so many it may be at, at once.
fn states(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min + 1).max(1));
            states(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(0, u64::saturating_add)
        }
    }
}
