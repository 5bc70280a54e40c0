//! The programs that are measured, and how they end: by themselves, so that what they write at their end is written. A
//! [trained build](https://doc.rust-lang.org/rustc/profile-guided-optimization.html) counts in memory until then.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// How long one may take to end.
const AT_MOST: Duration = Duration::from_secs(5);
const LOOKS: Duration = Duration::from_millis(5);

/// Asks it to end, waits for that, and kills it if it does not.
pub(crate) fn end(child: &mut Child) {
    // Whoever reads from here sees that nothing follows.
    drop(child.stdin.take());
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
        let until = Instant::now() + AT_MOST;
        while Instant::now() < until {
            match child.try_wait() {
                Ok(None) => thread::sleep(LOOKS),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}
