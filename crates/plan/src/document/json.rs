//! A strict reader of JSON (RFC 8259) that knows where it is.

use super::{
    builder::{Builder, Stop},
    number::{self, Refused},
    places::Places,
};
use crate::{Violation, ViolationCode, violation::Position};
use serde_json::Value;

/// Reads one JSON value and nothing behind it.
pub(super) fn read(text: &str, builder: Builder) -> Result<(Value, Places), Vec<Violation>> {
    let mut reader = Reader {
        rest: text,
        line: 1,
        column: 1,
        builder,
    };
    // What is wrong has been reported to the builder.
    let _ = reader.document();
    reader.builder.finish()
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    builder: Builder,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    /// Just behind `[`.
    ValueOrEnd,
    /// Just behind `{`.
    KeyOrEnd,
    Key,
    CommaOrEnd,
}

impl<'a> Reader<'a> {
    fn position(&self) -> Position {
        Position {
            line: self.line,
            column: self.column,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.next();
        }
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn wrong(&mut self, wanted: &str) -> Stop {
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some(c) if c.is_control() => "a control character".to_owned(),
            Some(c) => format!("`{c}`"),
        };
        let position = self.position();
        self.builder.stop(
            ViolationCode::SyntaxInvalid,
            &format!("{wanted} is expected here, but there is {found}"),
            position,
        )
    }

    fn document(&mut self) -> Result<(), Stop> {
        // Brackets that are open, innermost last: true for objects. No recursion: the text decides how deep it goes.
        let mut open: Vec<bool> = Vec::new();
        let mut expect = Expect::Value;
        loop {
            self.space();
            let position = self.position();
            match expect {
                Expect::ValueOrEnd if self.eat(']') => {
                    self.builder.end();
                    open.pop();
                    expect = Expect::CommaOrEnd;
                }
                Expect::Value | Expect::ValueOrEnd => {
                    expect = if self.eat('[') {
                        self.builder.start_list(position)?;
                        open.push(false);
                        Expect::ValueOrEnd
                    } else if self.eat('{') {
                        self.builder.start_object(position)?;
                        open.push(true);
                        Expect::KeyOrEnd
                    } else {
                        self.scalar(position)?;
                        Expect::CommaOrEnd
                    };
                }
                Expect::KeyOrEnd if self.eat('}') => {
                    self.builder.end();
                    open.pop();
                    expect = Expect::CommaOrEnd;
                }
                Expect::Key | Expect::KeyOrEnd => {
                    if self.peek() != Some('"') {
                        return Err(self.wrong("a key in double quotes"));
                    }
                    let key = self.string()?;
                    self.builder.key(key, position)?;
                    self.space();
                    if !self.eat(':') {
                        return Err(self.wrong("`:`"));
                    }
                    expect = Expect::Value;
                }
                Expect::CommaOrEnd => match open.last() {
                    None if self.rest.is_empty() => return Ok(()),
                    None => return Err(self.wrong("the end of the text")),
                    Some(object) => {
                        let close = if *object { '}' } else { ']' };
                        if self.eat(',') {
                            expect = if *object { Expect::Key } else { Expect::Value };
                        } else if self.eat(close) {
                            self.builder.end();
                            open.pop();
                        } else {
                            return Err(self.wrong(if *object {
                                "`,` or `}`"
                            } else {
                                "`,` or `]`"
                            }));
                        }
                    }
                },
            }
        }
    }

    fn scalar(&mut self, position: Position) -> Result<(), Stop> {
        let value = match self.peek() {
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => match self.number()? {
                Ok(value) => value,
                Err(refused) => {
                    self.builder.report(
                        ViolationCode::NumberOutOfRange,
                        refused.message(),
                        position,
                    );
                    Value::Null
                }
            },
            Some('t') => self.word("true", Value::Bool(true))?,
            Some('f') => self.word("false", Value::Bool(false))?,
            Some('n') => self.word("null", Value::Null)?,
            _ => return Err(self.wrong("a value")),
        };
        self.builder.scalar(value, position)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Stop> {
        if !self.rest.starts_with(word) {
            return Err(self.wrong("`true`, `false`, `null` or another value"));
        }
        for _ in word.chars() {
            self.next();
        }
        Ok(value)
    }

    fn digits(&mut self) -> Result<usize, Stop> {
        let mut count = 0;
        while matches!(self.peek(), Some('0'..='9')) {
            self.next();
            count += 1;
        }
        if count == 0 {
            return Err(self.wrong("a digit"));
        }
        Ok(count)
    }

    fn number(&mut self) -> Result<Result<Value, Refused>, Stop> {
        let start = self.rest;
        let negative = self.eat('-');
        let magnitude = self.rest;
        let leading_zero = self.peek() == Some('0');
        let length = self.digits()?;
        if leading_zero && length > 1 {
            let position = self.position();
            return Err(self.builder.stop(
                ViolationCode::SyntaxInvalid,
                "a number does not start with `0`",
                position,
            ));
        }
        let mut whole = true;
        if self.eat('.') {
            whole = false;
            self.digits()?;
        }
        if self.eat('e') || self.eat('E') {
            whole = false;
            let _ = self.eat('+') || self.eat('-');
            self.digits()?;
        }
        let taken =
            |from: &'a str, rest: &str| from.get(..from.len() - rest.len()).unwrap_or_default();
        Ok(if whole {
            number::integer(negative, taken(magnitude, self.rest), 10)
        } else {
            number::decimal(taken(start, self.rest))
        })
    }

    fn string(&mut self) -> Result<String, Stop> {
        self.next();
        let mut text = String::new();
        loop {
            text.push_str(self.plain());
            match self.peek() {
                Some('"') => {
                    self.next();
                    return Ok(text);
                }
                Some('\\') => {
                    self.next();
                    text.push(self.escape()?);
                }
                None | Some('\0'..='\u{1f}') => {
                    return Err(self.wrong("a character of a string or `\"`"));
                }
                Some(c) => {
                    self.next();
                    text.push(c);
                }
            }
        }
    }

    /// The characters up to the next that is no visible ASCII one or has a meaning within a string: taken all at once.
    fn plain(&mut self) -> &'a str {
        let stops = |byte: &u8| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\');
        let bytes = self.rest.as_bytes();
        let end = bytes.iter().position(stops).unwrap_or(bytes.len());
        let Some((plain, rest)) = self.rest.split_at_checked(end) else {
            return "";
        };
        self.rest = rest;
        self.column += plain.len();
        plain
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.next();
                return self.unicode();
            }
            _ => return Err(self.wrong("one of `\"\\/bfnrtu`")),
        };
        self.next();
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Stop> {
        let position = self.position();
        let mut unit = self.hex4()?;
        if (0xd800..0xdc00).contains(&unit) && self.rest.starts_with("\\u") {
            self.next();
            self.next();
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(unit).ok_or_else(|| {
            self.builder.stop(
                ViolationCode::SyntaxInvalid,
                "half of a surrogate pair is not a character",
                position,
            )
        })
    }

    fn hex4(&mut self) -> Result<u32, Stop> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.wrong("a hexadecimal digit"));
            };
            self.next();
            unit = unit * 16 + digit;
        }
        Ok(unit)
    }
}
