//! `mandate gc`: what ended long ago goes to a file, and out of the journal.

use crate::{
    context::Context,
    drive::reach,
    errors::{Exit, Failure},
    hosting::open,
    output::Look,
    read_only::ReadOnly,
    when, who,
};
use clap::Args;
use mandate_host::{
    HostError,
    keys::may_remove,
    retention::{Archivable, KeptBack, archivable, remove, remove_from},
};
use mandate_store::{
    ArchiveFile, ExportReport, Known, Reader, SigningKey, SqliteStore, read_archive, vacuum,
    write_archive,
};
use serde_json::json;
use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// What `gc` takes.
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Archive what ended before this: `30d` ago, or a time
    #[arg(long, value_name = "TIME")]
    older_than: String,
    /// Write the archive here; by default into `archives` in the data directory. An archive that is there already is gone on
    /// with: what is in it, and still in the journal, is removed
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Only say what would be archived
    #[arg(long, conflicts_with = "vacuum")]
    dry_run: bool,
    /// Afterwards write the database anew, so that the file system gets the room back; no host may run
    #[arg(long)]
    vacuum: bool,
}

pub(super) fn run(args: &GcArgs, context: &Context) -> Result<Exit, Failure> {
    let now_ms = when::now_ms();
    let before_ms = when::past_ms(&args.older_than, now_ms)
        .map_err(|error| Failure::usage(format!("`--older-than`: {error}")))?;
    let reader = context.reader()?;
    let before = size(reader.dir());
    let found = match args.to.as_deref().filter(|path| path.exists()) {
        // What it holds was chosen when it was written.
        Some(_) => Archivable::default(),
        None => archivable(&reader, &ReadOnly(&reader), before_ms, now_ms)?,
    };
    if args.dry_run {
        say(context, &found, None, before)?;
        return Ok(Exit::Success);
    }
    let (path, written) = match &args.to {
        Some(path) if path.exists() => (path.clone(), false),
        _ if found.executions.is_empty() => {
            let given_back = give_back(args, context);
            say(context, &found, None, before)?;
            return given_back.map(|()| Exit::Success);
        }
        Some(path) => (path.clone(), true),
        None => (own_file(reader.dir(), now_ms)?, true),
    };
    // A program that a plan started, and whoever may not, leaves no file either.
    allowed(&reader)?;
    if written {
        let key = SigningKey::of_directory(reader.dir())?;
        let executions = found.executions.iter().cloned();
        write_archive(&reader, executions, &key, &path)?;
    }
    let (archive, executions) = proven(&reader, &path)?;
    let left = still_here(&reader, executions)?;
    drop(reader);
    remove_all(context, &left, &archive)?;
    let removed = left.len() as u64;
    let given_back = give_back(args, context);
    say(context, &found, Some((&archive, removed)), before)?;
    given_back.map(|()| Exit::Success)
}

fn allowed(reader: &Reader) -> Result<(), Failure> {
    if std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
        let pid = std::process::id();
        return Err(HostError::FromATool { pid }.into());
    }
    may_remove(&who::known(Some(reader))?)?;
    Ok(())
}

/// Where an archive goes when nobody says where.
fn own_file(dir: &Path, now_ms: i64) -> Result<PathBuf, Failure> {
    let folder = dir.join("archives");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| Failure::io("cannot make the folder of archives", &error))?;
    let time = when::show_time(now_ms).replace([':', ' '], "-");
    Ok(folder.join(format!("{time}-{}.jsonl", now_ms.rem_euclid(1_000))))
}

/// The archive as it is on the disk, if it is one of this journal and nothing is wrong with it.
fn proven(reader: &Reader, path: &Path) -> Result<(ArchiveFile, Vec<(String, u64)>), Failure> {
    let known = Known {
        dir: Some(reader.dir()),
        public_key: Some(SigningKey::of_directory(reader.dir())?.public_key()),
        ..Known::default()
    };
    let archive = read_archive(path, &known)?;
    if let Some(why) = fault(&archive.report) {
        let path = path.display();
        return Err(
            Failure::usage(format!("`{path}` is no archive of this journal: {why}"))
                .remedy("nothing was removed; give another file with `--to`"),
        );
    }
    Ok((archive.file, archive.executions))
}

fn fault(report: &ExportReport) -> Option<String> {
    if let Some(finding) = report.findings.first() {
        return Some(finding.to_string());
    }
    // Without the codes it could be an archive of another journal that the same key signed.
    (!report.hmac_checked).then(|| "it was made from another one".to_owned())
}

/// Those that were not removed yet.
fn still_here(
    reader: &Reader,
    executions: Vec<(String, u64)>,
) -> Result<Vec<(String, u64)>, Failure> {
    let mut left = Vec::new();
    for (execution_id, last_seq) in executions {
        if reader.execution(&execution_id)?.is_some() {
            left.push((execution_id, last_seq));
        }
    }
    Ok(left)
}

fn remove_all(
    context: &Context,
    executions: &[(String, u64)],
    archive: &ArchiveFile,
) -> Result<(), Failure> {
    let settings = context.settings()?;
    let here = |store: &SqliteStore| {
        let who = who::principal(store)?;
        may_remove(&who)?;
        remove(executions, archive, &who.name, &when::now_ms, &mut |some| {
            remove_from(store, some)
        })?;
        Ok(())
    };
    reach(settings, here, |host| {
        // By whom, the host says.
        remove(executions, archive, "", &when::now_ms, &mut |some| {
            host.remove(some)
        })
    })?;
    Ok(())
}

/// Has the file system get the room back, if that is wanted.
fn give_back(args: &GcArgs, context: &Context) -> Result<(), Failure> {
    if !args.vacuum {
        return Ok(());
    }
    let settings = context.settings()?;
    // Opened once more, so that it is at the version of this program and whole before it is written anew.
    drop(open(settings)?);
    Ok(vacuum(&settings.data_dir)?)
}

fn size(dir: &Path) -> u64 {
    let files = ["journal.db", "journal.db-wal"];
    let sizes = files.map(|file| std::fs::metadata(dir.join(file)).map_or(0, |file| file.len()));
    sizes.iter().sum()
}

fn say(
    context: &Context,
    found: &Archivable,
    done: Option<(&ArchiveFile, u64)>,
    before: u64,
) -> Result<(), Failure> {
    let out = context.out();
    let after = size(&context.settings()?.data_dir);
    let kept = found.kept;
    if out.is_json() {
        out.value(&json!({
            "archivable": found.executions.len(),
            "archivable_events": found.events,
            "kept": kept,
            "archived": done.map_or(0, |(_, removed)| removed),
            "archive": done.map(|(archive, _)| archive),
            "journal_bytes_before": before,
            "journal_bytes": after,
        }));
        return Ok(());
    }
    let paint = out.paint();
    match done {
        None if found.executions.is_empty() => out.line("nothing to archive"),
        None => out.line(&format!(
            "{} with {} events would be archived",
            executions(found.executions.len() as u64),
            found.events
        )),
        Some((archive, removed)) => {
            out.line(&format!(
                "{} {} archived",
                paint.look(Look::Good, "done:"),
                executions(removed)
            ));
            let megabytes = archive.bytes as f64 / 1e6;
            out.line(&format!(
                "{} {} ({megabytes:.1} MB, sha256 {})",
                paint.dim("archive"),
                archive.file,
                archive.sha256
            ));
        }
    }
    for (count, why) in reasons(&kept) {
        out.line(&format!(
            "{} {} {why}",
            paint.dim("kept"),
            executions(count)
        ));
    }
    Ok(())
}

fn executions(count: u64) -> String {
    match count {
        1 => "1 execution".to_owned(),
        count => format!("{count} executions"),
    }
}

fn reasons(kept: &KeptBack) -> impl Iterator<Item = (u64, &'static str)> {
    [
        (kept.unfinished, "not over, or not for so long"),
        (kept.asked, "about which somebody is asked"),
        (kept.in_doubt, "with a step in doubt"),
        (kept.counted, "that a session's count rests on"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
}
