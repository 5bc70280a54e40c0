//! The gateway at `/mcp` of `mandate serve`: who asks is said by an API key.

use super::scenes::{four_eyes, ledger, site};
use crate::agent::PLAN;
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

pub(super) struct Server {
    child: Option<Child>,
    pub(super) url: String,
}

impl Server {
    /// The same one, for clients that come for that execution.
    pub(super) fn beneath(&self, execution: &str) -> Self {
        Self {
            child: None,
            url: format!("{}/{execution}", self.url),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(super) fn serve(site: &Site) -> Server {
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let url = format!("{}mcp", told["listening"].as_str().unwrap());
    Server {
        child: Some(child),
        url,
    }
}

pub(super) fn key(site: &Site, admin: Option<&str>, name: &str, role: &str) -> String {
    let mut command = site.command(&["keys", "create", name, "--role", role]);
    command.envs(admin.map(|admin| ("MANDATE_API_KEY", admin)));
    Ran::of(command.output().unwrap())
        .exits(0)
        .stdout
        .trim()
        .to_owned()
}

/// An answer over HTTP: status, the header with the protocol's session, body.
pub(super) fn post(url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    let mut command = Command::new("curl");
    command.args([
        "-sS",
        "-X",
        "POST",
        url,
        "--data-binary",
        body,
        "--max-time",
        "60",
    ]);
    command.args(["-w", "\n%{http_code} %header{mcp-session-id}"]);
    command.args(["-H", "content-type: application/json"]);
    command.args(["-H", "accept: application/json, text/event-stream"]);
    for (name, value) in headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, last) = text
        .rsplit_once('\n')
        .unwrap_or_else(|| panic!("{output:?}"));
    let (status, session) = last.split_once(' ').unwrap_or((last, ""));
    (status.parse().unwrap(), session.to_owned(), body.to_owned())
}

/// A client of the stateless revision, which says with each request who it is.
pub(super) struct Agent<'a> {
    pub(super) server: &'a Server,
    pub(super) key: &'a str,
    pub(super) session: &'a str,
}

impl Agent<'_> {
    pub(super) fn request(&self, method: &str, params: Value) -> Value {
        self.request_with(method, params, &json!({ "elicitation": {} }), &[])
    }

    /// The same of a client that can do that, with more headers.
    pub(super) fn request_with(
        &self,
        method: &str,
        mut params: Value,
        can: &Value,
        more: &[(&str, &str)],
    ) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": can,
            "io.modelcontextprotocol/clientInfo": { "name": "test-agent", "version": "7" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let uri = params["uri"].as_str().unwrap_or_default().to_owned();
        let task = params["taskId"].as_str().unwrap_or_default().to_owned();
        let name = [name, uri, task].into_iter().find(|it| !it.is_empty());
        let name = name.unwrap_or_default();
        if !name.is_empty() {
            headers.push(("mcp-name", &name));
        }
        headers.extend_from_slice(more);
        if !self.session.is_empty() {
            headers.push(("x-governance-session-id", self.session));
        }
        let (status, _, text) = post(&self.server.url, &headers, &body.to_string());
        assert!(matches!(status, 200 | 400), "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(super) fn call(&self, name: &str, arguments: Value) -> Value {
        let answer = self.request(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        );
        assert!(answer.get("error").is_none(), "{answer:#}");
        answer["result"].clone()
    }
}

#[test]
fn agents_with_keys_call_what_was_approved_for_them() {
    let site = four_eyes();
    let root = key(&site, None, "root", "admin");
    let bot = key(&site, Some(&root), "bot", "agent");
    let other = key(&site, Some(&root), "other", "agent");
    let viewer = key(&site, Some(&root), "viewer", "viewer");
    let server = serve(&site);
    let agent = Agent {
        server: &server,
        key: &bot,
        session: "",
    };
    let proposed = agent.call("propose_plan", json!({ "plan": PLAN }));
    let request = proposed["structuredContent"]["approval"]["request_id"]
        .as_str()
        .unwrap();
    let mut command = site.command(&["approvals", "approve", request]);
    Ran::of(command.env("MANDATE_API_KEY", &root).output().unwrap()).exits(0);
    until("it may be called", || {
        agent.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let listed = agent.request("tools/list", json!({})).to_string();
    assert!(
        listed.contains("pay__look") && !listed.contains("pay__send"),
        "{listed}"
    );
    // Neither another principal nor another session of the same one has a plan.
    let stranger = Agent {
        server: &server,
        key: &other,
        session: "",
    };
    let elsewhere = Agent {
        server: &server,
        key: &bot,
        session: "elsewhere",
    };
    for wrong in [&stranger, &elsewhere] {
        let refused = wrong.call("pay__look", json!({ "of": "bob" }));
        assert_eq!(
            refused["structuredContent"]["error"]["code"], "UNPLANNED_ACTION",
            "{refused:#}"
        );
    }
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay__look","arguments":{"of":"eve","of":"bob"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let bearer = format!("Bearer {bot}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "pay__look"),
    ];
    let (_, _, refused) = post(&server.url, &headers, twice);
    assert!(refused.contains("ARGUMENT_VIOLATION"), "{refused}");
    assert_eq!(ledger(&site), Vec::<String>::new());
    let looked = agent.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(looked["structuredContent"]["ok"], true, "{looked:#}");
    assert_eq!(ledger(&site).len(), 1);
    // Who may not have plans run, is nobody, or comes from another site's page, is not let in.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let viewer = format!("Bearer {viewer}");
    assert_eq!(
        post(&server.url, &[("authorization", &viewer)], body).0,
        403
    );
    assert_eq!(post(&server.url, &[], body).0, 401);
    assert_eq!(post(&server.url, &[("host", "evil.example")], body).0, 421);
    assert_eq!(
        post(&server.url, &[("origin", "http://evil.example")], body).0,
        403
    );
}

#[test]
fn a_session_of_an_older_revision_is_its_principals_own() {
    let site = site("");
    let root = key(&site, None, "root", "admin");
    let bot = key(&site, Some(&root), "bot", "agent");
    let other = key(&site, Some(&root), "other", "agent");
    let server = serve(&site);
    let bearer = format!("Bearer {bot}");
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"old","version":"1"}}}"#;
    let (status, session, body) = post(&server.url, &[("authorization", &bearer)], hello);
    assert_eq!(status, 200, "{body}");
    assert!(!session.is_empty(), "{body}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("mcp-session-id", session.as_str()),
    ];
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(post(&server.url, &headers, ready).0, 202);
    let plan = json!(PLAN);
    let propose = format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"propose_plan","arguments":{{"plan":{plan}}}}}}}"#
    );
    let (_, _, proposed) = post(&server.url, &headers, &propose);
    assert!(proposed.contains("require_approval"), "{proposed}");
    // Whoever has got hold of the session's id is still somebody else.
    let thief = format!("Bearer {other}");
    let stolen = [
        ("authorization", thief.as_str()),
        ("mcp-session-id", session.as_str()),
    ];
    let status = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"status","arguments":{}}}"#;
    let (_, _, told) = post(&server.url, &stolen, status);
    assert!(told.contains("this session has no plan"), "{told}");
    assert!(!told.contains("Pay"), "{told}");
    let (_, _, told) = post(&server.url, &headers, status);
    assert!(told.contains("Pay"), "{told}");
}
