//! A directory of its own for each confined program: its temporary files, and what is shown instead of what is hidden.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The directory. Dropping it removes it with what the program left in it.
pub(crate) struct Room(PathBuf);

/// Where its temporary files go.
pub(crate) fn temporary(room: &Path) -> PathBuf {
    room.join("tmp")
}

/// An empty directory that nobody writes to.
pub(crate) fn nothing(room: &Path) -> PathBuf {
    room.join("nothing")
}

/// An empty file that nobody reads or writes.
pub(crate) fn empty(room: &Path) -> PathBuf {
    room.join("empty")
}

impl Room {
    pub(crate) fn make() -> io::Result<Self> {
        let own = std::process::id();
        let base = std::env::temp_dir();
        let mut tries = 0_u32;
        let path = loop {
            // Whoever is faster, the directory that is made here is new, and only this user's.
            let path = base.join(format!("mandate-program-{own}-{tries}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 1000 => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let room = Self(path);
        fs::create_dir(temporary(&room.0))?;
        DirBuilder::new().mode(0o500).create(nothing(&room.0))?;
        fs::write(empty(&room.0), [])?;
        fs::set_permissions(empty(&room.0), Permissions::from_mode(0o000))?;
        Ok(room)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever clears temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
