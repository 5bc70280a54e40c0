//! Whether this kernel can confine programs.

use super::Finding;
use crate::config::Settings;

/// What it can do, and what follows.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let about = "sandbox";
    let kernel = match mandate_tools::sandbox_kernel() {
        Ok(kernel) => kernel,
        Err(why) => {
            let fix = "let Mandate start itself: its file and `/proc` must be readable";
            return vec![Finding::bad(
                about,
                format!("no program can be started: {why}"),
                fix,
            )];
        }
    };
    let mut found = Vec::new();
    let word = kernel.word();
    found.push(
        match (kernel.holds(), settings.tools.sandbox.allow_degraded) {
            (true, _) => Finding::good(about, format!("confines programs ({word})")),
            (false, true) => Finding::note(
                about,
                format!("programs are not confined as they should be ({word})"),
                "use Linux 6.2 or newer with Landlock and seccomp",
            ),
            (false, false) => Finding::bad(
                about,
                format!("programs cannot be confined ({word}), and `process.exec` refuses"),
                "use Linux 6.2 or newer with Landlock and seccomp, or set `sandbox.allow_degraded`",
            ),
        },
    );
    if kernel.holds() && !kernel.scoped() {
        found.push(Finding::note(
            about,
            "a confined program can send signals to other processes of yours",
            "use Linux 6.12 or newer",
        ));
    }
    if kernel.holds() && !kernel.hiding {
        found.push(Finding::note(
            about,
            "nothing can be hidden beneath a root: beside the data directory, programs can make nothing new",
            "allow user namespaces, or set `fs.roots` or `data_dir` so that they lie apart",
        ));
    }
    if !kernel.kin {
        found.push(Finding::bad(
            about,
            "the kernel does not tell children of processes: what a program leaves behind may live on",
            "use a kernel with `CONFIG_PROC_CHILDREN`",
        ));
    }
    found
}
