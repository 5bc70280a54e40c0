//! The machine that figures were taken on, for the one who reads them later.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// What figures depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// As the processor names itself.
    pub(crate) processor: String,
    /// Processors that this process may use.
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// Type of the file system that the data directories lie on.
    pub(crate) file_system: String,
    /// How many processes waited for a processor on average over the last minute, as the measurement began.
    pub(crate) load: String,
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            processor,
            processors,
            kernel,
            file_system,
            load,
            ..
        } = self;
        write!(
            f,
            "{processors} × {processor}, Linux {kernel}, {file_system}, load {load}"
        )
    }
}

impl Machine {
    /// This machine, and the file system that `dir` lies on.
    pub(crate) fn here(dir: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let value = |text: String, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(
                || "unknown".to_owned(),
                |(_, value)| value.trim().to_owned(),
            )
        };
        let memory = value(read("/proc/meminfo"), "MemTotal");
        let memory_kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        Self {
            processor: value(read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_kib / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/self/mounts"), dir),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// The type of the mount whose path is the longest beginning of `dir`; a later mount hides an earlier one.
fn file_system(mounts: &str, dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mut best = ("unknown", 0);
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        if let (Some(at), Some(kind)) = (fields.next(), fields.next())
            && dir.starts_with(at)
            && at.len() >= best.1
        {
            best = (kind, at.len());
        }
    }
    best.0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = "a / ext4 rw 0 0\nb /dev/shm tmpfs rw 0 0\nc /dev devtmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/dev/shm")), "tmpfs");
        assert_eq!(file_system(mounts, Path::new("/nowhere/x")), "ext4");
    }
}
