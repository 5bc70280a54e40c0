//! A disk that is full, or that cannot be written: nothing more is begun than was recorded, the error says what to do, and
//! afterwards everything goes on.

use crate::background::host_pid;
use crate::faults::{begun, carry_on, crashed, doctor_says, fails, open_gate, site, stops};
use crate::observability::ask;
use crate::own_mounts::{fill, inside, make_room, mount, remount};
use crate::project::{finish, signal};
use crate::serve::serve;
use crate::several::{napping, start, until};
use crate::site::Site;
use rustix::process::Signal;

#[test]
fn a_disk_that_is_full_from_the_start() {
    if !inside("disk_faults::a_disk_that_is_full_from_the_start") {
        return;
    }
    let site = site();
    mount(&site.data(), 4096);
    fill(&site.data());
    fails(
        &site.run(&["run", "plan.yaml", "--yes", "--json"]),
        "DISK_FULL",
    );
    assert_eq!(site.content("ledger"), "");
    let said = site.run(&["run", "plan.yaml", "--yes"]).exits(1);
    assert!(said.stderr.contains("make room"), "{said:#?}");
    make_room(&site.data());
    open_gate(&site);
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    carry_on(&site);
}

#[test]
fn a_disk_that_fills_up_under_a_run() {
    if !inside("disk_faults::a_disk_that_fills_up_under_a_run") {
        return;
    }
    let site = site();
    mount(&site.data(), 4096);
    let run = begun(&site);
    fill(&site.data());
    open_gate(&site);
    stops(&site, run, "DISK_FULL");
    doctor_says(&site, "KiB are free");
    // Looking needs no room.
    assert_eq!(site.last()["steps"][0]["state"], "running");
    site.assert_intact();
    fails(
        &site.run(&["executions", "continue", "--json"]),
        "DISK_FULL",
    );
    make_room(&site.data());
    carry_on(&site);
}

#[test]
fn a_disk_that_fills_up_under_the_host_in_the_background() {
    if !inside("disk_faults::a_disk_that_fills_up_under_the_host_in_the_background") {
        return;
    }
    let site = site();
    mount(&site.data(), 4096);
    site.write("other.yaml", napping("other"));
    site.run(&["run", "plan.yaml", "--yes", "--detach"])
        .exits(0);
    until("begun", || site.content("ledger").contains("first"));
    let other = start(&site, &["run", "other.yaml", "--json"]);
    until("two", || {
        let listed = site.run(&["executions", "list", "--json"]).json();
        listed["executions"].as_array().unwrap().len() == 2
    });
    fill(&site.data());
    open_gate(&site);
    // Whoever follows another execution hears of it, and the host does not sit on a journal that takes nothing.
    fails(&finish(other), "DISK_FULL");
    until("gone", || host_pid(&site).is_none());
    assert_eq!(site.content("ledger"), "first\n");
    make_room(&site.data());
    let log = std::fs::read_to_string(site.data().join("host.log")).unwrap();
    assert!(log.contains("the journal has failed"), "{log}");
    let listed = site.run(&["executions", "list", "--json"]).json();
    let rows = listed["executions"].as_array().unwrap();
    let other = rows.iter().find(|row| row["name"] == "other").unwrap();
    let other = other["execution_id"].as_str().unwrap();
    site.run(&["executions", "cancel", other]).exits(0);
    let id = rows.iter().find(|row| row["name"] == "faulty").unwrap();
    let id = id["execution_id"].as_str().unwrap().to_owned();
    let code = site.run(&["executions", "continue", &id]).code;
    assert_eq!(code, 4);
    let output = r#"{"stdout": ""}"#;
    site.run(&[
        "executions",
        "resolve",
        &id,
        "first",
        "--done",
        "--output",
        output,
    ]);
    site.run(&["executions", "continue", &id]).exits(0);
    assert_eq!(site.content("ledger"), "first\nsecond\nthird\n");
    site.assert_intact();
}

#[test]
fn a_server_on_a_full_disk_is_not_ready_before_anything_has_failed() {
    if !inside("disk_faults::a_server_on_a_full_disk_is_not_ready_before_anything_has_failed") {
        return;
    }
    let site = Site::new();
    mount(&site.data(), 8192);
    let (mut server, address) = serve(&site, "127.0.0.1:0");
    let asked = |path: &str| ask(&address, &format!("GET {path}"), "");
    assert!(asked("/health/ready").starts_with("HTTP/1.1 200"));
    fill(&site.data());
    let unready = asked("/health/ready");
    assert!(unready.starts_with("HTTP/1.1 503"), "{unready}");
    assert!(unready.contains("DISK_FULL"), "{unready}");
    assert!(asked("/health/live").starts_with("HTTP/1.1 200"));
    make_room(&site.data());
    assert!(asked("/health/ready").starts_with("HTTP/1.1 200"));
    signal(&server, Signal::TERM);
    server.wait().unwrap();
}

#[test]
fn a_disk_that_cannot_be_written() {
    if !inside("disk_faults::a_disk_that_cannot_be_written") {
        return;
    }
    let site = site();
    mount(&site.data(), 4096);
    remount(&site.data(), "ro");
    fails(
        &site.run(&["run", "plan.yaml", "--yes", "--json"]),
        "STORE_READ_ONLY",
    );
    assert_eq!(site.content("ledger"), "");
    remount(&site.data(), "rw");
    crashed(&site);
    remount(&site.data(), "ro");
    for args in [
        ["executions", "continue", "--json"].as_slice(),
        &["run", "plan.yaml", "--yes", "--json"],
    ] {
        fails(&site.run(args), "STORE_READ_ONLY");
    }
    doctor_says(&site, "mounted read-only");
    assert_eq!(site.content("ledger"), "first\n");
    // What is on it can be looked at.
    site.assert_intact();
    assert_eq!(site.last()["steps"][0]["state"], "running");
    remount(&site.data(), "rw");
    carry_on(&site);
    // After an orderly end there is no log beside the database.
    remount(&site.data(), "ro");
    site.assert_intact();
    assert_eq!(site.last()["state"], "completed");
    site.run(&["executions", "replay", "@last"]).exits(0);
}
