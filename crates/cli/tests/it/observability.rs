//! Logs, metrics and traces of the real server: what they say, and that no secret, argument or output is in them.

use crate::serve::address_of;
use crate::site::Site;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const CANARY: &str = "cN4ry/+?=&%\"Zq\\93!";
/// What stands in arguments, outputs and inputs.
const VALUE: &str = "vAl-5-of-a-step";

/// One request, and the whole answer.
pub(crate) fn ask(address: &str, request: &str, body: &str) -> String {
    ask_with(address, request, "", body)
}

/// The same with headers more, each with its end of line.
fn ask_with(address: &str, request: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\nx-request-id: call-7\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A collector, and what was posted to it.
pub(crate) fn collector() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(&mut stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 200 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            if told.send(String::from_utf8(body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

/// Asks a command until what it says is so.
fn await_that(site: &Site, args: &[&str], holds: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let said = site.run(args).exits(0).json();
        if holds(&said) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_seen_from_outside_holds_no_secret_and_no_value() {
    let site = Site::configured(
        "[log]\nformat = \"json\"\n[secrets.CANARY]\nenv = \"CANARY_VALUE\"\ntools = [\"process.exec\"]\n",
    );
    let (url, posts) = collector();
    let logged = site.path("server.log");
    let mut server = site
        .command(&["serve", "--listen", "127.0.0.1:0", "--json"])
        .env("CANARY_VALUE", CANARY)
        .env("MANDATE_LOG", "mandate=debug")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&logged).unwrap())
        .spawn()
        .unwrap();
    let address = &*address_of(&mut server);

    let plan = json!({ "version": 1, "name": "sees a secret", "steps": [
        { "id": "fails", "tool": "process.exec", "on_failure": "skip",
          "args": { "argv": ["sh", "-c", format!("echo \"$TOKEN {VALUE}\" >&2; echo \"$TOKEN\"; exit 3")], "env": { "TOKEN": "${secrets.CANARY}" } } },
        { "id": "value", "tool": "data.value", "args": { "value": VALUE } },
        { "id": "asks", "tool": "human.ask", "args": { "question": VALUE, "choices": [VALUE, "other"] } },
    ] });
    let body = json!({ "plan": plan }).to_string();
    let made = ask(address, "POST /v1/executions", &body);
    let answer = made.split("\r\n\r\n").nth(1).unwrap().to_owned();
    let id = serde_json::from_str::<Value>(&answer)
        .unwrap_or_else(|error| panic!("{error}: {made}"))["execution_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    for (kind, said) in [("plan", "approve"), ("question", VALUE)] {
        await_that(&site, &["inbox", "list", "--json"], |listed| {
            listed["requests"][0]["kind"] == kind
        });
        site.run(&["inbox", "answer", "@last", said]).exits(0);
    }
    await_that(&site, &["executions", "show", "@last", "--json"], |shown| {
        shown["finished_at_ms"].is_number()
    });
    let metrics = ask(address, "GET /metrics", "");
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    let mut answers = String::new();
    for path in [
        "",
        "?at=4",
        "/events",
        "/events?limit=1000",
        "/plan",
        "/decision",
        "/timeline",
        "/output",
        "/context",
        "/replay",
        "/replay?at=6",
        "/steps/fails",
        "/steps/value",
        "/steps/none",
    ] {
        let answer = ask(address, &format!("GET /v1/executions/{id}{path}"), "");
        let known = path == "/steps/none" || answer.starts_with("HTTP/1.1 200");
        assert!(known, "{path}: {answer}");
        answers.push_str(&answer);
    }
    // The same as it was told to whoever read along.
    let request = format!("GET /v1/executions/{id}/events");
    let told = ask_with(address, &request, "accept: text/event-stream\r\n", "");
    assert!(told.contains("event: end"), "{told}");
    answers.push_str(&told);
    for path in [
        "/v1/executions",
        "/v1/inbox?state=all",
        "/v1/plans",
        "/v1/policies",
        "/v1/tools",
        "/v1/sessions",
        "/v1/whoami",
        "/",
        "/docs",
        "/openapi.json",
    ] {
        answers.push_str(&ask(address, &format!("GET {path}"), ""));
    }
    assert!(answers.contains(VALUE), "these are the values");
    answers = answers.replace(VALUE, "");
    let pid = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(server.wait().unwrap().success());
    let log = std::fs::read_to_string(&logged).unwrap();

    let lines: Vec<Value> = { log.lines() }
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let events: Vec<&str> = { lines.iter() }
        .filter(|line| line["execution_id"] == id.as_str())
        .inspect(|line| {
            assert_eq!(line["request_id"], "call-7", "{line}");
            assert!(
                line["principal"]
                    .as_str()
                    .is_some_and(|who| !who.is_empty())
            );
        })
        .filter_map(|line| line["event"].as_str())
        .collect();
    for wanted in [
        "plan.created",
        "plan.used",
        "execution.started",
        "request.opened",
        "request.answered",
        "execution.finished",
    ] {
        assert!(events.contains(&wanted), "{wanted}: {log}");
    }
    let of = |event: &str| lines.iter().find(|line| line["event"] == event);
    assert_eq!(
        of("plan.requested").unwrap()["request_id"],
        "call-7",
        "{log}"
    );
    assert_eq!(of("http.request").unwrap()["status"], 202, "{log}");
    let traces: String = posts.try_iter().collect();
    assert!(traces.contains("execute_tool process.exec"), "{traces}");
    assert!(
        metrics.contains("mandate_attempts_total{tool=\"process.exec\""),
        "{metrics}"
    );
    // They did meet it: the program wrote it, and it is kept where it belongs.
    for (place, text) in [
        ("log", &log),
        ("metrics", &metrics),
        ("traces", &traces),
        ("answers", &answers),
    ] {
        let json = serde_json::to_string(CANARY).unwrap();
        for secret in [CANARY, json.trim_matches('"'), "cN4ry", VALUE] {
            assert!(!text.contains(secret), "{secret} is in the {place}: {text}");
        }
    }
}
