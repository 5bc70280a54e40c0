//! Hiding what lies beneath granted directories: Landlock can only grant whole trees.
//!
//! In a mount namespace of the program's own something empty is mounted on what it must not see. Where no namespace is to
//! be had, it is left out of what is granted ([`crate::files`]), which also keeps new files out of the directories on the way.

use crate::{files, profile::Profile, room};
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount},
    thread::UnshareFlags,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Hides what lies beneath something that is granted; gives what is left to be left out.
pub(crate) fn hide(profile: &Profile, room: &Path) -> Vec<PathBuf> {
    let there: Vec<PathBuf> = profile
        .hidden
        .iter()
        .filter(|hidden| files::reaches(profile, hidden) && fs::symlink_metadata(hidden).is_ok())
        .cloned()
        .collect();
    if there.is_empty() || own_mounts().is_err() {
        return profile.hidden.clone();
    }
    let mut left = profile.hidden.clone();
    left.retain(|hidden| !(there.contains(hidden) && cover(hidden, room).is_ok()));
    left
}

/// Whether it can be done here. Moves this process into a namespace of its own.
pub(crate) fn possible() -> bool {
    own_mounts().is_ok()
}

fn own_mounts() -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if unshare(UnshareFlags::NEWNS).is_err() {
        unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", uid.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", gid.as_raw()))?;
    }
    let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", alone)?)
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is an unsafe function; the hazard, threads that no longer share open files, is not there with these flags"
    )]
    let done = rustix::thread::unshare(flags);
    Ok(done?)
}

fn cover(path: &Path, room: &Path) -> io::Result<()> {
    let with = match fs::symlink_metadata(path)?.is_dir() {
        true => room::nothing(room),
        false => room::empty(room),
    };
    mount_bind(with, path)?;
    let flags = MountFlags::BIND
        | MountFlags::RDONLY
        | MountFlags::NOSUID
        | MountFlags::NODEV
        | MountFlags::NOEXEC;
    Ok(mount_remount(path, flags, c"")?)
}
