//! Rust source with its comments and literals blanked out, so that a rule about code does not stumble over a word in
//! a message or a comment.

/// The same text with a space for each character of a comment, string or character literal; lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut rest = characters.as_slice();
    // The character before `rest`: an `r` or `b` in the middle of a word opens no literal.
    let mut before = ' ';
    while let Some((&first, _)) = rest.split_first() {
        let length = literal_or_comment(before, rest);
        let taken = length.max(1);
        let (head, tail) = rest.split_at(taken.min(rest.len()));
        if length == 0 {
            out.push(first);
        } else {
            out.extend(head.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        }
        before = head.last().copied().unwrap_or(' ');
        rest = tail;
    }
    out
}

/// How many characters the comment or literal at the start of `text` takes; 0 when there is none.
fn literal_or_comment(before: char, text: &[char]) -> usize {
    match text {
        ['/', '/', ..] => text.iter().take_while(|c| **c != '\n').count(),
        ['/', '*', ..] => block_comment(text),
        ['"', ..] => quoted(text, '"'),
        ['\'', ..] => character(text),
        ['r' | 'b' | 'c', ..] if !(before.is_alphanumeric() || before == '_') => prefixed(text),
        _ => 0,
    }
}

fn block_comment(text: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match text.get(at..).unwrap_or_default() {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            [_, ..] => at += 1,
            [] => return at,
        }
    }
}

fn quoted(text: &[char], quote: char) -> usize {
    let mut at = 1;
    loop {
        match text.get(at..).unwrap_or_default() {
            ['\\', _, ..] => at += 2,
            [c, ..] if *c == quote => return at + 1,
            [_, ..] => at += 1,
            [] => return at,
        }
    }
}

/// A character literal, as opposed to a lifetime.
fn character(text: &[char]) -> usize {
    match text {
        ['\'', '\\', ..] => quoted(text, '\''),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// `b"…"`, `c"…"`, `b'…'`, `r"…"`, `r#"…"#`, `br#"…"#`.
fn prefixed(text: &[char]) -> usize {
    let prefix = text
        .iter()
        .take_while(|c| matches!(c, 'r' | 'b' | 'c'))
        .count();
    let raw = text.iter().take(prefix).any(|c| *c == 'r');
    let body = text.get(prefix..).unwrap_or_default();
    if prefix > 2 {
        return 0;
    }
    if !raw {
        return match body {
            ['"', ..] => prefix + quoted(body, '"'),
            ['\'', ..] if character(body) > 0 => prefix + character(body),
            _ => 0,
        };
    }
    let hashes = body.iter().take_while(|c| **c == '#').count();
    if body.get(hashes) != Some(&'"') {
        return 0;
    }
    let inner = body.get(hashes + 1..).unwrap_or_default();
    let end = (0..inner.len()).find(|at| {
        let tail = inner.get(*at..).unwrap_or_default();
        tail.first() == Some(&'"')
            && tail
                .iter()
                .skip(1)
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    });
    prefix + hashes + 1 + end.map_or(inner.len(), |at| at + 1 + hashes)
}

/// The number, from 1, of the line that byte `offset` of `text` lies on.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked() {
        let code = code_only("a(\"todo!\"); // todo!\nb /* x /* y */ z */ c");
        assert!(!code.contains("todo!"));
        assert!(!code.contains('y') && !code.contains('z'));
        assert_eq!(code.lines().count(), 2);
        assert!(code.ends_with(" c"));
    }

    #[test]
    fn raw_strings_end_at_their_own_quote() {
        let code = code_only(r####"f(r#"a " todo! "#, br"\", b"\"") + tail"####);
        assert!(!code.contains("todo"));
        assert!(code.ends_with(" + tail"));
    }

    #[test]
    fn lifetimes_are_no_character_literals() {
        assert_eq!(code_only("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
        assert_eq!(
            code_only("['\"', '\\'', 'x'].len()"),
            "[   ,     ,    ].len()"
        );
    }

    #[test]
    fn a_word_that_ends_in_r_opens_no_literal() {
        assert_eq!(code_only("var\"x\""), "var   ");
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_at("a\nb\nc", 0), 1);
        assert_eq!(line_at("a\nb\nc", 4), 3);
    }
}
