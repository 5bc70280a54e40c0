//! `fs.stat`: whether a path exists, and what it is. A path that does not exist is an answer, not an error.

use super::{FileSystem, Guards, Kind, roots::Opened};
use crate::builtin::stop::Stop;
use rustix::fs::{FileType, OFlags, Stat};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The path, relative to the first root or absolute. Symbolic links are followed within the root.
    path: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    /// The path as asked.
    path: String,
    /// Whether there is something.
    exists: bool,
    /// What it is.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Its size in bytes.
    size: Option<u64>,
    /// When its content was last changed, in milliseconds since 1970 (UTC).
    modified_ms: Option<i64>,
    /// Its permissions, octal: `644`.
    mode: Option<String>,
}

pub(super) fn stat(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Status, Stop> {
    match fs.roots.file(&args.path, OFlags::PATH, &guards.check) {
        Ok(Opened { stat, .. }) => Ok(Status {
            path: args.path,
            exists: true,
            kind: Some(kind(&stat)),
            size: Some(size(&stat)),
            modified_ms: Some(modified_ms(&stat)),
            mode: Some(format!("{:o}", stat.st_mode & 0o7777)),
        }),
        Err(Stop::Failed(fault)) if is_absence(&fault) => Ok(Status {
            path: args.path,
            exists: false,
            kind: None,
            size: None,
            modified_ms: None,
            mode: None,
        }),
        Err(stop) => Err(stop),
    }
}

fn is_absence(fault: &crate::Fault) -> bool {
    let kind = fault
        .details
        .as_ref()
        .and_then(|details| details.get("kind"));
    kind.is_some_and(|kind| kind == "not_found" || kind == "not_directory")
}

pub(super) fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

pub(super) fn modified_ms(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime
        .saturating_mul(1000)
        .saturating_add(nanoseconds / 1_000_000)
}
