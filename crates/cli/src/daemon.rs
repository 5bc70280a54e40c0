//! The host in the background: `mandate __host`, started where executions are to go on without anybody who waits for them.

use crate::{
    config::Settings,
    drive::find_client,
    errors::{Failure, Kind},
    holder::holder,
};
use mandate_host::Client;
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        process::CommandExt as _,
    },
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long the host in the background stays when nothing goes on, in milliseconds.
pub(crate) const IDLE_VARIABLE: &str = "MANDATE_HOST_IDLE_MS";
/// The name of the hidden command.
pub(crate) const COMMAND: &str = "__host";
/// Where it writes what people would have been told.
pub(crate) const LOG: &str = "host.log";
/// A longer log is put aside when the next host starts.
const LONG_LOG_BYTES: u64 = 1024 * 1024;
/// How long it may take until it answers: it may have to wait for the lock, and to repair the journal after a crash.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// Starts it, and gives the number of its process. It waits for the lock while process `after` has it.
///
/// # Errors
/// It cannot be started.
pub(crate) fn start(settings: &Settings, after: Option<u32>) -> Result<u32, Failure> {
    let dir = &settings.data_dir;
    let launch = || {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Of a group of its own, so that Ctrl-C here does not end it on its way to a session of its own.
        command(settings, after)?
            .arg("--launch")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log(settings)?)
            .output()
    };
    let launched = launch()
        .map_err(|error| Failure::io("the host in the background cannot be started", &error))?;
    let pid = String::from_utf8_lossy(&launched.stdout).trim().parse();
    pid.map_err(|_| {
        Failure::new(Kind::Io, "the host in the background does not start")
            .remedy(format!("`{}` says why", dir.join(LOG).display()))
    })
}

/// The last step: the process that stays. Its parent ends, so that nobody has to wait for it.
///
/// # Errors
/// It cannot be started.
pub(crate) fn launch(settings: &Settings, after: Option<u32>) -> io::Result<u32> {
    let log = log(settings)?;
    let child = command(settings, after)?
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(child.id())
}

fn command(settings: &Settings, after: Option<u32>) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(COMMAND)
        .arg("--data-dir")
        .arg(&settings.data_dir)
        // It drives for everybody, and speaks for nobody.
        .env_remove(crate::who::VARIABLE);
    if let Some(after) = after {
        command.arg("--after").arg(after.to_string());
    }
    Ok(command)
}

/// The host, which is started if there is none.
///
/// # Errors
/// It cannot be started, or does not answer.
pub(crate) fn find_or_start(settings: &Settings) -> Result<Client, Failure> {
    let begun = Instant::now();
    let mut started = false;
    while begun.elapsed() < PATIENCE {
        if let Some(client) = find_client(settings)? {
            return Ok(client);
        }
        if !started && holder(&settings.data_dir).is_none() {
            started = true;
            start(settings, None)?;
        }
        sleep(AGAIN);
    }
    let log = settings.data_dir.join(LOG);
    let failure = Failure::new(Kind::Locked, "the host in the background does not answer");
    Err(failure.remedy(format!("`{}` says what it does", log.display())))
}

fn log(settings: &Settings) -> io::Result<File> {
    let path = settings.data_dir.join(LOG);
    if std::fs::metadata(&path).is_ok_and(|about| about.len() > LONG_LOG_BYTES) {
        std::fs::rename(&path, settings.data_dir.join(format!("{LOG}.1")))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
