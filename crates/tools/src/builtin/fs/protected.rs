//! Files that no file tool may touch: the data directory, configuration, policies and keys.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use std::{
    ffi::OsStr,
    fs,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

/// Names that are protected wherever they stand beneath a root: a plan that could write them would configure the
/// next run.
const PROTECTED_NAMES: [&str; 2] = [".mandate", "mandate.toml"];

/// How many files beneath protected directories are compared with a file that has several links.
const MAX_COMPARED: usize = 200_000;

/// The protected files and directories.
pub(crate) struct Protected {
    entries: Vec<Entry>,
}

struct Entry {
    /// Where it was at the start, symbolic links resolved as far as it existed.
    path: PathBuf,
    /// Held open where it existed: the number of an open inode is not given to another file, and the kernel says
    /// where it is after a rename.
    pinned: Option<Pinned>,
}

struct Pinned {
    fd: OwnedFd,
    id: FileId,
}

/// What makes a file this file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }

    fn at(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

impl Protected {
    pub(crate) fn new(paths: &[PathBuf]) -> Self {
        let entries = paths
            .iter()
            .map(|path| Entry {
                path: resolve_existing_part(path),
                pinned: pin(path),
            })
            .collect();
        Self { entries }
    }

    /// Whether a name is protected wherever it stands.
    pub(crate) fn name(name: &OsStr) -> bool {
        PROTECTED_NAMES
            .iter()
            .any(|protected| OsStr::new(protected) == name)
    }

    /// Whether the file at the real path `real`, beneath the root at `root`, is protected. `stat` is the file's own,
    /// where it exists.
    pub(crate) fn covers(&self, root: &Path, real: &Path, stat: Option<&Stat>) -> bool {
        let below_root = real.strip_prefix(root).unwrap_or(real);
        if below_root
            .components()
            .any(|part| Self::name(part.as_os_str()))
        {
            return true;
        }
        let own = stat.map(FileId::of);
        let ancestors: Vec<FileId> = real.ancestors().skip(1).filter_map(FileId::at).collect();
        let linked = stat.filter(|stat| is_linked_file(stat)).map(FileId::of);
        self.entries.iter().any(|entry| {
            entry.places().any(|place| real.starts_with(place))
                || entry
                    .ids()
                    .any(|id| own == Some(id) || ancestors.contains(&id))
                || linked.is_some_and(|id| entry.holds(id))
        })
    }

    /// Where everything is now, and where it is expected.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let mut places: Vec<PathBuf> = self.entries.iter().flat_map(Entry::places).collect();
        places.sort();
        places.dedup();
        places
    }

    /// Whether something protected lies beneath the directory `real`.
    pub(crate) fn lies_beneath(&self, real: &Path) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.places().any(|place| place.starts_with(real)))
    }
}

impl Entry {
    /// Where it is now, and where it is expected.
    fn places(&self) -> impl Iterator<Item = PathBuf> {
        let now = self
            .pinned
            .as_ref()
            .and_then(|pinned| real_path(&pinned.fd));
        now.into_iter().chain(std::iter::once(self.path.clone()))
    }

    /// The file that it was at the start, and the file that stands there now: editors replace files.
    fn ids(&self) -> impl Iterator<Item = FileId> {
        let pinned = self.pinned.as_ref().map(|pinned| pinned.id);
        pinned.into_iter().chain(FileId::at(&self.path))
    }

    /// Whether a file with several links is one of the files of this directory under another name.
    fn holds(&self, id: FileId) -> bool {
        let mut open: Vec<PathBuf> = self.places().collect();
        let mut compared = 0_usize;
        while let Some(directory) = open.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                compared += 1;
                // Too many to compare: a file with several links is then taken for one of them.
                if compared > MAX_COMPARED {
                    return true;
                }
                let Ok(metadata) = entry.metadata() else {
                    continue;
                };
                if metadata.is_dir() {
                    open.push(entry.path());
                } else if metadata.dev() == id.device && metadata.ino() == id.inode {
                    return true;
                }
            }
        }
        false
    }
}

fn is_linked_file(stat: &Stat) -> bool {
    stat.st_nlink > 1 && FileType::from_raw_mode(stat.st_mode) != FileType::Directory
}

fn pin(path: &Path) -> Option<Pinned> {
    let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = rustix::fs::statat(&fd, "", AtFlags::EMPTY_PATH).ok()?;
    Some(Pinned {
        fd,
        id: FileId::of(&stat),
    })
}

/// The path with symbolic links resolved in the part of it that exists.
fn resolve_existing_part(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), absolute.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    absolute
}

/// Where an open file is now.
pub(crate) fn real_path(fd: &OwnedFd) -> Option<PathBuf> {
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let path = fs::read_link(link).ok()?;
    // The kernel's mark of a file that is gone; a file may also be called so, and then it is refused too.
    (!path.as_os_str().as_bytes().ends_with(b" (deleted)")).then_some(path)
}
