//! A server as a process: how it is started, and that it ends.

use super::launch::Launch;
use crate::{
    ProcessLimits,
    builtin::process::{
        confinement::Confinement,
        environment,
        exec::beyond,
        kept::{self, End, Kept},
    },
    secret::SecretValue,
};
use mandate_sandbox::{Ended, Limits, Start};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

pub(super) use kept::Leash;

/// A server that was started.
pub(super) struct Started {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
    pub(super) leash: Leash,
    pub(super) end: Ending,
}

/// The wait for a server's end, and what it is held to.
pub(super) struct Ending {
    end: End,
    limits: Option<ProcessLimits>,
}

impl Ending {
    /// Waits until it has ended, and everything that came from it; tells how.
    pub(super) async fn told(mut self) -> String {
        match self.end.wait().await {
            Ok(ended) => words(&ended, self.limits.as_ref()),
            Err(error) => error.to_string(),
        }
    }
}

fn words(ended: &Ended, limits: Option<&ProcessLimits>) -> String {
    match (ended.over.zip(limits), ended.code, ended.signal) {
        (Some((over, limits)), ..) => format!("it was killed: {}", beyond(over, limits)),
        (None, Some(code), _) => format!("it ended with exit code {code}"),
        (None, None, signal) => format!("it was ended by signal {}", signal.unwrap_or(0)),
    }
}

/// Starts a server, with nothing of Mandate's environment but what is named.
pub(super) async fn start(
    launch: &Launch,
    secrets: &BTreeMap<String, SecretValue>,
) -> Result<Started, String> {
    let directory = kept::directory(&launch.cwd).map_err(|_| {
        let shown = launch.cwd.display();
        format!(
            "`{}` does not start: `{shown}` is not a directory",
            launch.program
        )
    })?;
    let mut env = launch.basics.clone();
    let given = launch.env.iter();
    env.extend(given.map(|(name, value)| (name.into(), value.with(secrets).into())));
    let (mark, value) = environment::mark();
    env.insert(mark.into(), value.into());
    let path = env.get(OsStr::new("PATH")).map(OsString::as_os_str);
    let confinement = launch.confinement.as_ref();
    let profile = confinement.map(|confinement| confinement.profile(path));
    let order = Start {
        program: OsStr::new(&launch.program).to_owned(),
        args: launch.args.iter().map(OsString::from).collect(),
        env: env.into_iter().collect(),
        profile,
        limits: confinement.map_or_else(Limits::default, Confinement::limits),
    };
    let kept = kept::start(order, directory, true).await;
    let kept = kept.map_err(|error| error.to_string())?;
    let Kept {
        stdin,
        stdout,
        stderr,
        leash,
        end,
    } = kept;
    let stdin = stdin.ok_or("it has no pipes")?;
    let limits = confinement.map(|confinement| confinement.limits_said().clone());
    Ok(Started {
        stdin,
        stdout,
        stderr,
        leash,
        end: Ending { end, limits },
    })
}
