//! `fs.delete`: a file, a link (not what it leads to) or a directory.

use super::{
    FileSystem, Guards,
    roots::{LastLink, Place, explain},
    walk::{Next, Walk},
};
use crate::builtin::stop::Stop;
use mandate_plan::ErrorCode;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    ffi::{OsStr, OsString},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The path, relative to the first root or absolute.
    path: String,
    /// Also what is in a directory.
    #[serde(default)]
    recursive: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Deleted {
    /// The path as asked.
    path: String,
    /// Whether there was something to delete.
    existed: bool,
    /// How many files, links and directories were deleted.
    entries: u64,
}

pub(super) fn delete(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Deleted, Stop> {
    let nothing = |path: String| Deleted {
        path,
        existed: false,
        entries: 0,
    };
    let place = match fs
        .roots
        .place(&args.path, LastLink::Keep, false, &guards.check)
    {
        Ok(place) => place,
        // What lies in a directory that is gone is gone.
        Err(Stop::Failed(_)) if is_missing(fs, &args.path, guards) => {
            return Ok(nothing(args.path));
        }
        Err(stop) => return Err(stop),
    };
    let Some(stat) = &place.stat else {
        return Ok(nothing(args.path));
    };
    let mut entries = 0;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        if args.recursive {
            entries += empty(fs, &args.path, &place, guards)?;
        }
        guards.go_on()?;
        unlink(&place.directory, &place.name, AtFlags::REMOVEDIR)
            .map_err(|errno| explain(&args.path, errno))?;
    } else {
        guards.go_on()?;
        unlink(&place.directory, &place.name, AtFlags::empty())
            .map_err(|errno| explain(&args.path, errno))?;
    }
    rustix::fs::fsync(&place.directory).map_err(|errno| explain(&args.path, errno))?;
    Ok(Deleted {
        path: args.path,
        existed: true,
        entries: entries + 1,
    })
}

fn is_missing(fs: &FileSystem, path: &str, guards: &Guards) -> bool {
    let Err(Stop::Failed(fault)) =
        fs.roots
            .file(path, OFlags::PATH | OFlags::NOFOLLOW, &guards.check)
    else {
        return false;
    };
    fault
        .details
        .is_some_and(|details| details.get("kind").is_some_and(|kind| kind == "not_found"))
}

/// Deletes what is in a directory, once all of it is known to be allowed.
fn empty(fs: &FileSystem, path: &str, place: &Place, guards: &Guards) -> Result<u64, Stop> {
    if fs.roots.protects_beneath(&place.real) {
        return Err(Stop::refused(
            ErrorCode::PolicyDenied,
            format!(
                "`{path}` holds Mandate's data, configuration, policies or keys, which no file tool may touch"
            ),
        ));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(&place.directory, &place.name, flags, Mode::empty())
        .map_err(|errno| explain(path, errno))?;
    let mut walk = Walk {
        fs,
        guards,
        real: place.real.clone(),
        hidden_stops: true,
        visited: 0,
    };
    walk.run(&directory, &mut |_| Ok(Next::Enter))?;
    remove_all(&directory, path, guards)
}

fn remove_all(directory: &OwnedFd, path: &str, guards: &Guards) -> Result<u64, Stop> {
    let mut removed = 0;
    for (name, kind) in entries(directory).map_err(|errno| explain(path, errno))? {
        guards.go_on()?;
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let inner = rustix::fs::openat(directory, &name, flags, Mode::empty())
                .map_err(|errno| explain(path, errno))?;
            removed += remove_all(&inner, path, guards)?;
            unlink(directory, &name, AtFlags::REMOVEDIR).map_err(|errno| explain(path, errno))?;
        } else {
            unlink(directory, &name, AtFlags::empty()).map_err(|errno| explain(path, errno))?;
        }
        removed += 1;
    }
    Ok(removed)
}

fn unlink(directory: &OwnedFd, name: &OsStr, flags: AtFlags) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, flags) {
        // Somebody else was faster: it is gone.
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

fn entries(directory: &OwnedFd) -> Result<Vec<(OsString, FileType)>, Errno> {
    let mut found = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let name = OsStr::from_bytes(name).to_owned();
        let stat = rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        found.push((name, FileType::from_raw_mode(stat.st_mode)));
    }
    Ok(found)
}
