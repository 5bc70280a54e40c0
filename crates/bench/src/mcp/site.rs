//! A folder with Mandate in it: the server that is called twice, once as a read of a closed world and once as an effect; the
//! host with the gateway at `/mcp`, and the gateway over standard input beside it.

use super::Calls;
use crate::{children::end, failure::Failure};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The folder and its host.
pub(super) struct Site {
    binary: PathBuf,
    dir: PathBuf,
    host: Child,
    /// Where the gateway answers.
    pub(super) url: String,
    /// Whose plans they are, and who approves them.
    pub(super) key: String,
}

impl Site {
    /// Sets everything up and starts the host.
    pub(super) fn start(dir: &Path, server: &Path, binary: Option<&Path>) -> Result<Self, Failure> {
        let binary = match binary {
            Some(binary) => binary.to_owned(),
            None => std::env::current_exe()
                .map_err(Failure::doing("find this program"))?
                .with_file_name("mandate"),
        };
        let dir = dir.join("site");
        std::fs::create_dir(&dir).map_err(Failure::io("make", &dir))?;
        let file = dir.join("mandate.toml");
        let server = json!(server);
        let config = format!(
            "[limits]\ncalls_per_session = 100000000\n\n\
             [mcpServers.read]\ncommand = {server}\nargs = [\"stdio\"]\n\
             tools.echo = {{ effect = \"read\", open_world = false }}\n\n\
             [mcpServers.effect]\ncommand = {server}\nargs = [\"stdio\"]\n\
             tools.echo = {{ effect = \"write\", idempotent = false }}\n"
        );
        std::fs::write(&file, config).map_err(Failure::io("write", &file))?;
        let key = ran(&mut command(
            &binary,
            &dir,
            &["keys", "create", "bench", "--role", "admin"],
        ))?;
        let key = key.trim().to_owned();
        let mut serve = command(
            &binary,
            &dir,
            &["serve", "--listen", "127.0.0.1:0", "--json"],
        );
        serve.stdin(Stdio::null()).stdout(Stdio::piped());
        let started = serve.stderr(Stdio::null()).spawn();
        let mut host = started.map_err(Failure::io("start", &binary))?;
        let mut line = String::new();
        if let Some(output) = host.stdout.as_mut() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(Failure::doing("read from the host"))?;
        }
        let told: Value = serde_json::from_str(&line)?;
        let url = told.get("listening").and_then(Value::as_str);
        let url = format!("{}mcp", url.unwrap_or_default());
        Ok(Self {
            binary,
            dir,
            host,
            url,
            key,
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(&self.binary, &self.dir, words);
        command.env("MANDATE_API_KEY", &self.key);
        command
    }

    /// The gateway over standard input and output.
    pub(super) fn gateway(&self) -> Command {
        self.command(&["mcp", "--tools-list", "stable"])
    }

    /// Has a plan proposed for these calls, and approves it.
    pub(super) fn approve(
        &self,
        calls: &Calls,
        propose: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Result<(), Failure> {
        let tool = calls.name.replacen("__", ".", 1);
        let step = |caller: usize| {
            json!({
                "id": format!("c{caller}"),
                "tool": tool,
                "args": { "message": format!("caller {caller}") },
                "max_invocations": calls.times,
                "after": [],
            })
        };
        let steps: Vec<Value> = (0..calls.callers).map(step).collect();
        let plan = json!({
            "version": 1,
            "name": "Echo",
            "mode": "agent",
            "constraints": { "max_parallel": calls.callers, "timeout_ms": 3_600_000 },
            "steps": steps,
        });
        let proposed = propose(&plan)?;
        let told = proposed.pointer("/result/structuredContent");
        let told = told.ok_or_else(|| Failure::Wrong(format!("no plan: {proposed}")))?;
        match told.pointer("/approval/request_id").and_then(Value::as_str) {
            Some(request) => {
                ran(&mut self.command(&["approvals", "approve", request]))?;
                Ok(())
            }
            None if told.get("state").is_some() => Ok(()),
            None => Err(Failure::Wrong(format!("no plan: {proposed}"))),
        }
    }
}

fn command(binary: &Path, dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(words).current_dir(dir);
    command.env_remove("MANDATE_API_KEY");
    command.env("XDG_CONFIG_HOME", dir.join("no-configuration"));
    command
}

fn ran(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(Failure::doing("run `mandate`"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure::Wrong(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        end(&mut self.host);
    }
}
