//! The switch that stops every call, and approvals that are taken back, through the binary, with the ledger of a witness.

use crate::project::finish;
use crate::several::{start, until};
use crate::site::Site;

const WITNESS: &str = r#"
printf '%s\n' "$1" >> ledger && sync ledger
case "$1" in fail-*) exit 3;; esac
if [ -n "$2" ]; then while [ ! -e "$2" ]; do sleep 0.02; done; fi
"#;

/// Steps `a` (which can be undone), `b` (which ends when the file `go` is there), `c`.
const PLAN: &str = "version: 1
name: witnessed
constraints: {sequential: true}
steps:
  - id: a
    tool: process.exec
    args: {argv: [sh, witness.sh, a]}
    compensate: {tool: process.exec, args: {argv: [sh, witness.sh, undo-a]}}
  - {id: b, tool: process.exec, args: {argv: [sh, witness.sh, b, go]}}
  - {id: c, tool: process.exec, args: {argv: [sh, witness.sh, c]}}
";

fn site(plan: &str) -> Site {
    let site = Site::new();
    site.write("witness.sh", WITNESS);
    site.write("plan.yaml", plan);
    site
}

fn ledger(site: &Site) -> Vec<String> {
    site.content("ledger").lines().map(str::to_owned).collect()
}

#[test]
fn frozen_before_it_begins_nothing_is_called_until_it_is_thawed() {
    let site = site(PLAN);
    site.write("go", "");
    let frozen = site.run(&["freeze", "--reason", "looking", "--json"]);
    assert_eq!(frozen.code, 0, "{frozen:#?}");
    assert_eq!(frozen.json()["freeze"]["reason"], "looking");
    let again = site.run(&["freeze"]);
    assert_eq!(again.code, 1, "{again:#?}");

    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.code, 4, "{ran:#?}");
    assert_eq!(ran.json()["waiting_for"]["kind"], "frozen");
    assert_eq!(ran.json()["waiting_for"]["next_command"], "mandate thaw");
    assert_eq!(ledger(&site), Vec::<String>::new());
    let listed = site.run(&["executions", "list", "--waiting-for", "frozen", "--json"]);
    assert_eq!(listed.json()["executions"].as_array().unwrap().len(), 1);
    assert_eq!(listed.json()["freeze"]["reason"], "looking");
    let shown = site.run(&["executions", "show", "@last"]).stdout;
    assert!(shown.contains("calls are frozen by local:"), "{shown}");
    let doctor = site.run(&["doctor"]).stdout;
    assert!(doctor.contains("calls are frozen by local:"), "{doctor}");

    // A host that starts later keeps to it.
    let carried_on = site.run(&["executions", "continue", "@last"]);
    assert_eq!(carried_on.code, 4, "{carried_on:#?}");
    assert_eq!(ledger(&site), Vec::<String>::new());

    let thawed = site.run(&["thaw"]);
    assert_eq!(thawed.code, 0, "{thawed:#?}");
    let carried_on = site.run(&["executions", "continue", "@last"]);
    assert_eq!(carried_on.code, 0, "{carried_on:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
    assert_eq!(site.run(&["thaw"]).code, 1);
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn a_freeze_reaches_the_host_that_runs_and_what_it_undoes_waits() {
    let failing = PLAN.replace("witness.sh, c]", "witness.sh, fail-c]");
    let site = site(&failing);
    let run = start(&site, &["run", "plan.yaml", "--yes", "--json"]);
    until("b runs", || ledger(&site).contains(&"b".to_owned()));
    assert_eq!(site.run(&["freeze"]).code, 0);
    site.write("go", "");
    let ran = finish(run);
    assert_eq!(ran.code, 4, "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b"]);

    // Thawed and frozen again while `c` fails: what is owed is undone once it is thawed.
    site.run(&["thaw"]);
    site.write("witness.sh", format!("{WITNESS}\n"));
    let carried_on = site.run(&["executions", "continue", "@last"]);
    assert_eq!(carried_on.code, 1, "{carried_on:#?}");
    assert_eq!(ledger(&site), ["a", "b", "fail-c", "undo-a"]);
    site.assert_intact();
}

#[test]
fn what_is_to_be_undone_waits_for_the_thaw() {
    let failing = PLAN.replace("witness.sh, b, go]", "wait.sh]");
    let site = site(&failing);
    site.write(
        "wait.sh",
        "echo b >> ledger; while [ ! -e go ]; do sleep 0.02; done; exit 3\n",
    );
    let run = start(&site, &["run", "plan.yaml", "--yes", "--json"]);
    until("b runs", || ledger(&site).contains(&"b".to_owned()));
    assert_eq!(site.run(&["freeze"]).code, 0);
    site.write("go", "");
    let ran = finish(run);
    assert_eq!(ran.code, 4, "{ran:#?}");
    assert_eq!(ran.json()["state"], "compensating");
    assert_eq!(ran.json()["waiting_for"]["kind"], "frozen");
    assert_eq!(ledger(&site), ["a", "b"]);
    site.run(&["thaw"]);
    let carried_on = site.run(&["executions", "continue", "@last", "--json"]);
    assert_eq!(carried_on.code, 1, "{carried_on:#?}");
    assert_eq!(carried_on.json()["compensations"][0]["state"], "completed");
    assert_eq!(ledger(&site), ["a", "b", "undo-a"]);
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn an_approval_that_is_taken_back_permits_nothing_further() {
    let site = site(PLAN);
    let run = start(&site, &["run", "plan.yaml", "--yes", "--json"]);
    until("b runs", || ledger(&site).contains(&"b".to_owned()));
    let revoked = site.run(&["approvals", "revoke", "@last", "--reason", "not this one"]);
    assert_eq!(revoked.code, 0, "{revoked:#?}");
    site.write("go", "");
    let ran = finish(run);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let error = &ran.json()["error"];
    assert_eq!(error["code"], "APPROVAL_REQUIRED");
    assert!(
        error["message"].as_str().unwrap().contains("not this one"),
        "{error}"
    );
    assert_eq!(
        ledger(&site),
        ["a", "b"],
        "neither `c` nor what would undo `a`"
    );
    let again = site.run(&["approvals", "revoke", "@last"]);
    assert_eq!(again.code, 1, "{again:#?}");
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn an_approval_is_taken_back_where_no_host_runs() {
    let site = site(PLAN);
    site.run(&["freeze"]);
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.code, 4, "{ran:#?}");
    site.run(&["thaw"]);
    let revoked = site.run(&["approvals", "revoke", "@last", "--json"]);
    assert_eq!(revoked.code, 0, "{revoked:#?}");
    let carried_on = site.run(&["executions", "continue", "@last", "--json"]);
    assert_eq!(carried_on.code, 1, "{carried_on:#?}");
    assert_eq!(carried_on.json()["error"]["code"], "APPROVAL_REQUIRED");
    assert_eq!(ledger(&site), Vec::<String>::new());
    site.assert_intact();
}
