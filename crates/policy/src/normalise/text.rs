//! Text without what hides in it: invisible characters, percent-encoding however deep, characters that look like
//! dots and slashes.

use std::borrow::Cow;

/// Longest text that a message shows, in characters.
const SHOWN_CHARS: usize = 160;

/// Control characters, bidirectional marks and overrides, and characters without width.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text without control, bidirectional and zero-width characters.
pub fn strip_invisible(text: &str) -> Cow<'_, str> {
    if !is_plain(text) && text.chars().any(is_invisible) {
        Cow::Owned(text.chars().filter(|c| !is_invisible(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text as it may stand in a message: nothing invisible, not too long.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut visible = text.chars().filter(|c| !is_invisible(*c));
    out.extend(visible.by_ref().take(SHOWN_CHARS));
    if visible.next().is_some() {
        out.push('…');
    }
    out
}

/// What a character would be taken for by a reader that folds look-alikes; `None` if it stands for itself.
fn lookalike(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2024}' | '\u{3002}' | '\u{ff61}' | '\u{fe52}' | '\u{ff0e}' => ".",
        '\u{2025}' => "..",
        '\u{2026}' => "...",
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' => "/",
        '\u{2216}' | '\u{fe68}' | '\u{ff3c}' => "\\",
        '\u{ff05}' | '\u{fe6a}' => "%",
        '\u{ff1a}' => ":",
        '\u{ff1f}' => "?",
        '\u{ff03}' => "#",
        '\u{ff20}' => "@",
        '\u{ff5e}' => "~",
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            fullwidth(c)?
        }
        _ => return None,
    })
}

/// The ASCII letter or digit that a full-width one stands for.
fn fullwidth(c: char) -> Option<&'static str> {
    const ASCII: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let code = u32::from(c);
    let at = match code {
        0xff10..=0xff19 => code - 0xff10,
        0xff21..=0xff3a => code - 0xff21 + 10,
        _ => code.checked_sub(0xff41)? + 36,
    };
    let at = usize::try_from(at).ok()?;
    ASCII.get(at..at.checked_add(1)?)
}

/// The text with percent-encoding undone until none is left, look-alikes folded to ASCII, invisible characters
/// dropped: applying it again changes nothing, and the time is linear however deep the encodings are nested.
///
/// It works as a stack: whenever the end of what is written so far forms an encoded byte, or a character to fold or
/// drop, that end is replaced, which may complete the next one.
pub(crate) fn unfold(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut pending: Vec<u8> = Vec::new();
    for byte in text.bytes() {
        pending.push(byte);
        while let Some(byte) = pending.pop() {
            out.push(byte);
            if let Some(decoded) = encoded_tail(&out) {
                out.truncate(out.len().saturating_sub(3));
                pending.push(decoded);
            } else if let Some((length, replacement)) = foldable_tail(&out) {
                out.truncate(out.len().saturating_sub(length));
                pending.extend(replacement.bytes().rev());
            }
        }
    }
    // Bytes that are no UTF-8 become U+FFFD, which is neither foldable nor part of an encoding.
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether nothing hides in the text: visible ASCII without `%`. Most texts are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%')
}

/// The byte that a trailing `%XX` stands for.
fn encoded_tail(out: &[u8]) -> Option<u8> {
    let [.., b'%', high, low] = out else {
        return None;
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// The length in bytes of a last character that is folded or dropped, and what comes in its place.
fn foldable_tail(out: &[u8]) -> Option<(usize, &'static str)> {
    let last = *out.last()?;
    if last.is_ascii() {
        return last.is_ascii_control().then_some((1, ""));
    }
    // Overlong forms of `.`, `/` and `\` are no UTF-8, but old decoders take them.
    match out {
        [.., 0xc0, 0xae] => return Some((2, ".")),
        [.., 0xc0, 0xaf] => return Some((2, "/")),
        [.., 0xc1, 0x9c] => return Some((2, "\\")),
        [.., 0xe0, 0x80, 0xae] => return Some((3, ".")),
        [.., 0xe0, 0x80, 0xaf] => return Some((3, "/")),
        _ => {}
    }
    let length = (2..=4).find(|n| {
        let lead = out.len().checked_sub(*n).and_then(|at| out.get(at));
        lead.is_some_and(|byte| *byte >= 0xc0)
    })?;
    let tail = out.get(out.len().checked_sub(length)?..)?;
    let mut chars = std::str::from_utf8(tail).ok()?.chars();
    let (c, None) = (chars.next()?, chars.next()) else {
        return None;
    };
    if is_invisible(c) {
        return Some((length, ""));
    }
    lookalike(c).map(|replacement| (length, replacement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfold_undoes_every_level() {
        for (text, expected) in [
            ("plain/path.txt", "plain/path.txt"),
            ("%2e%2E%2f", "../"),
            ("%252e%25252e", ".."),
            ("%2%35", "%"),
            ("\u{ff05}2e", "."),
            ("%ef%bc%8e", "."),
            ("%EF%BC%852e", "."),
            ("a\u{202e}b\u{0}c\u{200b}", "abc"),
            ("%c0%ae%c0%af", "./"),
            ("\u{2025}\u{2215}", "../"),
            ("％２ｅ", "."),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("héllo wörld 漢字", "héllo wörld 漢字"),
        ] {
            assert_eq!(unfold(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_plain_text_is_what_it_unfolds_to() {
        // Told of every ASCII character: what is called plain comes out of the stack as it went in.
        for byte in 0..=0x7f_u8 {
            let text = format!("a{0}b{0}", char::from(byte));
            // What follows keeps it from being called plain as a whole.
            let unfolded = unfold(&format!("{text}\u{202e}"));
            assert!(!is_plain(&text) || unfolded == text, "{text:?}");
        }
        for text in ["%41", "a\nb", "\u{7f}", "\u{ff0e}"] {
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn unfold_is_linear_in_nested_encodings() {
        // 400 KB of `%2525…`: the repeated way would take 200,000 passes over it.
        let nested = format!("%{}", "25".repeat(200_000));
        assert_eq!(unfold(&nested), "%");
    }
}
