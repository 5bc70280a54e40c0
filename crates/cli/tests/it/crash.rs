//! Kill -9 before, inside and after every write of the journal, and at random moments. Effects are counted by a witness:
//! a process of its own that adds the idempotency key to its ledger, and has the ledger synced, before it answers.

use crate::site::Site;
use mandate_store::failpoint;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

const WITNESS: &str = r#"
printf '%s %s\n' "$1" "$MANDATE_IDEMPOTENCY_KEY" >> ledger && sync ledger && printf 'seen %s' "$1"
"#;

const PLAN: &str = r#"
version: 1
name: witnessed
steps:
  - id: look
    tool: fs.stat
    args: {path: witness.sh}
  - id: first
    tool: process.exec
    args: {argv: [sh, witness.sh, first]}
  - id: note
    tool: fs.write
    args: {path: note.txt, content: "${steps.first.output.stdout}"}
  - id: pair
    tool: process.exec
    for_each: {in: "['left', 'right']"}
    args: {argv: [sh, witness.sh, "${item}"]}
  - id: last
    tool: process.exec
    args: {argv: [sh, witness.sh, last]}
"#;

fn site() -> Site {
    let site = Site::new();
    site.write("witness.sh", WITNESS);
    site.write("plan.yaml", PLAN);
    site
}

/// What the witness saw: how often each key.
fn ledger(site: &Site) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for line in site.content("ledger").lines() {
        let key = line.split(' ').nth(1).unwrap_or_default();
        *seen.entry(key.to_owned()).or_default() += 1;
    }
    seen
}

/// The key that each effect has, by step and item.
fn keys(id: &str) -> Vec<(&'static str, Option<u32>, String)> {
    let places = [
        ("first", None),
        ("pair", Some(0)),
        ("pair", Some(1)),
        ("last", None),
    ];
    places
        .map(|(step, item)| {
            let key = mandate_engine::idempotency_key(id, step, item, mandate_policy::Purpose::Run);
            (step, item, key)
        })
        .to_vec()
}

/// Carries the crashed execution on and compares journal and ledger at every stop on the way.
fn recover_and_check(site: &Site, what: &str) {
    let Some(id) = site.newest() else {
        assert!(
            ledger(site).is_empty(),
            "{what}: effects without an execution"
        );
        // What a crash left of a store that was hardly there is no obstacle.
        assert_eq!(site.run(&["run", "plan.yaml", "--yes"]).code, 0, "{what}");
        site.assert_intact();
        return;
    };
    let mut resolved = 0;
    loop {
        let before = site.run(&["executions", "show", &id, "--json"]).json();
        if before["waiting_for"]["kind"] == "plan" {
            // The approval itself was lost: it is asked for again.
            let approved = site.run(&["approvals", "approve", &id]);
            assert_eq!(approved.code, 0, "{what}: {approved:#?}");
        }
        if before["state"] != "completed" {
            let carried = site.run(&["executions", "continue", &id, "--json"]);
            assert!(matches!(carried.code, 0 | 4), "{what}: {carried:#?}");
        }
        let shown = site.run(&["executions", "show", &id, "--json"]).json();
        let seen = ledger(site);
        assert!(
            seen.values().all(|count| *count == 1),
            "{what}: an effect was repeated: {seen:?}"
        );
        let mut doubts = Vec::new();
        for (step, item, key) in keys(&id) {
            let count = seen.get(&key).copied().unwrap_or(0);
            let place = item.map_or_else(|| step.to_owned(), |item| format!("{step}[{item}]"));
            match unit_state(&shown, step, item).as_str() {
                "completed" => {
                    assert_eq!(count, 1, "{what}: {place} is said to be done: {shown:#}")
                }
                "in_doubt" => doubts.push((place, count)),
                "pending" => assert_eq!(
                    count, 0,
                    "{what}: {place} is said not to have begun: {shown:#}"
                ),
                other => panic!("{what}: {place} is {other}: {shown:#}"),
            }
        }
        site.assert_intact();
        if shown["state"] == "completed" {
            assert_eq!(seen.len(), 4, "{what}");
            assert_eq!(site.content("note.txt"), "seen first", "{what}");
            break;
        }
        // An operator looks into the ledger and says what happened.
        assert!(
            !doubts.is_empty(),
            "{what}: it waits for something else: {shown:#}"
        );
        for (place, count) in doubts {
            let mut args = vec!["executions", "resolve", id.as_str(), place.as_str()];
            if count == 1 {
                args.extend(["--done", "--output", r#"{"stdout": "seen first"}"#]);
            } else {
                args.push("--not-done");
            }
            let said = site.run(&args);
            assert!(matches!(said.code, 0 | 4), "{what}: {said:#?}");
        }
        resolved += 1;
        assert!(resolved < 8, "{what}: doubts do not end");
    }
    let replayed = site.run(&["executions", "replay", &id]);
    assert_eq!(replayed.code, 0, "{what}: {replayed:#?}");
    assert!(
        replayed.stdout.contains("identical"),
        "{what}: {replayed:#?}"
    );
}

fn unit_state(shown: &Value, step: &str, item: Option<u32>) -> String {
    let steps = shown["steps"].as_array().unwrap();
    let found = steps.iter().find(|shown| shown["id"] == step).unwrap();
    let state = match item {
        None => &found["state"],
        Some(item) => match found["items"].get(item as usize) {
            Some(item) => &item["state"],
            // The items are not bound yet.
            None => return "pending".to_owned(),
        },
    };
    state.as_str().unwrap().to_owned()
}

#[test]
fn killed_before_inside_and_after_every_write() {
    let mut crashes = 0;
    for name in failpoint::NAMES {
        for nth in 1.. {
            assert!(nth < 64, "the plan writes more often than expected");
            let site = site();
            let point = format!("{name}:{nth}");
            let mut command = site.command(&["run", "plan.yaml", "--yes"]);
            command.env("MANDATE_FAILPOINT", &point);
            let ended = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if ended.signal() != Some(9) {
                assert_eq!(ended.code(), Some(0), "{point}");
                break;
            }
            crashes += 1;
            recover_and_check(&site, &point);
        }
    }
    // Each of the effects waits for a write, and the end does.
    assert!(
        crashes >= 5 * failpoint::NAMES.len(),
        "only {crashes} crashes: the failpoints do not act"
    );
}

#[test]
fn killed_at_random_moments() {
    let whole = {
        let site = site();
        let begun = Instant::now();
        assert_eq!(site.run(&["run", "plan.yaml", "--yes"]).code, 0);
        begun.elapsed()
    };
    let seed = std::env::var("MANDATE_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_120_u64);
    let mut random = seed;
    for round in 0..50 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = (random >> 33) as f64 / f64::from(1_u32 << 31);
        let site = site();
        let mut child = site
            .command(&["run", "plan.yaml", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * part));
        child.kill().unwrap();
        child.wait().unwrap();
        // Its tools may outlive it by a moment.
        std::thread::sleep(Duration::from_millis(30));
        if site.data().join("journal.db").exists() {
            recover_and_check(
                &site,
                &format!("seed {seed}, round {round}, at {part:.3} of the run"),
            );
        } else {
            assert!(ledger(&site).is_empty());
        }
    }
}
