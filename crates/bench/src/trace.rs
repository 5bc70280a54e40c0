//! Counting from outside the system calls that wait for the disk.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// The name that is looked for where the measured section begins.
pub(crate) const BEGIN: &str = "mandate-bench-section-begins";
/// The name that is looked for where it ends.
pub(crate) const END: &str = "mandate-bench-section-ends";

/// Looks for a file that is not there: a system call that stands in a trace and costs next to nothing.
pub(crate) fn mark(name: &str) {
    let _ = std::fs::metadata(name);
}

/// A program under `strace`, with the file that the trace goes to.
#[derive(Debug)]
pub(crate) struct Trace {
    file: PathBuf,
}

impl Trace {
    /// The trace goes into `dir`.
    pub(crate) fn into(dir: &Path) -> Self {
        Self {
            file: dir.join("system-calls.trace"),
        }
    }

    /// `strace` and its arguments, to stand before the program.
    pub(crate) fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new("strace");
        command
            .args(["-f", "-qq", "-o"])
            .arg(&self.file)
            .args(["-e", "trace=fsync,fdatasync,sync_file_range,msync,statx"]);
        command
    }

    /// How many syncs there were between the marks.
    pub(crate) fn syncs(&self) -> Result<u64, Failure> {
        let text = std::fs::read_to_string(&self.file).map_err(Failure::io("read", &self.file))?;
        Ok(syncs_between_marks(&text))
    }
}

fn syncs_between_marks(trace: &str) -> u64 {
    let inside = trace
        .lines()
        .skip_while(|line| !line.contains(BEGIN))
        .take_while(|line| !line.contains(END));
    // One that another thread interrupts in the trace stands on two lines; only the first has the bracket.
    let sync = |line: &&str| {
        let calls = ["fsync(", "fdatasync(", "sync_file_range(", "msync("];
        calls.iter().any(|call| line.contains(call))
    };
    inside.filter(sync).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_counted_once_and_between_the_marks() {
        let trace = format!(
            "1 fsync(3) = 0\n1 statx(AT_FDCWD, \"{BEGIN}\") = -1\n2 fdatasync(5 <unfinished ...>\n1 statx(1, \"x\")\n\
             2 <... fdatasync resumed>) = 0\n2 fdatasync(5) = 0\n1 statx(AT_FDCWD, \"{END}\") = -1\n2 fsync(5) = 0\n"
        );
        assert_eq!(syncs_between_marks(&trace), 2);
    }
}
