//! Notices over a webhook, to a real server: what is in them, that they are signed, tried again, and in nobody's way.

use crate::project::{Project, WRITES};
use mandate_host::notify::signature;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SECRET: &str = "a secret of thirty-two bytes....";

struct Delivery {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Delivery {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn is_signed(&self) -> bool {
        let timestamp: u64 = self.headers["mandate-timestamp"].parse().unwrap();
        let expected = format!("v1={}", signature(SECRET.as_bytes(), timestamp, &self.body));
        self.headers["mandate-signature"] == expected
    }
}

fn read(stream: &mut TcpStream) -> Delivery {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    Delivery { headers, body }
}

/// A server that answers with these codes, and with 204 after them.
fn receiver(codes: &'static [u16]) -> (String, Receiver<Delivery>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, deliveries) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let delivery = read(&mut stream);
            let code = codes.get(number).copied().unwrap_or(204);
            let answer =
                format!("HTTP/1.1 {code} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            if told.send(delivery).is_err() {
                return;
            }
        }
    });
    (url, deliveries)
}

fn told_at(url: &str) -> Project {
    let project = Project::new();
    project.write("hook.secret", format!("{SECRET}\n"));
    project.write(
        "mandate.toml",
        format!("[notify]\nwebhook = \"{url}\"\nsecret_file = \"hook.secret\"\n"),
    );
    project.write("plan.yaml", WRITES);
    project
}

fn next(deliveries: &Receiver<Delivery>) -> Delivery {
    deliveries
        .recv_timeout(Duration::from_secs(20))
        .expect("a notice")
}

#[test]
fn requests_and_ends_are_told_signed_and_without_what_they_are_about() {
    let (url, deliveries) = receiver(&[]);
    let project = told_at(&url);
    let plan = WRITES.replace("Write a note", "\"Write\\u202e a\\u0007 note\"");
    project.write("plan.yaml", plan);
    project
        .run(&["run", "plan.yaml", "--input", "text=hunter2-hunter2"])
        .exits(4);
    let opened = next(&deliveries);
    assert!(opened.is_signed());
    assert!(!opened.body.contains("hunter2") && !opened.body.contains(SECRET));
    let notice = opened.json();
    assert_eq!(notice["type"], "request_opened");
    assert_eq!(opened.headers["mandate-event"], "request_opened");
    assert_eq!(
        opened.headers["mandate-delivery"],
        notice["id"].as_str().unwrap()
    );
    assert_eq!(notice["plan"], "Write a note");
    assert_eq!(notice["data"]["kind"], "plan");
    assert_eq!(notice["data"]["approvers"][0], "requester");
    let listed = project.run(&["inbox", "list", "--json"]).exits(0).json();
    assert_eq!(
        notice["data"]["request_id"],
        listed["requests"][0]["request_id"]
    );
    // Another body, or another time, is another signature.
    let mut forged = Delivery {
        body: opened.body.replace("plan", "plam"),
        ..opened
    };
    assert!(!forged.is_signed());
    forged.body = forged.body.replace("plam", "plan");
    forged
        .headers
        .insert("mandate-timestamp".to_owned(), "1".to_owned());
    assert!(!forged.is_signed());

    project.run(&["approvals", "approve", "@last"]).exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    let ended = next(&deliveries).json();
    assert_eq!(ended["type"], "plan_execution_success");
    assert_eq!(ended["execution_id"], notice["execution_id"]);
    assert!(!ended.to_string().contains("hunter2"));
}

#[test]
fn a_failure_is_told_with_its_code_and_tried_again() {
    let (url, deliveries) = receiver(&[500, 429]);
    let project = told_at(&url);
    project.write(
        "fails.yaml",
        "version: 1\nname: fails\nsteps:\n  - {id: a, tool: fs.read, args: {path: nothing.txt}}\n",
    );
    // A host in the background is there long enough to try again.
    project.run(&["run", "fails.yaml", "--detach"]).exits(0);
    let all = [next(&deliveries), next(&deliveries), next(&deliveries)];
    for delivery in &all {
        assert!(delivery.is_signed());
        assert_eq!(delivery.json()["type"], "plan_execution_failure");
        assert_eq!(delivery.json()["id"], all[0].json()["id"]);
    }
    assert_eq!(all[0].json()["data"]["error"]["code"], "TOOL_FAILED");
}

#[test]
fn nobody_who_listens_is_in_nobodys_way() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let project = told_at(&url);
    project.run(&["run", "plan.yaml", "--yes"]).exits(0);
    assert_eq!(project.read("note.txt"), "hello");
}

#[test]
fn what_cannot_be_signed_or_leads_elsewhere_is_not_taken() {
    for (url, secret) in [
        ("http://example.com/hook", "secret_file = \"hook.secret\"\n"),
        ("https://example.com/hook", ""),
        (
            "https://example.com/hook",
            "secret_file = \"short.secret\"\n",
        ),
        ("https://example.com/hook", "secret_file = \"no.secret\"\n"),
    ] {
        let project = told_at("http://127.0.0.1:1/");
        project.write("short.secret", "short");
        project.write(
            "mandate.toml",
            format!("[notify]\nwebhook = \"{url}\"\n{secret}"),
        );
        let refused = project.run(&["run", "plan.yaml", "--yes"]);
        assert_ne!(refused.code, 0, "{url} {secret}");
        assert!(!project.path("note.txt").exists());
    }
}

/// The secret comes from wherever secrets come from.
#[test]
fn the_secret_may_be_one_of_those_that_are_configured() {
    for source in [
        "command = [\"cat\", \"hook.secret\"]",
        "file = \"hook.secret\"",
    ] {
        let (url, deliveries) = receiver(&[]);
        let project = told_at(&url);
        project.write(
            "mandate.toml",
            format!("[notify]\nwebhook = \"{url}\"\nsecret = \"hook\"\n[secrets.hook]\n{source}\n"),
        );
        project
            .run(&["run", "plan.yaml", "--input", "text=a"])
            .exits(4);
        let told = next(&deliveries);
        assert!(told.is_signed() && !told.body.contains(SECRET), "{source}");
    }
}

#[test]
fn without_a_secret_that_can_be_had_nothing_starts() {
    let (url, _deliveries) = receiver(&[]);
    for (settings, says) in [
        ("", "without a secret"),
        ("secret = \"hook\"\n", "[secrets.hook]"),
        (
            "secret = \"hook\"\nsecret_file = \"hook.secret\"\n[secrets.hook]\nenv = \"HOOK\"\n",
            "keep one",
        ),
        (
            "secret = \"hook\"\n[secrets.hook]\nenv = \"MANDATE_TEST_NOT_SET\"\n",
            "MANDATE_TEST_NOT_SET",
        ),
    ] {
        let project = told_at(&url);
        project.write(
            "mandate.toml",
            format!("[notify]\nwebhook = \"{url}\"\n{settings}"),
        );
        let ran = project.run(&["run", "plan.yaml", "--input", "text=a"]);
        assert_ne!(ran.code, 4, "{ran:#?}");
        assert!(ran.stderr.contains(says), "{says}: {ran:#?}");
    }
}
