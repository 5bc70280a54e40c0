//! Undoing what was done, with real processes: each writes what it did to a ledger, and has it synced, before it answers.

use crate::site::Site;
use mandate_policy::Purpose;
use mandate_store::failpoint;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

const WITNESS: &str = r#"
printf '%s %s\n' "$1" "$MANDATE_IDEMPOTENCY_KEY" >> ledger && sync ledger
case "$1" in fail-*) exit 3;; esac
"#;

/// Four steps that can be undone, of which one fails; the third is done for two items.
fn plan(failing: Option<usize>) -> String {
    let steps = (0..4).map(|at| {
        let word = if failing == Some(at) { "fail" } else { "do" };
        let (each, name) = match at {
            2 => ("\n    for_each: {in: \"['x', 'y']\"}", "s2-${item}".to_owned()),
            _ => ("", format!("s{at}")),
        };
        format!(
            "  - id: s{at}\n    tool: process.exec{each}\n    args: {{argv: [sh, witness.sh, \"{word}-{name}\"]}}\n    \
             compensate: {{tool: process.exec, args: {{argv: [sh, witness.sh, \"undo-{name}\"]}}}}\n"
        )
    });
    let sequential = "constraints: {sequential: true}\n";
    format!(
        "version: 1\nname: undone\n{sequential}steps:\n{}",
        steps.collect::<String>()
    )
}

fn site(failing: Option<usize>) -> Site {
    let site = Site::new();
    site.write("witness.sh", WITNESS);
    site.write("plan.yaml", plan(failing));
    site
}

fn names(site: &Site) -> Vec<String> {
    let ledger = site.content("ledger");
    let words = ledger.lines().filter_map(|line| line.split(' ').next());
    words.map(str::to_owned).collect()
}

#[test]
fn whichever_step_fails_what_was_done_is_undone_newest_first() {
    for failing in 0..4 {
        let site = site(Some(failing));
        let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
        assert_eq!(ran.code, 1, "{ran:#?}");
        let names = names(&site);
        let done: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix("do-"))
            .collect();
        let undone: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix("undo-"))
            .collect();
        let mut expected = done.clone();
        expected.reverse();
        assert_eq!(undone, expected, "step {failing}: {names:?}");
        assert_eq!(done.len(), [0, 1, 2, 4][failing], "{names:?}");
        let result = ran.json();
        assert_eq!(result["error"]["code"], "TOOL_FAILED");
        assert_eq!(result["error"]["step"], format!("s{failing}"));
        let told = result["compensations"].as_array().unwrap();
        assert_eq!(told.len(), undone.len(), "{result:#}");
        assert!(
            told.iter().all(|undo| undo["state"] == "completed"),
            "{result:#}"
        );
        site.assert_intact();
        let shown = site.run(&["executions", "show", "@last"]).stdout;
        assert_eq!(shown.contains("undone:"), failing > 0, "{shown}");
        let replayed = site.run(&["executions", "replay", "@last"]);
        assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
    }
}

#[test]
fn a_success_undoes_nothing() {
    let site = site(None);
    assert_eq!(site.run(&["run", "plan.yaml", "--yes"]).code, 0);
    assert!(names(&site).iter().all(|name| name.starts_with("do-")));
}

#[test]
fn killed_around_every_write_each_effect_is_undone_once() {
    // Before the write, inside it, and when it is on the disk: a crash anywhere else leaves one of these journals.
    let points = failpoint::NAMES.iter().step_by(3);
    let (mut crashes, mut while_undoing) = (0, 0);
    for name in points {
        for nth in 1.. {
            assert!(nth < 64, "the plan writes more often than expected");
            let site = site(Some(3));
            let point = format!("{name}:{nth}");
            let mut command = site.command(&["run", "plan.yaml", "--yes"]);
            command.env("MANDATE_FAILPOINT", &point);
            let ended = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if ended.signal() != Some(9) {
                assert_eq!(ended.code(), Some(1), "{point}");
                break;
            }
            crashes += 1;
            let undoing = names(&site).iter().any(|name| name.starts_with("undo-"));
            while_undoing += usize::from(undoing);
            recover_and_check(&site, &point);
        }
    }
    assert!(
        crashes >= 20,
        "only {crashes} crashes: the failpoints do not act"
    );
    assert!(
        while_undoing >= 6,
        "only {while_undoing} crashes while undoing"
    );
}

fn recover_and_check(site: &Site, what: &str) {
    let Some(id) = site.newest() else {
        assert!(
            names(site).is_empty(),
            "{what}: effects without an execution"
        );
        return;
    };
    for round in 0.. {
        assert!(round < 12, "{what}: doubts do not end");
        let shown = site.run(&["executions", "show", &id, "--json"]).json();
        match (
            shown["state"].as_str(),
            shown["waiting_for"]["kind"].as_str(),
        ) {
            (Some("failed"), _) => break,
            (_, Some("plan")) => {
                assert_eq!(site.run(&["approvals", "approve", &id]).code, 0, "{what}");
            }
            (_, Some("in_doubt")) => resolve(site, &id, &shown, what),
            _ => {}
        }
        let carried = site.run(&["executions", "continue", &id]);
        assert!(matches!(carried.code, 1 | 4), "{what}: {carried:#?}");
    }
    let ledger = site.content("ledger");
    let count = |word: &str, purpose| {
        let seen = |step: &str, item| {
            let key = mandate_engine::idempotency_key(&id, step, item, purpose);
            let lines = ledger.lines().filter(|line| line.starts_with(word));
            lines.filter(|line| line.ends_with(&key)).count()
        };
        [
            seen("s0", None),
            seen("s1", None),
            seen("s2", Some(0)),
            seen("s2", Some(1)),
        ]
    };
    let (done, undone) = (
        count("do-", Purpose::Run),
        count("undo-", Purpose::Compensate),
    );
    assert_eq!(done, [1; 4], "{what}: {ledger}");
    assert_eq!(undone, [1; 4], "{what}: {ledger}");
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", &id]);
    assert!(
        replayed.stdout.contains("identical"),
        "{what}: {replayed:#?}"
    );
}

/// An operator looks into the ledger and says what happened.
fn resolve(site: &Site, id: &str, shown: &Value, what: &str) {
    let step = shown["waiting_for"]["step"].as_str().unwrap();
    let undoes = shown["state"] == "compensating";
    let purpose = if undoes {
        Purpose::Compensate
    } else {
        Purpose::Run
    };
    let item = doubtful_item(shown, step, undoes);
    let key = mandate_engine::idempotency_key(id, step, item, purpose);
    let happened = site.content("ledger").contains(&key);
    let place = item.map_or_else(|| step.to_owned(), |item| format!("{step}[{item}]"));
    let failed = step == "s3" && !undoes;
    let mut args = vec!["executions", "resolve", id, place.as_str()];
    args.extend(match (happened, failed) {
        (false, _) => &["--not-done"][..],
        (true, false) => &["--done"],
        (true, true) => &["--fail", "--reason", "it said so"],
    });
    let said = site.run(&args);
    assert!(matches!(said.code, 0 | 4), "{what}: {said:#?}");
}

fn doubtful_item(shown: &Value, step: &str, undoes: bool) -> Option<u32> {
    let of_step = |value: &&Value| value["step"] == step || value["id"] == step;
    let in_doubt = |value: &Value| value["state"] == "in_doubt";
    if undoes {
        let all = shown["compensations"].as_array().unwrap().iter();
        let found = all.filter(of_step).find(|undo| in_doubt(undo)).unwrap();
        return found["item"].as_u64().map(|item| item as u32);
    }
    let steps = shown["steps"].as_array().unwrap();
    let items = steps.iter().find(of_step).unwrap()["items"].as_array();
    let item = items.and_then(|items| items.iter().position(in_doubt));
    item.map(|item| item as u32)
}
