//! An agent's own tools, held to the plan by its hooks: what it is told before and after each call.

use super::{Client, Era};
use crate::project::Ran;
use crate::site::Site;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

const BASH: &str = r#"
[[tools]]
name = "claude-code.bash"
kind = "external"
description = "The agent's shell."
effect = "execute"
[tools.input_schema]
type = "object"
required = ["command"]
properties = { command = { type = "string" }, description = { type = "string" } }
"#;

const PLAN: &str = r"
version: 1
name: Build
mode: agent
steps:
  - {id: build, tool: claude-code.bash, args: {command: make}, allow: {args: {description: {any: true}}}}
  - {id: test, tool: claude-code.bash, args: {command: make test}, timeout_ms: 60000}
";

fn hook(site: &Site, args: &[&str], said: &Value) -> Value {
    let mut command = site.command(&[&["hook", "claude-code"], args].concat());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(said.to_string().as_bytes())
        .unwrap();
    Ran::of(child.wait_with_output().unwrap()).exits(0).json()
}

fn pre(site: &Site, args: &[&str], tool: &str, input: Value) -> (String, Value) {
    let said = json!({ "hook_event_name": "PreToolUse", "session_id": "s", "tool_name": tool, "tool_input": input });
    let answer = hook(site, args, &said);
    let decision = &answer["hookSpecificOutput"]["permissionDecision"];
    (decision.as_str().unwrap_or("none").to_owned(), answer)
}

fn post(site: &Site, tool: &str, input: Value, response: Value) -> Value {
    let said = json!({
        "hook_event_name": "PostToolUse", "tool_name": tool, "tool_input": input, "tool_response": response,
    });
    hook(site, &[], &said)
}

#[test]
fn the_agents_shell_runs_what_the_plan_says_and_reports_it() {
    let site = Site::configured(BASH);
    let make = json!({ "command": "make", "description": "Builds it" });
    assert_eq!(
        pre(&site, &[], "Bash", make.clone()).0,
        "deny",
        "there is no plan"
    );
    assert_eq!(
        pre(&site, &["--without-plan", "ask"], "Bash", make.clone()).0,
        "ask"
    );
    assert_eq!(
        pre(&site, &[], "TodoWrite", json!({})).0,
        "none",
        "it does nothing"
    );
    assert_eq!(
        pre(&site, &[], "mcp__mandate__status", json!({})).0,
        "none",
        "the gateway looks at it"
    );
    let mut agent = Client::start(&site, Era::Legacy, &["--session", "s1"]);
    let proposed = agent.done("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(
        pre(&site, &[], "Bash", make.clone()).0,
        "deny",
        "nobody approved it"
    );
    let request = proposed["approval"]["request_id"].as_str().unwrap();
    site.run(&["approvals", "approve", request]).exits(0);
    // Whatever is not the next call is denied, with what would be.
    let (decision, said) = pre(
        &site,
        &["--session", "s1"],
        "Bash",
        json!({ "command": "rm -rf /" }),
    );
    assert_eq!(decision, "deny");
    let reason = said["hookSpecificOutput"]["permissionDecisionReason"]
        .as_str()
        .unwrap();
    assert!(
        reason.contains("ARGUMENT_VIOLATION") && reason.contains(r#""command":"make""#),
        "{reason}"
    );
    assert_eq!(
        pre(&site, &[], "Write", json!({ "file_path": "x" })).0,
        "deny"
    );
    assert_eq!(pre(&site, &[], "mcp__other__tool", json!({})).0, "deny");
    assert_eq!(pre(&site, &["--pass", "Read"], "Read", json!({})).0, "none");
    assert_eq!(
        pre(&site, &["--session", "other"], "Bash", make.clone()).0,
        "deny",
        "another session's"
    );
    assert_eq!(
        pre(&site, &[], "Bash", json!({ "command": "make test" })).0,
        "deny",
        "out of order"
    );
    let (decision, said) = pre(&site, &[], "Bash", make.clone());
    assert_eq!(decision, "allow", "{said:#}");
    assert_eq!(
        pre(&site, &[], "Bash", make.clone()).0,
        "deny",
        "it is under way"
    );
    assert_eq!(
        post(&site, "Bash", make.clone(), json!({ "stdout": "built" })),
        json!({})
    );
    assert_eq!(pre(&site, &[], "Bash", make).0, "deny", "once");
    let test = json!({ "command": "make test" });
    assert_eq!(pre(&site, &[], "Bash", test.clone()).0, "allow");
    let failed = json!({
        "hook_event_name": "PostToolUseFailure", "tool_name": "Bash", "tool_input": test, "error": "exit code 2",
    });
    assert_eq!(hook(&site, &[], &failed), json!({}));
    let status = agent.done("status", json!({}));
    assert_eq!(status["status"], "failure", "{status:#}");
    let shown = site.last();
    assert!(shown.to_string().contains("exit code 2"), "{shown:#}");
    site.assert_intact();
}

#[test]
fn what_cannot_be_read_is_denied() {
    let site = Site::configured(BASH);
    let answer = hook(&site, &[], &json!({ "hook_event_name": "PreToolUse" }));
    assert_eq!(
        answer["hookSpecificOutput"]["permissionDecision"], "deny",
        "{answer:#}"
    );
    // So is everything where the configuration is wrong.
    site.write("mandate.toml", "[gateway]\ntools_list = \"all\"\n");
    let mut command = site.command(&["hook", "claude-code"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": { "command": "x" } });
    child
        .stdin
        .take()
        .unwrap()
        .write_all(said.to_string().as_bytes())
        .unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap()).exits(0).json();
    assert_eq!(
        ran["hookSpecificOutput"]["permissionDecision"], "deny",
        "{ran:#}"
    );
}
