//! Text and values of others as people may see them: nothing in them moves the cursor, hides or reverses text.

use mandate_policy::normalise::strip_invisible;
use serde_json::Value;

/// One line: everything invisible is gone, line breaks are spaces.
pub fn line(text: &str) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    strip_invisible(text.trim()).into_owned()
}

/// Several lines: everything invisible but line breaks is gone.
pub fn lines(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| strip_invisible(&line.replace('\t', "    ")).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// One line of at most `most` characters.
pub fn short(text: &str, most: usize) -> String {
    let text = line(text);
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The beginning of one line, indentation kept.
pub fn short_end(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A value on one line, cut off where it is long.
pub fn value(value: &Value, most: usize) -> String {
    match value {
        Value::String(text) if is_plain(text) => short(text, most),
        Value::String(text) if text.chars().count() > most => {
            let bytes = text.len();
            format!("{} ({bytes} bytes)", short(&value.to_string(), most))
        }
        other => short(&other.to_string(), most),
    }
}

/// A value in full, over several lines where it has them.
pub fn whole(value: &Value) -> String {
    match value {
        Value::String(text) => lines(text),
        other => lines(&serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}

/// Whether a text can be told from other values, and from nothing, without quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains(['\n', '\r', '"'])
        && serde_json::from_str::<Value>(text).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\nc"), "a[2Jb c");
        assert_eq!(lines("a\u{202e}b\n\tc"), "ab\n    c");
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        assert_eq!(value(&json!("report.md"), 20), "report.md");
        assert_eq!(value(&json!("3"), 20), "\"3\"");
        assert_eq!(value(&json!(""), 20), "\"\"");
        assert_eq!(value(&json!([1, 2]), 20), "[1,2]");
        assert_eq!(value(&json!("a long text that goes on"), 10), "a long te…");
    }
}
