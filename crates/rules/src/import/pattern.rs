//! Regular expressions of the source, made linear-time: a look-ahead becomes an exception, or the pattern is refused.
//!
//! `^A(?!B)C` is found exactly where `^AC` is and `^AB` is not, as long as `A` can end in one place only. That is so
//! when no word of `A` begins another one, which is checked; `A` is then a list of words such as `http://`, `https://`.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// One alternative of a pattern: found in a text where `pattern` is and `except` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) pattern: String,
    pub(super) except: Option<String>,
}

/// The words of `A` that are looked at.
const MAX_WORDS: usize = 256;
/// The longest pattern, in bytes.
const MAX_BYTES: usize = 4_096;

/// The alternatives of a pattern.
///
/// # Errors
/// What cannot be translated, in words.
pub(super) fn translate(text: &str) -> Result<Vec<Part>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("its pattern is longer than {MAX_BYTES} bytes"));
    }
    if text.is_empty() {
        return Err("its pattern is empty, and so is found in everything".to_owned());
    }
    let (flags, body) = leading_flags(text);
    if !has_look_around(body) {
        let pattern = text.to_owned();
        valid(&pattern)?;
        return Ok(vec![Part {
            pattern,
            except: None,
        }]);
    }
    let parts = alternatives(body).into_iter().map(|part| one(flags, part));
    parts.collect()
}

/// Whether the alternative ends with names of hosts, so that a longer name would be found, too.
pub(super) fn ends_in_host(pattern: &str) -> bool {
    let Some((_, hosts)) = pattern.rsplit_once("://") else {
        return false;
    };
    let inner = hosts.strip_prefix("(?:").or(hosts.strip_prefix('('));
    let hosts = match inner {
        Some(inner) => match inner.strip_suffix(')') {
            Some(inner) => inner,
            None => return false,
        },
        None => hosts,
    };
    let host = |c: char| c.is_ascii_alphanumeric() || "\\.-[]:|".contains(c);
    // Behind a name there may be a port already.
    let port = |host: &str| !host.contains("\\[") && host.contains(':');
    !hosts.is_empty() && hosts.chars().all(host) && !hosts.split('|').any(port)
}

/// What a host may be followed by.
pub(super) const HOST_ENDS: &str = "(?:[:/?#]|$)";

fn one(flags: &str, text: &str) -> Result<Part, String> {
    let look = match look_ahead(text)? {
        Some(look) => look,
        None => {
            let pattern = format!("{flags}{text}");
            valid(&pattern)?;
            let except = None;
            return Ok(Part { pattern, except });
        }
    };
    let Look3 {
        before,
        negative,
        inside,
        after,
    } = look;
    if has_look_around(inside) || has_look_around(after) {
        return Err("its pattern has more than one look-around; write it as two rules".to_owned());
    }
    if !before.starts_with('^') {
        return Err(
            "the look-ahead of its pattern can begin anywhere; begin the pattern with `^`"
                .to_owned(),
        );
    }
    if !ends_in_one_place(&format!("{flags}{before}")) {
        return Err(format!(
            "what stands before the look-ahead, `{before}`, can end in several places; make it fixed, such as `^https?://`"
        ));
    }
    let found = format!("{flags}{before}(?:{inside})");
    valid(&found)?;
    if !negative {
        if !after.is_empty() {
            return Err(
                "its pattern has a positive look-ahead with something behind it; write it as two rules"
                    .to_owned(),
            );
        }
        return Ok(Part {
            pattern: found,
            except: None,
        });
    }
    let pattern = format!("{flags}{before}{after}");
    valid(&pattern)?;
    let except = format!("{flags}{before}(?:{inside})");
    let except = match ends_in_host(&format!("{before}({inside})")) || ends_in_host(inside) {
        true => format!("{except}{HOST_ENDS}"),
        false => except,
    };
    valid(&except)?;
    Ok(Part {
        pattern,
        except: Some(except),
    })
}

fn valid(pattern: &str) -> Result<(), String> {
    let built = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build();
    built.map(|_| ()).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or(&text).trim();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        format!("its pattern `{pattern}` cannot be used: {why}")
    })
}

/// `(?i)` and the like at the beginning, and the rest.
fn leading_flags(text: &str) -> (&str, &str) {
    let flags = text.strip_prefix("(?").and_then(|rest| rest.find(')'));
    let end = flags.and_then(|at| at.checked_add(3));
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((flags, rest))
            if flags
                .chars()
                .all(|c| c.is_ascii_alphabetic() || "(?)".contains(c)) =>
        {
            (flags, rest)
        }
        _ => ("", text),
    }
}

/// The text with what is escaped, or stands in a class, left out; the rest by its byte.
fn plain(text: &str) -> Vec<(usize, char)> {
    let mut out = Vec::new();
    let mut chars = text.char_indices();
    let mut class = 0_usize;
    let mut first = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
                first = false;
            }
            '[' if class == 0 => {
                class = 1;
                first = true;
            }
            '[' => class = class.saturating_add(1),
            '^' if class > 0 && first => {}
            ']' if class > 0 && !first => class = class.saturating_sub(1),
            _ if class > 0 => first = false,
            _ => out.push((at, c)),
        }
    }
    out
}

fn has_look_around(text: &str) -> bool {
    let plain = plain(text);
    plain.iter().any(|(at, c)| {
        let rest = text.get(*at..).unwrap_or_default();
        *c == '('
            && ["(?=", "(?!", "(?<=", "(?<!"]
                .iter()
                .any(|look| rest.starts_with(look))
    })
}

/// The pattern split at the `|` that stand in no group.
fn alternatives(text: &str) -> Vec<&str> {
    let (mut depth, mut begin) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, c) in plain(text) {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.extend(text.get(begin..at));
                begin = at.saturating_add(1);
            }
            _ => {}
        }
    }
    parts.extend(text.get(begin..));
    parts
}

/// An alternative around its first look-ahead.
struct Look3<'a> {
    before: &'a str,
    negative: bool,
    inside: &'a str,
    after: &'a str,
}

fn look_ahead(text: &str) -> Result<Option<Look3<'_>>, String> {
    let plain = plain(text);
    let mut depth = 0_usize;
    let mut opened: Option<(usize, bool, usize)> = None;
    for (at, c) in plain {
        let rest = text.get(at..).unwrap_or_default();
        match c {
            '(' => {
                if opened.is_none() && has_look_here(rest) {
                    if rest.starts_with("(?<") {
                        return Err(
                            "its pattern looks behind, which cannot be translated".to_owned()
                        );
                    }
                    if depth > 0 {
                        return Err(
                            "the look-ahead of its pattern stands in a group; write it without the group"
                                .to_owned(),
                        );
                    }
                    opened = Some((at, rest.starts_with("(?!"), depth));
                }
                depth = depth.saturating_add(1);
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if let Some((begin, negative, level)) = opened
                    && depth == level
                {
                    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
                    let behind = at.saturating_add(1);
                    let after = text.get(behind..).unwrap_or_default();
                    if after.starts_with(['*', '+', '?', '{']) {
                        return Err("the look-ahead of its pattern is repeated".to_owned());
                    }
                    return Ok(Some(Look3 {
                        before: part(0, begin),
                        negative,
                        inside: part(begin.saturating_add(3), at),
                        after,
                    }));
                }
            }
            _ => {}
        }
    }
    match opened {
        Some(_) => Err("its pattern has a group that is not closed".to_owned()),
        None => Ok(None),
    }
}

fn has_look_here(rest: &str) -> bool {
    ["(?=", "(?!", "(?<=", "(?<!"]
        .iter()
        .any(|look| rest.starts_with(look))
}

/// Whether no text has two beginnings that match all of `pattern`, which begins with `^`.
fn ends_in_one_place(pattern: &str) -> bool {
    let Ok(hir) = regex_syntax::parse(pattern) else {
        return false;
    };
    let Some(words) = words(&hir) else {
        return false;
    };
    let begins = |word: &String, other: &String| word != other && other.starts_with(word.as_str());
    !words
        .iter()
        .any(|word| words.iter().any(|other| begins(word, other)))
}

/// All texts that match, letters in lower case where case does not matter; none: too many.
fn words(hir: &Hir) -> Option<Vec<String>> {
    let words = match hir.kind() {
        HirKind::Empty | HirKind::Look(Look::Start) => vec![String::new()],
        HirKind::Literal(literal) => vec![String::from_utf8(literal.0.to_vec()).ok()?],
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.iter().flat_map(|range| range.start()..=range.end());
            let mut letters: Vec<char> = ranges.take(MAX_WORDS.saturating_add(1)).collect();
            // A letter in both cases is one letter: all words are compared alike.
            let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
            letters = letters.into_iter().map(lower).collect();
            letters.sort_unstable();
            letters.dedup();
            letters.into_iter().map(String::from).collect()
        }
        HirKind::Capture(capture) => words(&capture.sub)?,
        HirKind::Repetition(repeated) => {
            let most = repeated.max.filter(|most| *most <= 8)?;
            let once = words(&repeated.sub)?;
            let mut all = Vec::new();
            for times in repeated.min..=most {
                let mut made = vec![String::new()];
                for _ in 0..times {
                    made = product(&made, &once)?;
                }
                all.extend(made);
            }
            all
        }
        HirKind::Concat(parts) => {
            let mut made = vec![String::new()];
            for part in parts {
                made = product(&made, &words(part)?)?;
            }
            made
        }
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(words(part)?);
            }
            all
        }
        _ => return None,
    };
    (words.len() <= MAX_WORDS).then_some(words)
}

fn product(left: &[String], right: &[String]) -> Option<Vec<String>> {
    if left.len().saturating_mul(right.len()) > MAX_WORDS {
        return None;
    }
    let pairs = left.iter().flat_map(|left| {
        let joined = move |right: &String| format!("{left}{right}");
        right.iter().map(joined)
    });
    Some(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn found(parts: &[Part], text: &str) -> bool {
        parts.iter().any(|part| {
            let is = |pattern: &str| Regex::new(pattern).unwrap().is_match(text);
            is(&part.pattern) && !part.except.as_deref().is_some_and(is)
        })
    }

    #[test]
    fn what_has_no_look_around_stays_as_it_is() {
        let text = r"(?i)^/etc/|passwd|[(?!]x\(?=";
        let parts = translate(text).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].pattern, text);
        assert_eq!(parts[0].except, None);
    }

    #[test]
    fn a_negative_look_ahead_becomes_an_exception() {
        let parts = translate(r"^https?://(?!localhost|127\.0\.0\.1)").unwrap();
        for (url, hit) in [
            ("http://example.org/", true),
            ("https://example.org/", true),
            ("http://localhost/", false),
            ("http://localhost:8080/x", false),
            ("https://127.0.0.1", false),
            ("ftp://example.org/", false),
            // A longer name is another host.
            ("http://localhost.example.org/", true),
            ("http://127.0.0.1.example.org/", true),
            ("http://example.org/http://localhost/", true),
        ] {
            assert_eq!(found(&parts, url), hit, "{url}");
        }
    }

    #[test]
    fn what_comes_behind_the_look_ahead_counts() {
        let parts = translate(r"(?i)^/srv/(?!public/)[a-z]+\.txt$|^/etc/").unwrap();
        assert_eq!(parts.len(), 2);
        for (path, hit) in [
            ("/srv/a.txt", true),
            ("/SRV/A.TXT", true),
            ("/srv/public/a.txt", false),
            ("/srv/a.pdf", false),
            ("/etc/hosts", true),
        ] {
            assert_eq!(found(&parts, path), hit, "{path}");
        }
        let whole = translate(r"^(?!.*\.md$)docs/").unwrap();
        assert!(found(&whole, "docs/a.txt") && !found(&whole, "docs/a.md"));
        let positive = translate(r"^/srv/(?=secret)").unwrap();
        assert!(found(&positive, "/srv/secrets") && !found(&positive, "/srv/x"));
    }

    #[test]
    fn what_cannot_be_translated_is_refused() {
        for text in [
            "",
            r"https?://(?!localhost)",
            r"^.*://(?!localhost)",
            r"^a?(?!b)",
            r"^(https?://(?!localhost))",
            r"(?<!x)y",
            r"^a(?!b)c(?!d)",
            r"^a(?=b)c",
            r"^a(?!b)+",
            r"(a)\1",
            r"^a(?!b",
            "(",
        ] {
            assert!(translate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_at_the_end_are_seen() {
        for text in [
            r"^https?://(localhost|127\.0\.0\.1|\[::1\])",
            r"^http://localhost",
        ] {
            assert!(ends_in_host(text), "{text}");
        }
        for text in [
            r"^https?://",
            r"^https?://localhost/",
            r"^https?://[^/]+",
            r"^/etc/",
        ] {
            assert!(!ends_in_host(text), "{text}");
        }
    }
}
