//! The host's socket, and whoever misbehaves at it: a real store, real tools, a real host.

use mandate_host::{Client, HostError, Intake, LocalHost, PROTOCOL, Proposal, Server, Update};
use mandate_store::SqliteStore;
use mandate_tools::{NoSecrets, Registry, Runner, ToolsConfig, builtins};
use serde_json::{Map, Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct Rig {
    // Dropped in this order.
    server: Option<Server>,
    host: Option<LocalHost>,
    runtime: Runtime,
    store: Arc<SqliteStore>,
    dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let store = Arc::new(SqliteStore::open(&data).unwrap());
        let registry = Arc::new(Registry::new());
        for provider in builtins(&ToolsConfig::default(), dir.path(), &[]).unwrap() {
            registry.add(provider).unwrap();
        }
        let runner = Arc::new(Runner::new(registry.clone(), Arc::new(NoSecrets)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let host = LocalHost::start(store.clone(), runner, runtime.handle().clone()).unwrap();
        let server = Server::start(
            &data,
            host.handle(),
            store.clone(),
            Arc::new(Intake::new(registry)),
            runtime.handle(),
        )
        .unwrap();
        Self {
            server: Some(server),
            host: Some(host),
            runtime,
            store,
            dir,
        }
    }

    fn client(&self) -> Client {
        Client::connect(&self.dir.path().join("data")).unwrap()
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(self.dir.path().join("data/host.sock")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Somebody who said hello.
    fn greeted(&self) -> (UnixStream, BufReader<UnixStream>) {
        let mut stream = self.raw();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let hello = json!({ "mandate": "client", "protocol": PROTOCOL, "version": "0", "pid": 1 });
        writeln!(stream, "{hello}").unwrap();
        assert_eq!(next(&mut lines).unwrap()["protocol"], PROTOCOL);
        (stream, lines)
    }

    /// Everybody else is served as if nothing were.
    fn assert_serves(&self) {
        let client = self.client();
        let submitted = client.submit(reads("fine", 3)).unwrap();
        let updates = client.watch(&submitted.execution_id).unwrap();
        let rest = updates
            .iter()
            .find_map(|update| match update {
                Update::Rest(rest) => Some(rest),
                _ => None,
            })
            .unwrap();
        assert_eq!(rest.state.shown_state(), "completed");
        assert!(rest.head.is_some() && rest.waiting_for.is_none());
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.host.take());
        drop(self.server.take());
        let _ = &self.runtime;
        let _ = &self.store;
    }
}

fn next(lines: &mut BufReader<UnixStream>) -> Option<Value> {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
}

fn proposal(plan: &Value) -> Proposal {
    Proposal {
        document: plan.to_string(),
        json: true,
        inputs: Map::new(),
        deadline_ms: None,
        session: None,
        rerun: None,
        revises: None,
        execution_id: None,
        asked: None,
    }
}

fn reads(name: &str, steps: usize) -> Proposal {
    let steps: Vec<Value> = (0..steps)
        .map(|number| json!({ "id": format!("s{number}"), "tool": "data.value", "args": { "value": number } }))
        .collect();
    proposal(&json!({ "version": 1, "name": name, "steps": steps }))
}

#[test]
fn junk_ends_the_conversation_and_nothing_else() {
    let rig = Rig::new();
    for junk in ["\n", "{}\n", "GET / HTTP/1.1\r\n\r\n", "\u{0}\u{1}\n"] {
        let mut stream = rig.raw();
        stream.write_all(junk.as_bytes()).unwrap();
        // Our hello may come, so that they see whom they reached; then it is over.
        let mut said = String::new();
        let _ = BufReader::new(stream).read_to_string(&mut said);
        assert!(said.lines().count() <= 1, "{said}");
    }
    for junk in [
        "nonsense\n",
        "{\"id\":1}\n",
        "{\"id\":1,\"ask\":{\"rule\":{}}}\n",
    ] {
        let (mut stream, mut lines) = rig.greeted();
        stream.write_all(junk.as_bytes()).unwrap();
        let said = next(&mut lines).unwrap();
        let message = said["failed"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("no request"), "{message}");
        assert_eq!(next(&mut lines), None);
    }
    rig.assert_serves();
}

#[test]
fn a_line_without_end_is_not_waited_for() {
    let rig = Rig::new();
    let (mut stream, mut lines) = rig.greeted();
    let part = vec![b'x'; 1024 * 1024];
    for _ in 0..33 {
        if stream.write_all(&part).is_err() {
            break;
        }
    }
    let said = next(&mut lines).unwrap();
    let message = said["failed"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("cannot be read"), "{message}");
    rig.assert_serves();
}

#[test]
fn another_protocol_is_named_on_both_sides() {
    let rig = Rig::new();
    let mut stream = rig.raw();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    writeln!(
        stream,
        "{}",
        json!({ "mandate": "client", "protocol": 99, "version": "9.9", "pid": 1 })
    )
    .unwrap();
    assert_eq!(next(&mut lines).unwrap()["protocol"], PROTOCOL);
    assert_eq!(next(&mut lines), None);

    let dir = TempDir::new().unwrap();
    let listener = UnixListener::bind(dir.path().join("host.sock")).unwrap();
    let host = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        writeln!(
            stream,
            "{}",
            json!({ "mandate": "host", "protocol": 99, "version": "9.9", "pid": 1 })
        )
        .unwrap();
    });
    let Err(error) = Client::connect(dir.path()) else {
        panic!("a host of another protocol was taken")
    };
    assert!(matches!(error, HostError::OtherVersion { .. }), "{error}");
    assert!(error.to_string().contains("mandate 9.9"), "{error}");
    host.join().unwrap();
}

#[test]
fn a_socket_of_another_directory_is_not_taken() {
    let rig = Rig::new();
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink(
        rig.dir.path().join("data/host.sock"),
        dir.path().join("host.sock"),
    )
    .unwrap();
    let Err(error) = Client::connect(dir.path()) else {
        panic!("the host of another directory was taken")
    };
    assert!(
        error.to_string().contains("another data directory"),
        "{error}"
    );
}

#[test]
fn whoever_does_not_read_delays_nobody() {
    let rig = Rig::new();
    let client = rig.client();
    // More than the kernel keeps for somebody who does not read.
    let big = "x".repeat(400_000);
    let steps: Vec<Value> = (0..8)
        .map(|number| json!({ "id": format!("s{number}"), "tool": "data.value", "args": { "value": big } }))
        .collect();
    let plan = json!({ "version": 1, "name": "big", "steps": steps });
    let submitted = client.submit(proposal(&plan)).unwrap();
    let mut deaf = Vec::new();
    for id in 1..=20 {
        let (mut stream, lines) = rig.greeted();
        let watch =
            json!({ "id": id, "ask": { "watch": { "execution_id": submitted.execution_id } } });
        writeln!(stream, "{watch}").unwrap();
        deaf.push((stream, lines));
    }
    for _ in 0..5 {
        rig.assert_serves();
    }
    // One that begins to read later is told everything.
    let (_stream, mut lines) = deaf.pop().unwrap();
    let mut seqs = Vec::new();
    while let Some(said) = next(&mut lines) {
        if let Some(event) = said.get("event") {
            seqs.push(event["event"]["seq"].as_u64().unwrap());
        }
        if said.get("rest").is_some() {
            break;
        }
    }
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert!(seqs.len() > 16 && seqs == expected, "{seqs:?}");
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let rig = Rig::new();
    let nap = json!({ "version": 1, "name": "nap", "steps": [
        { "id": "nap", "tool": "time.sleep", "args": { "duration_ms": 60_000 } } ] });
    let client = rig.client();
    let submitted = client.submit(proposal(&nap)).unwrap();
    let id = submitted.execution_id;
    for round in 0..300 {
        let (mut stream, mut lines) = rig.greeted();
        let watch = json!({ "id": 1, "ask": { "watch": { "execution_id": id } } });
        writeln!(stream, "{watch}").unwrap();
        if round % 3 == 0 {
            next(&mut lines);
        }
    }
    rig.assert_serves();
    client.cancel(&id, None, false).unwrap();
    let updates = client.watch(&id).unwrap();
    let ended = updates.iter().any(
        |update| matches!(update, Update::Rest(rest) if rest.state.shown_state() == "cancelled"),
    );
    assert!(ended);
    let again = client.cancel(&id, None, false).unwrap_err();
    assert!(matches!(again, HostError::NotNow(_)), "{again}");
}

#[test]
fn the_end_of_the_host_is_told_and_the_socket_is_gone() {
    let mut rig = Rig::new();
    let client = rig.client();
    let nap = json!({ "version": 1, "name": "nap", "steps": [
        { "id": "nap", "tool": "time.sleep", "args": { "duration_ms": 60_000 } } ] });
    let id = client.submit(proposal(&nap)).unwrap().execution_id;
    let updates = client.watch(&id).unwrap();
    drop(rig.host.take());
    drop(rig.server.take());
    assert!(!rig.dir.path().join("data/host.sock").exists());
    while updates.recv().is_ok() {}
    assert_eq!(client.farewell(), Some(mandate_host::Farewell::Stop));
    let asked = client.pause(&id).unwrap_err();
    assert!(matches!(asked, HostError::Gone), "{asked}");
}
