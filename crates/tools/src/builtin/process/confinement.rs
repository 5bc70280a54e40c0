//! What a program may touch: from configuration and roots to a profile that the kernel holds it to.

use crate::{
    ProcessLimits, ProgramSandbox, SandboxConfig,
    builtin::fs::{Protected, Roots},
};
use mandate_sandbox::{Kernel, Limits, Profile};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What every program of the operator's is kept from, and whether it may run where the kernel cannot do that.
#[derive(Clone)]
pub struct Confining {
    protected: Arc<Protected>,
    degraded: bool,
}

impl Confining {
    /// Keeps programs from these paths: the data directory, configuration files, policies and keys.
    pub fn new(protected: &[PathBuf], config: &SandboxConfig) -> Self {
        Self {
            protected: Arc::new(Protected::new(protected)),
            degraded: config.allow_degraded,
        }
    }
}

/// What the programs of one tool, or of one server, are held to.
pub(crate) struct Confinement {
    granted: Profile,
    kept_from: KeptFrom,
    limits: ProcessLimits,
}

/// What they are kept from: paths may move.
enum KeptFrom {
    /// What the file tools refuse; beneath their roots everything else is granted.
    Roots(Arc<Roots>),
    Paths(Arc<Protected>),
}

impl Confinement {
    /// Of `process.exec`.
    pub(crate) fn of_plans(
        config: &SandboxConfig,
        limits: &ProcessLimits,
        roots: Arc<Roots>,
    ) -> Self {
        Self {
            granted: Profile {
                read: config.read.clone(),
                write: config.write.clone(),
                hidden: Vec::new(),
                network: config.network,
                unix_sockets: config.unix_sockets,
                names: true,
                degraded: config.allow_degraded,
            },
            kept_from: KeptFrom::Roots(roots),
            limits: limits.clone(),
        }
    }

    /// Of a program that the operator named, which starts in that directory.
    pub(crate) fn of_program(
        config: &ProgramSandbox,
        confining: &Confining,
        project: &Path,
        cwd: &Path,
    ) -> Self {
        let whole = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().map(|path| project.join(path)).collect()
        };
        let mut read = whole(&config.read);
        read.push(cwd.to_owned());
        Self {
            granted: Profile {
                read,
                write: whole(&config.write),
                hidden: Vec::new(),
                network: config.network,
                unix_sockets: config.unix_sockets,
                names: false,
                degraded: confining.degraded,
            },
            kept_from: KeptFrom::Paths(Arc::clone(&confining.protected)),
            limits: config.limits.clone(),
        }
    }

    /// The profile as it is now: roots and protected files may have been moved. Programs are looked up in `path`.
    pub(crate) fn profile(&self, path: Option<&OsStr>) -> Profile {
        let mut profile = self.granted.clone();
        profile.read.extend(programs(path));
        profile.hidden = match &self.kept_from {
            KeptFrom::Paths(protected) => protected.places(),
            KeptFrom::Roots(roots) => {
                profile.write.extend(roots.places());
                roots.protected_places()
            }
        };
        profile
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits.as_limits()
    }

    /// The same in the words of the configuration.
    pub(crate) fn limits_said(&self) -> &ProcessLimits {
        &self.limits
    }

    /// What people are shown of it.
    pub(crate) fn shown(&self) -> serde_json::Value {
        let profile = self.profile(None);
        serde_json::json!({
            "read": profile.read,
            "write": profile.write,
            "network": profile.network,
            "unix_sockets": profile.unix_sockets,
            "limits": self.limits,
        })
    }
}

/// What confines programs here, in one word.
pub(crate) fn word() -> String {
    kernel().map_or_else(|why| format!("unknown: {why}"), |kernel| kernel.word())
}

/// What this kernel can do to confine programs; asked once.
///
/// # Errors
/// The helper does not run.
pub fn kernel() -> Result<Kernel, String> {
    static KERNEL: std::sync::OnceLock<Result<Kernel, String>> = std::sync::OnceLock::new();
    KERNEL
        .get_or_init(|| super::kept::probe().map_err(|error| error.to_string()))
        .clone()
}

/// Where programs and what they come with are: the directories of `PATH`, and beside a `bin` its libraries.
fn programs(path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in path.map(std::env::split_paths).into_iter().flatten() {
        if !directory.is_absolute() || directory.parent().is_none() {
            continue;
        }
        let (name, above) = (directory.file_name(), directory.parent());
        match (name.and_then(OsStr::to_str), above) {
            (Some("bin"), Some(above)) => {
                found.extend(["lib", "lib64", "libexec"].map(|name| above.join(name)));
            }
            // Version managers: what they choose from is beside.
            (Some("shims"), Some(above)) if above.parent().is_some() => {
                found.push(above.to_owned());
            }
            _ => {}
        }
        found.push(directory);
    }
    found.retain(|path| !in_system(path));
    found.sort();
    found.dedup();
    found
}

/// Granted anyway.
fn in_system(path: &Path) -> bool {
    ["/usr", "/bin", "/sbin", "/lib", "/opt"]
        .iter()
        .any(|system| path.starts_with(system))
}

#[cfg(test)]
mod tests {
    use super::programs;
    use std::{ffi::OsStr, path::Path};

    #[test]
    fn programs_come_with_their_libraries_and_not_with_a_home() {
        let found = programs(Some(OsStr::new(
            "/home/a/.local/bin:/usr/bin:/home/a/.pyenv/shims:relative:/",
        )));
        let all: Vec<&Path> = found.iter().map(|path| path.as_path()).collect();
        assert_eq!(
            all,
            [
                "/home/a/.local/bin",
                "/home/a/.local/lib",
                "/home/a/.local/lib64",
                "/home/a/.local/libexec",
                "/home/a/.pyenv",
                "/home/a/.pyenv/shims",
            ]
            .map(Path::new)
        );
    }
}
