//! A call takes the trace along: whoever is called can go on in it.

use crate::observability::{ask, collector};
use crate::project::signal;
use crate::serve::address_of;
use crate::site::Site;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// An address that answers with the header `traceparent` of the request.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(&mut stream);
            let (mut place, mut length) = (Value::Null, 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end().to_ascii_lowercase().split_once(": ") {
                    Some(("traceparent", value)) => place = json!(value),
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(_) => {}
                    None if line.trim_end().is_empty() => break,
                    None => {}
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let body = json!({ "place": place }).to_string();
            let head = format!(
                "content-type: application/json\r\ncontent-length: {}",
                body.len()
            );
            let answer = format!("HTTP/1.1 200 x\r\n{head}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

/// Runs a plan that calls a program, two addresses and a tool server; what each was told of the trace, and what was sent.
fn told(collected: bool, context: &Value) -> (Value, String) {
    let site = Site::new();
    let (address, fake) = (
        echo(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py"),
    );
    let program = r#"cat > rest; printf '{"place": "%s"}' "$TRACEPARENT""#;
    site.write(
        "mandate.toml",
        format!(
            "[http]\nallow_private = [\"127.0.0.1\"]\n\
             [mcpServers.fake]\ncommand = \"python3\"\nargs = [{fake:?}, {log:?}, \"single\"]\ntools.echo = {{ effect = \"read\", open_world = false }}\n\
             [[tools]]\nname = \"own.program\"\ncommand = [\"sh\", \"-c\", '''{program}''']\neffect = \"read\"\nopen_world = false\n\
             [[tools]]\nname = \"own.address\"\nurl = \"{address}\"\neffect = \"read\"\nopen_world = false\n",
            log = site.path("log"),
        ),
    );
    let (url, posts) = collector();
    let mut serve = site.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    if collected {
        serve.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    }
    let mut server = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listening = address_of(&mut server);
    let plan = json!({ "version": 1, "name": "in a trace", "steps": [
        { "id": "program", "tool": "own.program", "args": {} },
        { "id": "address", "tool": "own.address", "args": {} },
        { "id": "request", "tool": "http.request", "args": { "url": address } },
        { "id": "server", "tool": "fake.echo", "args": {} },
    ] });
    let body = json!({ "plan": plan, "context": context }).to_string();
    let made = ask(&listening, "POST /v1/executions", &body);
    let made: Value = serde_json::from_str(made.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let id = made["execution_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"));
    if let Some(request) = made["request_id"].as_str() {
        site.run(&["inbox", "answer", request, "approve"]).exits(0);
    }
    site.run(&["executions", "watch", id]).exits(0);
    let shown = site
        .run(&["executions", "show", id, "--json"])
        .exits(0)
        .json();
    signal(&server, Signal::TERM);
    server.wait().unwrap();
    (shown, posts.try_iter().collect())
}

#[test]
fn whoever_is_called_is_told_where_in_the_trace_they_are() {
    let given =
        json!({ "correlation": { "traceparent": format!("00-{TRACE}-b7ad6b7169203331-01") } });
    let (shown, sent) = told(true, &given);
    let step = |id: &str| shown["outputs"][id].clone();
    let places = [
        ("own.program", step("program")["place"].clone()),
        ("own.address", step("address")["place"].clone()),
        ("http.request", step("request")["json"]["place"].clone()),
        ("fake.echo", step("server")["meta"]["traceparent"].clone()),
    ];
    let spans = sent.split("\"name\":");
    for (tool, place) in places {
        let place = place
            .as_str()
            .unwrap_or_else(|| panic!("{tool}: {shown:#}"));
        let (trace, span) = (&place[3..35], &place[36..52]);
        assert_eq!((trace, &place[52..]), (TRACE, "-01"), "{tool}: {place}");
        // It is the attempt's own span.
        let of_tool =
            { spans.clone() }.any(|text| text.starts_with(&format!("\"execute_tool {tool}")));
        assert!(of_tool && sent.contains(span), "{tool}: {place}: {sent}");
    }
    // Where nothing is sent to anybody, nobody is told of a trace.
    let (shown, sent) = told(false, &given);
    assert_eq!(sent, "");
    let step = |id: &str| shown["outputs"][id].clone();
    assert_eq!(step("program")["place"], "", "{shown:#}");
    assert_eq!(step("address")["place"], Value::Null);
    assert_eq!(step("request")["json"]["place"], Value::Null);
    assert_eq!(step("server")["meta"]["traceparent"], Value::Null);
}
