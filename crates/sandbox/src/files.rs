//! What Landlock holds a program to: files, TCP, signals, abstract sockets.

use crate::{profile::Profile, room};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The version whose rights are known here; what an older kernel does not know is left out by it.
const KNOWN: ABI = ABI::V7;

/// What programs need of the system.
const SYSTEM: [&str; 17] = [
    "/bin",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt",
    "/proc",
    "/run/current-system",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/ca-certificates",
];

/// Devices without anything behind them.
const DEVICES: [&str; 5] = [
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];

/// Whether the profile grants a directory that this lies beneath.
pub(crate) fn reaches(profile: &Profile, path: &Path) -> bool {
    let system = SYSTEM.iter().map(Path::new);
    let named = profile.read.iter().chain(&profile.write);
    system
        .chain(named.map(PathBuf::as_path))
        .any(|granted| path.starts_with(granted))
}

/// Holds this process to the profile, without what is left to be hidden. Gives the version of Landlock that did it, 0 for
/// none.
pub(crate) fn restrict(profile: &Profile, left: &[PathBuf], room: &Path) -> Result<i32, String> {
    let words = |error: RulesetError| format!("Landlock cannot be set up: {error}");
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(KNOWN)))
        .map_err(words)?;
    if !profile.network {
        ruleset = ruleset
            .handle_access(AccessNet::from_all(KNOWN))
            .map_err(words)?;
    }
    let read = AccessFs::from_read(KNOWN);
    // No device can be made, and none that is found is more than bytes.
    let write = AccessFs::from_all(KNOWN)
        & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut granted = Granted {
        ruleset: ruleset.create().map_err(words)?,
        left,
    };
    for path in SYSTEM.iter().map(Path::new) {
        granted.add(path, read).map_err(words)?;
    }
    for path in &profile.read {
        granted.add(path, read).map_err(words)?;
    }
    for path in &profile.write {
        granted.add(path, write).map_err(words)?;
    }
    for path in DEVICES.iter().map(Path::new) {
        let access = AccessFs::ReadFile | AccessFs::WriteFile;
        granted.add(path, access).map_err(words)?;
    }
    granted.add(&room::temporary(room), write).map_err(words)?;
    let status = granted.ruleset.restrict_self().map_err(words)?;
    Ok(match status.landlock {
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
        _ => 0,
    })
}

struct Granted<'a> {
    ruleset: RulesetCreated,
    left: &'a [PathBuf],
}

impl Granted<'_> {
    /// Grants a file, or a directory with everything beneath but what is left out.
    fn add(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), RulesetError> {
        if self.left.iter().any(|left| path.starts_with(left)) {
            return Ok(());
        }
        // What is not there, or not for this user, is nothing to grant.
        let Ok(about) = fs::metadata(path) else {
            return Ok(());
        };
        if !about.is_dir() {
            return self.rule(path, access & AccessFs::from_file(KNOWN));
        }
        if self.left.is_empty() {
            return self.rule(path, access);
        }
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let below = |left: &PathBuf| left.starts_with(&real) && fs::symlink_metadata(left).is_ok();
        if !self.left.iter().any(below) {
            return self.rule(path, access);
        }
        self.rule(path, AccessFs::ReadDir.into())?;
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            // A link leads to what has its own rule, or none.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                self.add(&entry.path(), access)?;
            }
        }
        Ok(())
    }

    fn rule(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), RulesetError> {
        let Ok(file) = PathFd::new(path) else {
            return Ok(());
        };
        (&mut self.ruleset).add_rule(PathBeneath::new(file, access))?;
        Ok(())
    }
}
