//! An agent that drives an execution through the binary, and the witness that counts what really happened.

use crate::background::host_pid;
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Two tools whose calls the witness writes down. `VERSION` stands in the description of one.
pub(crate) const TOOLS: &str = r#"
[[tools]]
name = "pay.send"
description = "Sends money, version VERSION."
command = ["sh", "witness.sh"]
effect = "network"
timeout_ms = 20000
[tools.input_schema]
type = "object"
required = ["to", "amount"]
[tools.input_schema.properties]
to = { type = "string" }
amount = { type = "integer" }
note = { type = "string", maxLength = 20 }
currency = { type = "string", default = "EUR" }

[[tools]]
name = "pay.look"
command = ["sh", "witness.sh"]
effect = "read"
"#;

/// Writes its arguments down before it answers; waits for `gate` where `hold` is there.
const WITNESS: &str = r#"
cat >> ledger; echo >> ledger; sync ledger
while [ -e hold ] && [ ! -e gate ]; do sleep 0.02; done
echo '{"ok": true}'
"#;

pub(crate) const PLAN: &str = r#"
version: 1
name: Pay
mode: agent
steps:
  - {id: look, tool: pay.look, args: {of: bob}}
  - {id: send, tool: pay.send, args: {to: bob, amount: 5}, allow: {args: {note: {any: true}}}}
  - {id: again, tool: pay.send, args: {to: ann, amount: 7}}
"#;

pub(crate) const LOOK: &str = r#"{"of":"bob"}"#;
pub(crate) const SEND: &str = r#"{"to":"bob","amount":5}"#;

/// An execution that waits for its agent.
pub(crate) struct Agent {
    pub(crate) site: Site,
    pub(crate) id: String,
}

impl Agent {
    /// A site with the witness and a plan that runs.
    pub(crate) fn with(plan: &str) -> Self {
        let site = Site::configured(TOOLS);
        site.write("witness.sh", WITNESS);
        let id = Self::run(&site, plan, "token");
        Self { site, id }
    }

    pub(crate) fn new() -> Self {
        Self::with(PLAN)
    }

    /// Has a plan run, its token in `file`.
    pub(crate) fn run(site: &Site, plan: &str, file: &str) -> String {
        site.write("plan.yaml", plan);
        let ran = site.run(&["run", "plan.yaml", "--yes", "--token-file", file, "--json"]);
        let told = ran.exits(0).json();
        told["execution_id"].as_str().unwrap().to_owned()
    }

    /// A call with the token in `file`.
    pub(crate) fn call_with(&self, file: &str, tool: &str, args: &str) -> Ran {
        self.site.run(&[
            "executions",
            "call",
            &self.id,
            tool,
            "--args",
            args,
            "--token-file",
            file,
            "--json",
        ])
    }

    pub(crate) fn call(&self, tool: &str, args: &str) -> Ran {
        self.call_with("token", tool, args)
    }

    /// What the witness saw, line by line.
    pub(crate) fn ledger(&self) -> Vec<String> {
        let text = self.site.content("ledger");
        text.lines().map(str::to_owned).collect()
    }

    /// The codes of the refusals that the journal holds, in order, those of ended executions too.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let export = self.site.run(&["audit", "export"]).exits(0).stdout;
        let rows = export
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["kind"] == "call_refused")
            .map(|row| {
                let code = &row["payload"]["refusal"]["code"];
                code.as_str().unwrap().to_owned()
            })
            .collect()
    }

    /// Fails unless this was refused with that code, journaled, and nothing was called.
    pub(crate) fn refused(&self, code: &str, what: &str, call: impl FnOnce() -> Ran) -> Ran {
        let (seen, before) = (self.ledger(), self.refusals().len());
        let ran = call();
        let told = ran.json();
        assert_eq!(told["error"]["code"], code, "{what}: {told:#}");
        assert_ne!(ran.code, 0, "{what}");
        assert_eq!(self.ledger(), seen, "{what}: something was called");
        let now = self.refusals();
        assert_eq!(now.len(), before + 1, "{what}: {now:?}");
        assert!(now.iter().any(|held| held == code), "{what}: {now:?}");
        ran
    }

    /// Kills the process that drives, as `kill -9` does.
    pub(crate) fn kill_host(&self) {
        let pid = host_pid(&self.site).unwrap();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        until("the host is gone", || host_pid(&self.site).is_none());
    }

    pub(crate) fn shown(&self) -> Value {
        let shown = self.site.run(&["executions", "show", &self.id, "--json"]);
        shown.json()
    }

    /// The journal is whole, and says what the engine would say again.
    pub(crate) fn assert_sound(&self) {
        self.site.run(&["executions", "replay", &self.id]).exits(0);
        self.site.assert_intact();
    }
}
