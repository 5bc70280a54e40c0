//! `mandate serve` killed in the middle of its work, through the shipped binary.

use crate::observability::ask;
use crate::project::signal;
use crate::several::until;
use crate::site::Site;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

const MANY: usize = 64;

pub(crate) fn serve(site: &Site, listen: &str) -> (Child, String) {
    let mut server = site
        .command(&["serve", "--listen", listen, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = address_of(&mut server);
    (server, address)
}

/// Where a server listens that was started with `--json` and a pipe.
pub(crate) fn address_of(server: &mut Child) -> String {
    let mut line = String::new();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let url = told["listening"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    address.to_owned()
}

fn said(address: &str, request: &str, body: &str) -> Value {
    let answer = ask(address, request, body);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{request}: {answer}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn listed(address: &str, query: &str) -> Vec<Value> {
    let path = format!("GET /v1/executions?limit=500&{query}");
    let list = said(address, &path, "");
    list["executions"].as_array().unwrap().clone()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    let ids = rows.iter().map(|row| row["execution_id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[test]
fn a_server_that_is_killed_under_64_executions_carries_them_on_when_it_is_back() {
    let site = Site::new();
    site.write("a.txt", "hello");
    let (mut server, address) = serve(&site, "127.0.0.1:0");
    let mut made = BTreeSet::new();
    for number in 0..MANY {
        let plan = json!({ "version": 1, "name": format!("carried {number}"), "steps": [
            { "id": "read", "tool": "fs.read", "args": { "path": "a.txt" } },
            { "id": "nap", "tool": "time.sleep", "args": { "duration_ms": 8_000 } },
            { "id": "then", "tool": "data.value", "depends_on": ["nap"], "args": { "value": "${steps.read.output.content}" } },
        ], "outputs": { "said": "steps.then.output" } });
        let told = said(
            &address,
            "POST /v1/executions",
            &json!({ "plan": plan }).to_string(),
        );
        made.insert(told["execution_id"].as_str().unwrap().to_owned());
    }
    // It is killed while all of them are under way.
    let under_way = listed(&address, "unfinished=true");
    assert_eq!(ids(&under_way), made);
    signal(&server, Signal::KILL);
    server.wait().unwrap();

    let (mut server, address) = serve(&site, &address);
    // Nobody is needed for them to go on, and none is lost or made twice.
    let rows = listed(&address, "");
    assert_eq!(ids(&rows), made);
    for row in &rows {
        let carried = row["status"] == "success" || row["waiting_for"]["kind"] != "host";
        assert!(carried, "{row}");
    }
    until("all completed", || {
        listed(&address, "status=success").len() == MANY
    });
    for id in made.iter().take(4) {
        let output = said(&address, &format!("GET /v1/executions/{id}/output"), "");
        assert_eq!(output["outputs"]["said"], "hello", "{output}");
        let replayed = said(&address, &format!("GET /v1/executions/{id}/replay"), "");
        assert_eq!(replayed["identical"], true, "{replayed}");
        let events = said(
            &address,
            &format!("GET /v1/executions/{id}/events?limit=1000"),
            "",
        );
        let completed = events["events"].as_array().unwrap().iter();
        let completed = completed
            .filter(|event| event["kind"] == "step_completed")
            .count();
        assert_eq!(completed, 3, "each step once: {events:#}");
    }
    signal(&server, Signal::TERM);
    server.wait().unwrap();
    site.assert_intact();
}
