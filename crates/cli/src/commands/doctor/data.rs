//! What doctor says of the data directory.

use super::Finding;
use crate::config::Settings;
use mandate_plan::ErrorCode;
use mandate_store::{Reader, SqliteStore, StoreError};
use std::path::Path;

/// With less than this nothing can be relied on to be written.
const FULL_BYTES: u64 = 1024 * 1024;
/// With less than this the disk may soon be full.
const SCARCE_BYTES: u64 = 64 * 1024 * 1024;

/// The data directory: the journal in it, whether it can be written, and who else can look into it.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let dir = &settings.data_dir;
    let shown = format!("{} ({})", dir.display(), settings.data_dir_from);
    if !Reader::has_journal(dir) {
        let parent = dir.ancestors().find(|above| above.exists()).unwrap_or(dir);
        let writable = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
        return vec![if writable {
            Finding::good("data", format!("{shown}: nothing has run there yet"))
        } else {
            Finding::bad(
                "data",
                format!(
                    "{shown} cannot be made: {} is not writable",
                    parent.display()
                ),
                "mend its permissions, or give `--data-dir`",
            )
        }];
    }
    let mut found = journal(dir, &shown);
    found.extend(room(dir));
    found.extend(unwritable(dir));
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata(dir).is_ok_and(|about| about.mode() & 0o077 != 0) {
        let fix = format!("chmod 700 {}", dir.display());
        found.push(Finding::note(
            "data",
            "others on this machine can look into the directory",
            fix,
        ));
    }
    found
}

/// What the journal says of itself, or what keeps it from being written.
fn journal(dir: &Path, shown: &str) -> Vec<Finding> {
    let bad = |error: StoreError| {
        let text = format!("{shown}: {error}");
        Finding::bad("data", text, error.code().remedy())
    };
    let obstacles = mandate_store::obstacles(dir);
    if !obstacles.is_empty() {
        return obstacles.into_iter().map(bad).collect();
    }
    let looked = SqliteStore::open_readonly(dir)
        .and_then(|reader| Ok((reader.head()?, reader.unfinished()?)));
    vec![match looked {
        Ok((head, unfinished)) => {
            let open = match unfinished.len() {
                0 => "nothing unfinished".to_owned(),
                1 => "1 execution unfinished".to_owned(),
                many => format!("{many} executions unfinished"),
            };
            Finding::good("data", format!("{shown}: {} commits, {open}", head.number))
        }
        Err(error) => bad(error),
    }]
}

/// Whether the disk has room for some more commits.
fn room(dir: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!(
        "{} KiB are free on the disk of {}",
        free / 1024,
        dir.display()
    );
    let fix = ErrorCode::DiskFull.remedy();
    if free < FULL_BYTES {
        Some(Finding::bad("disk", text, fix))
    } else if free < SCARCE_BYTES {
        Some(Finding::note("disk", text, fix))
    } else {
        None
    }
}

/// What of the directory this user cannot write.
fn unwritable(dir: &Path) -> Vec<Finding> {
    let fix = ErrorCode::StoreReadOnly.remedy();
    let bad = |text: String| Finding::bad("data", text, fix);
    let names = ["", "lock", "journal.db", "audit-head"];
    let paths = names.map(|name| dir.join(name));
    let refused = paths.iter().filter_map(|path| {
        let error = rustix::fs::access(path, rustix::fs::Access::WRITE_OK).err()?;
        let missing = error == rustix::io::Errno::NOENT;
        (!missing).then(|| bad(format!("{} cannot be written: {error}", path.display())))
    });
    // A disk that is read-only is one thing, not four.
    let read_only = rustix::fs::statvfs(dir)
        .is_ok_and(|disk| disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    if read_only {
        let text = format!("the disk of {} is mounted read-only", dir.display());
        return vec![bad(text)];
    }
    refused.collect()
}
