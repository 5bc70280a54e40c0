//! The process group of one call: limits, the wait for its leader, and its end.

use super::watchdog;
use crate::ProcessLimits;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, prlimit},
};
use std::{io, sync::Arc};
use tokio::io::{Interest, unix::AsyncFd};

/// Kills the whole group when it is dropped: at the end of the call, at its timeout, and when the call is dropped. Should
/// Mandate itself be killed, the [`watchdog`] does it.
///
/// The leader must not be reaped before: as long as it is not, its number names this group and no other. What left
/// the group (`setsid`) is not reached; that takes the kernel sandbox.
pub(crate) struct Group {
    leader: Pid,
    exit: Arc<AsyncFd<OwnedFd>>,
}

impl Group {
    pub(crate) fn new(leader: u32) -> io::Result<Self> {
        let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
        let leader = leader.ok_or_else(|| io::Error::other("the process has no number"))?;
        let pidfd = pidfd_open(leader, PidfdFlags::NONBLOCK)?;
        #[expect(
            deprecated,
            reason = "its successor is an unsafe function; the hazard, a type that changes its descriptor, is not there with `OwnedFd`"
        )]
        let exit = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
        watchdog::watch(leader);
        Ok(Self {
            leader,
            exit: Arc::new(exit),
        })
    }

    /// Waits until the leader has ended, without reaping it.
    pub(crate) fn leader_ended(&self) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let exit = Arc::clone(&self.exit);
        async move { exit.readable().await.map(drop) }
    }

    /// Sets the kernel's limits on the leader; what it starts later inherits them.
    ///
    /// Between the start of the program and this call there is a moment, well under a millisecond as a rule, in which
    /// it runs without them. Limits here guard against accidents; the kernel sandbox sets its own before the program
    /// starts.
    pub(crate) fn limit(&self, limits: &ProcessLimits) -> io::Result<()> {
        let limits = [
            (Resource::Core, Some(0)),
            (Resource::Cpu, limits.cpu_seconds),
            (Resource::As, limits.address_space_bytes),
            (Resource::Fsize, limits.file_bytes),
            (Resource::Nofile, limits.open_files),
            (Resource::Nproc, limits.processes),
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
            match prlimit(Some(self.leader), resource, limit) {
                // It has ended already.
                Ok(_) | Err(rustix::io::Errno::SRCH) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Asks the whole group to end, and gives its leader a moment to do so. Blocks for that moment.
    pub(crate) fn ask_to_end(&self, moment: Timespec) {
        let _ = kill_process_group(self.leader, Signal::TERM);
        let mut exit = [PollFd::new(self.exit.get_ref(), PollFlags::IN)];
        let _ = poll(&mut exit, Some(&moment));
    }

    pub(crate) fn kill(&self) {
        // A group that is gone needs no killing.
        let _ = kill_process_group(self.leader, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        watchdog::forget(self.leader);
    }
}
