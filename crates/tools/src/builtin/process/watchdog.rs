//! What ends the processes of tools when Mandate cannot: a small process beside it that knows every process group that
//! runs, and kills them when Mandate is gone, however it went.
//!
//! A program that ignores the end of its input would otherwise outlive a `kill -9` of Mandate, and go on with an effect
//! that is in doubt by then. The kernel's own way, `PR_SET_PDEATHSIG`, takes unsafe code, follows a thread and not a
//! process, and reaches none of what the program started. There is no grace: the next host may look up at once what became
//! of a call, and must not meet one that still runs.
//!
//! The watchdog reads a pipe whose other end only Mandate holds, so that it learns of the death at once. Until Mandate
//! dies the leader of a group that it knows is not reaped, and its number names this group and no other.

use rustix::process::Pid;
use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// Reads `+GROUP` and `-GROUP`; at the end of its input it kills what is left.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in
         *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;;
       esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

static WATCHDOG: Mutex<Watchdog> = Mutex::new(Watchdog {
    running: None,
    groups: BTreeSet::new(),
});

struct Watchdog {
    running: Option<(Child, ChildStdin)>,
    groups: BTreeSet<i32>,
}

/// From here on the group dies with Mandate. Without a shell on this machine it may outlive it.
pub(super) fn watch(leader: Pid) {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    watchdog.groups.insert(leader.as_raw_nonzero().get());
    watchdog.tell(&format!("+ {}\n", leader.as_raw_nonzero()));
}

/// The group is ended; its number may name another one soon.
pub(super) fn forget(leader: Pid) {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    watchdog.groups.remove(&leader.as_raw_nonzero().get());
    if watchdog.running.is_some() {
        watchdog.tell(&format!("- {}\n", leader.as_raw_nonzero()));
    }
}

impl Watchdog {
    fn tell(&mut self, line: &str) {
        if let Some((_, pipe)) = &mut self.running
            && pipe.write_all(line.as_bytes()).is_ok()
        {
            return;
        }
        // There is none yet, or somebody killed or stopped it. It ends before its pipe does: at the end of that it kills.
        if let Some((mut gone, pipe)) = self.running.take() {
            let _ = gone.kill();
            let _ = gone.wait();
            drop(pipe);
        }
        match self.start() {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                tracing::debug!(%error, "no watchdog: processes of tools may outlive this one");
            }
        }
    }

    fn start(&self) -> io::Result<(Child, ChildStdin)> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "mandate-watchdog"])
            .env_clear()
            .current_dir("/")
            // Whatever is sent to Mandate's whole group must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        for group in &self.groups {
            writeln!(pipe, "+ {group}")?;
        }
        // One that does not read must hold nobody up.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok((child, pipe))
    }
}
