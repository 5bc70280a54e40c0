//! Sensitive outputs: the plan passes them on, and nobody sees them.

use crate::site::Site;

const TOKEN: &str = "tok-5f3a9c71e2";

fn site(between: &str) -> Site {
    let site = Site::new();
    let plan = format!(
        r#"
version: 1
name: log in
steps:
  - id: login
    tool: process.exec
    args: {{argv: [sh, -c, "printf tok-; printf 5f3a9c71e2; echo and tok-5f3a9c71e2 >&2"]}}
    sensitive: [/stdout]
    compensate: {{tool: process.exec, args: {{argv: [sh, -c, 'printf %s "$0" > logged-out', "${{output.stdout}}"]}}}}
{between}  - id: use
    tool: process.exec
    args: {{argv: [sh, -c, 'printf %s "$0" > got; printf "used %s" "$0"', "${{steps.login.output.stdout}}"]}}
  - id: fail
    tool: process.exec
    if: inputs.fail
    args: {{argv: ["false"]}}
inputs: {{fail: {{type: boolean, default: false}}}}
"#
    );
    site.write("plan.yaml", plan);
    site
}

/// The token is in no file of the data directory, and in nothing that is printed.
fn assert_hidden(site: &Site, printed: &[String]) {
    let mut files = vec![site.data()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if let Ok(bytes) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            // Its author wrote it into this plan twice, with a break; the whole only where the plan itself is.
            let found = text.matches(TOKEN).count();
            let in_plan = text.matches("echo and tok-5f3a9c71e2").count();
            assert_eq!(found, in_plan, "{}", path.display());
        }
    }
    for text in printed {
        let found = text.matches(TOKEN).count();
        assert_eq!(
            found,
            text.matches("echo and tok-5f3a9c71e2").count(),
            "{text}"
        );
    }
}

fn everything_printed(site: &Site) -> Vec<String> {
    let commands: [&[&str]; 5] = [
        &["executions", "show", "@last", "--json"],
        &["executions", "show", "@last"],
        &["executions", "events", "@last", "--json"],
        &["audit", "export"],
        &["executions", "replay", "@last", "--at", "9"],
    ];
    commands.map(|args| site.run(args).stdout).to_vec()
}

#[test]
fn it_reaches_the_call_that_the_plan_hands_it_to_and_nothing_else() {
    let site = site("");
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(0);
    assert_eq!(site.content("got"), TOKEN);
    let result = ran.json();
    assert_eq!(result["outputs"]["login"]["stdout"], "[sensitive]");
    let used = result["outputs"]["use"]["stdout"].as_str().unwrap();
    assert!(used.starts_with("used [secret "), "{used}");
    let mut printed = everything_printed(&site);
    printed.push(ran.stdout);
    assert_hidden(&site, &printed);
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn the_undo_call_has_it_too() {
    let site = site("");
    site.run(&["run", "plan.yaml", "--yes", "--input", "fail:=true"])
        .exits(1);
    assert_eq!(site.content("logged-out"), TOKEN);
    assert_hidden(&site, &everything_printed(&site));
}

#[test]
fn after_a_restart_it_is_gone_and_the_step_says_so() {
    let site = site("  - {id: nap, tool: time.sleep, args: {duration_ms: 1500}}\n");
    let mut child = site.start(&["run", "plan.yaml", "--yes"]);
    site.await_step("nap", "waiting");
    child.kill().unwrap();
    child.wait().unwrap();
    let carried = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(1);
    let error = &carried.json()["error"];
    assert_eq!(error["code"], "CONTEXT_MISSING", "{error}");
    assert_eq!(error["step"], "use");
    assert!(!site.path("got").exists());
    assert_hidden(&site, &everything_printed(&site));
}

#[test]
fn what_a_human_gives_in_its_place_is_kept_nowhere() {
    let site = Site::new();
    site.write(
        "plan.yaml",
        r#"
version: 1
name: log in
steps:
  - id: login
    tool: process.exec
    args: {argv: ["false"]}
    sensitive: [/stdout]
    on_failure: ask
  - id: use
    tool: process.exec
    args: {argv: [sh, -c, 'printf %s "$0" > got', "${steps.login.output.stdout}"]}
"#,
    );
    let asked = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(4);
    let asked = asked.json();
    let request = asked["requests"][0]["request_id"].as_str().unwrap();
    let given = serde_json::json!({
        "exit_code": 0, "signal": null, "truncated": false, "duration_ms": 1, "sandbox": "none",
        "stdout": TOKEN, "stdout_encoding": "utf8", "stderr": "", "stderr_encoding": "utf8",
    })
    .to_string();
    site.run(&["inbox", "answer", request, "supply", "--data", &given])
        .exits(0);
    let carried = site.run(&["executions", "continue", "@last", "--json"]);
    assert_eq!(
        carried.json()["error"]["code"],
        "CONTEXT_MISSING",
        "{carried:#?}"
    );
    assert!(!site.path("got").exists());
    assert_hidden(&site, &everything_printed(&site));
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}
