//! A server as a process: how it is started, and that it ends.

use super::launch::Launch;
use crate::{
    builtin::process::{environment, group::Group},
    secret::SecretValue,
};
use rustix::event::Timespec;
use std::{
    collections::BTreeMap,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// How long a server may take to end when it is asked to; then it is killed.
const MOMENT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// The process group of a server. Dropping it ends the group.
#[derive(Clone)]
pub(super) struct Leash(Arc<Mutex<Option<Group>>>);

impl Leash {
    /// Ends the group, if that has not been done.
    pub(super) fn end(&self) {
        if let Some(group) = self.take() {
            group.ask_to_end(MOMENT);
        }
    }

    /// Kills the group without asking, if that has not been done.
    pub(super) fn kill(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Group> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A server that was started.
pub(super) struct Started {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
    pub(super) leash: Leash,
    pub(super) end: End,
}

/// The wait for its end.
pub(super) struct End {
    child: Child,
    leash: Leash,
    leader_ended: futures_util::future::BoxFuture<'static, std::io::Result<()>>,
}

impl End {
    /// Waits until it has ended; kills what it left behind, before its number can name another group.
    pub(super) async fn wait(mut self) -> String {
        let waited = self.leader_ended.await;
        self.leash.kill();
        match waited {
            Ok(()) => match self.child.wait().await {
                Ok(status) => words(status),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        }
    }
}

fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, signal) => format!("it was ended by signal {}", signal.unwrap_or(0)),
    }
}

/// Starts a server, in a process group of its own, with nothing of Mandate's environment but what is named.
pub(super) fn start(
    launch: &Launch,
    secrets: &BTreeMap<String, SecretValue>,
) -> Result<Started, String> {
    let given = launch.env.iter();
    let given = given.map(|(name, value)| (name, value.with(secrets)));
    let fails =
        |error: &dyn std::fmt::Display| format!("`{}` does not start: {error}", launch.program);
    let mut child = Command::new(&launch.program)
        .args(&launch.args)
        .env_clear()
        .envs(&launch.basics)
        .envs(given)
        .envs([environment::mark()])
        .current_dir(&launch.cwd)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match launch.cwd.is_dir() {
            true => fails(&error),
            false => fails(&format!("`{}` is not a directory", launch.cwd.display())),
        })?;
    let group = Group::new(child.id().unwrap_or(0)).map_err(|error| fails(&error))?;
    let leader_ended = Box::pin(group.leader_ended());
    let leash = Leash(Arc::new(Mutex::new(Some(group))));
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok(Started {
            stdin,
            stdout,
            stderr,
            leash: leash.clone(),
            end: End {
                child,
                leash,
                leader_ended,
            },
        }),
        _ => Err(fails(&"it has no pipes")),
    }
}
