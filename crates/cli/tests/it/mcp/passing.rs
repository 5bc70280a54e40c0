//! What of a server is passed on besides calls: nothing unless it is set, nothing without an approved plan, and to whoever made
//! the call. The server is the fixture of the conformance suite.

use super::http::{Agent, Server, key, serve};
use crate::example_scenes::installed;
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Fixture {
    child: Child,
    url: String,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Fixture {
    fn start() -> Option<Self> {
        installed("py/bin/python")?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(root.join("target/tool-servers/py/bin/python"));
        command.arg(root.join("tests/conformance/fixture.py"));
        command.args(["--port", &port.to_string(), "--log-level", "ERROR"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let fixture = Self {
            child: child.unwrap(),
            url: format!("http://127.0.0.1:{port}/mcp"),
        };
        until("the fixture listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(fixture)
    }

    fn site(&self, more: &str) -> Site {
        Site::configured(&format!(
            "[mcpServers.far]\nurl = \"{}\"\n{more}\n",
            self.url
        ))
    }
}

const PLAN: &str = r"
version: 1
name: Ask
mode: agent
steps:
  - {id: ask, tool: far.test_input_required_result_elicitation, after: [], on_failure: skip}
  - {id: again, tool: far.test_input_required_result_elicitation, after: [], max_invocations: 3}
  - {id: say, tool: far.test_image_content, after: []}
";

/// A plan is proposed and approved; gives the execution.
fn approved(site: &Site, agent: &Agent<'_>, root: &str) -> String {
    approved_plan(PLAN, site, agent, root)
}

fn approved_plan(plan: &str, site: &Site, agent: &Agent<'_>, root: &str) -> String {
    let proposed = agent.call("propose_plan", json!({ "plan": plan }));
    let told = &proposed["structuredContent"];
    let request = told["approval"]["request_id"].as_str();
    let request = request.unwrap_or_else(|| panic!("{proposed:#}"));
    let mut command = site.command(&["approvals", "approve", request]);
    Ran::of(command.env("MANDATE_API_KEY", root).output().unwrap()).exits(0);
    told["execution_id"].as_str().unwrap().to_owned()
}

fn agent<'a>(server: &'a Server, key: &'a str, session: &'a str) -> Agent<'a> {
    Agent {
        server,
        key,
        session,
    }
}

fn names(listed: &Value, what: &str) -> Vec<String> {
    let all = listed["result"][what].as_array().unwrap();
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    all.iter().map(name).collect()
}

#[test]
fn what_is_set_goes_to_who_has_an_approved_plan() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let site = fixture.site("pass = [\"prompts\", \"resources\", \"elicitation\"]");
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let first = agent(&server, &root, "");
    assert_eq!(
        names(&first.request("prompts/list", json!({})), "prompts"),
        ["plan"]
    );
    let id = approved(&site, &first, &root);
    until("its prompts are listed", || {
        names(&first.request("prompts/list", json!({})), "prompts").len() > 1
    });
    let listed = names(&first.request("prompts/list", json!({})), "prompts");
    assert!(
        listed.contains(&"far__test_simple_prompt".to_owned()),
        "{listed:?}"
    );
    let prompt = first.request("prompts/get", json!({ "name": "far__test_simple_prompt" }));
    assert!(prompt.to_string().contains("simple prompt"), "{prompt:#}");
    let read = first.request("resources/read", json!({ "uri": "test://static-text" }));
    assert!(read.to_string().contains("static text"), "{read:#}");
    // The blocks as they came.
    let image = first.call("far__test_image_content", json!({}));
    assert_eq!(image["content"][0]["type"], "image", "{image:#}");
    // Another session has no plan, so that nothing is passed on to it; neither is a tool that the plan does not name.
    let other = agent(&server, &root, "other");
    assert_eq!(
        names(&other.request("prompts/list", json!({})), "prompts"),
        ["plan"]
    );
    let read = other.request("resources/read", json!({ "uri": "test://static-text" }));
    assert!(read["error"]["code"].is_number(), "{read:#}");
    let refused = first.call("far__test_simple_text", json!({}));
    assert_eq!(
        refused["structuredContent"]["error"]["code"], "UNPLANNED_ACTION",
        "{refused:#}"
    );
    // A session that comes for the execution by its address drives it.
    let there = Server::beneath(&server, &id);
    let third = agent(&there, &root, "third");
    let listed = names(&third.request("tools/list", json!({})), "tools");
    assert!(
        listed.contains(&"far__test_input_required_result_elicitation".to_owned()),
        "{listed:?}"
    );
    let export = site.run(&["audit", "export"]).exits(0).stdout;
    assert!(
        export.contains("passed_on") && export.contains("test://static-text"),
        "{export}"
    );
    let cancelled = {
        let mut command = site.command(&["executions", "cancel", &id]);
        Ran::of(command.env("MANDATE_API_KEY", &root).output().unwrap())
    };
    cancelled.exits(0);
    assert_eq!(
        names(&first.request("prompts/list", json!({})), "prompts"),
        ["plan"]
    );
}

#[test]
fn what_a_server_asks_is_asked_of_its_caller_and_the_call_goes_on() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let tool = "far__test_input_required_result_elicitation";
    let call = |agent: &Agent<'_>, more: Value| {
        let mut params = json!({ "name": tool, "arguments": {} });
        let more = more.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(more);
        agent.request("tools/call", params)
    };
    let site = fixture.site("pass = [\"elicitation\"]");
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let first = agent(&server, &root, "");
    approved(&site, &first, &root);
    until("it may be called", || {
        first.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let asked = call(&first, json!({}));
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked:#}");
    let requests = asked["result"]["inputRequests"].as_object().unwrap();
    let (name, request) = requests.iter().next().unwrap();
    assert_eq!(request["method"], "elicitation/create", "{asked:#}");
    let answer = json!({ (name): { "action": "accept", "content": { "name": "Ann" } } });
    let answered =
        json!({ "requestState": asked["result"]["requestState"], "inputResponses": answer });
    // The word is good for whoever was asked, and nobody else's any more once it was shown: the call has failed.
    let stranger = key(&site, Some(&root), "stranger", "agent");
    let stolen = call(&agent(&server, &stranger, ""), answered.clone());
    assert_eq!(stolen["error"]["code"], -32602, "{stolen:#}");
    let asked = call(&first, json!({}));
    let answered =
        json!({ "requestState": asked["result"]["requestState"], "inputResponses": answer });
    let done = call(&first, answered.clone());
    assert!(done.to_string().contains("Ann"), "{done:#}");
    let twice = call(&first, answered);
    assert_eq!(twice["error"]["code"], -32602, "{twice:#}");
    // Who was asked, and by what it can be shown: not what was said.
    let told = told(&site, &root);
    let answered: Vec<&Value> = told
        .iter()
        .filter(|row| row["answer"].is_string())
        .collect();
    assert_eq!(answered.len(), 1, "{told:#?}");
    assert_eq!(answered[0]["method"], "elicitation/create");
    assert_eq!(answered[0]["server"], "far");
    assert_eq!(answered[0]["by"], "root");
    assert!(answered[0]["question"].is_string(), "{told:#?}");
    let step = answered[0]["call"]["step"].as_str().unwrap();
    assert!(!json!(told).to_string().contains("Ann"), "{told:#?}");
    let shown = as_root(&site, &root, &["executions", "show", "@last", "--json"]).json();
    let steps = shown["steps"].as_array().unwrap();
    let step = steps.iter().find(|it| it["id"] == *step).unwrap();
    assert!(step["labels"].to_string().contains("\"agent\""), "{step:#}");
    let replay = as_root(&site, &root, &["executions", "replay", "@last"]);
    assert!(replay.stdout.contains("identical"), "{replay:#?}");
    // Where it is not set, the call fails.
    let off = fixture.site("");
    let root = key(&off, None, "root", "admin");
    let server = serve(&off);
    let first = agent(&server, &root, "");
    approved(&off, &first, &root);
    until("it may be called", || {
        first.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let failed = call(&first, json!({}));
    assert_eq!(
        failed["result"]["structuredContent"]["error"]["code"], "NOT_SUPPORTED",
        "{failed:#}"
    );
}

fn as_root(site: &Site, root: &str, words: &[&str]) -> Ran {
    let mut command = site.command(words);
    Ran::of(command.env("MANDATE_API_KEY", root).output().unwrap()).exits(0)
}

/// What the newest execution says was passed on to its agent.
fn told(site: &Site, root: &str) -> Vec<Value> {
    let events = as_root(site, root, &["executions", "events", "@last", "--json"]).stdout;
    let rows = { events.lines() }.map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "agent_told")
        .map(|row| row["data"]["what"].clone())
        .collect()
}

const KEEP: &str = r#"
[[tools]]
name = "note.keep"
command = ["sh", "keep.sh"]
effect = "write"
open_world = false
[tools.input_schema]
type = "object"
properties.text = { type = "string" }
"#;

#[test]
fn an_agent_that_read_what_others_write_is_not_trusted_any_more() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let site = fixture.site(&format!(
        "pass = [\"resources\", \"prompts\"]\ntools.test_simple_text = {{ effect = \"read\", open_world = false }}\n{KEEP}"
    ));
    site.write("keep.sh", "cat >> ledger; echo >> ledger; echo '{}'\n");
    site.write(
        "policies/test.cedar",
        "@id(\"test/all\")\n@decision(\"require_approval\")\npermit (principal, action == Action::\"Call\", resource);\n\
         @id(\"test/no-untrusted\")\nforbid (principal, action == Action::\"Call\", resource)\n\
         when { resource == Tool::\"note.keep\" && context.labels.contains(\"untrusted\") && context.moment == \"call\" };\n",
    );
    let plan = "version: 1\nname: Keep\nmode: agent\nsteps:\n  \
                - {id: say, tool: far.test_simple_text, after: []}\n  \
                - {id: keep, tool: note.keep, after: [], max_invocations: 5, allow: {args: {text: {any: true}}}}\n";
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let first = agent(&server, &root, "");
    approved_plan(plan, &site, &first, &root);
    until("it may be called", || {
        first.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let keep = || first.call("note__keep", json!({ "text": "x" }));
    let before = keep();
    assert_ne!(before["isError"], true, "{before:#}");
    let read = first.request("resources/read", json!({ "uri": "test://static-text" }));
    assert!(read["error"].is_null(), "{read:#}");
    let after = keep();
    assert_eq!(
        after["structuredContent"]["error"]["code"], "POLICY_DENIED",
        "{after:#}"
    );
    assert_eq!(site.content("ledger").lines().count(), 1);
    // Once is enough: what nothing follows from is in the audit log only.
    first.request("resources/read", json!({ "uri": "test://static-text" }));
    let told = told(&site, &root);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["method"], "resources/read");
    assert_eq!(told[0]["name"], "test://static-text");
    assert_eq!(told[0]["untrusted"], true);
    let replay = as_root(&site, &root, &["executions", "replay", "@last"]);
    assert!(replay.stdout.contains("identical"), "{replay:#?}");
}

#[test]
fn an_argument_that_is_repeated_in_a_header_says_the_same_there() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let site = fixture.site("");
    let plan = "version: 1\nname: Route\nmode: agent\nsteps:\n  \
                - {id: ask, tool: far.test_x_mcp_header, max_invocations: 9, allow: {args: {region: {one_of: [eu, zürich]}}}}\n";
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let first = agent(&server, &root, "");
    approved_plan(plan, &site, &first, &root);
    until("it may be called", || {
        first.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let can = json!({});
    let call = |region: &str, header: Option<&str>| {
        let headers = header.map(|header| ("mcp-param-region", header));
        let params = json!({ "name": "far__test_x_mcp_header", "arguments": { "region": region } });
        first.request_with("tools/call", params, &can, headers.as_slice())
    };
    for (region, header) in [
        ("eu", None),
        ("eu", Some("us")),
        ("eu", Some("=?base64?ZXU?=")),
    ] {
        let no = call(region, header);
        assert_eq!(no["error"]["code"], -32020, "{region} {header:?}: {no:#}");
    }
    // What is left open is held to what the plan allows, whatever the schema's default is.
    let no = call("us", Some("us"));
    let code = &no["result"]["structuredContent"]["error"]["code"];
    assert_eq!(code, "ARGUMENT_VIOLATION", "{no:#}");
    // The server behind it is told the same, and holds it against the arguments.
    for (region, header) in [("eu", "eu"), ("zürich", "=?base64?esO8cmljaA==?=")] {
        let told = call(region, Some(header));
        assert!(
            told["result"]
                .to_string()
                .contains(&format!("region={region}")),
            "{told:#}"
        );
    }
}

#[test]
fn what_the_plan_keeps_from_everybody_is_not_passed_on() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let plan = "version: 1\nname: Hide\nmode: agent\nsteps:\n\
        \x20 - {id: hidden, tool: far.test_simple_text, after: [], sensitive: [/result]}\n\
        \x20 - {id: shown, tool: far.test_image_content, after: []}\n";
    let site = fixture.site("pass = [\"progress\", \"logging\"]");
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let first = agent(&server, &root, "");
    approved_plan(plan, &site, &first, &root);
    until("it may be called", || {
        first.call("status", json!({}))["structuredContent"]["callable"] != json!([])
    });
    let hidden = first.call("far__test_simple_text", json!({}));
    let text = hidden.to_string();
    assert!(text.contains("[sensitive]"), "{hidden:#}");
    assert!(!text.contains("simple text"), "{hidden:#}");
    let shown = first.call("far__test_image_content", json!({}));
    assert_eq!(shown["content"][0]["type"], "image", "{shown:#}");
}
