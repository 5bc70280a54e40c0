//! What is wrong with a policy, with the lines that it is about.

use super::shown;
use crate::output::Paint;
use mandate_rules::PolicyError;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity,
};
use serde_json::{Value, json};

/// Most mistakes that people are shown; the rest is counted.
const MOST_SHOWN: usize = 50;

/// A mistake for programs.
pub(crate) fn to_json(found: &PolicyError, level: &'static str) -> Value {
    json!(mandate_server::view::policy_error(found, level))
}

/// Mistakes without colours.
pub(crate) fn plain(found: &[PolicyError]) -> String {
    report(found, Severity::Error, GraphicalTheme::unicode_nocolor())
}

/// Mistakes, or what was hardly meant.
pub(crate) fn with_source(found: &[PolicyError], severity: Severity, paint: Paint) -> String {
    let theme = match paint.is_on() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    report(found, severity, theme)
}

fn report(found: &[PolicyError], severity: Severity, theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_context_lines(1);
    let mut out = String::new();
    for one in found.iter().take(MOST_SHOWN) {
        let text = &*one.source.text;
        // What could move the cursor is not printed, and then the place alone is shown.
        let quotable = !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
        let span = one.span.as_ref().filter(|_| quotable);
        let mut diagnostic =
            MietteDiagnostic::new(shown::lines(&one.message)).with_severity(severity);
        let at = span.is_none().then(|| format!("at {}", one.place()));
        let help: Vec<String> = one
            .help
            .iter()
            .map(|help| shown::lines(help))
            .chain(at)
            .collect();
        if !help.is_empty() {
            diagnostic = diagnostic.with_help(help.join("; "));
        }
        let report = match span {
            Some(span) => {
                let first_line = text.get(span.clone()).and_then(|own| own.lines().next());
                let length = first_line.map_or(0, str::len);
                let label = LabeledSpan::new_primary_with_span(None, (span.start, length));
                miette::Report::new(diagnostic.with_label(label))
                    .with_source_code(NamedSource::new(&*one.source.name, text.to_owned()))
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
