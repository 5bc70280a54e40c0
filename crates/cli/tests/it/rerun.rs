//! Running a plan once more: what was done is not done again, and what was undone is.

use crate::site::Site;
use serde_json::Value;

const WITNESS: &str = r#"
printf '%s\n' "$1" >> ledger
case "$1" in flaky) test -e mended || exit 3;; esac
printf 'out-%s' "$1"
"#;

fn site(steps: &str) -> Site {
    let site = Site::new();
    site.write("witness.sh", WITNESS);
    site.write(
        "plan.yaml",
        format!("version: 1\nname: again\nconstraints: {{sequential: true}}\nsteps:\n{steps}"),
    );
    site
}

fn step(id: &str, more: &str) -> String {
    format!("  - {{id: {id}, tool: process.exec, args: {{argv: [sh, witness.sh, {id}]}}{more}}}\n")
}

fn ledger(site: &Site) -> Vec<String> {
    let ledger = site.content("ledger");
    ledger.lines().map(str::to_owned).collect()
}

fn states(result: &Value) -> Vec<(String, bool)> {
    let steps = result["steps"].as_array().unwrap();
    let carried = |step: &Value| step["carried"] == true;
    let id = |step: &Value| step["id"].as_str().unwrap().to_owned();
    steps.iter().map(|step| (id(step), carried(step))).collect()
}

fn failing() -> String {
    let each = "  - id: each\n    tool: process.exec\n    for_each: {in: \"['x', 'y']\"}\n    args: {argv: [sh, witness.sh, \"${item}\"]}\n";
    let last = "  - id: last\n    tool: process.exec\n    args: {argv: [sh, witness.sh, \"${steps.first.output.stdout + steps.each.output[1].stdout}\"]}\n";
    step("first", "") + each + &step("flaky", "") + last
}

#[test]
fn what_completed_is_taken_over_and_the_rest_runs() {
    let site = site(&failing());
    site.run(&["run", "plan.yaml", "--yes"]).exits(1);
    assert_eq!(ledger(&site), ["first", "x", "y", "flaky"]);
    let first = site.newest().unwrap();
    site.write("mended", "");
    let again = site
        .run(&["executions", "rerun", "@last", "--yes", "--json"])
        .exits(0);
    let result = again.json();
    assert_eq!(result["rerun_of"], first.as_str());
    let carried = [
        ("first", true),
        ("each", true),
        ("flaky", false),
        ("last", false),
    ];
    let carried = carried.map(|(id, carried)| (id.to_owned(), carried));
    assert_eq!(states(&result), carried);
    assert_eq!(ledger(&site)[4..], ["flaky", "out-firstout-y"]);
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
    let shown = site.run(&["executions", "show", "@last"]).stdout;
    assert!(shown.contains("done by the execution before"), "{shown}");
}

#[test]
fn from_a_step_on_everything_is_done_again() {
    let site = site(&failing());
    site.write("mended", "");
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    let args = ["executions", "rerun", "@last", "--from", "each", "--yes"];
    site.run(&args).exits(0);
    assert_eq!(ledger(&site)[5..], ["x", "y", "flaky", "out-firstout-y"]);
    site.run(&["executions", "rerun", "@last", "--from", "nobody", "--yes"])
        .exits(2);
}

#[test]
fn what_was_undone_is_done_again_and_so_is_what_needs_it() {
    let undo = ", compensate: {tool: process.exec, args: {argv: [sh, witness.sh, undo]}}";
    let needs = "  - id: needs\n    tool: process.exec\n    args: {argv: [sh, witness.sh, \"${steps.first.output.stdout}\"]}\n";
    let site = site(&(step("first", undo) + &step("apart", "") + needs + &step("flaky", "")));
    site.run(&["run", "plan.yaml", "--yes"]).exits(1);
    assert_eq!(
        ledger(&site),
        ["first", "apart", "out-first", "flaky", "undo"]
    );
    site.write("mended", "");
    site.run(&["executions", "rerun", "@last", "--yes"])
        .exits(0);
    assert_eq!(ledger(&site)[5..], ["first", "out-first", "flaky"]);
}

#[test]
fn it_asks_for_an_approval_of_its_own_and_only_of_what_has_ended() {
    let site = site(&failing());
    site.run(&["run", "plan.yaml"]).exits(4);
    let early = site.run(&["executions", "rerun", "@last"]);
    assert_eq!(early.code, 1, "{early:#?}");
    assert!(early.stderr.contains("has not ended"), "{early:#?}");
    site.run(&["executions", "cancel", "@last"]).exits(0);
    let again = site.run(&["executions", "rerun", "@last"]).exits(4);
    assert!(again.stdout.contains("approvals"), "{again:#?}");
    assert!(ledger(&site).is_empty());
}
