//! Walking a directory tree by handles, so that nothing that moves meanwhile leads out of it.

use super::{FileSystem, Guards};
use crate::builtin::stop::Stop;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

/// How deep a walk goes.
const MAX_DEPTH: usize = 128;

/// An entry on the way.
pub(super) struct Visit<'a> {
    /// The open directory that it lies in.
    pub(super) directory: &'a OwnedFd,
    pub(super) name: &'a OsStr,
    /// Its path below the directory where the walk began.
    pub(super) below: &'a Path,
    pub(super) stat: &'a Stat,
}

/// Whether the walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Into the entry, if it is a directory.
    Enter,
    /// Past the entry.
    Pass,
    /// No further.
    End,
}

/// A walk over one tree; it visits an entry before what is in it, names in byte order.
pub(super) struct Walk<'a> {
    pub(super) fs: &'a FileSystem,
    pub(super) guards: &'a Guards,
    /// The real path of the directory where the walk begins.
    pub(super) real: PathBuf,
    /// Whether a hidden entry (protected, or denied by the plan) stops the walk instead of being passed over.
    pub(super) hidden_stops: bool,
    pub(super) visited: u64,
}

impl Walk<'_> {
    /// Visits everything beneath the open directory.
    pub(super) fn run(
        &mut self,
        directory: &OwnedFd,
        visit: &mut dyn FnMut(&Visit<'_>) -> Result<Next, Stop>,
    ) -> Result<Next, Stop> {
        self.directory(directory, Path::new(""), 0, visit)
    }

    fn directory(
        &mut self,
        directory: &OwnedFd,
        below: &Path,
        depth: usize,
        visit: &mut dyn FnMut(&Visit<'_>) -> Result<Next, Stop>,
    ) -> Result<Next, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::too_large(format!(
                "the directories are nested more than {MAX_DEPTH} deep"
            )));
        }
        for name in names(directory).map_err(|errno| self.explain(below, errno))? {
            self.guards.go_on()?;
            self.visited += 1;
            if self.visited > self.fs.max_entries {
                return Err(Stop::too_large(format!(
                    "there are more than {} entries; name a smaller directory, or raise `[fs] max_entries`",
                    self.fs.max_entries
                )));
            }
            let stat = match rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Gone since the directory was read.
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(self.explain(below, errno)),
            };
            let path = below.join(&name);
            if !self.visible(&path, &stat)? {
                continue;
            }
            let visited = Visit {
                directory,
                name: &name,
                below: &path,
                stat: &stat,
            };
            match visit(&visited)? {
                Next::End => return Ok(Next::End),
                Next::Pass => continue,
                Next::Enter => {}
            }
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(directory, &name, flags, Mode::empty()) {
                Ok(inner) => {
                    if self.directory(&inner, &path, depth + 1, visit)? == Next::End {
                        return Ok(Next::End);
                    }
                }
                // Replaced since, or not ours to read: what cannot be opened has nothing to show.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS)
                    if !self.hidden_stops => {}
                Err(errno) => return Err(self.explain(&path, errno)),
            }
        }
        Ok(Next::Enter)
    }

    fn visible(&self, below: &Path, stat: &Stat) -> Result<bool, Stop> {
        let real = self.real.join(below);
        if self
            .fs
            .roots
            .entry_visible(&self.real, &real, stat, &self.guards.check)
        {
            return Ok(true);
        }
        if self.hidden_stops {
            return Err(Stop::refused(
                mandate_plan::ErrorCode::PolicyDenied,
                format!(
                    "`{}` in it is protected, or the plan forbids it",
                    below.display()
                ),
            ));
        }
        Ok(false)
    }

    fn explain(&self, below: &Path, errno: Errno) -> Stop {
        super::roots::explain(&self.real.join(below).display().to_string(), errno)
    }
}

fn names(directory: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort();
    Ok(names)
}
