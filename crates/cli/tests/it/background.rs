//! The host in the background: started, handed over to, asked to go, and gone when nothing goes on.

use crate::project::{READ_ONLY, WRITES, finish, signal};
use crate::several::{gated, id_of, ledger, napping, start, until};
use crate::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::Stdio;

pub(crate) fn host_pid(site: &Site) -> Option<u64> {
    let listed = site.run(&["executions", "list", "--json"]).exits(0).json();
    listed["host_pid"].as_u64()
}

fn state_of(site: &Site, id: &str) -> Value {
    site.run(&["executions", "show", id, "--json"])
        .exits(0)
        .json()
}

fn kinds(site: &Site, id: &str) -> Vec<String> {
    let events = site.run(&["executions", "events", id, "--json"]).exits(0);
    let lines = events.stdout.lines();
    lines
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["kind"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn what_is_detached_goes_on_alone_and_the_host_goes_when_nothing_does() {
    let site = Site::new();
    site.write("plan.yaml", gated("alone"));
    let detached = site
        .command(&["run", "plan.yaml", "--yes", "--detach", "--json"])
        .env("MANDATE_HOST_IDLE_MS", "300")
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(detached.status.code(), Some(0));
    let told: Value = serde_json::from_slice(&detached.stdout).unwrap();
    let id = told["execution_id"].as_str().unwrap();
    let pid = told["host_pid"].as_u64().unwrap();
    assert_eq!(host_pid(&site), Some(pid));
    until("begun", || site.content("ledger").contains("begun-alone"));
    let log = std::fs::metadata(site.data().join("host.log")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&log) & 0o777, 0o600);
    let doctor = site.run(&["doctor"]);
    assert!(
        doctor.stdout.contains(&format!("process {pid} drives")),
        "{}",
        doctor.stdout
    );

    let watcher = start(&site, &["executions", "watch", id, "--json"]);
    site.write("gate", "");
    assert_eq!(finish(watcher).exits(0).json()["status"], "success");
    assert_eq!(ledger(&site), ["begun-alone", "paid-alone"]);
    until("gone", || host_pid(&site).is_none());
    assert!(!site.data().join("host.sock").exists());
    let log = std::fs::read_to_string(site.data().join("host.log")).unwrap();
    assert!(log.contains("since nothing goes on"), "{log}");
    site.run(&["executions", "replay", id]).exits(0);
    site.assert_intact();
}

#[test]
fn what_waits_for_a_human_is_said_and_an_answer_carries_it_on_at_once() {
    let site = Site::new();
    site.write("plan.yaml", WRITES);
    let told = site.run(&["run", "plan.yaml", "--detach"]).exits(4);
    assert!(
        told.stdout.contains("mandate approvals approve"),
        "{}",
        told.stdout
    );
    let answered = site.run(&["approvals", "approve", "@last"]).exits(0);
    assert!(
        answered.stdout.contains("drives the execution on"),
        "{}",
        answered.stdout
    );
    until("written", || site.path("note.txt").exists());
    let again = site
        .run(&["run", "plan.yaml", "--detach", "--yes"])
        .exits(0);
    assert!(
        again.stderr.contains("approved by `--yes`"),
        "{}",
        again.stderr
    );
    until("ended", || site.last()["status"] == "success");
}

#[test]
fn a_host_whose_work_is_done_hands_the_others_over_without_a_doubt() {
    let site = Site::new();
    site.write("first.yaml", READ_ONLY.replace(
        "steps:\n",
        "steps:\n  - id: hold\n    tool: process.exec\n    args: { argv: [sh, -c, 'while [ ! -e done ]; do sleep 0.02; done'] }\n",
    ));
    site.write("second.yaml", gated("second"));
    site.write("third.yaml", napping("third").replace("600000", "1500"));
    let first = start(&site, &["run", "first.yaml", "--yes"]);
    until("first", || host_pid(&site) == Some(u64::from(first.id())));
    let second = start(&site, &["run", "second.yaml", "--yes", "--json"]);
    let third = start(&site, &["run", "third.yaml", "--json"]);
    until("begun", || site.content("ledger").contains("begun-second"));
    let (second_id, third_id) = (id_of(&site, "second"), id_of(&site, "third"));
    // The call of the second is under way: it is waited for.
    site.write("done", "");
    until("leaving", || {
        kinds(&site, &second_id).contains(&"host_leaving".to_owned())
    });
    site.write("gate", "");
    let first = finish(first).exits(0);
    assert!(
        first.stderr.contains("go on in process"),
        "{}",
        first.stderr
    );
    for client in [second, third] {
        let ran = finish(client).exits(0);
        assert_eq!(ran.json()["status"], "success");
        assert!(ran.stderr.contains("drives it on"), "{}", ran.stderr);
    }
    assert_eq!(ledger(&site), ["begun-second", "paid-second"]);
    let kinds = kinds(&site, &second_id);
    for kind in ["host_leaving", "host_stopped", "host_started"] {
        assert_eq!(
            kinds.iter().filter(|known| *known == kind).count(),
            1,
            "{kinds:?}"
        );
    }
    for id in [second_id, third_id] {
        site.run(&["executions", "replay", &id]).exits(0);
    }
    site.assert_intact();
}

#[test]
fn ctrl_c_does_not_wait_for_calls_of_others() {
    let site = Site::new();
    site.write("first.yaml", napping("first"));
    site.write("second.yaml", gated("second"));
    let first = start(&site, &["run", "first.yaml"]);
    site.await_step("nap", "waiting");
    let second = start(&site, &["run", "second.yaml", "--yes", "--json"]);
    until("begun", || site.content("ledger").contains("begun-second"));
    signal(&first, Signal::TERM);
    let id = id_of(&site, "second");
    until("leaving", || {
        kinds(&site, &id).contains(&"host_leaving".to_owned())
    });
    signal(&first, Signal::INT);
    finish(first).exits(130);
    // Cut short, the effect is in doubt, and that is what the client is told.
    let second = finish(second).exits(4);
    assert_eq!(second.json()["waiting_for"]["kind"], "in_doubt");
    assert_eq!(ledger(&site), ["begun-second"]);
}

#[test]
fn a_host_that_is_asked_to_go_puts_things_in_order() {
    let site = Site::new();
    site.write("plan.yaml", gated("asked"));
    site.run(&["run", "plan.yaml", "--yes", "--detach"])
        .exits(0);
    until("begun", || site.content("ledger").contains("begun-asked"));
    let id = id_of(&site, "asked");
    let watcher = start(&site, &["executions", "continue", &id, "--json"]);
    // Where it follows cannot be seen from outside; that it cannot be asked is said in the same words.
    let pid = i32::try_from(host_pid(&site).unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    until("leaving", || {
        kinds(&site, &id).contains(&"host_leaving".to_owned())
    });
    site.write("gate", "");
    until("gone", || {
        host_pid(&site).is_none_or(|now| now != pid as u64)
    });
    let kinds = kinds(&site, &id);
    assert!(kinds.contains(&"host_stopped".to_owned()), "{kinds:?}");
    assert!(!kinds.contains(&"step_in_doubt".to_owned()), "{kinds:?}");
    let _ = finish(watcher);
    site.run(&["executions", "continue", &id]);
    until("ended", || state_of(&site, &id)["status"] == "success");
    assert_eq!(ledger(&site), ["begun-asked", "paid-asked"]);
    site.run(&["executions", "replay", &id]).exits(0);
}

#[test]
fn what_a_killed_process_left_is_taken_up_by_the_next_one_and_goes_on_behind_it() {
    let site = Site::new();
    site.write(
        "left.yaml",
        "version: 1\nname: left\nsteps:\n  \
        - { id: nap, tool: time.sleep, args: { duration_ms: 800 } }\n  \
        - { id: pay, tool: process.exec, args: { argv: [sh, -c, 'echo paid-left >> ledger'] } }\n",
    );
    site.write("read.yaml", READ_ONLY);
    let mut left = start(&site, &["run", "left.yaml", "--yes"]);
    site.await_step("nap", "waiting");
    left.kill().unwrap();
    left.wait().unwrap();
    let id = id_of(&site, "left");
    site.run(&["run", "read.yaml"]).exits(0);
    until("ended", || state_of(&site, &id)["status"] == "success");
    assert_eq!(ledger(&site), ["paid-left"]);
    site.run(&["executions", "replay", &id]).exits(0);
}

#[test]
fn beyond_the_limit_executions_queue_and_the_list_says_so() {
    let site = Site::configured("[limits]\nmax_active_executions = 1\n");
    site.write("first.yaml", gated("first"));
    site.write("second.yaml", gated("second"));
    site.write("third.yaml", gated("third"));
    let first = start(&site, &["run", "first.yaml", "--yes"]);
    until("begun", || site.content("ledger").contains("begun-first"));
    let second = start(&site, &["run", "second.yaml", "--yes"]);
    let third = start(&site, &["run", "third.yaml", "--yes", "--json"]);
    let (second_id, third_id) = (id_of(&site, "second"), id_of(&site, "third"));
    until("queued", || {
        state_of(&site, &second_id)["state"] == "pending"
            && state_of(&site, &third_id)["state"] == "pending"
    });
    let listed = site.run(&["executions", "list"]).exits(0).stdout;
    assert!(listed.contains("pending: queued"), "{listed}");
    let shown = site.run(&["executions", "show", &third_id]).exits(0).stdout;
    assert!(shown.contains("It is queued"), "{shown}");
    site.run(&["executions", "cancel", &third_id]).exits(0);
    finish(third).exits(130);
    assert_eq!(ledger(&site), ["begun-first"]);
    site.write("gate", "");
    finish(first).exits(0);
    finish(second).exits(0);
    assert_eq!(
        ledger(&site),
        ["begun-first", "begun-second", "paid-first", "paid-second"]
    );
}

#[test]
fn several_are_carried_on_in_the_background() {
    let site = Site::new();
    site.write("plan.yaml", WRITES);
    for _ in 0..2 {
        site.run(&["run", "plan.yaml"]).exits(4);
    }
    site.run(&["approvals", "approve", "@last"]).exits(0);
    let told = site.run(&["executions", "continue", "--detach"]).exits(4);
    assert!(
        told.stdout.contains("mandate approvals approve"),
        "{}",
        told.stdout
    );
    until("written", || site.path("note.txt").exists());
}
