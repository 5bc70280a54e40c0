//! What the faults of disk, journal and clock are tried on: a plan whose first step is under way while the fault comes,
//! and whose every effect leaves a line in a ledger.

use crate::project::{Ran, finish};
use crate::several::{start, until};
use crate::site::Site;
use serde_json::{Value, json};
use std::process::{Child, Command};

/// Each step writes its id; the first ends only when the file `gate` is there.
const PLAN: &str = "\
version: 1
name: faulty
steps:
  - {id: first, tool: process.exec, args: {argv: [sh, -c, 'echo first >> ledger; while [ ! -e gate ]; do sleep 0.02; done']}}
  - {id: second, tool: process.exec, args: {argv: [sh, -c, 'echo second >> ledger']}}
  - {id: third, tool: process.exec, args: {argv: [sh, -c, 'echo third >> ledger']}}
";

pub(crate) fn site() -> Site {
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    site
}

/// The plan runs, and its first step is under way.
pub(crate) fn begun(site: &Site) -> Child {
    let child = start(site, &["run", "plan.yaml", "--yes", "--json"]);
    until("begun", || site.content("ledger").contains("first"));
    child
}

/// The same by a command of the test's own.
pub(crate) fn begun_with(site: &Site, mut command: Command) -> Child {
    let child = command.spawn().unwrap();
    until("begun", || site.content("ledger").contains("first"));
    child
}

/// The same, and the process was killed meanwhile. What it ran has ended, too.
pub(crate) fn crashed(site: &Site) {
    let mut child = begun(site);
    child.kill().unwrap();
    child.wait().unwrap();
    open_gate(site);
}

pub(crate) fn open_gate(site: &Site) {
    site.write("gate", "");
}

/// It fails with this code, in words and as JSON, and says what to do.
#[track_caller]
pub(crate) fn fails(ran: &Ran, code: &str) -> Value {
    assert_eq!(ran.code, 1, "{ran:#?}");
    let error = ran.json()["error"].clone();
    assert_eq!(error["code"], code, "{ran:#?}");
    assert!(
        error["remedy"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    error
}

/// The run whose first step was under way ends with this code, and began nothing more.
#[track_caller]
pub(crate) fn stops(site: &Site, child: Child, code: &str) {
    fails(&finish(child), code);
    assert_eq!(site.content("ledger"), "first\n", "nothing more was begun");
}

/// Doctor finds it, with a remedy.
#[track_caller]
pub(crate) fn doctor_says(site: &Site, words: &str) {
    let ran = site.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let found = ran.json()["findings"].clone();
    let problems: Vec<&Value> = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["verdict"] == "problem")
        .collect();
    assert!(
        problems
            .iter()
            .any(|finding| finding["text"].as_str().unwrap().contains(words)
                && finding["fix"].is_string()),
        "no `{words}` in {problems:#?}"
    );
}

/// Carries the execution on to its end, saying of each doubt what the ledger says: every effect is there once.
#[track_caller]
pub(crate) fn carry_on(site: &Site) {
    open_gate(site);
    for _ in 0..6 {
        let carried = site.run(&["executions", "continue", "--json"]);
        assert!(matches!(carried.code, 0 | 4), "{carried:#?}");
        let shown = site.last();
        if shown["state"] == "completed" {
            assert_eq!(site.content("ledger"), "first\nsecond\nthird\n");
            assert_eq!(shown["status"], "success");
            let replayed = site.run(&["executions", "replay", "@last"]).exits(0);
            assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
            site.assert_intact();
            return;
        }
        let doubts: Vec<String> = shown["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| step["state"] == "in_doubt")
            .map(|step| step["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(!doubts.is_empty(), "it waits for something else: {shown:#}");
        for step in doubts {
            let mut args = vec!["executions", "resolve", "@last", &step];
            let output = json!({ "stdout": "" }).to_string();
            if site.content("ledger").contains(&step) {
                args.extend(["--done", "--output", &output]);
            } else {
                args.push("--not-done");
            }
            let said = site.run(&args);
            assert!(matches!(said.code, 0 | 4), "{said:#?}");
        }
    }
    panic!("doubts do not end");
}
