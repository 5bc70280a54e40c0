//! What `kill -9` of Mandate leaves of the programs that it started: nothing, whatever they ignore.

use crate::project::signal;
use crate::site::Site;
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Ignores every signal that it can and the end of its input, and so does what it starts. It tells who it is only after a
/// while: what is killed between the start of a program and its registration with the watchdog leaves the program.
const STUBBORN: &str = r#"
trap '' HUP INT QUIT TERM PIPE
sleep 0.5
sh -c 'while :; do sleep 1; done' &
printf '%s\n%s\n' "$$" "$!" > pids
while :; do sleep 1; done
"#;

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the plan, kills the host once `pids` says who runs, and waits until none of them does.
fn kill_the_host(site: &Site, pids: impl Fn() -> Vec<String>, many: usize) {
    let mut host = site.start(&["run", "plan.yaml", "--yes"]);
    await_that("the program does not start", || pids().len() >= many);
    let pids = pids();
    assert!(pids.iter().all(|pid| lives(pid)), "{pids:?}");
    signal(&host, Signal::KILL);
    host.wait().unwrap();
    for pid in pids {
        await_that(&format!("{pid} lives on"), || !lives(&pid));
    }
}

fn lines(site: &Site) -> Vec<String> {
    let text = site.content("pids");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn programs_and_what_they_started() {
    let site = Site::configured(
        "[[tools]]\nname = \"own.stubborn\"\ncommand = [\"sh\", \"stubborn.sh\"]\n",
    );
    site.write("stubborn.sh", STUBBORN);
    for step in [
        "{id: go, tool: own.stubborn}",
        "{id: go, tool: process.exec, args: {argv: [sh, stubborn.sh]}}",
    ] {
        site.write("pids", "");
        site.write(
            "plan.yaml",
            format!("version: 1\nname: Stubborn\nsteps:\n  - {step}\n"),
        );
        kill_the_host(&site, || lines(&site), 2);
    }
}

#[test]
fn servers_and_what_they_started() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let site = Site::new();
    let log = site.path("log");
    site.write(
        "mandate.toml",
        format!(
            "[mcpServers.fake]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}, \"stubborn\", \"grandchild\"]\n"
        ),
    );
    site.write(
        "plan.yaml",
        "version: 1\nname: Hang\nsteps:\n  - {id: go, tool: fake.hang}\n",
    );
    let pids = || {
        let text = site.content("log");
        let entries = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap_or_default());
        let entries: Vec<_> = entries.collect();
        // Not before the call has come.
        if entries.iter().all(|entry| entry["call"].is_null()) {
            return Vec::new();
        }
        let pids = entries
            .iter()
            .flat_map(|entry| [&entry["start"], &entry["grandchild"]]);
        pids.filter(|pid| pid.is_number())
            .map(ToString::to_string)
            .collect()
    };
    kill_the_host(&site, pids, 2);
}

#[test]
fn the_watchdog_goes_with_the_host_and_is_replaced_when_it_is_killed() {
    let site = Site::new();
    site.write("stubborn.sh", STUBBORN);
    site.write(
        "plan.yaml",
        "version: 1\nname: Two\nsteps:\n  - {id: first, tool: process.exec, args: {argv: [sh, -c, 'while ! test -e go; do sleep 0.02; done']}}\n  - {id: second, tool: process.exec, args: {argv: [sh, stubborn.sh]}}\n",
    );
    let mut host = site.start(&["run", "plan.yaml", "--yes"]);
    let mut first = Vec::new();
    await_that("no watchdog", || {
        first = watchdogs(host.id());
        !first.is_empty()
    });
    assert_eq!(first.len(), 1);
    let pid = rustix::process::Pid::from_raw(first[0].parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    site.write("go", "");
    await_that("the second does not start", || lines(&site).len() == 2);
    let second = watchdogs(host.id());
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    signal(&host, Signal::KILL);
    host.wait().unwrap();
    for pid in lines(&site).iter().chain(&second) {
        await_that(&format!("{pid} lives on"), || !lives(pid));
    }
}

/// The living watchdogs of a process.
fn watchdogs(host: u32) -> Vec<String> {
    let children = std::fs::read_dir(format!("/proc/{host}/task")).unwrap();
    let children = children
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let mut found: Vec<String> = children
        .flat_map(|pids| {
            pids.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|pid| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.contains("mandate-watchdog") && lives(pid)
        })
        .collect();
    found.sort();
    found
}
