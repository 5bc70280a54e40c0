//! `mandate audit verify`.

use super::head;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    render::{execution, shown},
};
use clap::Args;
use mandate_host::Rebuilder;
use mandate_store::verify;
use serde_json::json;

/// What `audit verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A head that was kept elsewhere: finds that the whole directory was put back to an older copy
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Option<String>,
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let expected = args.head.as_deref().map(head::parse).transpose()?;
    // Says the same of a journal that is not there as every other command.
    let reader = context.reader()?;
    let report = verify(reader.dir(), expected, &Rebuilder)?;
    let exit = if report.is_intact() {
        Exit::Success
    } else {
        Exit::Failure
    };
    if out.is_json() {
        out.value(&json!({ "intact": report.is_intact(), "report": report }));
        return Ok(exit);
    }
    let paint = out.paint();
    let counts = [
        (report.events, "event"),
        (report.executions, "execution"),
        (report.commits, "commit"),
        (report.plans, "plan"),
        (report.blobs, "blob"),
    ]
    .map(|(count, what)| {
        if count == 1 {
            format!("1 {what}")
        } else {
            format!("{count} {what}s")
        }
    })
    .join(", ");
    if report.is_intact() {
        out.line(&format!("{} {counts}", paint.look(Look::Good, "intact:")));
    } else {
        let findings = if report.total_findings == 1 {
            "finding"
        } else {
            "findings"
        };
        out.line(&format!(
            "{} {} {findings} in {counts}",
            paint.look(Look::Bad, "not intact:"),
            report.total_findings
        ));
        for finding in &report.findings {
            out.line(&format!(
                "  {} {}",
                paint.look(Look::Bad, "✗"),
                shown::line(&finding.to_string())
            ));
        }
        let more = report
            .total_findings
            .saturating_sub(report.findings.len() as u64);
        if more > 0 {
            out.line(&format!("  … and {more} more"));
        }
    }
    out.line(&format!(
        "{} {}",
        paint.dim("head"),
        execution::head(&report.head)
    ));
    Ok(exit)
}
