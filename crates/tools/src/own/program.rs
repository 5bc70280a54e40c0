//! A tool that is a program: JSON in, JSON out.

use crate::{
    CallContext, Fault, MAX_OUTPUT_BYTES, Outcome,
    builtin::process::{
        capture::{Captured, capture},
        environment,
        group::Group,
    },
    secret::{SecretText, SecretValue},
};
use mandate_plan::ErrorCode;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

/// How long the output of a program that has ended is awaited: something it left behind may hold it open.
const DRAIN: Duration = Duration::from_millis(500);
/// How much of standard error is kept, in bytes.
const MAX_STDERR: usize = 64 * 1024;
/// How much of it a failure shows, from the end.
const EXCERPT: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(300);

/// A program as a tool.
pub(super) struct Program {
    program: String,
    args: Vec<String>,
    env: BTreeMap<String, SecretText>,
    /// The variables of Mandate's own environment that it sees.
    basics: Vec<String>,
    cwd: PathBuf,
    timeout: Duration,
}

impl Program {
    /// The program as configured.
    ///
    /// # Errors
    /// What is wrong with the command.
    pub(super) fn new(
        argv: &[String],
        env: &BTreeMap<String, String>,
        basics: &[String],
        cwd: PathBuf,
        timeout_ms: Option<u64>,
    ) -> Result<Self, String> {
        let (program, args) = argv
            .split_first()
            .filter(|(program, _)| !program.is_empty())
            .ok_or("its `command` is empty")?;
        let nul = |text: &String| text.contains('\0');
        if argv.iter().any(nul) || env.values().any(nul) {
            return Err("its `command` or `env` holds a NUL".to_owned());
        }
        let mut given = BTreeMap::new();
        for (name, value) in env {
            let Ok(text) = SecretText::read(value, |plain| Ok::<_, Infallible>(plain.to_owned()));
            given.insert(name.clone(), text);
        }
        if let Some(name) = env.keys().find(|name| !environment::may_be_set(name)) {
            return Err(format!(
                "`{name}` is not a name for an environment variable"
            ));
        }
        Ok(Self {
            program: if program.contains('/') {
                cwd.join(program).to_string_lossy().into_owned()
            } else {
                program.clone()
            },
            args: args.to_vec(),
            env: given,
            basics: basics.to_vec(),
            cwd,
            timeout: timeout_ms.map_or(TIMEOUT, Duration::from_millis),
        })
    }

    /// The names of the secrets that its configuration hands it.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        self.env.values().flat_map(SecretText::names).collect()
    }

    pub(super) async fn call(
        &self,
        call: &CallContext,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> Outcome {
        let (mut child, group) = match self.start(call, secrets) {
            Ok(started) => started,
            Err(outcome) => return outcome,
        };
        let (mut out, mut err) = (Captured::default(), Captured::default());
        let in_time = {
            let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            let work = talk(&group, call.args.to_string(), pipes, &mut out, &mut err);
            tokio::time::timeout(self.timeout, work).await
        };
        // Before the leader is reaped, so that its number still names the group.
        drop(group);
        let status = child.wait().await;
        let said = ending(&err.bytes, call);
        if in_time.is_err() {
            let message = format!(
                "`{}` took longer than {} ms (`timeout_ms` of the tool); it was killed",
                call.tool,
                self.timeout.as_millis()
            );
            let fault = Fault::new(ErrorCode::StepTimeout, message);
            return Outcome::Unknown(fault.with_details(json!({ "stderr": said })));
        }
        let failed = |message: String| {
            let why = said.trim();
            let message = match why.lines().last() {
                Some(last) => format!("{message}: {last}"),
                None => message,
            };
            Fault::new(ErrorCode::ToolFailed, message)
        };
        match status.map(|status| (status.code(), status.signal())) {
            Ok((Some(0), _)) => answer(&call.tool, &out),
            Ok((Some(code), _)) => Outcome::Failed(
                failed(format!("`{}` ended with exit code {code}", call.tool))
                    .with_details(json!({ "exit_code": code, "stderr": said })),
            ),
            // Stopped somewhere on its way: how far it came, nobody knows.
            Ok((None, signal)) => Outcome::Unknown(
                failed(format!(
                    "`{}` was ended by signal {}",
                    call.tool,
                    signal.unwrap_or(0)
                ))
                .with_details(json!({ "signal": signal, "stderr": said })),
            ),
            Err(error) => Outcome::Unknown(failed(format!(
                "the end of `{}` could not be awaited: {error}",
                call.tool
            ))),
        }
    }

    fn start(
        &self,
        call: &CallContext,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> Result<(Child, Group), Outcome> {
        let given = self.env.iter();
        let given = given.map(|(name, value)| (name, value.with(secrets)));
        let fault = |error: &dyn std::fmt::Display| {
            Fault::new(
                ErrorCode::ToolFailed,
                format!("`{}` does not start: {error}", self.program),
            )
        };
        let own: [(OsString, String); 4] = [
            (
                "MANDATE_IDEMPOTENCY_KEY".into(),
                call.idempotency_key.clone(),
            ),
            ("MANDATE_EXECUTION_ID".into(), call.execution_id.clone()),
            ("MANDATE_STEP".into(), call.step.clone()),
            ("MANDATE_ATTEMPT".into(), call.attempt.to_string()),
        ];
        let child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(environment::allowed(&self.basics))
            .envs(given)
            .envs(own)
            .envs([environment::mark()])
            .current_dir(&self.cwd)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Outcome::Refused(fault(&error)))?;
        let group =
            Group::new(child.id().unwrap_or(0)).map_err(|error| Outcome::Unknown(fault(&error)))?;
        Ok((child, group))
    }
}

type Pipes = (
    Option<tokio::process::ChildStdin>,
    Option<tokio::process::ChildStdout>,
    Option<tokio::process::ChildStderr>,
);

/// Hands the arguments over and reads until the program has ended; then what it left running is killed.
async fn talk(
    group: &Group,
    args: String,
    (stdin, stdout, stderr): Pipes,
    out: &mut Captured,
    err: &mut Captured,
) {
    let input = async {
        if let Some(mut pipe) = stdin {
            // A program may end, or close its input, without reading all of it.
            let _ = pipe.write_all(args.as_bytes()).await;
        }
    };
    let output = async {
        tokio::join!(
            async {
                if let Some(stream) = stdout {
                    capture(stream, MAX_OUTPUT_BYTES, out).await
                }
            },
            async {
                if let Some(stream) = stderr {
                    capture(stream, MAX_STDERR, err).await
                }
            },
        );
    };
    tokio::pin!(input, output);
    let leader = group.leader_ended();
    tokio::pin!(leader);
    let (mut fed, mut drained) = (false, false);
    loop {
        tokio::select! {
            _ = &mut leader => break,
            () = &mut input, if !fed => fed = true,
            () = &mut output, if !drained => drained = true,
        }
    }
    group.kill();
    if !drained {
        let _ = tokio::time::timeout(DRAIN, output).await;
    }
}

fn answer(tool: &str, out: &Captured) -> Outcome {
    let invalid = |code, message| Outcome::Invalid {
        output: None,
        fault: Fault::new(code, message),
    };
    if out.more {
        return invalid(
            ErrorCode::ResourceExhausted,
            format!("the output of `{tool}` has more than {MAX_OUTPUT_BYTES} bytes"),
        );
    }
    super::parse(&out.bytes).map_or_else(
        |why| {
            invalid(
                ErrorCode::OutputInvalid,
                format!("the output of `{tool}` is not JSON: {why}"),
            )
        },
        |output: Value| Outcome::Completed { output },
    )
}

/// The end of standard error, scrubbed before it is cut: half a secret would not be recognised any more.
fn ending(bytes: &[u8], call: &CallContext) -> String {
    let bytes = call.scrubber.scrub_bytes(bytes);
    let from = bytes.len().saturating_sub(EXCERPT);
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}
