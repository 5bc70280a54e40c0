//! Plans within plans, as a user meets them.

use crate::site::Site;

const PLAN: &str = r#"
version: 1
name: outer
inputs: {who: {type: string, default: world}}
steps:
  - id: greet
    tool: plan.run
    for_each: {in: "[inputs.who, 'you']"}
    args:
      inputs: {name: "${item}"}
      plan:
        version: 1
        name: greeting
        inputs: {name: {type: string}}
        steps:
          - {id: write, tool: fs.write, args: {path: "${inputs.name}.txt", content: "hello ${inputs.name}"}}
          - {id: look, tool: fs.read, args: {path: "${inputs.name}.txt"}}
        outputs: {text: steps.look.output.content}
outputs:
  texts: steps.greet.output.map(one, one.outputs.text)
"#;

#[test]
fn a_plan_runs_plans_under_one_approval() {
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    let evaluated = site.run(&["evaluate", "plan.yaml", "--json"]).json();
    assert_eq!(
        evaluated["decision"]["outcome"], "require_approval",
        "{evaluated:#}"
    );
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(0);
    let result = ran.json();
    assert_eq!(
        result["outputs"]["texts"],
        serde_json::json!(["hello world", "hello you"])
    );
    let children = result["children"].as_array().unwrap();
    assert_eq!(children.len(), 2, "{result:#}");
    let listed = site.run(&["executions", "list", "--json"]).json();
    let parents: Vec<_> = listed["executions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["parent"] == result["execution_id"])
        .collect();
    assert_eq!(parents.len(), 2, "{listed:#}");
    // The newest is what was asked for, not what it ran.
    assert_eq!(site.last()["execution_id"], result["execution_id"]);
    let child = children[1]["execution_id"].as_str().unwrap();
    let shown = site.run(&["executions", "show", child, "--json"]).json();
    assert_eq!(shown["parent"]["execution_id"], result["execution_id"]);
    assert_eq!(shown["parent"]["item"], 1);
    for id in ["@last", child] {
        let replayed = site.run(&["executions", "replay", id]);
        assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
    }
    site.assert_intact();
}

#[test]
fn a_plan_of_reads_alone_needs_no_approval_however_deep() {
    let site = Site::new();
    site.write("a.txt", "here");
    let plan = PLAN.replace(
        r#"          - {id: write, tool: fs.write, args: {path: "${inputs.name}.txt", content: "hello ${inputs.name}"}}"#,
        "",
    );
    site.write("plan.yaml", plan.replace("'you'", "'a'"));
    site.run(&["run", "plan.yaml", "--input", "who=a"]).exits(0);
}

#[test]
fn a_doubt_in_a_nested_plan_is_resolved_by_its_path() {
    // Not confined: in the sandbox it could kill nobody.
    let site = Site::configured("[[tools]]\nname = \"own.pay\"\ncommand = [\"sh\", \"kill.sh\"]\n");
    // It kills the process that called it, the parent of its keeper, so that nobody hears of it.
    site.write(
        "kill.sh",
        "kill -9 $(cut -d ' ' -f 4 /proc/$PPID/stat)\nsleep 5\n",
    );
    let plan = r#"
version: 1
name: outer
steps:
  - id: inner
    tool: plan.run
    args:
      plan:
        version: 1
        name: inner
        steps: [{id: pay, tool: own.pay}]
  - {id: after, tool: time.now}
"#;
    site.write("plan.yaml", plan);
    let killed = site
        .command(&["run", "plan.yaml", "--yes"])
        .output()
        .unwrap();
    assert_eq!(killed.status.code(), None, "{killed:?}");
    let carried = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(4);
    let waiting = &carried.json()["waiting_for"];
    assert_eq!(waiting["step"], "inner/pay", "{waiting}");
    site.run(&["executions", "resolve", "@last", "inner/nobody", "--done"])
        .exits(1);
    site.run(&["executions", "resolve", "@last", "after/pay", "--done"])
        .exits(2);
    site.run(&["executions", "resolve", "@last", "inner/pay", "--done"])
        .exits(0);
    site.run(&["executions", "continue", "@last"]).exits(0);
    site.assert_intact();
}
