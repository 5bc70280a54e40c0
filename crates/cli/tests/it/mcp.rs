//! MCP clients at the gateway, through the binary: a client of our own that says exactly what a test wants it to say.

mod approvals;
mod attacks;
mod clients;
mod gone;
mod hook;
mod http;
mod passing;
mod python;
mod remote;
mod scenes;
mod servers;
mod suspicious;
mod tasks;
mod traces;

use crate::site::Site;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an answer may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which revision of the protocol is spoken.
#[derive(Clone, Copy, PartialEq)]
enum Era {
    /// With `initialize`.
    Legacy,
    /// Without.
    Modern,
}

/// A client over standard input and output.
struct Client {
    child: Child,
    input: ChildStdin,
    lines: Receiver<Value>,
    notices: Vec<Value>,
    era: Era,
    last_id: u64,
    /// What its user answers when asked; none: it cannot ask.
    says: Option<Value>,
    /// What they were asked.
    asked: Vec<String>,
    /// It takes tasks.
    tasks: bool,
}

impl Client {
    fn start(site: &Site, era: Era, args: &[&str]) -> Self {
        Self::start_as(site, era, args, None)
    }

    /// The same with an API key.
    fn start_as(site: &Site, era: Era, args: &[&str], key: Option<&str>) -> Self {
        Self::start_with(site, era, (args, key), None)
    }

    /// The same with a user who answers that.
    fn start_with(
        site: &Site,
        era: Era,
        (args, key): (&[&str], Option<&str>),
        says: Option<Value>,
    ) -> Self {
        let mut command = site.command(&[&["mcp"], args].concat());
        command.envs(key.map(|key| ("MANDATE_API_KEY", key)));
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = spawned.unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or_else(|_| json!(line));
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        let mut this = Self {
            child,
            input,
            lines,
            notices: Vec::new(),
            era,
            last_id: 0,
            says,
            asked: Vec::new(),
            tasks: false,
        };
        if era == Era::Legacy {
            let answer = this.request(
                "initialize",
                json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": this.capabilities(),
                    "clientInfo": { "name": "test-agent", "version": "7" },
                }),
            );
            assert_eq!(
                answer["result"]["serverInfo"]["name"], "mandate",
                "{answer}"
            );
            this.say(
                &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string(),
            );
        }
        this
    }

    fn capabilities(&self) -> Value {
        let mut can = match &self.says {
            Some(_) => json!({ "elicitation": {} }),
            None => json!({}),
        };
        if self.tasks {
            can["extensions"] = json!({ "io.modelcontextprotocol/tasks": {} });
        }
        can
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    /// Sends a request without waiting for its answer, and gives its id.
    fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.last_id += 1;
        if self.era == Era::Modern {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": self.capabilities(),
                "io.modelcontextprotocol/clientInfo": { "name": "test-agent", "version": "7" },
            });
            let own = params["_meta"].as_object().cloned().unwrap_or_default();
            let mut meta = meta.as_object().unwrap().clone();
            meta.extend(own);
            params["_meta"] = json!(meta);
        }
        let request =
            json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        self.say(&request.to_string());
        self.last_id
    }

    /// The answer with that id. What else comes is kept.
    fn answer(&mut self, id: &Value) -> Value {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let message = self.lines.recv_timeout(left).expect("no answer");
            if message["id"] == *id && message.get("method").is_none() {
                return message;
            }
            if message["method"] == "elicitation/create" {
                let question = message["params"]["message"].as_str().unwrap().to_owned();
                self.asked.push(question);
                let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": self.says });
                self.say(&answer.to_string());
                continue;
            }
            self.notices.push(message);
        }
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(&json!(id))
    }

    /// A line as it stands, and the answer with that id.
    fn raw(&mut self, line: &str, id: Value) -> Value {
        self.say(line);
        self.answer(&id)
    }

    /// Calls a tool, and gives the result.
    fn call(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.request(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        );
        assert!(answer.get("error").is_none(), "{name}: {answer}");
        answer["result"].clone()
    }

    /// The same, which must go well; gives what it says for programs.
    fn done(&mut self, name: &str, arguments: Value) -> Value {
        let result = self.call(name, arguments);
        assert_ne!(result["isError"], true, "{name}: {result:#}");
        result["structuredContent"].clone()
    }

    /// The names of the tools that are listed beside the gateway's own.
    fn planned(&mut self) -> Vec<String> {
        let listed = self.request("tools/list", json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap();
        let names = tools.iter().map(|tool| tool["name"].as_str().unwrap());
        names
            .filter(|name| name.contains("__"))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until a notification of that method has come.
    fn told(&mut self, method: &str) {
        let begun = Instant::now();
        while !self.notices.iter().any(|notice| notice["method"] == method) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let message = self.lines.recv_timeout(left).expect("it was not told");
            self.notices.push(message);
        }
    }

    /// Proposes a plan, has it approved, and gives its execution.
    fn approved(&mut self, site: &Site, plan: &str) -> String {
        let proposed = self.done("propose_plan", json!({ "plan": plan }));
        let id = proposed["execution_id"].as_str().unwrap().to_owned();
        if let Some(request) = proposed["approval"]["request_id"].as_str() {
            site.run(&["approvals", "approve", request]).exits(0);
        }
        id
    }

    /// The code of a refusal.
    fn refused(&mut self, name: &str, arguments: Value) -> String {
        let result = self.call(name, arguments);
        assert_eq!(result["isError"], true, "{name}: {result:#}");
        let error = &result["structuredContent"]["error"];
        assert!(error["message"].is_string(), "{name}: {result:#}");
        error["code"].as_str().unwrap().to_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
