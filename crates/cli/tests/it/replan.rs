//! Revisions: another plan takes the place of the one that runs, once it is approved.

use crate::site::Site;

const WITNESS: &str = "printf '%s\\n' \"$1\" >> ledger\ncase \"$1\" in bad) exit 3;; esac\n";

fn site(plan: &str) -> Site {
    let site = Site::new();
    site.write("witness.sh", WITNESS);
    site.write("plan.yaml", plan);
    site
}

fn plan(steps: &[(&str, &str)]) -> String {
    let steps = steps.iter().map(|(id, more)| {
        format!(
            "  - {{id: {id}, tool: process.exec, args: {{argv: [sh, witness.sh, {id}]}}{more}}}\n"
        )
    });
    format!(
        "version: 1\nname: revised\nsteps:\n{}",
        steps.collect::<String>()
    )
}

fn ledger(site: &Site) -> Vec<String> {
    site.content("ledger").lines().map(str::to_owned).collect()
}

#[test]
fn a_step_that_failed_is_made_up_for_by_a_revision() {
    let site = site(&plan(&[
        ("good", ""),
        ("bad", ", on_failure: replan"),
        ("last", ""),
    ]));
    let waits = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(4);
    assert_eq!(waits.json()["state"], "replanning");
    assert_eq!(waits.json()["waiting_for"]["kind"], "replan");
    let shown = site.run(&["executions", "show", "@last"]).stdout;
    assert!(shown.contains("executions replan"), "{shown}");
    // What has begun is as it is.
    site.write("other.yaml", plan(&[("good", ""), ("better", "")]));
    let refused = site.run(&[
        "executions",
        "replan",
        "@last",
        "--plan",
        "other.yaml",
        "--yes",
    ]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("`bad` has begun"), "{refused:#?}");
    let steps = [
        ("good", ""),
        ("bad", ", on_failure: replan"),
        ("better", ""),
        ("last", ""),
    ];
    site.write("revised.yaml", plan(&steps));
    let args = [
        "executions",
        "replan",
        "@last",
        "--plan",
        "revised.yaml",
        "--reason",
        "it was down",
    ];
    let waits = site.run(&args).exits(4);
    assert!(
        waits.stderr.contains("better"),
        "the change is shown: {waits:#?}"
    );
    assert_eq!(
        ledger(&site),
        ["good", "bad"],
        "nothing runs before it is approved"
    );
    let twice = site.run(&args);
    assert_eq!(twice.code, 1, "{twice:#?}");
    let listed = site.run(&["approvals", "list", "--json"]).json();
    assert_eq!(listed["approvals"][0]["kind"], "revision", "{listed:#}");
    site.run(&["approvals", "approve", "@last"]).exits(0);
    let ended = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(5);
    assert_eq!(ended.json()["status"], "partial");
    assert_eq!(ledger(&site), ["good", "bad", "better", "last"]);
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn a_revision_of_what_waits_takes_effect_with_its_approval() {
    let nap = "  - {id: nap, tool: time.sleep, args: {duration_ms: 3000}}\n";
    let first = plan(&[("good", "")])
        + nap
        + "  - {id: bad, tool: process.exec, args: {argv: [sh, witness.sh, bad]}}\n";
    let site = site(&first);
    let running = site.start(&["run", "plan.yaml", "--yes"]);
    site.await_step("nap", "waiting");
    let next = plan(&[("good", "")])
        + nap
        + "  - {id: fine, tool: process.exec, args: {argv: [sh, witness.sh, fine]}}\n";
    site.write("revised.yaml", next);
    site.run(&[
        "executions",
        "replan",
        "@last",
        "--plan",
        "revised.yaml",
        "--yes",
    ])
    .exits(0);
    let ran = crate::project::finish(running);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["good", "fine"]);
    site.assert_intact();
}

#[test]
fn a_rejected_revision_changes_nothing() {
    let site = site(&plan(&[
        ("good", ""),
        ("bad", ", on_failure: replan"),
        ("last", ""),
    ]));
    site.run(&["run", "plan.yaml", "--yes"]).exits(4);
    let steps = [
        ("good", ""),
        ("bad", ", on_failure: replan"),
        ("better", ""),
    ];
    site.write("revised.yaml", plan(&steps));
    site.run(&["executions", "replan", "@last", "--plan", "revised.yaml"])
        .exits(4);
    site.run(&["approvals", "reject", "@last", "--reason", "no"])
        .exits(0);
    site.run(&["executions", "continue", "@last"]).exits(4);
    assert_eq!(ledger(&site), ["good", "bad"]);
    site.run(&["executions", "cancel", "@last"]).exits(0);
    site.assert_intact();
}

#[test]
fn a_revision_that_only_narrows_goes_on_by_itself() {
    let nap = "  - {id: nap, tool: time.sleep, args: {duration_ms: 3000}}\n";
    let step = |id: &str, more: &str| {
        format!(
            "  - {{id: {id}, tool: process.exec, args: {{argv: [sh, witness.sh, {id}]}}{more}}}\n"
        )
    };
    let first = plan(&[("good", "")]) + nap + &step("more", "") + &step("last", "");
    let site = site(&first);
    let running = site.start(&["run", "plan.yaml", "--yes"]);
    site.await_step("nap", "waiting");
    let next = plan(&[("good", "")]) + nap + &step("more", ", timeout_ms: 60000");
    site.write("revised.yaml", next);
    let ran = crate::project::finish(site.start(&[
        "executions",
        "replan",
        "@last",
        "--plan",
        "revised.yaml",
    ]));
    assert_eq!(ran.code, 0, "nobody is asked: {ran:#?}");
    let ran = crate::project::finish(running);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["good", "more"]);
    let kinds = site
        .run(&["audit", "export", "--kind", "decisions"])
        .exits(0)
        .stdout;
    let rows: Vec<serde_json::Value> = kinds
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let opened = rows.iter().filter(|row| row["kind"] == "request_opened");
    assert_eq!(opened.count(), 1, "the plan's own and no other");
    let proposed = rows
        .iter()
        .find(|row| row["kind"] == "revision_proposed")
        .unwrap();
    let opened = rows
        .iter()
        .find(|row| row["kind"] == "request_opened")
        .unwrap();
    let stands = &proposed["payload"]["stands"];
    assert_eq!(stands["request_id"], opened["payload"]["request_id"]);
    assert_eq!(stands["subject"], opened["payload"]["subject"]);
    assert_eq!(stands["removed"], serde_json::json!(["last"]));
    assert_eq!(
        stands["tightened"],
        serde_json::json!(["steps.more.timeout_ms"])
    );
    let events = site.run(&["executions", "events", "@last"]).exits(0).stdout;
    assert!(events.contains("leaves out last"), "{events}");
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn a_wider_one_asks_and_shows_what_is_new_and_nothing_else() {
    let site = site(&plan(&[("good", ""), ("bad", ", on_failure: replan")]));
    site.run(&["run", "plan.yaml", "--yes"]).exits(4);
    let steps = [
        ("good", ""),
        ("bad", ", on_failure: replan"),
        ("better", ""),
    ];
    site.write("revised.yaml", plan(&steps));
    site.run(&["executions", "replan", "@last", "--plan", "revised.yaml"])
        .exits(4);
    let shown = site.run(&["inbox", "show", "@last"]).exits(0).stdout;
    let asked = shown
        .split("Beside what was approved")
        .nth(1)
        .unwrap_or_default();
    for part in [
        "steps.better",
        "the step is new",
        "process.exec",
        "risk ",
        "2 steps are as they were",
    ] {
        assert!(asked.contains(part), "{part}: {shown}");
    }
    assert!(!asked.contains("good"), "{shown}");
    let whole = site
        .run(&["inbox", "show", "@last", "--json"])
        .exits(0)
        .stdout;
    assert!(
        whole.contains("\"diff\"") && whole.contains("\"delta\""),
        "{whole}"
    );
    // Taking back what guards a step is wider too, though nothing is added.
    site.run(&["approvals", "reject", "@last", "--reason", "no"])
        .exits(0);
    let guarded = plan(&steps).replace(
        "name: revised",
        "name: revised\nconstraints: {timeout_ms: 300001}",
    );
    site.write("revised.yaml", guarded);
    site.run(&["executions", "replan", "@last", "--plan", "revised.yaml"])
        .exits(4);
    let shown = site.run(&["inbox", "show", "@last"]).exits(0).stdout;
    assert!(shown.contains("constraints.timeout_ms"), "{shown}");
}
