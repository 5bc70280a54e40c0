//! `fs.list`: the entries of a directory.

use super::{
    FileSystem, Guards, Kind,
    stat::{kind, modified_ms, size},
    walk::{Next, Walk},
};
use crate::builtin::{glob, stop::Stop};
use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

const DEFAULT_ENTRIES: u64 = 1000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The directory, relative to the first root or absolute.
    #[serde(default = "here")]
    path: String,
    /// Also what is in its directories. Symbolic links are listed, not followed.
    #[serde(default)]
    recursive: bool,
    /// Only entries whose path below the directory matches: `*` stays within a name, `**` crosses.
    glob: Option<String>,
    /// Leave out what matches, and what is in it: `target`, `**/node_modules`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Give at most so many entries and say `truncated` (1000).
    #[schemars(range(min = 1))]
    max_entries: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Listing {
    /// The directory as asked.
    path: String,
    /// The entries, each directory before what is in it, names in byte order.
    entries: Vec<Entry>,
    /// Whether there are more.
    truncated: bool,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    /// The path, to be given to other file tools as it is.
    path: String,
    /// The last part of the path.
    name: String,
    /// What it is.
    #[serde(rename = "type")]
    kind: Kind,
    /// Its size in bytes.
    size: u64,
    /// When its content was last changed, in milliseconds since 1970 (UTC).
    modified_ms: i64,
}

pub(super) fn here() -> String {
    ".".to_owned()
}

pub(super) fn list(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Listing, Stop> {
    let wanted = args.glob.as_deref().map(glob::one).transpose()?;
    let excluded = glob::any(&args.exclude)?;
    let limit = args.max_entries.unwrap_or(DEFAULT_ENTRIES);
    let directory = fs.roots.file(
        &args.path,
        OFlags::RDONLY | OFlags::DIRECTORY,
        &guards.check,
    )?;
    let mut walk = Walk {
        fs,
        guards,
        real: directory.real.clone(),
        hidden_stops: false,
        visited: 0,
    };
    let mut entries = Vec::new();
    let mut truncated = false;
    walk.run(&directory.fd, &mut |visit| {
        if excluded.is_match(visit.below) {
            return Ok(Next::Pass);
        }
        if wanted
            .as_ref()
            .is_none_or(|wanted| wanted.is_match(visit.below))
        {
            if entries.len() as u64 >= limit {
                truncated = true;
                return Ok(Next::End);
            }
            entries.push(Entry {
                path: beneath(&args.path, visit.below),
                name: visit.name.to_string_lossy().into_owned(),
                kind: kind(visit.stat),
                size: size(visit.stat),
                modified_ms: modified_ms(visit.stat),
            });
        }
        Ok(if args.recursive {
            Next::Enter
        } else {
            Next::Pass
        })
    })?;
    Ok(Listing {
        path: args.path,
        entries,
        truncated,
    })
}

/// The path of an entry in the way in which the directory was named.
pub(super) fn beneath(asked: &str, below: &Path) -> String {
    let joined = if asked == "." {
        below.to_owned()
    } else {
        Path::new(asked).join(below)
    };
    joined.to_string_lossy().into_owned()
}
