//! `mandate policy shadow`.

use super::backtest::show_changes;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    render::shown,
    when,
};
use clap::Args;
use mandate_host::{backtest::BacktestReport, shadow::shadowed};
use serde_json::json;
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  mandate policy shadow
  mandate policy shadow --since 7d --json

A policy named by `policy.shadow` in the configuration is asked whatever the one in force is asked, and decides \
nothing. This shows where the two differed. Always exits with 0.";

/// What `policy shadow` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShadowArgs {
    /// Only what was decided since then: `7d`, `2026-07-01`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

pub(super) fn run(args: &ShadowArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let since_ms = args
        .since
        .as_deref()
        .map(|text| when::past_ms(text, when::now_ms()))
        .transpose()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let shadow = context.settings()?.shadow.as_ref();
    let reader = context.reader()?;
    let noted = shadowed(&reader, since_ms)?;
    let versions: BTreeSet<&String> = noted.iter().map(|one| &one.version).collect();
    if out.is_json() {
        let report = report(noted.iter().map(|one| one.change.clone()));
        out.value(&json!({
            "shadow": shadow.map(|shadow| json!({
                "path": shadow.path,
                "version": shadow.rules.as_ref().ok().map(|rules| rules.version()),
                "problem": shadow.rules.as_ref().err(),
            })),
            "totals": report.totals(),
            "groups": report.groups(),
            "differences": noted,
        }));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    match shadow {
        None => out.note("note: no shadow is set; `policy.shadow` in `mandate.toml` names one"),
        Some(shadow) => {
            if let Err(why) = &shadow.rules {
                out.note(&format!(
                    "note: the shadow cannot be asked: {}",
                    shown::line(why)
                ));
            }
        }
    }
    if noted.is_empty() {
        out.line("the two never differed");
        return Ok(Exit::Success);
    }
    // Another version is another policy: what it said is told by itself.
    for version in versions {
        let of_it = noted.iter().filter(|one| one.version == *version);
        let report = report(of_it.map(|one| one.change.clone()));
        out.line(&format!(
            "{} {}: {} decisions would have been others",
            paint.bold("shadow"),
            version,
            report.changes.len()
        ));
        show_changes(&report, out);
    }
    Ok(Exit::Success)
}

fn report(changes: impl Iterator<Item = mandate_host::backtest::Change>) -> BacktestReport {
    BacktestReport {
        changes: changes.collect(),
        ..BacktestReport::default()
    }
}
