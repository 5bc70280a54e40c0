//! `mandate audit verify`: of the journal, or of an export of one.

use super::head;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Out},
    render::{execution, shown},
};
use clap::Args;
use mandate_host::Rebuilder;
use mandate_store::{
    ExportReport, Finding, Head, Known, Origin, PublicKey, VerifyReport, verify, verify_export,
};
use serde_json::json;
use std::{
    fs::File,
    io::{BufRead, BufReader},
};

/// What `audit verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A head that was kept elsewhere: finds that the whole directory was put back to an older copy
    #[arg(long, value_name = "NUMBER:HASH")]
    pub(crate) head: Option<String>,
    /// Verify an export, with nothing but the export; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<String>,
    /// The key that must have signed the export, as `audit head --public-key` prints it there
    #[arg(long, value_name = "KEY", requires = "export")]
    public_key: Option<String>,
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let expected = args.head.as_deref().map(head::parse).transpose()?;
    if let Some(path) = &args.export {
        return of_export(path, args.public_key.as_deref(), expected, context);
    }
    // Says the same of a journal that is not there as every other command.
    let reader = context.reader()?;
    let report = verify(reader.dir(), expected, &Rebuilder)?;
    Ok(tell(&report, out))
}

/// Tells what was found.
pub(crate) fn tell(report: &VerifyReport, out: &Out) -> Exit {
    let intact = report.is_intact();
    if out.is_json() {
        out.value(&json!({ "intact": intact, "report": report }));
        return exit(intact);
    }
    let counts = [
        (report.events, "event"),
        (report.executions, "execution"),
        (report.commits, "commit"),
        (report.plans, "plan"),
        (report.blobs, "blob"),
    ];
    show(out, &counts, &report.findings, report.total_findings);
    if report.archived > 0 {
        out.line(&format!(
            "{} {}, each with a tombstone",
            out.paint().dim("archived"),
            counted(report.archived, "execution")
        ));
    }
    show_head(out, &report.head);
    exit(intact)
}

fn of_export(
    path: &str,
    public_key: Option<&str>,
    head: Option<Head>,
    context: &Context,
) -> Result<Exit, Failure> {
    let public_key = public_key.map(str::parse::<PublicKey>).transpose();
    let public_key = public_key.map_err(|error| {
        Failure::usage(error.to_string())
            .remedy("`mandate audit head --public-key` prints it, where the journal is")
    })?;
    // Whoever verifies an export need not have a journal, nor a configuration that is valid.
    let dir = context.settings().ok().map(|settings| &*settings.data_dir);
    let known = Known {
        head,
        public_key,
        dir,
    };
    let mut input: Box<dyn BufRead> = match path {
        "-" => Box::new(BufReader::new(std::io::stdin().lock())),
        path => {
            let opened = File::open(path).map_err(|error| {
                Failure::usage(format!("cannot open the export `{path}`: {error}"))
                    .remedy("give the path of a file that `mandate audit export` wrote, or `-`")
            })?;
            Box::new(BufReader::new(opened))
        }
    };
    let report = verify_export(&mut *input, &known)?;
    let intact = report.is_intact();
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ "intact": intact, "report": report }));
        return Ok(exit(intact));
    }
    let counts = [
        (report.events, "event"),
        (report.executions, "execution"),
        (report.commits, "commit"),
        (report.plans, "plan"),
    ];
    show(out, &counts, &report.findings, report.total_findings);
    show_scope(out, &report);
    show_head(out, &report.head);
    Ok(exit(intact))
}

/// What an export holds and whose it is, so that nobody takes more for proven than is.
fn show_scope(out: &Out, report: &ExportReport) {
    let paint = out.paint();
    let Some(selection) = &report.selection else {
        return;
    };
    let holds = match (selection.takes_all_rows(), report.from.number) {
        _ if selection.archive.is_some() => {
            "archived executions, whole; commits without rows of theirs are left out".to_owned()
        }
        (true, 0) => "the whole journal up to the head".to_owned(),
        (true, from) => format!("everything behind commit {from} up to the head"),
        (false, _) => format!(
            "a selection; of {} other rows the hashes only",
            report.left_out
        ),
    };
    out.line(&format!("{} {holds}", paint.dim("holds")));
    let key = report.public_key.map(|key| key.to_string());
    let key = key.unwrap_or_default();
    let origin = match report.origin {
        Origin::Proven => format!("signed by {key}, the key that was given"),
        Origin::Unknown => format!(
            "signed by {key}: compare it with the key you know, or give that with `--public-key`"
        ),
        Origin::Wrong => "not proven: the signature is not good".to_owned(),
        Origin::Unsigned => "not proven: there is no signature".to_owned(),
    };
    out.line(&format!("{} {origin}", paint.dim("origin")));
    if report.hmac_checked {
        out.line(&format!(
            "{} checked with the audit key of this journal",
            paint.dim("codes of the commits")
        ));
    }
}

fn exit(intact: bool) -> Exit {
    if intact { Exit::Success } else { Exit::Failure }
}

fn show(out: &Out, counts: &[(u64, &str)], findings: &[Finding], total_findings: u64) {
    let paint = out.paint();
    let counts = counts.iter().map(|(count, what)| counted(*count, what));
    let counts = counts.collect::<Vec<_>>().join(", ");
    if total_findings == 0 {
        out.line(&format!("{} {counts}", paint.look(Look::Good, "intact:")));
        return;
    }
    out.line(&format!(
        "{} {} in {counts}",
        paint.look(Look::Bad, "not intact:"),
        counted(total_findings, "finding")
    ));
    for finding in findings {
        out.line(&format!(
            "  {} {}",
            paint.look(Look::Bad, "✗"),
            shown::line(&finding.to_string())
        ));
    }
    let more = total_findings.saturating_sub(findings.len() as u64);
    if more > 0 {
        out.line(&format!("  … and {more} more"));
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn show_head(out: &Out, head: &Head) {
    out.line(&format!(
        "{} {}",
        out.paint().dim("head"),
        execution::head(head)
    ));
}
