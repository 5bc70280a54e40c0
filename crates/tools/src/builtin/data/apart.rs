//! A template is filled in by a process of its own. The engine counts its steps, but not what each of them takes: a value can
//! be doubled a few dozen times, a list run through within one step. The kernel bounds memory and processor time of that
//! process, and at the step's timeout it is killed.

use super::template;
use crate::{
    Fault, Outcome,
    builtin::{process, stop::Stop, typed},
};
use mandate_plan::ErrorCode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, Stdio},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

/// The argument that makes the executable this helper.
const ARGUMENT: &str = "__template";
/// What the process may have of memory, in bytes.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;
/// What it may take of processor time.
const CPU_SECONDS: u64 = 20;
/// The longest answer: every byte of the longest text may be written as six.
const MAX_ANSWER: u64 = 6 * template::MAX_OUTPUT as u64 + 65_536;

/// What the process says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Text(template::Text),
    Refused(Fault),
    Failed(Fault),
}

/// What the helper does: `Some` if the process was started to fill in a template, and is done.
pub(crate) fn helper() -> Option<ExitCode> {
    let asked = std::env::args_os().nth(1);
    asked.filter(|argument| argument == ARGUMENT)?;
    Some(match fill_in() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever asked is gone, or somebody typed it.
            eprintln!("mandate: this command is for Mandate's own use: {error}");
            ExitCode::FAILURE
        }
    })
}

fn fill_in() -> io::Result<()> {
    // What it holds is the plan's, and nobody else's.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Data, MEMORY_BYTES),
        (Resource::Cpu, CPU_SECONDS),
    ] {
        let present = rustix::process::getrlimit(resource).maximum;
        let most = Some(present.map_or(most, |present| present.min(most)));
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        rustix::process::setrlimit(resource, limit)?;
    }
    let mut args = Vec::new();
    io::stdin().lock().read_to_end(&mut args)?;
    let args: Value = serde_json::from_slice(&args)?;
    let said = match typed::arguments(args).and_then(template::render) {
        Ok(text) => Said::Text(text),
        Err(Stop::Refused(fault)) => Said::Refused(fault),
        Err(Stop::Failed(fault) | Stop::Unknown(fault)) => Said::Failed(fault),
    };
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &said)?;
    out.flush()
}

/// Fills a template in; if this is dropped, the process is killed.
pub(super) async fn render(args: Value) -> Outcome {
    match said(&args).await {
        Ok(Said::Text(text)) => typed::answer(Ok(text)),
        Ok(Said::Refused(fault)) => Outcome::Refused(fault),
        Ok(Said::Failed(fault)) => Outcome::Failed(fault),
        Err(stop) => stop.into(),
    }
}

async fn said(args: &Value) -> Result<Said, Stop> {
    let lost = |error: io::Error| {
        let why = format!("the process that fills templates in does not work: {error}");
        Stop::refused(ErrorCode::ToolFailed, why)
    };
    let args = serde_json::to_vec(args).map_err(|error| lost(error.into()))?;
    let mut command = Command::new(process::kept::helper_file());
    command
        .arg(ARGUMENT)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(lost)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    if let Some(mut stdin) = stdin {
        // If it is gone, its end says why.
        let _ = stdin.write_all(&args).await;
    }
    let mut answer = Vec::new();
    if let Some(stdout) = stdout {
        let mut stdout = stdout.take(MAX_ANSWER);
        stdout.read_to_end(&mut answer).await.map_err(lost)?;
    }
    let status = child.wait().await.map_err(lost)?;
    if status.success() {
        return serde_json::from_slice(&answer).map_err(|error| lost(error.into()));
    }
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    Err(if is(Signal::ABORT) {
        Stop::too_large(format!(
            "filling in the template needs more than {} MiB of memory",
            MEMORY_BYTES >> 20
        ))
    } else if is(Signal::XCPU) || is(Signal::KILL) {
        Stop::too_large(format!(
            "filling in the template takes more than {CPU_SECONDS} s of processor time"
        ))
    } else {
        lost(io::Error::other(status.to_string()))
    })
}
