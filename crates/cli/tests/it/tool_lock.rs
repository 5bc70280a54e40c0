//! Definitions that are accepted, tools that are switched off, servers that are restarted.

use crate::project::{Ran, finish, step_of};
use crate::site::Site;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const ECHO: &str = "version: 1\nname: Echo\nsteps:\n  - {id: echo, tool: fake.echo}\n";

/// A project with the fake server of the tools' tests, whose tools are of this version.
fn fake(site: &Site, version: u32, more: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let log = site.path("log");
    site.write(
        "mandate.toml",
        format!(
            "{more}\n[mcpServers.fake]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}]\nenv = {{ VERSION = \"{version}\" }}\n"
        ),
    );
    site.write("plan.yaml", ECHO);
}

/// The rows of the `system` stream of these kinds.
fn rows(site: &Site, kind: &str) -> Vec<Value> {
    let export = site.run(&["audit", "export"]).exits(0).stdout;
    let rows = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["stream"] == "system" && row["kind"] == kind)
        .map(|row| row["payload"].clone())
        .collect()
}

fn code(ran: &Ran) -> Value {
    ran.json()["error"]["code"].clone()
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn first_use_accepts_and_a_change_takes_somebody() {
    let site = Site::new();
    fake(&site, 1, "");
    // Looking at a plan accepts nothing.
    site.run(&["evaluate", "plan.yaml"]).exits(0);
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    let accepted = rows(&site, "tool_accepted");
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    assert_eq!(accepted[0]["tool"], "fake.echo");
    assert_eq!(accepted[0]["by"], "first use");
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    assert_eq!(rows(&site, "tool_accepted").len(), 1);

    fake(&site, 2, "");
    for _ in 0..2 {
        for command in [
            &["run", "plan.yaml", "--yes", "--json"][..],
            &["evaluate", "plan.yaml", "--json"],
            &["plan", "validate", "plan.yaml", "--json"],
            &["tools", "call", "fake.echo", "--yes", "--json"],
        ] {
            let refused = site.run(command).exits(3);
            assert_eq!(code(&refused), "TOOL_CHANGED", "{command:?}");
            let message = refused.json()["error"]["message"].to_string();
            assert!(
                message.contains("mandate tools accept fake.echo"),
                "{message}"
            );
        }
    }
    // Others of the same server did not change.
    site.run(&["tools", "call", "fake.stderr", "--arg", "text=x", "--yes"])
        .exits(0);

    let diff = site.run(&["tools", "diff", "fake", "--json"]).exits(1);
    let changed = &diff.json()["changed"][0];
    assert_eq!(changed["name"], "fake.echo");
    assert_eq!(changed["changes"][0]["at"], "/description");
    assert_eq!(changed["changes"][0]["now"], "echo, version 2");
    let shown = site.run(&["tools", "diff", "fake.echo"]).exits(1).stdout;
    assert!(
        shown.contains("- echo, version 1") && shown.contains("+ echo, version 2"),
        "{shown}"
    );
    let show = site.run(&["tools", "show", "fake.echo"]).exits(0).stdout;
    assert!(show.contains("mandate tools diff fake.echo"), "{show}");

    // What has changed is not swept along with what is new.
    let locked = site.run(&["tools", "lock", "--json"]).exits(1).json();
    assert_eq!(locked["changed"][0], "fake.echo");
    assert!(locked["accepted"].as_array().unwrap().len() > 5);
    site.run(&["run", "plan.yaml", "--yes"]).exits(3);
    let accepted = site
        .run(&["tools", "accept", "fake.echo", "--json"])
        .exits(0)
        .json();
    assert_eq!(accepted["accepted"][0], "fake.echo");
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    let diff = site.run(&["tools", "diff"]).exits(0);
    assert!(diff.stdout.is_empty(), "{diff:?}");
    let last = rows(&site, "tool_accepted").pop().unwrap();
    assert!(last["by"].as_str().unwrap().starts_with("local:"));
    assert_eq!(last["before"], rows(&site, "tool_accepted")[0]["digest"]);
    site.assert_intact();
}

#[test]
fn a_change_that_was_found_is_told_once() {
    let site = Site::new();
    fake(&site, 1, "");
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    fake(&site, 2, "");
    // The process that drives finds it, and not the one that asks.
    site.write(
        "hold.yaml",
        "version: 1\nname: Hold\nsteps:\n  - {id: hold, tool: process.exec, args: {argv: [sh, -c, 'touch held; while ! test -e go; do sleep 0.02; done']}}\n",
    );
    let host = site.start(&["run", "hold.yaml", "--yes"]);
    await_that("no host", || site.path("held").exists());
    for _ in 0..2 {
        let refused = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(3);
        assert_eq!(code(&refused), "TOOL_CHANGED");
    }
    let told = rows(&site, "tool_changed");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["tool"], "fake.echo");
    // Accepted in that process, it holds there at once.
    site.run(&["tools", "accept", "fake.echo"]).exits(0);
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    site.write("go", "");
    finish(host).exits(0);
}

#[test]
fn where_acceptance_is_required_first_use_is_no_acceptance() {
    let site = Site::new();
    fake(&site, 1, "require_accepted_tools = true");
    let refused = site.run(&["run", "plan.yaml", "--yes", "--json"]).exits(3);
    assert_eq!(code(&refused), "TOOL_CHANGED");
    site.run(&["tools", "lock", "fake.echo", "--effect", "fake.echo=read"])
        .exits(0);
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    let show = site
        .run(&["tools", "show", "fake.echo", "--json"])
        .exits(0)
        .json();
    assert_eq!(show["facts"]["effect"], "read");
    assert_eq!(show["facts_from"], "accepted");
    assert_eq!(show["standing"], "accepted");
    // What was said was said of that definition.
    fake(&site, 2, "require_accepted_tools = true");
    site.run(&["tools", "accept", "fake"]).exits(0);
    let show = site
        .run(&["tools", "show", "fake.echo", "--json"])
        .exits(0)
        .json();
    assert_eq!(show["facts"]["effect"], "execute");
    assert_eq!(show["facts_from"], "default");

    for wrong in [
        &["tools", "accept", "fake.nothing"][..],
        &["tools", "accept", "nothing"],
        &["tools", "accept", "--effect", "fake.echo=reads"],
        &["tools", "accept", "--effect", "fs.read=write"],
    ] {
        site.run(wrong).exits(2);
    }
    // A file that cannot be read trusts nothing, and is not passed over.
    site.write(".mandate/tools.lock", "{");
    site.run(&["run", "plan.yaml", "--yes"]).exits(2);
}

#[test]
fn what_is_disabled_is_neither_planned_nor_called() {
    let site = Site::new();
    fake(&site, 1, "");
    for name in ["fake.echo", "fake"] {
        site.run(&["tools", "disable", name]).exits(0);
        for command in [
            &["run", "plan.yaml", "--yes", "--json"][..],
            &["evaluate", "plan.yaml", "--json"],
        ] {
            let refused = site.run(command).exits(2);
            assert_eq!(code(&refused), "ACTION_NOT_FOUND", "{command:?}");
            let message = refused.json()["error"]["message"].to_string();
            let enable = format!("mandate tools enable {name}");
            assert!(message.contains(&enable), "{message}");
        }
        let before = site.content("log").len();
        let listed = site.run(&["tools", "list", "--json"]).exits(0).json();
        let tools = listed["tools"].as_array().unwrap().clone();
        if let Some(echo) = tools.iter().find(|tool| tool["name"] == "fake.echo") {
            assert_eq!(echo["lifecycle"], "UNAVAILABLE");
        }
        if name == "fake" {
            assert_eq!(site.content("log").len(), before, "it was started");
        }
        site.run(&["tools", "enable", name]).exits(0);
        site.run(&["tools", "enable", name]).exits(2);
        site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    }
    site.run(&["tools", "disable", "nothing"]).exits(2);
    assert_eq!(rows(&site, "tool_disabled").len(), 2);
    assert_eq!(rows(&site, "tool_enabled").len(), 2);
    site.assert_intact();
}

/// Calls the server, waits for a file, calls it again.
const TWICE: &str = "
version: 1
name: Twice
steps:
  - {id: first, tool: fake.echo}
  - {id: wait, tool: process.exec, args: {argv: [sh, -c, 'touch held; while ! test -e go; do sleep 0.02; done']}}
  - {id: second, tool: fake.echo}
outputs:
  first: steps.first.output.pid
  second: steps.second.output.pid
";

#[test]
fn a_running_host_disables_at_the_next_call() {
    let site = Site::new();
    fake(&site, 1, "");
    site.write("plan.yaml", TWICE);
    let host = site.start(&["run", "plan.yaml", "--yes", "--json"]);
    await_that("no host", || site.path("held").exists());
    let show = site
        .run(&["tools", "show", "fake.echo", "--json"])
        .exits(0)
        .json();
    assert_eq!(show["metrics"]["success_count"], 1, "{show:#}");
    let words = site.run(&["tools", "show", "fake.echo"]).exits(0).stdout;
    assert!(words.contains("1 completed, 0 did not"), "{words}");
    assert!(words.contains("by first use"), "{words}");
    site.run(&["tools", "disable", "fake.echo"]).exits(0);
    site.write("go", "");
    let ran = finish(host).exits(1).json();
    let second = step_of(&ran, "second");
    assert!(
        second.to_string().contains("ACTION_NOT_FOUND"),
        "{second:#}"
    );
    assert_eq!(site.content("log").matches("\"call\"").count(), 1);
}

#[test]
fn a_restarted_server_is_another_process() {
    let site = Site::new();
    fake(&site, 1, "");
    site.write("plan.yaml", TWICE);
    let host = site.start(&["run", "plan.yaml", "--yes", "--json"]);
    await_that("no host", || site.path("held").exists());
    let told = site
        .run(&["tools", "restart", "fake", "--json"])
        .exits(0)
        .json();
    assert_eq!(told["tools"][0], "fake");
    site.run(&["tools", "restart", "nothing"]).exits(2);
    site.write("go", "");
    let ran = finish(host).exits(0).json();
    assert!(ran["outputs"]["first"].is_number());
    assert_ne!(ran["outputs"]["first"], ran["outputs"]["second"]);

    // Without a host there is nothing to restart.
    let told = site.run(&["tools", "restart", "fake"]).exits(0);
    assert!(told.stdout.contains("does not run"), "{told:?}");
    site.run(&["tools", "restart", "nothing"]).exits(2);
}

#[test]
fn a_program_that_a_plan_started_trusts_nothing_in_our_name() {
    let site = Site::new();
    fake(&site, 1, "require_accepted_tools = true");
    let mandate = env!("CARGO_BIN_EXE_mandate");
    // Not confined: in the sandbox it would not even see the host.
    let configuration = site.content("mandate.toml");
    site.write(
        "mandate.toml",
        format!(
            "{configuration}\n[[tools]]\nname = \"own.inside\"\ncommand = [\"sh\", \"inside.sh\"]\n"
        ),
    );
    site.write(
        "plan.yaml",
        "version: 1\nname: Inside\nsteps:\n  - {id: go, tool: own.inside}\n",
    );
    for act in ["accept fake", "disable time.now", "restart fake"] {
        site.write(
            "inside.sh",
            format!("{mandate} tools {act} >&2\ntest $? = 3\n"),
        );
        site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    }
    assert!(rows(&site, "tool_accepted").is_empty());
    assert!(rows(&site, "tool_disabled").is_empty());
}
