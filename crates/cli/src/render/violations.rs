//! What is wrong with a document: with the lines that it is about for people, with stable names for programs.

use super::shown;
use crate::output::Paint;
use mandate_plan::{Level, Violation};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity,
};
use serde_json::{Value, json};

/// Most violations that people are shown with their lines; the rest is counted.
const MOST_SHOWN: usize = 50;
/// Documents with longer lines are not quoted: the place is enough.
const LONGEST_LINE: usize = 400;

/// A violation for programs.
pub(crate) fn to_json(found: &Violation) -> Value {
    json!(mandate_server::view::violation(found))
}

/// The violations with the lines that they are about.
pub(crate) fn with_source(name: &str, text: &str, found: &[Violation], paint: Paint) -> String {
    let quotable = text.lines().all(|line| line.len() <= LONGEST_LINE);
    let offsets = line_starts(text);
    let theme = if paint.is_on() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_context_lines(1);
    // Tabs are kept by the renderer; everything else that could move the cursor is not.
    let shown_text: String = text
        .chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' && c != '\r' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    let mut out = String::new();
    for violation in found.iter().take(MOST_SHOWN) {
        let span = violation
            .line
            .zip(violation.column)
            .filter(|_| quotable && shown_text.len() == text.len())
            .and_then(|(line, column)| span(text, &offsets, line, column));
        let mut diagnostic = MietteDiagnostic::new(shown::lines(&violation.message))
            .with_code(violation.code.to_string())
            .with_severity(match violation.level {
                Level::Error => Severity::Error,
                Level::Warning => Severity::Warning,
            });
        let at = match (span.is_some(), violation.line.zip(violation.column)) {
            (false, Some((line, column))) => Some(format!("at {name}:{line}:{column}")),
            (false, None) if !violation.pointer.is_empty() => {
                Some(format!("at `{}`", violation.pointer))
            }
            _ => None,
        };
        let help: Vec<String> = violation
            .suggestion
            .iter()
            .map(|text| shown::line(text))
            .chain(at)
            .collect();
        if !help.is_empty() {
            diagnostic = diagnostic.with_help(help.join("; "));
        }
        let report = match span {
            Some((start, length)) => {
                let label = LabeledSpan::new_primary_with_span(None, (start, length));
                miette::Report::new(diagnostic.with_label(label))
                    .with_source_code(NamedSource::new(name, shown_text.clone()))
            }
            None => miette::Report::new(diagnostic),
        };
        let _ = handler.render_report(&mut out, report.as_ref());
        out.push('\n');
    }
    if found.len() > MOST_SHOWN {
        let more = found.len() - MOST_SHOWN;
        out.push_str(&format!("… and {more} more; `--json` lists all\n"));
    }
    out
}

/// The violations where the document is not at hand: one line each.
pub(crate) fn without_source(found: &[Violation]) -> String {
    let lines = found.iter().take(MOST_SHOWN).map(|violation| {
        let hint = violation.suggestion.as_ref();
        let hint = hint.map_or_else(String::new, |hint| format!("; {}", shown::line(hint)));
        format!(
            "  {}: {}{hint}",
            violation.code,
            shown::line(&violation.message)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

/// Byte offset and length of the word at a line and a column.
fn span(text: &str, starts: &[usize], line: usize, column: usize) -> Option<(usize, usize)> {
    let start = *starts.get(line.checked_sub(1)?)?;
    let rest = text.get(start..)?;
    let rest = rest.split('\n').next().unwrap_or(rest);
    let skipped: usize = rest
        .chars()
        .take(column.checked_sub(1)?)
        .map(char::len_utf8)
        .sum();
    let behind = rest.get(skipped..)?;
    let word = behind
        .find(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '}' | ']'))
        .unwrap_or(behind.len());
    Some((start + skipped, word.max(usize::from(!behind.is_empty()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_plan::ViolationCode;

    #[test]
    fn the_word_at_the_place_is_marked() {
        let text = "version: 1\nsteps:\n  - idd: ä\n";
        let starts = line_starts(text);
        let (start, length) = span(text, &starts, 3, 5).unwrap();
        assert_eq!(text.get(start..start + length), Some("idd"));
        assert_eq!(span(text, &starts, 9, 1), None);
    }

    #[test]
    fn code_line_and_suggestion_are_shown() {
        let mut violation = Violation::new(
            ViolationCode::KeyUnknown,
            "/steps/0/idd",
            "unknown key `idd`",
        )
        .suggest(Some("did you mean `id`?".to_owned()));
        violation.line = Some(2);
        violation.column = Some(5);
        let text = with_source(
            "plan.yaml",
            "steps:\n  - idd: a\n",
            &[violation],
            Paint::OFF,
        );
        for part in [
            "KEY_UNKNOWN",
            "unknown key `idd`",
            "plan.yaml:2:5",
            "did you mean `id`?",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
