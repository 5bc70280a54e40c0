//! Standing approvals: what they cover, and everything that they do not.

use crate::office::{ACTS, Office};
use serde_json::Value;

/// A plan that bob approved for further runs, with words that begin with an `f`.
fn office(approvers: &str, runs: &str) -> (Office, String) {
    let office = Office::with_approvers(approvers);
    office.run("", &["run", "plan.yaml"]).exits(4);
    let mut approve = vec![
        "approvals",
        "approve",
        "@last",
        "--json",
        "--until",
        "1d",
        "--runs",
        runs,
    ];
    approve.extend(["--inputs", "word=f*"]);
    let given = office.run("bob", &approve).exits(0).json();
    let id = given["standing_id"].as_str().unwrap().to_owned();
    (office, id)
}

fn run(office: &Office, more: &[&str]) -> crate::project::Ran {
    let args: Vec<&str> = ["run", "plan.yaml"].iter().chain(more).copied().collect();
    office.run("", &args)
}

fn standing(office: &Office) -> Value {
    let listed = office.run("", &["approvals", "list", "--standing", "--all", "--json"]);
    listed.exits(0).json()["standing"][0].clone()
}

#[test]
fn it_answers_so_many_runs_with_inputs_that_fit() {
    let (office, id) = office("other", "2");
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(0);
    assert_eq!(office.ledger(), "first\n");
    run(&office, &["--input", "word=fifth"]).exits(0);
    assert_eq!(office.ledger(), "first\nfifth\n");
    let events = office
        .run("", &["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(events.contains(&format!("over standing:{id}")), "{events}");
    office
        .project
        .run(&["executions", "replay", "@last"])
        .exits(0);

    // Another word, or another value of an input without a pattern: somebody is asked.
    run(&office, &["--input", "word=second"]).exits(4);
    run(&office, &["--input", "word=fine", "--input", "count:=2"]).exits(4);
    assert_eq!(standing(&office)["used"].as_array().unwrap().len(), 1);
    run(&office, &["--input", "word=fourth"]).exits(0);
    assert_eq!(standing(&office)["over"], "it is used up");
    run(&office, &["--input", "word=further"]).exits(4);
    assert_eq!(office.ledger(), "first\nfifth\nfourth\n");
    office.project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn another_plan_is_another_plan() {
    let (office, _) = office("other", "5");
    office
        .project
        .write("plan.yaml", ACTS.replace(">> ledger", ">> ledger; true"));
    run(&office, &[]).exits(4);
    assert_eq!(office.ledger(), "first\n");
    office.project.write("plan.yaml", ACTS);
    run(&office, &[]).exits(0);
    assert_eq!(office.ledger(), "first\nfirst\n");
}

#[test]
fn it_satisfies_what_its_giver_satisfies_and_no_more() {
    let (office, _) = office("2 of role:sre", "5");
    office
        .run("eve", &["approvals", "reject", "@last"])
        .exits(0);
    // Bob's yes is counted, and another one is still wanted.
    run(&office, &[]).exits(4);
    let shown = office
        .run("", &["approvals", "show", "@last"])
        .exits(0)
        .stdout;
    assert!(
        shown.contains("approve by bob") && shown.contains("standing:stand-"),
        "{shown}"
    );
    assert_eq!(office.ledger(), "");
    office
        .run("bob", &["approvals", "approve", "@last"])
        .exits(3);
    office
        .run("eve", &["approvals", "approve", "@last"])
        .exits(0);
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(0);
    assert_eq!(office.ledger(), "first\n");
}

#[test]
fn it_ends_when_it_is_revoked_or_the_key_is() {
    let (office, id) = office("other", "5");
    run(&office, &[]).exits(0);
    let before = office.ledger();
    for wrong in ["eve", "vic"] {
        office.run(wrong, &["approvals", "revoke", &id]).exits(3);
    }
    office
        .run("", &["approvals", "revoke", &id[..10], "--reason", "over"])
        .exits(0);
    run(&office, &[]).exits(4);
    assert_eq!(
        standing(&office)["over"],
        "local:0 revoked it: over".replace("local:0", &user())
    );
    office.run("", &["approvals", "revoke", &id]).exits(1);

    let (office, _) = self::office("other", "5");
    run(&office, &[]).exits(0);
    office.run("root", &["keys", "revoke", "bob"]).exits(0);
    run(&office, &[]).exits(4);
    assert_eq!(office.ledger(), before);
}

fn user() -> String {
    format!("local:{}", rustix::process::getuid().as_raw())
}

#[test]
fn only_a_yes_that_was_given_stands() {
    let office = Office::with_approvers("other");
    run(&office, &[]).exits(4);
    let terms = ["--runs", "5", "--until", "1d"];
    for wrong in ["", "eve", "vic", "bot"] {
        let args: Vec<&str> = ["approvals", "approve", "@last"]
            .into_iter()
            .chain(terms)
            .collect();
        office.run(wrong, &args).exits(3);
    }
    assert_eq!(standing(&office), Value::Null);
    for bad in [
        &["--runs", "0", "--until", "1d"][..],
        &["--runs", "5"],
        &["--until", "1d"],
        &["--inputs", "word=*"],
        &["--runs", "5", "--until", "1d", "--inputs", "word"],
    ] {
        let args: Vec<&str> = ["approvals", "approve", "@last"]
            .iter()
            .chain(bad)
            .copied()
            .collect();
        office.run("bob", &args).exits(2);
    }
    assert_eq!(office.ledger(), "");
}
