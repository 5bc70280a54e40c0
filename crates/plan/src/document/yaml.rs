//! YAML 1.2 with the core schema, without anchors, aliases, merge keys and tags.

use super::{
    builder::{Builder, Stop},
    number::{self, Refused},
    only,
    places::Places,
};
use crate::{Violation, ViolationCode, violation::Position};
use saphyr_parser::{BufferedInput, Event, Marker, Parser, ScalarStyle};
use serde_json::Value;
use std::{cell::Cell, rc::Rc};

/// Reads the one YAML document of a text.
pub(super) fn read(text: &str, builder: Builder) -> Result<(Value, Places), Vec<Violation>> {
    let lookahead = Rc::new(Lookahead::default());
    let chars = Guarded {
        chars: text.chars(),
        lookahead: Rc::clone(&lookahead),
    };
    let mut reader = Reader {
        parser: Parser::new(BufferedInput::new(chars)),
        builder,
        documents: 0,
    };
    // What is wrong has been reported to the builder, unless the guard cut the text off.
    let outcome = reader.stream(&lookahead);
    if lookahead.exhausted.get() && outcome.is_err() {
        return Err(only(
            Violation::new(
                ViolationCode::DocumentTooLarge,
                "",
                "a list or object in brackets is too large for YAML: write it over several lines without brackets, or save the file as JSON",
            )
            .at(lookahead.region.get()),
            crate::violation::Violations::default(),
        ));
    }
    reader.builder.finish()
}

/// How much the parser has read since its last event.
///
/// It holds back a whole collection in brackets until it knows that it is no key, at about a hundred bytes a token. The
/// characters that make tokens there are counted, and bounded once a bracket is among them.
#[derive(Debug, Default)]
struct Lookahead {
    bracket: Cell<bool>,
    tokens: Cell<u32>,
    exhausted: Cell<bool>,
    region: Cell<Option<Position>>,
}

/// A text of brackets and separators only reaches this at 150 kB, an ordinary one at a megabyte or two.
const MOST_TOKENS: u32 = 150_000;

impl Lookahead {
    fn restart(&self, position: Position) {
        self.bracket.set(false);
        self.tokens.set(0);
        self.region.set(Some(position));
    }

    fn see(&self, c: char) {
        match c {
            '[' | '{' => self.bracket.set(true),
            ']' | '}' | ',' | ':' => {}
            _ => return,
        }
        self.tokens.set(self.tokens.get().saturating_add(1));
        if self.bracket.get() && self.tokens.get() > MOST_TOKENS {
            self.exhausted.set(true);
        }
    }
}

/// The characters of the text; they end where the lookahead is exhausted.
struct Guarded<'a> {
    chars: std::str::Chars<'a>,
    lookahead: Rc<Lookahead>,
}

impl Iterator for Guarded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if self.lookahead.exhausted.get() {
            return None;
        }
        let c = self.chars.next()?;
        self.lookahead.see(c);
        Some(c)
    }
}

struct Reader<'a> {
    parser: Parser<'static, BufferedInput<Guarded<'a>>>,
    builder: Builder,
    documents: usize,
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

impl Reader<'_> {
    fn stream(&mut self, lookahead: &Lookahead) -> Result<(), Stop> {
        loop {
            let (event, span) = match self.parser.next_event() {
                None => return Ok(()),
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let at = position(error.marker());
                    // The scanner's own bound on open brackets, far above ours.
                    let (code, message) = match error.info() {
                        "recursion limit exceeded" => (
                            ViolationCode::NestingTooDeep,
                            "lists and objects are nested deeper than 64".to_owned(),
                        ),
                        info => (
                            ViolationCode::SyntaxInvalid,
                            format!("this is not YAML: {info}"),
                        ),
                    };
                    return Err(self.builder.stop(code, &message, at));
                }
            };
            let position = position(&span.start);
            lookahead.restart(position);
            self.event(event, position)?;
        }
    }

    fn event(&mut self, event: Event<'_>, position: Position) -> Result<(), Stop> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.builder.stop(
                        ViolationCode::SyntaxInvalid,
                        "the file holds more than one YAML document",
                        position,
                    ));
                }
            }
            Event::Alias(_) => {
                self.refuse("an alias (`*name`)", position);
                if self.builder.wants_key() {
                    self.builder.key(String::new(), position)?;
                } else {
                    self.builder.scalar(Value::Null, position)?;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.marks(anchor, tag.is_some(), position);
                self.scalar(&text, style, position)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_key(position)?;
                self.marks(anchor, tag.is_some(), position);
                self.builder.start_list(position)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.no_key(position)?;
                self.marks(anchor, tag.is_some(), position);
                self.builder.start_object(position)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.builder.end(),
        }
        Ok(())
    }

    fn refuse(&mut self, what: &str, position: Position) {
        self.builder.report(
            ViolationCode::YamlFeatureRefused,
            &format!("{what} is not accepted: write the value out where it is used"),
            position,
        );
    }

    /// Anchors are counted from 1.
    fn marks(&mut self, anchor: usize, tagged: bool, position: Position) {
        if anchor > 0 {
            self.refuse("an anchor (`&name`)", position);
        }
        if tagged {
            self.refuse("a tag (`!name`)", position);
        }
    }

    /// A list or an object cannot be a key.
    fn no_key(&mut self, position: Position) -> Result<(), Stop> {
        if self.builder.wants_key() {
            return Err(self.builder.stop(
                ViolationCode::SyntaxInvalid,
                "a key is a string, not a list or an object; a text with `{` or `[` in front needs quotes",
                position,
            ));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Position) -> Result<(), Stop> {
        let plain = style == ScalarStyle::Plain;
        if self.builder.wants_key() {
            if plain && text == "<<" {
                self.refuse("a merge key (`<<`)", at);
            } else if plain && !matches!(resolve(text), Ok(Value::String(_))) {
                let message = format!(
                    "a key is a string: write `\"{}\"`",
                    crate::violation::quoted(text)
                );
                self.builder
                    .report(ViolationCode::SyntaxInvalid, &message, at);
            }
            return self.builder.key(text.to_owned(), at);
        }
        let value = if plain {
            resolve(text)
        } else {
            Ok(Value::String(text.to_owned()))
        };
        match value {
            Ok(value) => self.builder.scalar(value, at)?,
            Err(refused) => {
                self.builder
                    .report(ViolationCode::NumberOutOfRange, refused.message(), at);
                self.builder.scalar(Value::Null, at)?;
            }
        }
        Ok(())
    }
}

/// What a plain scalar means under the core schema.
fn resolve(text: &str) -> Result<Value, Refused> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Err(Refused::NotFinite),
        _ => {}
    }
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let all =
        |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c: char| c.is_digit(radix));
    if matches!(magnitude, ".inf" | ".Inf" | ".INF") {
        return Err(Refused::NotFinite);
    }
    if all(magnitude, 10) {
        return number::integer(negative, magnitude, 10);
    }
    // Hexadecimal and octal numbers have no sign in the core schema.
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && all(digits, radix)
        {
            return number::integer(false, digits, radix);
        }
    }
    if is_float(magnitude) {
        return number::decimal(text);
    }
    Ok(Value::String(text.to_owned()))
}

/// `(\.[0-9]+ | [0-9]+(\.[0-9]*)?) ([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits =
        digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_fits && exponent_fits
}
