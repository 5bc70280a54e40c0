//! A clock that is set back or forward while Mandate runs, and while it does not.

use crate::faults::{begun_with, carry_on, open_gate, site};
use crate::project::finish;
use crate::several::until;
use crate::site::Site;
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A clock that the test sets.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// None where there is no C compiler.
    fn new(site: &Site) -> Option<Self> {
        let library = site.path("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clock_shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(source)
            .status();
        if !built.is_ok_and(|status| status.success()) {
            eprintln!("NOT TESTED: there is no C compiler, so that no clock can be set");
            return None;
        }
        let this = Self {
            library,
            offset: site.path("offset"),
        };
        this.set(0);
        Some(this)
    }

    fn set(&self, offset_ms: i64) {
        let fresh = self.offset.with_extension("fresh");
        std::fs::write(&fresh, offset_ms.to_string()).unwrap();
        std::fs::rename(fresh, &self.offset).unwrap();
    }

    fn command(&self, site: &Site, args: &[&str]) -> Command {
        let mut command = site.command(args);
        command
            .env("LD_PRELOAD", &self.library)
            .env("OFFSET_FILE", &self.offset)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn times(site: &Site) -> Vec<i64> {
    let events = site
        .run(&["executions", "events", "@last", "--json"])
        .exits(0);
    let lines = events.stdout.lines();
    lines
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["at_ms"]
                .as_i64()
                .unwrap()
        })
        .collect()
}

fn ascend(times: &[i64]) -> bool {
    times.windows(2).all(|pair| pair[0] <= pair[1])
}

#[test]
fn set_back_by_an_hour_under_a_run() {
    let site = site();
    let Some(clock) = Clock::new(&site) else {
        return;
    };
    let run = begun_with(
        &site,
        clock.command(&site, &["run", "plan.yaml", "--yes", "--json"]),
    );
    clock.set(-HOUR_MS);
    open_gate(&site);
    assert_eq!(finish(run).exits(0).json()["status"], "success");
    let times = times(&site);
    assert!(ascend(&times), "{times:?}");
    assert!(times.last().unwrap() - times[0] < 60_000, "{times:?}");
    carry_on(&site);
}

#[test]
fn what_is_due_soon_is_due_soon_when_the_clock_is_set_back() {
    let site = site();
    let Some(clock) = Clock::new(&site) else {
        return;
    };
    site.write(
        "nap.yaml",
        "version: 1\nname: nap\nsteps:\n  - { id: a, tool: time.sleep, args: { duration_ms: 700 } }\n  \
         - { id: b, tool: time.sleep, args: { duration_ms: 700 } }\n",
    );
    let run = clock
        .command(&site, &["run", "nap.yaml", "--json"])
        .spawn()
        .unwrap();
    until("asleep", || {
        site.data().join("journal.db").exists() && site.newest().is_some()
    });
    clock.set(-HOUR_MS);
    // Without care it would sleep for an hour.
    assert_eq!(finish(run).exits(0).json()["status"], "success");
    assert!(ascend(&times(&site)));
    site.assert_intact();
}

#[test]
fn set_back_between_two_hosts() {
    let site = site();
    let Some(clock) = Clock::new(&site) else {
        return;
    };
    let mut run = begun_with(
        &site,
        clock.command(&site, &["run", "plan.yaml", "--yes", "--json"]),
    );
    run.kill().unwrap();
    run.wait().unwrap();
    clock.set(-30 * DAY_MS);
    open_gate(&site);
    let carried = clock
        .command(&site, &["executions", "continue", "--json"])
        .output()
        .unwrap();
    assert_eq!(
        carried.status.code(),
        Some(4),
        "in doubt, as after any crash"
    );
    let times = times(&site);
    assert!(
        ascend(&times),
        "an execution's time never goes back: {times:?}"
    );
    carry_on(&site);
    assert!(ascend(&self::times(&site)));
}

#[test]
fn set_forward_by_days_ends_what_has_a_time() {
    let site = site();
    let Some(clock) = Clock::new(&site) else {
        return;
    };
    let waiting = clock
        .command(&site, &["run", "plan.yaml", "--json"])
        .output()
        .unwrap();
    assert_eq!(waiting.status.code(), Some(4), "a human is awaited");
    clock.set(3 * DAY_MS);
    let late = clock
        .command(&site, &["approvals", "approve", "@last", "--json"])
        .output()
        .unwrap();
    let late: Value = serde_json::from_slice(&late.stdout).unwrap();
    assert_eq!(late["error"]["code"], "APPROVAL_EXPIRED", "{late:#}");
    let export = site.run(&["audit", "export", "--kind", "answer_refused"]);
    assert!(
        export.stdout.contains("\"code\":\"APPROVAL_EXPIRED\""),
        "{export:#?}"
    );
    let carried = clock
        .command(&site, &["executions", "continue", "--json"])
        .output()
        .unwrap();
    assert_eq!(carried.status.code(), Some(1));
    let shown = site.last();
    assert_eq!(shown["error"]["code"], "APPROVAL_EXPIRED", "{shown:#}");
    assert_eq!(site.content("ledger"), "");
    site.run(&["executions", "replay", "@last"]).exits(0);

    // The time that the plan may take is over then, too. The call under way counts if its end came first, and is in
    // doubt if not; it is not taken for one that did not happen.
    clock.set(0);
    let run = begun_with(
        &site,
        clock.command(&site, &["run", "plan.yaml", "--yes", "--json"]),
    );
    clock.set(3 * DAY_MS);
    open_gate(&site);
    let ended = finish(run);
    if ended.code == 4 {
        assert_eq!(ended.json()["steps"][0]["state"], "in_doubt", "{ended:#?}");
        let output = r#"{"stdout": ""}"#;
        site.run(&[
            "executions",
            "resolve",
            "@last",
            "first",
            "--done",
            "--output",
            output,
        ]);
        site.run(&["executions", "continue", "@last"]);
    }
    let ended = site.last();
    assert_eq!(ended["steps"][0]["state"], "completed", "{ended:#}");
    assert_eq!(ended["error"]["code"], "PLAN_TIMEOUT", "{ended:#}");
    assert_eq!(site.content("ledger"), "first\n");
    site.run(&["executions", "replay", "@last"]).exits(0);
    site.assert_intact();
}

#[test]
fn set_forward_by_minutes_under_a_run() {
    let site = site();
    let Some(clock) = Clock::new(&site) else {
        return;
    };
    let run = begun_with(
        &site,
        clock.command(&site, &["run", "plan.yaml", "--yes", "--json"]),
    );
    clock.set(60_000);
    open_gate(&site);
    assert_eq!(finish(run).exits(0).json()["status"], "success");
    carry_on(&site);
}
