//! A client over standard input and output that does as little as possible itself.

use super::{Calls, Times};
use crate::{children::end, failure::Failure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

/// A server at the other end of a pipe.
pub(super) struct Pipes {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last_id: u64,
}

/// As much of an answer as has to be looked at.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) id: Option<u64>,
    error: Option<Value>,
    result: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "isError", default)]
    is_error: bool,
}

impl Answer {
    /// Whether the call went well.
    pub(super) fn is_good(&self) -> bool {
        self.error.is_none() && self.result.as_ref().is_some_and(|result| !result.is_error)
    }
}

impl Pipes {
    /// Starts a server and greets it.
    pub(super) fn start(mut command: Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let started = command.spawn();
        let mut child = started.map_err(Failure::doing("start a server"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Wrong("a server without pipes".to_owned()));
        };
        let mut this = Self {
            child,
            input,
            output: BufReader::with_capacity(64 * 1024, output),
            last_id: 0,
        };
        this.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "mandate-bench", "version": "1" },
            }),
        )?;
        this.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string())?;
        Ok(this)
    }

    fn say(&mut self, line: &str) -> Result<(), Failure> {
        let mut whole = String::with_capacity(line.len().saturating_add(1));
        whole.push_str(line);
        whole.push('\n');
        let said = self.input.write_all(whole.as_bytes());
        said.map_err(Failure::doing("write to a server"))
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        match read.map_err(Failure::doing("read from a server"))? {
            0 => Err(Failure::Wrong("a server ended".to_owned())),
            _ => Ok(line),
        }
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        let asked = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.say(&asked.to_string())?;
        loop {
            let answer: Value = serde_json::from_str(&self.line()?)?;
            if answer.get("id").and_then(Value::as_u64) == Some(id) {
                return Ok(answer);
            }
        }
    }

    /// Proposes a plan.
    pub(super) fn propose(&mut self, plan: &Value) -> Result<Value, Failure> {
        let call = json!({ "name": "propose_plan", "arguments": { "plan": plan } });
        self.request("tools/call", &call)
    }

    /// Every caller has one call under way until it has made all of its own.
    pub(super) fn calls(&mut self, calls: &Calls) -> Result<Times, Failure> {
        let first = self.last_id.saturating_add(1);
        let mut begun = Vec::new();
        let mut took = Vec::new();
        for caller in 0..calls.callers {
            self.call(calls.name, caller)?;
            begun.push((caller, Instant::now()));
        }
        while took.len() < calls.callers.saturating_mul(calls.times) {
            let line = self.line()?;
            let now = Instant::now();
            let answer: Answer = serde_json::from_str(&line)?;
            let Some(id) = answer.id else { continue };
            let place = usize::try_from(id.saturating_sub(first)).unwrap_or(usize::MAX);
            let (true, Some((caller, at))) = (answer.is_good(), begun.get(place).copied()) else {
                return Err(Failure::Wrong(format!("a call failed: {line}")));
            };
            took.push(now.duration_since(at).as_secs_f64() * 1e6);
            let made = begun.iter().filter(|(by, _)| *by == caller).count();
            if made < calls.times {
                begun.push((caller, Instant::now()));
                self.call(calls.name, caller)?;
            }
        }
        Ok(took)
    }

    fn call(&mut self, name: &str, caller: usize) -> Result<(), Failure> {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        self.say(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{{"message":"caller {caller}"}}}}}}"#
        ))
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
