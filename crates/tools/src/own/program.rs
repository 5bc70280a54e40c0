//! A tool that is a program: JSON in, JSON out.

use crate::{
    CallContext, Fault, MAX_OUTPUT_BYTES, Outcome,
    builtin::process::{
        capture::{Captured, capture},
        confinement::{self, Confinement},
        environment,
        exec::beyond,
        kept::{self, End, Kept},
    },
    secret::{SecretText, SecretValue},
};
use mandate_plan::ErrorCode;
use mandate_sandbox::{Ended, Limits, Start};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{ChildStderr, ChildStdin, ChildStdout},
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
    confinement: Option<Confinement>,
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
        confinement: Option<Confinement>,
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
            confinement,
        })
    }

    /// The names of the secrets that its configuration hands it.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        self.env.values().flat_map(SecretText::names).collect()
    }

    /// What confines it, in one word.
    pub(super) fn sandbox(&self) -> String {
        match &self.confinement {
            Some(_) => confinement::word(),
            None => "none".to_owned(),
        }
    }

    /// What it may touch; none if that is what its user may.
    pub(super) fn profile(&self) -> Option<Value> {
        self.confinement.as_ref().map(Confinement::shown)
    }

    pub(super) async fn call(
        &self,
        call: &CallContext,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> Outcome {
        let begun = Instant::now();
        let kept = match self.start(call, secrets).await {
            Ok(started) => started,
            Err(outcome) => return outcome,
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
            let pipes = (stdin, stdout, stderr);
            let work = talk(&mut end, call.args.to_string(), pipes, &mut out, &mut err);
            let left = self.timeout.saturating_sub(begun.elapsed());
            tokio::time::timeout(left, work).await
        };
        // At the time limit it ends here, with everything that came from it.
        leash.end();
        let said = ending(&err.bytes, call);
        let Ok(ended) = in_time else {
            let _ = end.wait().await;
            let message = format!(
                "`{}` took longer than {} ms (`timeout_ms` of the tool); it was killed",
                call.tool,
                self.timeout.as_millis()
            );
            let fault = Fault::new(ErrorCode::StepTimeout, message);
            return Outcome::Unknown(fault.with_details(json!({ "stderr": said })));
        };
        let failed = |message: String| {
            let why = said.trim();
            let message = match why.lines().last() {
                Some(last) => format!("{message}: {last}"),
                None => message,
            };
            Fault::new(ErrorCode::ToolFailed, message)
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let message = format!("the end of `{}` could not be awaited: {error}", call.tool);
                return Outcome::Unknown(failed(message));
            }
        };
        let limits = self.confinement.as_ref().map(Confinement::limits_said);
        if let Some((over, limits)) = ended.over.zip(limits) {
            let why = beyond(over, limits);
            let fault = Fault::new(
                ErrorCode::ResourceExhausted,
                format!("`{}` was killed: {why}", call.tool),
            );
            return Outcome::Unknown(fault.with_details(json!({ "stderr": said })));
        }
        match (ended.code, ended.signal) {
            (Some(0), _) => answer(&call.tool, &out),
            (Some(code), _) => Outcome::Failed(
                failed(format!("`{}` ended with exit code {code}", call.tool))
                    .with_details(json!({ "exit_code": code, "stderr": said })),
            ),
            // Stopped somewhere on its way: how far it came, nobody knows.
            (None, signal) => Outcome::Unknown(
                failed(format!(
                    "`{}` was ended by signal {}",
                    call.tool,
                    signal.unwrap_or(0)
                ))
                .with_details(json!({ "signal": signal, "stderr": said })),
            ),
        }
    }

    async fn start(
        &self,
        call: &CallContext,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> Result<Kept, Outcome> {
        let fault =
            |why: &dyn std::fmt::Display| Fault::new(ErrorCode::ToolFailed, why.to_string());
        let directory = kept::directory(&self.cwd).map_err(|error| {
            let shown = self.cwd.display();
            Outcome::Refused(fault(&format!(
                "`{}` does not start in `{shown}`: {error}",
                self.program
            )))
        })?;
        let mut env: BTreeMap<OsString, OsString> =
            environment::allowed(&self.basics).into_iter().collect();
        let given = self.env.iter();
        env.extend(given.map(|(name, value)| (name.into(), value.with(secrets).into())));
        let own = [
            ("MANDATE_IDEMPOTENCY_KEY", call.idempotency_key.clone()),
            ("MANDATE_EXECUTION_ID", call.execution_id.clone()),
            ("MANDATE_STEP", call.step.clone()),
            ("MANDATE_ATTEMPT", call.attempt.to_string()),
            environment::mark(),
        ];
        env.extend(own.map(|(name, value)| (name.into(), value.into())));
        let place = call.trace.as_ref();
        env.extend(place.map(|place| ("TRACEPARENT".into(), place.traceparent().into())));
        let path = env.get(OsStr::new("PATH")).map(OsString::as_os_str);
        let profile = self.confinement.as_ref();
        let profile = profile.map(|confinement| confinement.profile(path));
        let order = Start {
            program: self.program.clone().into(),
            args: self.args.iter().map(OsString::from).collect(),
            env: env.into_iter().collect(),
            profile,
            limits: self
                .confinement
                .as_ref()
                .map_or_else(Limits::default, Confinement::limits),
        };
        kept::start(order, directory, true)
            .await
            .map_err(|error| error.into_stop().into())
    }
}

type Pipes = (Option<ChildStdin>, ChildStdout, ChildStderr);

/// Hands the arguments over and reads until the program has ended, and what it left running.
async fn talk(
    end: &mut End,
    args: String,
    (stdin, stdout, stderr): Pipes,
    out: &mut Captured,
    err: &mut Captured,
) -> std::io::Result<Ended> {
    let input = async {
        if let Some(mut pipe) = stdin {
            // A program may end, or close its input, without reading all of it.
            let _ = pipe.write_all(args.as_bytes()).await;
        }
    };
    let output = async {
        tokio::join!(
            capture(stdout, MAX_OUTPUT_BYTES, out),
            capture(stderr, MAX_STDERR, err),
        );
    };
    tokio::pin!(input, output);
    let ended = end.wait();
    tokio::pin!(ended);
    let (mut fed, mut drained) = (false, false);
    let waited = loop {
        tokio::select! {
            waited = &mut ended => break waited,
            () = &mut input, if !fed => fed = true,
            () = &mut output, if !drained => drained = true,
        }
    };
    if !drained {
        let _ = tokio::time::timeout(DRAIN, output).await;
    }
    waited
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
