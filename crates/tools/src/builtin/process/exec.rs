//! From the arguments of `process.exec` to its outcome.

use super::{
    capture::{Captured, capture},
    confinement::{self, Confinement},
    environment,
    kept::{self, End, Kept, NotStarted},
};
use crate::{
    CallContext, Fault, Outcome, ProcessConfig, ProcessLimits,
    builtin::{fs::Roots, stop::Stop, typed::answer},
};
use base64::Engine as _;
use mandate_plan::ErrorCode;
use mandate_sandbox::{Ended as HowEnded, Over, Start};
use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    time::{Duration, Instant},
};
use tokio::io::AsyncWriteExt as _;

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
    /// What the kernel held it to its profile with.
    sandbox: String,
}

fn zero() -> Vec<i32> {
    vec![0]
}

pub(super) async fn exec(
    config: &ProcessConfig,
    confinement: &Confinement,
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
    let kept = match start(config, confinement, roots, &args, call).await {
        Ok(started) => started,
        Err(stop) => return stop.into(),
    };
    let Kept {
        stdin,
        stdout,
        stderr,
        leash,
        mut end,
    } = kept;
    let (mut out, mut err) = (Captured::default(), Captured::default());
    let in_time = {
        // A little more than is given is kept here, so that a secret at the cut can be recognised.
        let kept = limit.saturating_add(call.scrubber.longest());
        let output = async {
            tokio::join!(
                capture(stdout, kept, &mut out),
                capture(stderr, kept, &mut err),
            )
        };
        let input = async {
            if let (Some(mut pipe), Some(text)) = (stdin, &args.stdin) {
                // A program may end, or close its input, without reading all of it.
                let _ = pipe.write_all(text.as_bytes()).await;
            }
        };
        let left = timeout.saturating_sub(begun.elapsed());
        tokio::time::timeout(left, ended(&mut end, input, output)).await
    };
    // At the time limit it ends here, with everything that came from it.
    leash.end();
    let in_time = match in_time {
        Ok(ended) => Ok(ended),
        Err(elapsed) => {
            let _ = end.wait().await;
            Err(elapsed)
        }
    };
    let truncated = [&mut out, &mut err]
        .map(|stream| trim(stream, limit, call))
        .contains(&true);
    let elapsed = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match in_time {
        Err(_) => {
            let message = format!(
                "the process ran longer than {} ms (`timeout_ms`); it was killed, with everything it had started",
                timeout.as_millis()
            );
            Outcome::Unknown(
                Fault::new(ErrorCode::StepTimeout, message).with_details(json!({
                    "stdout": ending(&out.bytes, call), "stderr": ending(&err.bytes, call),
                })),
            )
        }
        Ok(Err(error)) => Outcome::Unknown(Fault::new(
            ErrorCode::ToolFailed,
            format!("the end of the process could not be awaited: {error}"),
        )),
        Ok(Ok(end)) => conclude(
            &end,
            &config.limits,
            &args.ok_exit_codes,
            call,
            (out, err),
            truncated,
            elapsed,
        ),
    }
}

/// Waits until the program has ended, and what it left running; then the rest of the output is read.
async fn ended(
    end: &mut End,
    input: impl Future<Output = ()>,
    output: impl Future<Output = ((), ())>,
) -> std::io::Result<HowEnded> {
    tokio::pin!(input, output);
    let ended = end.wait();
    tokio::pin!(ended);
    let (mut fed, mut drained) = (false, false);
    let waited = loop {
        tokio::select! {
            waited = &mut ended => break waited,
            () = &mut input, if !fed => fed = true,
            _ = &mut output, if !drained => drained = true,
        }
    };
    if !drained {
        let _ = tokio::time::timeout(DRAIN, output).await;
    }
    waited
}

async fn start(
    config: &ProcessConfig,
    confinement: &Confinement,
    roots: &Roots,
    args: &Args,
    call: &CallContext,
) -> Result<Kept, Stop> {
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
    let mut env: BTreeMap<OsString, OsString> =
        environment::allowed(&config.env).into_iter().collect();
    let given = args
        .env
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    env.extend(given);
    let key = call.idempotency_key.clone();
    env.insert("MANDATE_IDEMPOTENCY_KEY".into(), key.into());
    let (mark, value) = environment::mark();
    env.insert(mark.into(), value.into());
    let profile = confinement.profile(
        env.get(std::ffi::OsStr::new("PATH"))
            .map(OsString::as_os_str),
    );
    let order = Start {
        program: program.into(),
        args: arguments.into_iter().map(OsString::from).collect(),
        env: env.into_iter().collect(),
        profile: Some(profile),
        limits: config.limits.as_limits(),
    };
    let started = kept::start(order, cwd.fd, args.stdin.is_some()).await;
    started.map_err(NotStarted::into_stop)
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
    end: &HowEnded,
    limits: &ProcessLimits,
    ok_exit_codes: &[i32],
    call: &CallContext,
    (out, err): (Captured, Captured),
    truncated: bool,
    duration_ms: u64,
) -> Outcome {
    let fault = |code: ErrorCode, message: String| {
        Fault::new(code, message).with_details(json!({
            "exit_code": end.code,
            "signal": end.signal,
            "stdout": ending(&out.bytes, call),
            "stderr": ending(&err.bytes, call),
        }))
    };
    if let Some(over) = end.over {
        let message = format!("the process was killed: {}", beyond(over, limits));
        return Outcome::Unknown(fault(ErrorCode::ResourceExhausted, message));
    }
    if let Some(first) = end.refused.first() {
        let message = format!(
            "the process made `{}`, which no program may: it would configure the next run; it was moved aside, beside where it was",
            first.display()
        );
        return Outcome::Failed(fault(ErrorCode::PolicyDenied, message));
    }
    match (end.code, end.signal) {
        (Some(code), _) if ok_exit_codes.contains(&code) => {}
        (Some(code), _) => {
            let message = format!("the process ended with exit code {code}");
            return Outcome::Failed(fault(ErrorCode::ToolFailed, message));
        }
        // Stopped somewhere on its way: how far it came, nobody knows.
        (None, signal) => {
            let signal = signal.unwrap_or(0);
            let message = format!("the process was ended by signal {signal}");
            return Outcome::Unknown(fault(ErrorCode::ToolFailed, message));
        }
    }
    let (stdout, stdout_encoding) = text(out.bytes);
    let (stderr, stderr_encoding) = text(err.bytes);
    answer(Ok(Ended {
        exit_code: end.code,
        signal: end.signal,
        stdout,
        stdout_encoding,
        stderr,
        stderr_encoding,
        truncated,
        duration_ms,
        sandbox: confinement::word(),
    }))
}

/// Which limit, in words.
pub(crate) fn beyond(over: Over, limits: &ProcessLimits) -> String {
    let (what, most, key) = match over {
        Over::Processes => ("processes", limits.processes, "processes"),
        Over::Memory => ("bytes of memory", limits.memory_bytes, "memory_bytes"),
    };
    let most = most.unwrap_or_default();
    format!("together with what it started it had more than {most} {what} (`limits.{key}`)")
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
