//! What an OpenTelemetry collector is sent of calls that go through the gateway: of the client's side and of the servers'.

use super::http::{post, serve};
use super::{Client, Era};
use crate::example_scenes::installed;
use crate::observability::collector;
use crate::several::until;
use crate::site::Site;
use serde_json::{Map, Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn within(span: &str) -> Value {
    json!(format!("00-{TRACE}-{span}-01"))
}

/// A span that was sent.
#[derive(Debug)]
struct Span {
    whole: Value,
    attributes: Map<String, Value>,
}

impl Span {
    fn of(whole: &Value) -> Self {
        let attributes = whole["attributes"].as_array().unwrap();
        let attributes = attributes.iter().map(|attribute| {
            let value = attribute["value"].as_object().unwrap();
            let value = value.values().next().unwrap().clone();
            (attribute["key"].as_str().unwrap().to_owned(), value)
        });
        Self {
            whole: whole.clone(),
            attributes: attributes.collect(),
        }
    }

    /// These attributes, in this order, as one value.
    fn said(&self, names: &[&str]) -> Value {
        let said = names.iter().map(|name| self.attributes.get(*name).cloned());
        json!(said.collect::<Vec<_>>())
    }

    fn id(&self) -> &str {
        self.whole["spanId"].as_str().unwrap()
    }
}

/// Everything that is sent, until there are as many spans.
fn spans(posts: &Receiver<String>, count: usize) -> Vec<Span> {
    let begun = Instant::now();
    let mut found = Vec::new();
    while found.len() < count {
        let left = Duration::from_secs(60).saturating_sub(begun.elapsed());
        let posted = posts.recv_timeout(left);
        let posted = posted.unwrap_or_else(|_| panic!("{found:#?}"));
        let posted: Value = serde_json::from_str(&posted).unwrap();
        let sent = &posted["resourceSpans"][0]["scopeSpans"][0]["spans"];
        found.extend(sent.as_array().unwrap().iter().map(Span::of));
    }
    found
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = { spans.iter() }
        .filter(|span| span.whole["name"] == name)
        .collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

const ASKED: &[&str] = &[
    "mcp.method.name",
    "gen_ai.operation.name",
    "gen_ai.tool.name",
    "jsonrpc.request.id",
    "mcp.protocol.version",
    "network.transport",
];

#[test]
fn a_call_is_shown_on_both_sides_of_the_gateway_and_goes_on_in_the_clients_trace() {
    let (url, posts) = collector();
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let site = Site::new();
    site.write(
        "mandate.toml",
        format!(
            "[telemetry]\nendpoint = \"{url}\"\n\
             [mcpServers.fake]\ncommand = \"python3\"\nargs = [{fake:?}, {log:?}, \"single\"]\n\
             tools.echo = {{ effect = \"read\", open_world = false }}\n",
            log = site.path("log"),
        ),
    );
    let plan = "version: 1\nname: Traced\nmode: agent\nsteps:\n\
                \x20 - {id: a, tool: fake.echo, args: {}}\n\
                \x20 - {id: b, tool: fake.fail, args: {}, on_failure: skip}\n\
                \x20 - {id: c, tool: fake.error, args: {}, on_failure: skip}\n";
    let mut agent = Client::start(&site, Era::Modern, &["--session", "night-shift"]);
    let mut call = |name: &str, arguments: Value, span: Option<&str>| {
        let mut params = json!({ "name": name, "arguments": arguments });
        if let Some(span) = span {
            params["_meta"] = json!({ "traceparent": within(span) });
        }
        let answer = agent.request("tools/call", params);
        (agent.last_id, answer["result"].clone())
    };
    let (_, proposed) = call(
        "propose_plan",
        json!({ "plan": plan }),
        Some("1111111111111111"),
    );
    let proposed = &proposed["structuredContent"];
    let execution = proposed["execution_id"].as_str().unwrap().to_owned();
    if let Some(request) = proposed["approval"]["request_id"].as_str() {
        site.run(&["approvals", "approve", request]).exits(0);
    }
    // None of the plan's: what somebody calls a tool that there is not is no name of a span.
    let (_, unplanned) = call("fake__nothing", json!({}), Some("2222222222222222"));
    assert_eq!(unplanned["isError"], true, "{unplanned:#}");
    let (echo, echoed) = call("fake__echo", json!({}), Some("3333333333333333"));
    let echoed = &echoed["structuredContent"];
    let told = echoed["meta"]["traceparent"].as_str();
    let told = told.unwrap_or_else(|| panic!("{echoed:#}"));
    let (fail, _) = call("fake__fail", json!({}), None);
    let (error, _) = call("fake__error", json!({}), None);
    // The plan's proposal, four calls, three attempts, the execution.
    let spans = spans(&posts, 9);

    let proposal = named(&spans, "tools/call propose_plan");
    assert_eq!(proposal.whole["parentSpanId"], "1111111111111111");
    let whole = named(&spans, "execute_plan");
    assert_eq!(whole.whole["parentSpanId"], proposal.id(), "{spans:#?}");
    assert_eq!(whole.whole["traceId"], TRACE);

    let unplanned = named(&spans, "tools/call");
    assert_eq!(unplanned.whole["parentSpanId"], "2222222222222222");
    assert_eq!(
        unplanned.said(&["gen_ai.tool.name", "error.type", "mandate.error.code"]),
        json!([null, "tool_error", "UNPLANNED_ACTION"])
    );

    // Where the client says where it is, everything goes on from there.
    let asked = named(&spans, "tools/call fake__echo");
    assert_eq!(
        asked.said(ASKED),
        json!([
            "tools/call",
            "execute_tool",
            "fake__echo",
            echo.to_string(),
            "2026-07-28",
            "pipe"
        ])
    );
    assert_eq!(
        asked.said(&[
            "gen_ai.conversation.id",
            "mandate.execution.id",
            "error.type"
        ]),
        json!(["night-shift", execution, null])
    );
    assert_eq!(asked.whole["kind"], 2, "a server");
    assert_eq!(asked.whole["traceId"], TRACE);
    assert_eq!(asked.whole["parentSpanId"], "3333333333333333");
    let done = named(&spans, "execute_tool fake.echo");
    assert_eq!(done.whole["kind"], 3, "a client");
    assert_eq!(done.whole["traceId"], TRACE);
    assert_eq!(done.whole["parentSpanId"], asked.id());
    assert_eq!(done.whole["links"][0]["spanId"], whole.id());
    assert_eq!(told, format!("00-{TRACE}-{}-01", done.id()));
    let asked_below = done.said(ASKED);
    assert_eq!(
        asked_below,
        json!([
            "tools/call",
            "execute_tool",
            "fake.echo",
            echoed["meta"]["progressToken"].to_string(),
            "2025-06-18",
            "pipe"
        ])
    );
    let events = { site.run(&["executions", "events", &execution, "--json"]) }.exits(0);
    let started = { events.stdout.lines() }
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|event| event["kind"] == "step_started")
        .unwrap();
    assert_eq!(
        done.said(&["gen_ai.tool.call.id", "gen_ai.tool.type", "error.type"]),
        json!([format!("{execution}.{}", started["seq"]), "function", null])
    );

    // Where it does not, its calls lie beneath the execution. What a server says of an error is told as it said it.
    for (name, id, kind, code) in [
        ("fail", fail, "tool_error", Value::Null),
        ("error", error, "-32602", json!("-32602")),
    ] {
        let asked = named(&spans, &format!("tools/call fake__{name}"));
        assert_eq!(asked.whole["parentSpanId"], whole.id(), "{asked:#?}");
        assert_eq!(
            asked.said(&["jsonrpc.request.id", "error.type", "mandate.error.code"]),
            json!([id.to_string(), "tool_error", "TOOL_FAILED"])
        );
        let done = named(&spans, &format!("execute_tool fake.{name}"));
        assert_eq!(done.whole["parentSpanId"], asked.id());
        assert_eq!(
            done.said(&[
                "error.type",
                "rpc.response.status_code",
                "mandate.error.code"
            ]),
            json!([kind, code, "TOOL_FAILED"])
        );
        assert_eq!(done.whole["status"]["code"], 2, "{done:#?}");
    }
}

struct Everything(Child);

impl Drop for Everything {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sessions_and_addresses_are_shown_of_what_goes_over_http() {
    let Some(program) = installed("npm/node_modules/.bin/mcp-server-everything") else {
        return;
    };
    let port = { TcpListener::bind("127.0.0.1:0").unwrap() }
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new(&program);
    command.arg("streamableHttp").env("PORT", port.to_string());
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _everything = Everything(started.unwrap());
    until("it listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let (url, posts) = collector();
    let site = Site::configured(&format!(
        "[telemetry]\nendpoint = \"{url}\"\n\
         [mcpServers.far]\nurl = \"http://127.0.0.1:{port}/mcp\"\ntools.echo = {{ effect = \"read\" }}\n"
    ));
    let key = super::http::key(&site, None, "root", "admin");
    let server = serve(&site);
    let bearer = format!("Bearer {key}");
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "old", "version": "1" },
    } });
    let headers = [("authorization", bearer.as_str())];
    let (_, session, _) = post(&server.url, &headers, &hello.to_string());
    let headers = [
        ("authorization", bearer.as_str()),
        ("mcp-session-id", session.as_str()),
    ];
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    post(&server.url, &headers, ready);
    let call = |id: &str, name: &str, arguments: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
            "name": name, "arguments": arguments, "_meta": { "traceparent": within("4444444444444444") },
        } });
        let (_, _, text) = post(&server.url, &headers, &body.to_string());
        // It comes as an event of a stream.
        let said = text.lines().find_map(|line| line.strip_prefix("data: {"));
        let said = said.unwrap_or_else(|| panic!("{id}: {text}"));
        serde_json::from_str::<Value>(&format!("{{{said}")).unwrap()
    };
    let plan = "version: 1\nname: Far\nmode: agent\nsteps:\n  - {id: a, tool: far.echo, args: {message: hi}}\n";
    let proposed = call("one", "propose_plan", json!({ "plan": plan }));
    let approval = &proposed["result"]["structuredContent"]["approval"]["request_id"];
    if let Some(request) = approval.as_str() {
        let mut approve = site.command(&["approvals", "approve", request]);
        let approved = approve.env("MANDATE_API_KEY", &key).output().unwrap();
        assert!(approved.status.success(), "{approved:?}");
    }
    let echoed = call("two", "far__echo", json!({ "message": "hi" }));
    assert!(echoed.to_string().contains("Echo: hi"), "{echoed:#}");
    let spans = spans(&posts, 4);
    let wire = &[
        "network.transport",
        "network.protocol.name",
        "mcp.protocol.version",
        "jsonrpc.request.id",
        "mcp.session.id",
    ];
    let asked = named(&spans, "tools/call far__echo");
    assert_eq!(
        asked.said(wire),
        json!(["tcp", "http", "2025-06-18", "two", session])
    );
    let done = named(&spans, "execute_tool far.echo");
    let said = done.said(wire);
    assert_eq!((&said[0], &said[1]), (&json!("tcp"), &json!("http")));
    assert!(said[2].as_str().is_some_and(|it| !it.is_empty()), "{said}");
    assert!(said[4].as_str().is_some_and(|it| !it.is_empty()), "{said}");
    assert_ne!(said[4], json!(session), "each side has its own");
    assert_eq!(
        done.said(&["server.address", "server.port"]),
        json!(["127.0.0.1", port.to_string()])
    );
    assert_eq!(done.whole["parentSpanId"], asked.id());
}
