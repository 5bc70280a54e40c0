//! Which process drives a data directory, found out without getting in its way.

use std::{os::unix::fs::MetadataExt as _, path::Path};

/// The id of the process that holds the directory's lock, if one does and the kernel tells.
///
/// Trying the lock would do too, but whoever takes it in that moment would be told that it is taken.
pub(crate) fn holder(data_dir: &Path) -> Option<u32> {
    let inode = std::fs::metadata(data_dir.join("lock")).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    find(&locks, inode)
}

/// Lines look like `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`.
fn find(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        if words.next()? != "FLOCK" {
            return None;
        }
        let pid = words.nth(2)?.parse().ok()?;
        let file = words.next()?.rsplit(':').next()?;
        (file.parse() == Ok(inode)).then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_flocks_of_that_file_count() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 fd:01:42 0 EOF\n2: FLOCK  ADVISORY  WRITE 8 fd:01:41 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 9 fd:01:42 0 EOF\n";
        assert_eq!(super::find(locks, 42), Some(9));
        assert_eq!(super::find(locks, 40), None);
    }
}
