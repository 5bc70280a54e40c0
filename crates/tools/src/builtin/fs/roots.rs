//! Opening files beneath the allowed roots, and nowhere else.

use super::protected::{Protected, real_path};
use crate::{Check, builtin::stop::Stop};
use mandate_plan::ErrorCode;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

/// How often a look-up is repeated that the kernel gave up because a directory moved meanwhile.
const MAX_RACES: u32 = 64;

/// The directories beneath which files may be opened.
pub(crate) struct Roots {
    roots: Vec<Root>,
    protected: Protected,
}

struct Root {
    fd: OwnedFd,
    /// As configured, made absolute.
    given: PathBuf,
    /// With symbolic links resolved.
    real: PathBuf,
}

/// A root that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the root `{path}` of the file tools cannot be opened: {source}; correct `[fs] roots` in `mandate.toml`", path = path.display())]
pub struct RootError {
    path: PathBuf,
    source: io::Error,
}

/// An open file that passed every check.
pub(crate) struct Opened {
    pub(crate) fd: OwnedFd,
    pub(crate) stat: Stat,
    /// Its path without symbolic links.
    pub(crate) real: PathBuf,
}

/// A name in an open directory, both checked; the file need not exist.
pub(crate) struct Place {
    pub(crate) directory: OwnedFd,
    pub(crate) name: OsString,
    /// The directory's real path with the name.
    pub(crate) real: PathBuf,
    /// What is there now, symbolic links not followed.
    pub(crate) stat: Option<Stat>,
}

/// Whether the last part of a path may be a symbolic link that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastLink {
    Follow,
    Keep,
}

impl Roots {
    pub(crate) fn open(paths: &[PathBuf], protected: &[PathBuf]) -> Result<Self, RootError> {
        let roots = paths
            .iter()
            .map(|path| Root::open(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            roots,
            protected: Protected::new(protected),
        })
    }

    /// Opens an existing file or directory.
    pub(crate) fn file(&self, path: &str, flags: OFlags, check: &Check) -> Result<Opened, Stop> {
        let (root, relative) = self.locate(path)?;
        let fd = match root.open_beneath(&relative, flags) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => {
                // Also that something is not there is not said of directories that may not be touched.
                return match self.place(path, LastLink::Keep, false, check) {
                    Err(Stop::Refused(fault)) if fault.code != ErrorCode::InvalidPayload => {
                        Err(Stop::Refused(fault))
                    }
                    _ => Err(explain(path, Errno::NOENT)),
                };
            }
            Err(errno) => return Err(explain(path, errno)),
        };
        self.checked(root, path, fd, check)
    }

    /// Opens an existing directory. What it is comes after whether it may be touched.
    pub(crate) fn directory(
        &self,
        path: &str,
        flags: OFlags,
        check: &Check,
    ) -> Result<Opened, Stop> {
        let opened = self.file(path, flags, check)?;
        match opened.kind() {
            FileType::Directory => Ok(opened),
            _ => Err(explain(path, Errno::NOTDIR)),
        }
    }

    /// Checks a directory entry found while walking; gives its real path, or `None` if it is not to be seen.
    pub(crate) fn entry_visible(
        &self,
        root_of: &Path,
        real: &Path,
        stat: &Stat,
        check: &Check,
    ) -> bool {
        let Some(root) = self
            .roots
            .iter()
            .find(|root| root_of.starts_with(&root.real))
        else {
            return false;
        };
        !self.protected.covers(&root.real, real, Some(stat))
            && self.allowed_by(root, real, check).is_ok()
    }

    /// Where the roots are now.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let roots = self.roots.iter();
        roots.filter_map(|root| real_path(&root.fd)).collect()
    }

    /// Where everything that is protected is now, or is expected.
    pub(crate) fn protected_places(&self) -> Vec<PathBuf> {
        self.protected.places()
    }

    /// Whether something protected lies beneath a directory.
    pub(crate) fn protects_beneath(&self, real: &Path) -> bool {
        self.protected.lies_beneath(real)
    }

    /// Opens the directory that `path` lies in, making directories that are missing if asked to.
    pub(crate) fn place(
        &self,
        path: &str,
        last: LastLink,
        create: bool,
        check: &Check,
    ) -> Result<Place, Stop> {
        let (root, relative) = self.locate(path)?;
        let relative = match last {
            LastLink::Follow => self.follow_last(root, path, relative)?,
            LastLink::Keep => relative,
        };
        let Some(Component::Normal(name)) = relative.components().next_back() else {
            return Err(Stop::refused(
                ErrorCode::InvalidPayload,
                format!("`{path}` names no file in a directory: give a path that ends in a name"),
            ));
        };
        let parent = relative.parent().unwrap_or(Path::new(""));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = match root.open_beneath(parent, flags) {
            Err(Errno::NOENT) if create => self.create_directories(root, path, parent, check)?,
            other => other.map_err(|errno| explain_parent(path, errno))?,
        };
        let directory = self.checked(root, path, fd, check)?;
        let real = directory.real.join(name);
        let stat = match rustix::fs::statat(&directory.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(explain(path, errno)),
        };
        self.refuse(root, path, &real, stat.as_ref(), check)?;
        Ok(Place {
            directory: directory.fd,
            name: name.to_owned(),
            real,
            stat,
        })
    }

    /// Where the last part of the path leads if it is a symbolic link, relative to the root.
    fn follow_last(&self, root: &Root, path: &str, relative: PathBuf) -> Result<PathBuf, Stop> {
        match root.open_beneath(&relative, OFlags::PATH) {
            Ok(fd) => {
                let real = real_path(&fd).ok_or_else(|| outside(path))?;
                let here = root.now().ok_or_else(|| outside(path))?;
                real.strip_prefix(&here)
                    .map(Path::to_owned)
                    .map_err(|_| outside(path))
            }
            Err(Errno::NOENT) => {
                let link = OFlags::PATH | OFlags::NOFOLLOW;
                match root.open_beneath(&relative, link) {
                    Ok(_) => Err(Stop::failed(format!(
                        "`{path}` is a symbolic link that leads nowhere"
                    ))),
                    Err(_) => Ok(relative),
                }
            }
            Err(errno) => Err(explain(path, errno)),
        }
    }

    fn create_directories(
        &self,
        root: &Root,
        path: &str,
        parent: &Path,
        check: &Check,
    ) -> Result<OwnedFd, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut fd = root
            .open_beneath(Path::new(""), flags)
            .map_err(|errno| explain(path, errno))?;
        let mut so_far = PathBuf::new();
        for part in parent.components() {
            so_far.push(part);
            match root.open_beneath(&so_far, flags) {
                Ok(next) => fd = next,
                Err(Errno::NOENT) => {
                    let Component::Normal(name) = part else {
                        return Err(outside(path));
                    };
                    let here = self.checked(root, path, fd, check)?;
                    self.refuse(root, path, &here.real.join(name), None, check)?;
                    match rustix::fs::mkdirat(&here.fd, name, Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(explain(path, errno)),
                    }
                    // Without this the new directory's name may be lost with the power.
                    rustix::fs::fsync(&here.fd).map_err(|errno| explain(path, errno))?;
                    fd = root
                        .open_beneath(&so_far, flags)
                        .map_err(|errno| explain(path, errno))?;
                }
                Err(errno) => return Err(explain(path, errno)),
            }
        }
        Ok(fd)
    }

    /// The root that a path belongs to, and the path below it.
    fn locate(&self, path: &str) -> Result<(&Root, PathBuf), Stop> {
        if path.is_empty() || path.contains('\0') {
            return Err(Stop::refused(
                ErrorCode::InvalidPayload,
                "the path is empty or holds a NUL",
            ));
        }
        let asked = Path::new(path);
        if asked.is_relative() {
            let root = self.roots.first().ok_or_else(|| outside(path))?;
            return Ok((root, asked.to_owned()));
        }
        self.roots
            .iter()
            .filter_map(|root| root.below(asked).map(|relative| (root, relative)))
            .min_by_key(|(_, relative)| relative.components().count())
            .ok_or_else(|| outside(path))
    }

    fn checked(&self, root: &Root, path: &str, fd: OwnedFd, check: &Check) -> Result<Opened, Stop> {
        let stat = rustix::fs::fstat(&fd).map_err(|errno| explain(path, errno))?;
        let real = real_path(&fd).ok_or_else(|| outside(path))?;
        self.refuse(root, path, &real, Some(&stat), check)?;
        Ok(Opened { fd, stat, real })
    }

    fn refuse(
        &self,
        root: &Root,
        path: &str,
        real: &Path,
        stat: Option<&Stat>,
        check: &Check,
    ) -> Result<(), Stop> {
        let here = root.now().ok_or_else(|| outside(path))?;
        if !real.starts_with(&here) {
            return Err(outside(path));
        }
        if self.protected.covers(&here, real, stat) {
            return Err(Stop::refused(
                ErrorCode::PolicyDenied,
                format!(
                    "`{path}` belongs to Mandate's data, configuration, policies or keys, which no file tool may touch"
                ),
            ));
        }
        self.allowed_by(root, real, check)
    }

    /// Holds the real path against the plan's own rules, as it stands and as it is written relative to the root.
    fn allowed_by(&self, root: &Root, real: &Path, check: &Check) -> Result<(), Stop> {
        check(&real.to_string_lossy()).map_err(Stop::Refused)?;
        match real.strip_prefix(&root.real) {
            Ok(relative) if !relative.as_os_str().is_empty() => {
                check(&relative.to_string_lossy()).map_err(Stop::Refused)
            }
            _ => Ok(()),
        }
    }
}

impl Root {
    fn open(path: &Path) -> Result<Self, RootError> {
        let error = |source: io::Error| RootError {
            path: path.to_owned(),
            source,
        };
        let given = std::path::absolute(path).map_err(error)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::open(&given, flags, Mode::empty()).map_err(|errno| error(errno.into()))?;
        let real = given.canonicalize().map_err(error)?;
        Ok(Self { fd, given, real })
    }

    /// Where the root is now; a root that was moved still is the root.
    fn now(&self) -> Option<PathBuf> {
        real_path(&self.fd)
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.real)
            .or_else(|_| path.strip_prefix(&self.given))
            .ok()
            .map(Path::to_owned)
    }

    /// The kernel resolves the path and refuses every step that leads out of the root: `..`, absolute symbolic
    /// links, and links that change under it.
    fn open_beneath(&self, relative: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let relative = if relative.as_os_str().is_empty() {
            OsStr::new(".")
        } else {
            relative.as_os_str()
        };
        // A pipe or device must not block the open; only `PATH` handles come without it.
        let flags = if flags.contains(OFlags::PATH) {
            flags | OFlags::CLOEXEC
        } else {
            flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut races = 0;
        loop {
            match rustix::fs::openat2(self.fd.as_fd(), relative, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if races < MAX_RACES => races += 1,
                other => return other,
            }
        }
    }
}

impl Opened {
    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

fn outside(path: &str) -> Stop {
    Stop::refused(
        ErrorCode::PolicyDenied,
        format!(
            "`{path}` lies outside the allowed roots, or a link on the way leads out of them; `[fs] roots` in `mandate.toml` names them"
        ),
    )
}

fn explain_parent(path: &str, errno: Errno) -> Stop {
    match errno {
        Errno::NOENT => Stop::failed(format!(
            "the directory of `{path}` does not exist; give `create_dirs: true` to make it"
        )),
        other => explain(path, other),
    }
}

/// What the kernel's answer means for a call that named `path`.
pub(crate) fn explain(path: &str, errno: Errno) -> Stop {
    let (kind, message) = match errno {
        Errno::XDEV | Errno::LOOP => return outside(path),
        Errno::NOSYS => {
            return Stop::refused(
                ErrorCode::NotSupported,
                "this kernel cannot open files beneath a directory (openat2, Linux 5.6)",
            );
        }
        Errno::NOENT => ("not_found", format!("`{path}` does not exist")),
        Errno::ACCESS | Errno::PERM => (
            "permission_denied",
            format!("the system does not permit access to `{path}`"),
        ),
        Errno::ISDIR => ("is_directory", format!("`{path}` is a directory")),
        Errno::NOTDIR => (
            "not_directory",
            format!("`{path}`, or a part of it, is not a directory"),
        ),
        Errno::EXIST => ("exists", format!("`{path}` is there already")),
        Errno::NOTEMPTY => (
            "not_empty",
            format!(
                "the directory `{path}` is not empty; give `recursive: true` to delete what is in it"
            ),
        ),
        Errno::NOSPC | Errno::DQUOT => (
            "no_space",
            format!("there is no space left to write `{path}`"),
        ),
        Errno::NAMETOOLONG => (
            "name_too_long",
            format!("`{path}` is too long for this file system"),
        ),
        other => ("io", format!("`{path}`: {}", io::Error::from(other))),
    };
    match Stop::failed(message) {
        Stop::Failed(fault) => {
            Stop::Failed(fault.with_details(serde_json::json!({ "kind": kind, "path": path })))
        }
        stop => stop,
    }
}
