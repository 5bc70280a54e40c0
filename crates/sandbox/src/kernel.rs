//! What this kernel can do.

use crate::{calls, files, hide, profile::Profile};
use serde::{Deserialize, Serialize};

/// The first version of Landlock that holds files whole: before it, anything could be truncated.
pub(crate) const MIN_LANDLOCK: i32 = 3;
/// The first that keeps signals and abstract sockets within the sandbox.
const SCOPED: i32 = 6;

/// What this kernel can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The version of Landlock; 0 where there is none.
    pub landlock: i32,
    /// System calls can be filtered.
    pub seccomp: bool,
    /// Files can be hidden in a mount namespace of the program's own.
    pub hiding: bool,
    /// Processes that came from another can be found.
    pub kin: bool,
}

impl Kernel {
    /// Whether a program can be held to a profile.
    pub fn holds(&self) -> bool {
        self.landlock >= MIN_LANDLOCK && self.seccomp
    }

    /// Whether a program cannot reach the user's other processes, either.
    pub fn scoped(&self) -> bool {
        self.landlock >= SCOPED
    }

    /// What confines a program here, in one word.
    pub fn word(&self) -> String {
        let mut parts = Vec::new();
        if self.landlock > 0 {
            parts.push(format!("landlock-abi{}", self.landlock));
        }
        if self.seccomp {
            parts.push("seccomp".to_owned());
        }
        let parts = if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join("+")
        };
        match self.holds() {
            true => parts,
            false => format!("degraded: {parts}"),
        }
    }

    /// Why a program cannot be held to a profile with this version of Landlock.
    pub(crate) fn missing(landlock: i32) -> String {
        match landlock {
            0 => {
                "this kernel has no Landlock, or it is not switched on (`lsm=` at boot)".to_owned()
            }
            older => format!(
                "this kernel's Landlock has version {older}; version {MIN_LANDLOCK} (Linux 6.2) is needed"
            ),
        }
    }
}

/// Tries everything on this process, which is good for nothing else afterwards.
pub(crate) fn probe() -> Kernel {
    let kin = crate::kin::can_be_told();
    let hiding = hide::possible();
    let _ = rustix::thread::set_no_new_privs(true);
    let profile = Profile::default();
    let landlock = files::restrict(&profile, &[], std::path::Path::new("/")).unwrap_or(0);
    Kernel {
        landlock,
        seccomp: calls::restrict(&profile, landlock).is_ok(),
        hiding,
        kin,
    }
}
