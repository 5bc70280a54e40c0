//! From the arguments of `process.exec` to its outcome.

use super::{
    capture::{Captured, capture},
    environment,
    group::Group,
};
use crate::{
    CallContext, Fault, Outcome, ProcessConfig,
    builtin::{fs::Roots, stop::Stop, typed::answer},
};
use base64::Engine as _;
use mandate_plan::ErrorCode;
use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::BTreeMap,
    os::{fd::AsRawFd as _, unix::process::ExitStatusExt as _},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

/// How long the output of a process that has ended is awaited: something that left its group may hold it open.
const DRAIN: Duration = Duration::from_millis(500);
/// How much of each stream a failure's details keep, from the end: that is where programs say why.
const EXCERPT: usize = 4096;
const SHELL: &str = "/bin/sh";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    argv: Option<Vec<String>>,
    /// A command line for `/bin/sh -c`; needs `shell: true`.
    command: Option<String>,
    /// Hand `command` to the shell.
    #[serde(default)]
    shell: bool,
    /// The working directory, relative to the first root or absolute, beneath a root (the first root).
    cwd: Option<String>,
    /// Variables to set, besides those of Mandate's environment that `[process] env` names.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What the process reads from its standard input (nothing).
    stdin: Option<String>,
    /// The time limit, in milliseconds; then the whole process group is killed.
    #[schemars(range(min = 1))]
    timeout_ms: Option<u64>,
    /// The most bytes kept of each output stream.
    #[schemars(range(min = 1))]
    max_output_bytes: Option<u64>,
    /// Exit codes that are no failure (0).
    #[serde(default = "zero")]
    ok_exit_codes: Vec<i32>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Ended {
    /// The exit code; null if a signal ended it.
    exit_code: Option<i32>,
    /// The signal that ended it.
    signal: Option<i32>,
    /// What it wrote to standard output.
    stdout: String,
    /// How `stdout` is given: `utf8`, or `base64` if it is not UTF-8 text.
    stdout_encoding: &'static str,
    /// What it wrote to standard error.
    stderr: String,
    /// How `stderr` is given.
    stderr_encoding: &'static str,
    /// Whether there was more output than is kept.
    truncated: bool,
    /// How long it ran, in milliseconds.
    duration_ms: u64,
    /// The kernel sandbox it ran in: there is none yet.
    sandbox: &'static str,
}

fn zero() -> Vec<i32> {
    vec![0]
}

pub(super) async fn exec(
    config: &ProcessConfig,
    roots: &Roots,
    args: Args,
    call: &CallContext,
) -> Outcome {
    let timeout = Duration::from_millis(args.timeout_ms.unwrap_or(config.timeout_ms));
    let limit = args
        .max_output_bytes
        .unwrap_or(config.max_output_bytes)
        .min(config.max_output_bytes);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let begun = Instant::now();
    let (mut child, group) = match start(config, roots, &args, call) {
        Ok(started) => started,
        Err(stop) => return stop.into(),
    };
    let (mut out, mut err) = (Captured::default(), Captured::default());
    let in_time = {
        let (stdout, stderr, stdin) =
            (child.stdout.take(), child.stderr.take(), child.stdin.take());
        // A little more than is given is kept here, so that a secret at the cut can be recognised.
        let kept = limit.saturating_add(call.scrubber.longest());
        let output = async {
            tokio::join!(
                async {
                    if let Some(stream) = stdout {
                        capture(stream, kept, &mut out).await
                    }
                },
                async {
                    if let Some(stream) = stderr {
                        capture(stream, kept, &mut err).await
                    }
                },
            )
        };
        let input = async {
            if let (Some(mut pipe), Some(text)) = (stdin, &args.stdin) {
                // A program may end, or close its input, without reading all of it.
                let _ = pipe.write_all(text.as_bytes()).await;
            }
        };
        tokio::time::timeout(timeout, ended(&group, input, output)).await
    };
    // Before the leader is reaped, so that its number still names the group.
    drop(group);
    let status = child.wait().await;
    let truncated = [&mut out, &mut err]
        .map(|stream| trim(stream, limit, call))
        .contains(&true);
    let elapsed = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match (in_time, status) {
        (Err(_), _) => {
            let message = format!(
                "the process ran longer than {} ms (`timeout_ms`); its group was killed",
                timeout.as_millis()
            );
            Outcome::Unknown(
                Fault::new(ErrorCode::StepTimeout, message).with_details(json!({
                    "stdout": ending(&out.bytes, call), "stderr": ending(&err.bytes, call),
                })),
            )
        }
        (Ok(Err(error)), _) | (Ok(Ok(())), Err(error)) => Outcome::Unknown(Fault::new(
            ErrorCode::ToolFailed,
            format!("the end of the process could not be awaited: {error}"),
        )),
        (Ok(Ok(())), Ok(status)) => conclude(
            status,
            &args.ok_exit_codes,
            call,
            (out, err),
            truncated,
            elapsed,
        ),
    }
}

/// Waits until the leader has ended; then what it left running is killed, and the rest of the output read.
async fn ended(
    group: &Group,
    input: impl Future<Output = ()>,
    output: impl Future<Output = ((), ())>,
) -> std::io::Result<()> {
    tokio::pin!(input, output);
    let leader = group.leader_ended();
    tokio::pin!(leader);
    let (mut fed, mut drained) = (false, false);
    let waited = loop {
        tokio::select! {
            waited = &mut leader => break waited,
            () = &mut input, if !fed => fed = true,
            _ = &mut output, if !drained => drained = true,
        }
    };
    group.kill();
    if !drained {
        let _ = tokio::time::timeout(DRAIN, output).await;
    }
    waited
}

fn start(
    config: &ProcessConfig,
    roots: &Roots,
    args: &Args,
    call: &CallContext,
) -> Result<(Child, Group), Stop> {
    let (program, arguments) = command_line(args)?;
    let cwd = roots.directory(
        args.cwd.as_deref().unwrap_or("."),
        OFlags::PATH,
        &call.check_path,
    )?;
    if let Some(name) = args.env.keys().find(|name| !environment::may_be_set(name)) {
        return Err(invalid(format!(
            "`{name}` is not a name for an environment variable"
        )));
    }
    let nul = |text: &String| text.contains('\0');
    if nul(&program) || arguments.iter().any(nul) || args.env.values().any(nul) {
        return Err(invalid("no argument and no variable may hold a NUL"));
    }
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment::allowed(&config.env))
        .envs(&args.env)
        .env("MANDATE_IDEMPOTENCY_KEY", &call.idempotency_key)
        .envs([environment::mark()])
        // By its handle: the directory that was checked, wherever its name leads by now.
        .current_dir(format!("/proc/self/fd/{}", cwd.fd.as_raw_fd()))
        .process_group(0)
        .kill_on_drop(true)
        .stdin(if args.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        Stop::refused(
            ErrorCode::ToolFailed,
            format!("`{program}` does not start: {error}"),
        )
    })?;
    // From here on the program runs: what fails now leaves its effect unknown.
    let started = |error: std::io::Error| {
        Stop::Unknown(Fault::new(
            ErrorCode::ToolFailed,
            format!(
                "`{program}` was started, and killed because it could not be held to its limits: {error}"
            ),
        ))
    };
    let group = Group::new(child.id().unwrap_or(0)).map_err(started)?;
    group.limit(&config.limits).map_err(started)?;
    Ok((child, group))
}

fn command_line(args: &Args) -> Result<(String, Vec<String>), Stop> {
    match (&args.argv, &args.command, args.shell) {
        (Some(argv), None, false) => {
            let (program, arguments) = argv
                .split_first()
                .ok_or_else(|| invalid("`argv` is empty"))?;
            Ok((program.clone(), arguments.to_vec()))
        }
        (None, Some(command), true) => {
            Ok((SHELL.to_owned(), vec!["-c".to_owned(), command.clone()]))
        }
        (None, Some(_), false) => Err(invalid(
            "`command` needs `shell: true`; without a shell give `argv`",
        )),
        (Some(_), _, true) => Err(invalid("with `shell: true` give `command`, not `argv`")),
        (Some(_), Some(_), false) => Err(invalid(
            "give `argv`, or `command` with `shell: true`, not both",
        )),
        (None, None, _) => Err(invalid("give `argv`, or `command` with `shell: true`")),
    }
}

fn invalid(message: impl Into<String>) -> Stop {
    Stop::refused(ErrorCode::InvalidPayload, message)
}

/// Cuts a stream down to what is given, without leaving the beginning of a secret at the cut.
fn trim(stream: &mut Captured, limit: usize, call: &CallContext) -> bool {
    if stream.more || stream.bytes.len() > limit {
        call.scrubber.cut(&mut stream.bytes, limit);
        return true;
    }
    false
}

fn conclude(
    status: ExitStatus,
    ok_exit_codes: &[i32],
    call: &CallContext,
    (out, err): (Captured, Captured),
    truncated: bool,
    duration_ms: u64,
) -> Outcome {
    let fault = |message: String| {
        Fault::new(ErrorCode::ToolFailed, message).with_details(json!({
            "exit_code": status.code(),
            "signal": status.signal(),
            "stdout": ending(&out.bytes, call),
            "stderr": ending(&err.bytes, call),
        }))
    };
    match (status.code(), status.signal()) {
        (Some(code), _) if ok_exit_codes.contains(&code) => {}
        (Some(code), _) => {
            return Outcome::Failed(fault(format!("the process ended with exit code {code}")));
        }
        // Stopped somewhere on its way: how far it came, nobody knows.
        (None, signal) => {
            let signal = signal.unwrap_or(0);
            return Outcome::Unknown(fault(format!("the process was ended by signal {signal}")));
        }
    }
    let (stdout, stdout_encoding) = text(out.bytes);
    let (stderr, stderr_encoding) = text(err.bytes);
    answer(Ok(Ended {
        exit_code: status.code(),
        signal: status.signal(),
        stdout,
        stdout_encoding,
        stderr,
        stderr_encoding,
        truncated,
        duration_ms,
        sandbox: "none",
    }))
}

fn text(bytes: Vec<u8>) -> (String, &'static str) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, "utf8"),
        Err(error) => (
            base64::engine::general_purpose::STANDARD.encode(error.as_bytes()),
            "base64",
        ),
    }
}

/// The end of a stream, scrubbed before it is cut: half a secret would not be recognised any more.
fn ending(bytes: &[u8], call: &CallContext) -> String {
    let bytes = call.scrubber.scrub_bytes(bytes);
    let from = bytes.len().saturating_sub(EXCERPT);
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}
