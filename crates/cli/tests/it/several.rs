//! Several processes at work on one data directory.

use crate::project::{Project, Ran, WRITES, finish, signal};
use crate::site::Site;
use rustix::process::Signal;
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Runs until the file `gate` is there, then writes into the ledger, once for each call.
pub(crate) fn gated(name: &str) -> String {
    format!(
        "\
version: 1
name: {name}
steps:
  - id: wait
    tool: process.exec
    args: {{ argv: [sh, -c, 'echo begun-{name} >> ledger; while [ ! -e gate ]; do sleep 0.02; done'] }}
  - id: pay
    tool: process.exec
    args: {{ argv: [sh, -c, 'echo paid-{name} >> ledger'] }}
"
    )
}

/// Sleeps longer than any test runs.
pub(crate) fn napping(name: &str) -> String {
    format!(
        "version: 1\nname: {name}\nsteps:\n  - {{ id: nap, tool: time.sleep, args: {{ duration_ms: 600000 }} }}\n"
    )
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn execution_named(project: &Project, name: &str) -> Option<Value> {
    let listed = project.run(&["executions", "list", "--json"]);
    if listed.code != 0 {
        return None;
    }
    let rows = listed.json()["executions"].as_array().unwrap().clone();
    rows.into_iter().find(|row| row["name"] == name)
}

pub(crate) fn id_of(project: &Project, name: &str) -> String {
    let mut found = None;
    until(&format!("listed: {name}"), || {
        found = execution_named(project, name);
        found.is_some()
    });
    found.unwrap()["execution_id"].as_str().unwrap().to_owned()
}

pub(crate) fn start(site: &Site, args: &[&str]) -> Child {
    site.command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn ledger(site: &Site) -> Vec<String> {
    let mut lines: Vec<String> = site.content("ledger").lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn five_processes_work_side_by_side() {
    let site = Site::new();
    for name in ["first", "second"] {
        site.write(&format!("{name}.yaml"), gated(name));
    }
    site.write("third.yaml", napping("third"));
    site.write("asks.yaml", WRITES);
    site.run(&["run", "asks.yaml"]).exits(4);
    let first = start(&site, &["run", "first.yaml", "--yes", "--json"]);
    until("begun", || site.content("ledger").contains("begun-first"));
    let second = start(&site, &["run", "second.yaml", "--yes"]);
    let third = start(&site, &["run", "third.yaml", "--yes", "--json", "--stream"]);
    until("all begun", || ledger(&site).len() == 2);
    let watched = id_of(&site, "second");
    let watcher = start(&site, &["executions", "watch", &watched, "--json"]);

    // The answer goes to the process that drives, and the execution goes on at once.
    let asking = id_of(&site, "Write a note");
    let answered = site.run(&["approvals", "approve", &asking]).exits(0);
    let pid = format!("process {}", first.id());
    assert!(answered.stdout.contains(&pid), "{}", answered.stdout);
    until("written", || site.path("note.txt").exists());

    let cancelled = site
        .run(&["executions", "cancel", &id_of(&site, "third"), "--json"])
        .exits(0)
        .json();
    assert_eq!(cancelled["state"], "cancelled");
    let third = finish(third).exits(130);
    assert!(
        third.stdout.contains("execution_finished"),
        "{}",
        third.stdout
    );

    site.write("gate", "");
    assert_eq!(finish(first).exits(0).json()["status"], "success");
    let second = finish(second).exits(0);
    assert!(second.stdout.starts_with("✓ success"), "{}", second.stdout);
    assert_eq!(finish(watcher).exits(0).json()["status"], "success");
    let seen = ledger(&site);
    let all = ["begun-first", "begun-second", "paid-first", "paid-second"];
    assert_eq!(seen, all);
    site.assert_intact();
    for name in ["first", "second", "third", "Write a note"] {
        site.run(&["executions", "replay", &id_of(&site, name)])
            .exits(0);
    }
}

#[test]
fn what_is_wrong_with_a_plan_is_said_as_if_it_ran_here() {
    let site = Site::new();
    site.write("gated.yaml", gated("gated"));
    let plans = [
        (
            "no-tool.yaml",
            "version: 1\nname: n\nsteps: [{ id: a, tool: fs.reed, args: {} }]\n",
        ),
        (
            "no-input.yaml",
            "version: 1\nname: n\ninputs: { x: { type: string } }\nsteps: [{ id: a, tool: time.now }]\n",
        ),
        (
            "args.yaml",
            "version: 1\nname: n\nsteps: [{ id: a, tool: fs.read, args: { path: 7 } }]\n",
        ),
        ("shape.yaml", "version: 1\nname: n\nsteps: []\nmore: 1\n"),
        (
            "later.yaml",
            "version: 1\nname: n\nworkspace: { source: ., apply: review }\nsteps: [{ id: a, tool: time.now }]\n",
        ),
    ];
    let alone: Vec<Ran> = plans
        .iter()
        .map(|(name, text)| {
            site.write(name, text);
            site.run(&["run", name, "--json"])
        })
        .collect();
    let host = start(&site, &["run", "gated.yaml", "--yes"]);
    until("begun", || site.content("ledger").contains("begun"));
    for ((name, _), alone) in plans.iter().zip(alone) {
        let beside = site.run(&["run", name, "--json"]);
        assert_eq!(beside.code, alone.code, "{name}: {beside:#?}");
        assert_eq!(beside.json(), alone.json(), "{name}");
        assert_ne!(alone.code, 0, "{name}");
    }
    let called = site
        .run(&["tools", "call", "data.value", "--args", "{\"value\": 7}"])
        .exits(0);
    assert_eq!(called.stdout.trim(), "7");
    site.write("gate", "");
    finish(host).exits(0);
}

#[test]
fn ctrl_c_in_a_client_cancels_its_own_execution_and_no_other() {
    let site = Site::new();
    site.write("host.yaml", gated("host"));
    site.write("guest.yaml", napping("guest"));
    let host = start(&site, &["run", "host.yaml", "--yes", "--json"]);
    until("begun", || site.content("ledger").contains("begun-host"));
    let guest = start(&site, &["run", "guest.yaml", "--yes", "--json"]);
    id_of(&site, "guest");
    signal(&guest, Signal::INT);
    assert_eq!(finish(guest).exits(130).json()["state"], "cancelled");
    site.write("gate", "");
    assert_eq!(finish(host).exits(0).json()["status"], "success");
}

#[test]
fn pausing_and_resuming_reach_the_process_that_drives() {
    let site = Site::new();
    site.write("host.yaml", gated("host"));
    let host = start(&site, &["run", "host.yaml", "--yes", "--json"]);
    until("begun", || site.content("ledger").contains("begun-host"));
    let said = site.run(&["executions", "pause", "@last"]).exits(0);
    assert!(said.stdout.contains("drives it"), "{}", said.stdout);
    site.write("gate", "");
    // It rests paused: that is where the command leaves it.
    let paused = finish(host).exits(4).json();
    assert_eq!(paused["waiting_for"]["kind"], "paused");
    assert_eq!(ledger(&site), ["begun-host"]);
    let said = site.run(&["executions", "resume", "@last"]).exits(0);
    assert!(
        said.stdout.contains("no process drives it"),
        "{}",
        said.stdout
    );
    site.run(&["executions", "continue", "@last"]).exits(0);
    assert_eq!(ledger(&site), ["begun-host", "paid-host"]);
    site.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn clients_of_a_killed_host_go_on_and_nothing_is_lost_or_done_twice() {
    let site = Site::new();
    let naps = "version: 1\nname: NAME\nsteps:\n  \
        - { id: nap, tool: time.sleep, args: { duration_ms: 4000 } }\n  \
        - { id: pay, tool: process.exec, args: { argv: [sh, -c, 'echo paid-NAME >> ledger'] } }\n";
    for name in ["one", "two", "three"] {
        site.write(&format!("{name}.yaml"), naps.replace("NAME", name));
    }
    let mut host = start(&site, &["run", "one.yaml", "--yes", "--json"]);
    site.await_step("nap", "waiting");
    let clients = ["two", "three"].map(|name| {
        let file = format!("{name}.yaml");
        let client = start(&site, &["run", &file, "--yes", "--json"]);
        let id = id_of(&site, name);
        until("asleep", || {
            let shown = site.run(&["executions", "show", &id, "--json"]).json();
            shown["steps"][0]["state"] == "waiting"
        });
        client
    });
    host.kill().unwrap();
    host.wait().unwrap();
    for client in clients {
        let ran = finish(client).exits(0);
        assert_eq!(ran.json()["status"], "success");
        assert!(ran.stderr.contains("is gone"), "{}", ran.stderr);
    }
    site.run(&["executions", "continue"]);
    assert_eq!(ledger(&site), ["paid-one", "paid-three", "paid-two"]);
    site.assert_intact();
    for name in ["one", "two", "three"] {
        site.run(&["executions", "replay", &id_of(&site, name)])
            .exits(0);
    }
}

#[test]
fn a_program_that_a_plan_started_cannot_answer() {
    // Not confined: in the sandbox it would not even see the host.
    let site =
        Site::configured("[[tools]]\nname = \"own.attack\"\ncommand = [\"sh\", \"attack.sh\"]\n");
    site.write("asks.yaml", WRITES);
    site.run(&["run", "asks.yaml"]).exits(4);
    let asking = id_of(&site, "Write a note");
    let mandate = env!("CARGO_BIN_EXE_mandate");
    // Once as a child, and once as a daemon that has left its parents behind.
    let script = format!(
        "{mandate} approvals approve {asking} > child.txt 2>&1; echo $? >> child.txt\n\
         setsid sh -c '{mandate} approvals approve {asking} > daemon.txt 2>&1; echo $? >> daemon.txt' &\n\
         while ! grep -q '^[0-9]$' daemon.txt; do sleep 0.02; done\n"
    );
    site.write("attack.sh", script);
    site.write(
        "attack.yaml",
        "version: 1\nname: Attack\nsteps:\n  - { id: a, tool: own.attack }\n",
    );
    site.run(&["run", "attack.yaml", "--yes"]).exits(0);
    for file in ["child.txt", "daemon.txt"] {
        let said = site.content(file);
        assert!(said.contains("was started by a tool of a plan"), "{said}");
        assert!(said.trim_end().ends_with('3'), "{said}");
    }
    let waiting = site.run(&["executions", "show", &asking, "--json"]).json();
    assert_eq!(waiting["waiting_for"]["kind"], "plan");
}

/// A question beside a sleep, so that the process that drives stays.
const STAYS: &str = "\
version: 1
name: stays
steps:
  - { id: ask, tool: human.ask, args: { question: Go on?, choices: [go, halt] } }
  - { id: nap, tool: time.sleep, after: [], args: { duration_ms: 600000 } }
";

/// Runs it up to its question, in a process that is killed in its Nth acknowledgement; and how many commits that took.
fn asking(point: Option<u64>) -> Option<(Site, Child, u64)> {
    let site = Site::new();
    site.write("stays.yaml", STAYS);
    let mut command = site.command(&["run", "stays.yaml", "--yes"]);
    if let Some(nth) = point {
        command.env("MANDATE_FAILPOINT", format!("journal.before_ack:{nth}"));
    }
    let mut host = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut commits, mut asks) = (0, false);
    until("asked", || {
        let listed = site.run(&["inbox", "list", "--json"]);
        asks = listed.stdout.contains("\"question\"");
        let head = site.run(&["audit", "head", "--json"]);
        commits = head.json()["head"]["number"].as_u64().unwrap_or_default();
        asks || host.try_wait().unwrap().is_some()
    });
    asks.then_some((site, host, commits))
}

#[test]
fn an_answer_that_was_taken_is_told_as_taken_even_if_the_host_goes_before_it_says_so() {
    let mut held = 0;
    // How many commits a beginning takes depends on what shares one.
    for _ in 0..6 {
        let (_site, mut host, commits) = asking(None).unwrap();
        host.kill().unwrap();
        host.wait().unwrap();
        let Some((site, mut host, _)) = asking(Some(commits + 1)) else {
            continue;
        };
        let answered = site.run(&["inbox", "answer", "@last", "go", "--json"]);
        let died = host.try_wait().unwrap().is_some();
        host.kill().unwrap();
        host.wait().unwrap();
        assert_eq!(answered.code, 0, "{answered:#?}");
        held += u32::from(died);
        if died {
            let shown = site.run(&["inbox", "list", "--all", "--json"]).stdout;
            assert!(
                shown.contains("\"choice\": \"go\"") || shown.contains("\"choice\":\"go\""),
                "{shown}"
            );
            break;
        }
    }
    assert!(held > 0, "the host never went in between");
}
