//! What `kill -9` of Mandate leaves of the programs that it started: nothing, whatever they ignore.

use crate::project::{signal, step_of};
use crate::site::Site;
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Ignores every signal that it can and the end of its input, and so does what it starts, and what moves away from it.
const STUBBORN: &str = r#"
trap '' HUP INT QUIT TERM PIPE
setsid sh -c 'while :; do sleep 1; done' &
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

/// The first thing that the program does is to tell who it is, and at once the host is killed: there was a time when a
/// program was on its way that nobody knew yet.
#[test]
fn at_the_very_moment_of_the_start() {
    let site = Site::new();
    site.write(
        "at_once.sh",
        "trap '' HUP INT QUIT TERM PIPE\necho $$ > pids\nwhile :; do sleep 1; done\n",
    );
    site.write(
        "plan.yaml",
        "version: 1\nname: Now\nsteps:\n  - {id: go, tool: process.exec, args: {argv: [sh, at_once.sh]}}\n",
    );
    for _ in 0..8 {
        site.write("pids", "");
        let mut host = site.start(&["run", "plan.yaml", "--yes"]);
        let begun = Instant::now();
        while lines(&site).is_empty() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not start"
            );
        }
        signal(&host, Signal::KILL);
        host.wait().unwrap();
        for pid in lines(&site) {
            await_that(&format!("{pid} lives on"), || !lives(&pid));
        }
    }
}

#[test]
fn a_program_goes_with_its_keeper() {
    let site = Site::new();
    site.write("stubborn.sh", STUBBORN);
    site.write(
        "plan.yaml",
        "version: 1\nname: Two\nsteps:\n  - {id: go, tool: process.exec, args: {argv: [sh, stubborn.sh]}}\n",
    );
    let mut host = site.start(&["run", "plan.yaml", "--yes"]);
    await_that("the program does not start", || lines(&site).len() == 2);
    let pids = lines(&site);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pids[0])).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let keeper = rest.split_whitespace().nth(1).unwrap().parse().unwrap();
    let keeper = rustix::process::Pid::from_raw(keeper).unwrap();
    rustix::process::kill_process(keeper, Signal::KILL).unwrap();
    await_that("the program lives on", || !lives(&pids[0]));
    // What became of the effect is not known, and is said so.
    await_that("the host does not notice", || {
        host.try_wait().unwrap().is_some()
    });
    assert_eq!(step_of(&site.last(), "go")["state"], "in_doubt");
    let away = rustix::process::Pid::from_raw(pids[1].parse().unwrap()).unwrap();
    let _ = rustix::process::kill_process(away, Signal::KILL);
}
