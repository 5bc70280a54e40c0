//! From the helper to the program: confined first, then replaced.

use crate::{
    calls, files, hide,
    kernel::MIN_LANDLOCK,
    message::{Limits, Start, Word},
    profile::Profile,
    room,
};
use rustix::{
    fd::OwnedFd,
    process::{Pid, Resource, Rlimit, Signal},
    thread::{CapabilitySet, CapabilitySets},
};
use std::{
    io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Room on the heap for what is done after memory is limited.
const HEADROOM: usize = 64 * 1024;

/// What a confined program of root keeps: the rights over files, which Landlock goes before, and over its own identity.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// A program to become.
pub(crate) struct Enter {
    pub(crate) start: Start,
    /// The process that must still be there.
    pub(crate) keeper: Pid,
    /// Where its temporary files go, and what hides what it must not see.
    pub(crate) room: Option<PathBuf>,
}

/// Becomes the program. Comes back only with the reason why not.
pub(crate) fn enter(order: Enter, files: Vec<OwnedFd>) -> Word {
    match prepare(order, files) {
        Ok((mut command, limits, program)) => {
            reserve();
            if let Err(error) = limit(&limits) {
                return Word::Refused(format!("its limits cannot be set: {error}"));
            }
            let error = command.exec();
            Word::Refused(format!("`{program}` does not start: {error}"))
        }
        Err(why) => why,
    }
}

fn prepare(order: Enter, files: Vec<OwnedFd>) -> Result<(Command, Limits, String), Word> {
    let Enter {
        start,
        keeper,
        room,
    } = order;
    let Ok::<[OwnedFd; 4], _>([stdin, stdout, stderr, directory]) = files.try_into() else {
        return Err(Word::Refused("the order came without its files".to_owned()));
    };
    let words = |error: rustix::io::Errno| Word::Refused(io::Error::from(error).to_string());
    // A terminal of Mandate's is none of the program's.
    rustix::process::setsid().map_err(words)?;
    // Without its keeper nobody would end it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(words)?;
    if rustix::process::getppid() != Some(keeper) {
        return Err(Word::Refused("its keeper is gone".to_owned()));
    }
    // Before the mounts change: an open directory would stay where nothing is hidden.
    rustix::process::fchdir(&directory).map_err(words)?;
    drop(directory);
    let Start {
        program,
        args,
        env,
        profile,
        limits,
    } = start;
    let home = env
        .iter()
        .find(|(name, _)| name == "HOME")
        .map(|(_, home)| PathBuf::from(home));
    let mut command = Command::new(&program);
    command
        .args(args)
        .env_clear()
        .envs(env)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr));
    if let (Some(profile), Some(room)) = (profile, room) {
        let temporary = room::temporary(&room);
        command.env("TMPDIR", &temporary);
        // Programs look for their settings at home, and many give up where they are there and cannot be read.
        if home.is_some_and(|home| !within(&home, &profile)) {
            command.env("HOME", &temporary);
        }
        confine(&profile, &room).map_err(Word::Unable)?;
    }
    Ok((command, limits, program.to_string_lossy().into_owned()))
}

/// Whether a directory may be read as a whole.
fn within(path: &Path, profile: &Profile) -> bool {
    let granted = profile.read.iter().chain(&profile.write);
    granted.into_iter().any(|place| path.starts_with(place))
}

/// Has the kernel hold this process, and whatever it becomes, to the profile.
fn confine(profile: &Profile, room: &Path) -> Result<(), String> {
    let left = hide::hide(profile, room);
    // What is gained by being root, or by hiding, is not the program's.
    let rights = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
    let kept = rights
        .permitted
        .intersection(match rustix::process::geteuid().is_root() {
            true => KEPT,
            false => CapabilitySet::empty(),
        });
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets).map_err(|error| error.to_string())?;
    rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
    let landlock = files::restrict(profile, &left, room)?;
    let held = landlock >= MIN_LANDLOCK;
    if !held && !profile.degraded {
        return Err(crate::Kernel::missing(landlock));
    }
    match calls::restrict(profile, landlock) {
        Err(_) if profile.degraded => Ok(()),
        other => other,
    }
}

fn reserve() {
    let chunks: Vec<Vec<u8>> = (0..64).map(|_| vec![0_u8; HEADROOM / 64]).collect();
    drop(std::hint::black_box(chunks));
}

/// The kernel's own limit is of all threads of the user, and holds for nobody but unprivileged ones: what counts is counted
/// by the keeper, and this is for what is faster than that.
fn backstop(processes: u64) -> Option<u64> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return None;
    }
    let others = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let tasks = others.filter_map(|process| {
        let about = std::fs::metadata(process.path().join("task")).ok()?;
        // A directory has two links more than it has directories in it: one for each thread.
        (about.uid() == user.as_raw()).then(|| about.nlink().saturating_sub(2))
    });
    Some(
        tasks
            .sum::<u64>()
            .saturating_add(processes.saturating_mul(4)),
    )
}

fn limit(limits: &Limits) -> io::Result<()> {
    let limits = [
        (Resource::Core, Some(0)),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.processes.and_then(backstop)),
        (Resource::Data, limits.memory_bytes),
        (Resource::As, limits.address_space_bytes),
    ];
    for (resource, value) in limits {
        let Some(value) = value else { continue };
        // Only root may raise a hard limit: the lower of the two counts.
        let present = rustix::process::getrlimit(resource);
        let value = present.maximum.map_or(value, |maximum| maximum.min(value));
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        rustix::process::setrlimit(resource, limit)?;
    }
    Ok(())
}
