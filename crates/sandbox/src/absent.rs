//! Names that nothing stands under yet, and that no program may give to something: it would configure the next run.
//!
//! Neither Landlock nor a mount keeps a name free in a directory that may be written. So the keeper looks afterwards, and
//! moves aside what has come.

use crate::profile::Profile;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, Mode, OFlags, open, renameat, statat},
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A name in a directory that was opened before the program began: wherever that is moved, no other is meant.
pub(crate) struct Absent {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// What is hidden by the profile and not there, where the program could make it.
pub(crate) fn absent(profile: &Profile) -> Vec<Absent> {
    let mut found = Vec::new();
    if !profile.names {
        return found;
    }
    let writable = |path: &Path| {
        profile
            .write
            .iter()
            .any(|granted| path.starts_with(granted))
    };
    for path in profile.hidden.iter().filter(|path| writable(path)) {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(directory) = open(above, flags, Mode::empty()) else {
            continue;
        };
        let absent = Absent {
            directory,
            name: name.to_owned(),
            path: path.clone(),
        };
        if !absent.is_there() {
            found.push(absent);
        }
    }
    found
}

impl Absent {
    fn is_there(&self) -> bool {
        statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

/// Moves aside what has come; tells what.
pub(crate) fn move_aside(absent: &[Absent]) -> Vec<PathBuf> {
    let mut moved = Vec::new();
    for one in absent.iter().filter(|one| one.is_there()) {
        let mut aside = one.name.clone();
        aside.push(format!(".refused-{}", std::process::id()));
        if renameat(&one.directory, &one.name, &one.directory, &aside).is_ok() {
            moved.push(one.path.clone());
        }
    }
    moved
}
