//! Where the host's socket is: in the data directory, or, where its path is too long for a socket or the file system
//! cannot hold one, in a directory of this user's alone, with a note in the data directory that says where.

use rustix::process::geteuid;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The socket in the data directory.
const NAME: &str = "host.sock";
/// The note in the data directory that says where else the socket is.
const NOTE: &str = "host.socket-path";
/// The kernel's limit for a socket's path, without the NUL at its end.
const LONGEST: usize = 107;

/// A socket that is listened on. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Bound {
    path: PathBuf,
    note: Option<PathBuf>,
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(note) = &self.note {
            let _ = std::fs::remove_file(note);
        }
    }
}

/// Device and inode of a directory: which it is, whatever it is called.
pub(crate) fn identity(dir: &Path) -> io::Result<(u64, u64)> {
    let about = std::fs::metadata(dir)?;
    Ok((about.dev(), about.ino()))
}

/// Listens on the socket of the data directory `dir`, whose lock this process holds: what another left there is dead.
pub(crate) fn bind(dir: &Path) -> io::Result<(UnixListener, Bound)> {
    let note = dir.join(NOTE);
    remove(&note)?;
    let inside = dir.join(NAME);
    if fits(&inside) {
        match bind_at(&inside) {
            Ok(listener) => {
                let bound = Bound {
                    path: inside,
                    note: None,
                };
                return Ok((listener, bound));
            }
            Err(error) if cannot_hold_sockets(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let path = short_path(dir)?;
    let listener = bind_at(&path)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&note)?;
    file.write_all(path.as_os_str().as_encoded_bytes())?;
    let bound = Bound {
        path,
        note: Some(note),
    };
    Ok((listener, bound))
}

/// Connects to the host of the data directory `dir`.
pub(crate) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let inside = dir.join(NAME);
    let stream = match noted(dir)? {
        Some(path) => UnixStream::connect(path)?,
        None if fits(&inside) => UnixStream::connect(inside)?,
        None => return Err(ErrorKind::NotFound.into()),
    };
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if peer.uid != geteuid() {
        let error = "the socket is served by another user";
        return Err(io::Error::new(ErrorKind::PermissionDenied, error));
    }
    Ok(stream)
}

fn noted(dir: &Path) -> io::Result<Option<PathBuf>> {
    use std::os::unix::ffi::OsStringExt as _;
    let file = match OpenOptions::new().read(true).open(dir.join(NOTE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(4_096).read_to_end(&mut bytes)?;
    Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(bytes))))
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= LONGEST
}

fn cannot_hold_sockets(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)
    )
}

fn bind_at(path: &Path) -> io::Result<UnixListener> {
    remove(path)?;
    let listener = UnixListener::bind(path)?;
    // Its directory lets nobody else in; the mode is a second door.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `$XDG_RUNTIME_DIR/mandate/ID.sock`, or `/tmp/mandate-UID/ID.sock`.
fn short_path(dir: &Path) -> io::Result<PathBuf> {
    let (device, inode) = identity(dir)?;
    let name = format!("{device:x}-{inode:x}.sock");
    let uid = geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("mandate"));
    let places = runtime
        .into_iter()
        .chain([PathBuf::from(format!("/tmp/mandate-{uid}"))]);
    let mut failed = io::Error::from(ErrorKind::NotFound);
    for place in places {
        let path = place.join(&name);
        if !place.is_absolute() || !fits(&path) {
            continue;
        }
        match own_directory(&place) {
            Ok(()) => return Ok(path),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Makes the directory, or makes sure that it is one that nobody else can change.
fn own_directory(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let about = std::fs::symlink_metadata(dir)?;
    if about.is_dir() && about.uid() == geteuid().as_raw() && about.mode() & 0o077 == 0 {
        return Ok(());
    }
    let error = format!("`{}` is not a directory of this user alone", dir.display());
    Err(io::Error::new(ErrorKind::PermissionDenied, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_socket_is_replaced_and_removed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(dir.path().join(NAME)).unwrap());
        let (listener, bound) = bind(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join(NAME)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        connect(dir.path()).unwrap();
        listener.accept().unwrap();
        drop(bound);
        assert!(!dir.path().join(NAME).exists());
    }

    #[test]
    fn a_long_path_has_its_socket_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let (listener, bound) = bind(&deep).unwrap();
        let path = bound.path.clone();
        assert!(path.exists() && deep.join(NOTE).exists());
        connect(&deep).unwrap();
        listener.accept().unwrap();
        drop(bound);
        assert!(!path.exists() && !deep.join(NOTE).exists());
        assert_eq!(connect(&deep).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_directory_that_others_can_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(own_directory(&open).is_err());
        let link = dir.path().join("link");
        let target = dir.path().join("target");
        DirBuilder::new().mode(0o700).create(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(own_directory(&link).is_err());
        own_directory(&target).unwrap();
        own_directory(&dir.path().join("new")).unwrap();
    }
}
