//! Which process drives a data directory, found out without getting in its way.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// The id of the process that holds the directory's lock, if one does and the kernel tells.
///
/// Trying the lock would do too, but whoever takes it in that moment would be told that it is taken.
pub(crate) fn holder(data_dir: &Path) -> Option<u32> {
    let lock = fs::metadata(data_dir.join("lock")).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let device = device(lock.dev());
    find(&locks, lock.ino(), |pid, of| {
        of == device || has_open(pid, &lock)
    })
}

/// A device as `/proc/locks` writes it.
fn device(number: u64) -> String {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    format!("{major:02x}:{minor:02x}")
}

/// Whether this process has that file open. Some file systems (btrfs) show files under another device than the kernel's
/// list of locks does.
fn has_open(pid: u32, file: &Metadata) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.flatten()
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .any(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

/// Lines look like `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`. Two file systems may have the same inode number, so
/// that `is_it` is asked of the process and the device.
fn find(locks: &str, inode: u64, is_it: impl Fn(u32, &str) -> bool) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        if words.next()? != "FLOCK" {
            return None;
        }
        let pid = words.nth(2)?.parse().ok()?;
        let (device, file) = words.next()?.rsplit_once(':')?;
        (file.parse() == Ok(inode) && is_it(pid, device)).then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: POSIX  ADVISORY  WRITE 7 fd:01:42 0 EOF\n2: FLOCK  ADVISORY  WRITE 8 fd:01:41 0 EOF\n\
                         3: FLOCK  ADVISORY  WRITE 5 00:2a:42 0 EOF\n4: FLOCK  ADVISORY  WRITE 9 fd:01:42 0 EOF\n";

    #[test]
    fn only_flocks_of_that_file_count() {
        let on = |device: &'static str| move |_: u32, of: &str| of == device;
        assert_eq!(find(LOCKS, 42, on("fd:01")), Some(9));
        assert_eq!(find(LOCKS, 42, on("00:2a")), Some(5));
        assert_eq!(find(LOCKS, 42, on("00:2b")), None);
        assert_eq!(find(LOCKS, 40, on("fd:01")), None);
    }

    #[test]
    fn the_holder_of_a_lock_is_found_among_locks_of_other_disks() {
        let dir = tempfile::tempdir().unwrap();
        let lock = fs::File::create(dir.path().join("lock")).unwrap();
        assert_eq!(holder(dir.path()), None);
        lock.lock().unwrap();
        assert_eq!(holder(dir.path()), Some(std::process::id()));
        assert!(has_open(std::process::id(), &lock.metadata().unwrap()));
    }
}
