//! Executions that an agent drives: how they begin, go on after a crash, and end; and where their tokens are not.

use crate::agent::{Agent, LOOK, PLAN, SEND};
use crate::project::{finish, step_of};
use crate::several::{start, until};
use crate::site::Site;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[test]
fn nothing_can_be_called_before_somebody_approved() {
    let site = Site::configured(crate::agent::TOOLS);
    site.write("plan.yaml", PLAN);
    let told = site
        .run(&["run", "plan.yaml", "--token-file", "token", "--json"])
        .exits(4)
        .json();
    let id = told["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(told["waiting_for"]["kind"], "plan");
    let agent = Agent { site, id };
    agent.refused("APPROVAL_REQUIRED", "not approved", || {
        agent.call("pay.look", LOOK).exits(4)
    });
    agent
        .site
        .run(&["approvals", "reject", &agent.id, "--reason", "no"]);
    agent.refused("TOKEN_EXPIRED", "rejected", || {
        agent.call("pay.look", LOOK).exits(3)
    });
    assert_eq!(agent.ledger(), [""; 0]);
    agent.assert_sound();
}

#[test]
fn a_call_whose_host_was_killed_is_in_doubt_and_not_repeated() {
    let agent = Agent::new();
    agent.call("pay.look", LOOK).exits(0);
    agent.site.write("hold", "");
    let args = [
        "executions",
        "call",
        &agent.id,
        "pay.send",
        "--args",
        SEND,
        "--token-file",
        "token",
        "--json",
    ];
    let calling = start(&agent.site, &args);
    until("called", || agent.ledger().len() == 2);
    agent.kill_host();
    assert_ne!(finish(calling).code, 0);
    agent.site.write("gate", "");
    agent.refused("SEQUENCE_VIOLATION", "in doubt", || {
        agent.call("pay.send", SEND)
    });
    let shown = agent.shown();
    assert_eq!(shown["waiting_for"]["kind"], "in_doubt", "{shown:#}");
    let resolve = [
        "executions",
        "resolve",
        &agent.id,
        "send",
        "--done",
        "--output",
        "{\"ok\":true}",
    ];
    agent.site.run(&resolve).exits(0);
    agent
        .call("pay.send", "{\"to\":\"ann\",\"amount\":7}")
        .exits(0);
    assert_eq!(agent.shown()["status"], "success");
    assert_eq!(agent.ledger().len(), 3);
    agent.assert_sound();
}

#[test]
fn a_step_is_called_as_often_as_the_plan_allows_or_until_it_is_finished() {
    let plan = "version: 1\nname: Often\nmode: agent\nsteps:\n  \
                - {id: a, tool: pay.look, args: {of: x}, max_invocations: 2}\n  \
                - {id: b, tool: pay.look, args: {of: y}, max_invocations: 9}\n";
    let agent = Agent::with(plan);
    let (x, y) = ("{\"of\":\"x\"}", "{\"of\":\"y\"}");
    agent.call("pay.look", x).exits(0);
    agent.refused("SEQUENCE_VIOLATION", "the step behind it", || {
        agent.call("pay.look", y)
    });
    agent.call("pay.look", x).exits(0);
    let finish = [
        "executions",
        "finish",
        &agent.id,
        "--step",
        "b",
        "--token-file",
        "token",
        "--json",
    ];
    agent.refused("SEQUENCE_VIOLATION", "not called yet", || {
        agent.site.run(&finish).exits(3)
    });
    agent.call("pay.look", y).exits(0);
    agent.refused("SEQUENCE_VIOLATION", "once too often", || {
        agent.call("pay.look", x)
    });
    agent.site.run(&finish).exits(0);
    assert_eq!(agent.shown()["status"], "success");
    assert_eq!(agent.ledger(), [x, x, y]);
    agent.assert_sound();
}

#[test]
fn a_tool_that_fails_is_told_and_what_follows_is_the_plans() {
    let plan = "version: 1\nname: Fails\nmode: agent\nsteps:\n  \
                - {id: a, tool: fs.read, args: {path: none.txt}, retry: {max_attempts: 2, backoff_ms: 0}, on_failure: skip}\n  \
                - {id: b, tool: pay.look, args: {of: \"${steps.a.error.code}\"}}\n";
    let agent = Agent::with(plan);
    for _ in 0..2 {
        let failed = agent
            .call("fs.read", "{\"path\":\"none.txt\"}")
            .exits(1)
            .json();
        assert_eq!(failed["step"], "a");
        assert!(
            !failed["error"].is_null() && failed["output"].is_null(),
            "{failed:#}"
        );
    }
    agent.refused("SEQUENCE_VIOLATION", "a third time", || {
        agent.call("fs.read", "{\"path\":\"none.txt\"}")
    });
    let code = step_of(&agent.shown(), "a")["error"]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    agent
        .call("pay.look", &format!("{{\"of\":\"{code}\"}}"))
        .exits(0);
    assert_eq!(agent.shown()["status"], "partial");
    agent.assert_sound();
}

#[test]
fn executions_of_the_engine_have_no_agent() {
    let agent = Agent::with(PLAN);
    let plan = "version: 1\nname: Nap\nsteps: [{id: nap, tool: time.sleep, args: {duration_ms: 600000}}]\n";
    agent.site.write("nap.yaml", plan);
    agent
        .site
        .run(&["run", "nap.yaml", "--yes", "--detach"])
        .exits(0);
    let token = ["executions", "token", "@last", "--token-file", "nap"];
    let told = agent.site.run(&token).exits(1);
    assert!(told.stderr.contains("mode: agent"), "{told:?}");
    let args = [
        "executions",
        "call",
        "@last",
        "pay.look",
        "--args",
        LOOK,
        "--token-file",
        "token",
        "--json",
    ];
    let told = agent.site.run(&args).exits(3).json();
    assert_eq!(told["error"]["code"], "TOKEN_INVALID");
    let usage = agent
        .site
        .run(&["run", "nap.yaml", "--yes", "--token-file", "t"])
        .exits(2);
    assert!(usage.stderr.contains("mode `agent`"), "{usage:?}");
    let nested = "version: 1\nname: N\nsteps: [{id: n, tool: plan.run, args: {plan: {version: 1, name: C, mode: agent, steps: [{id: a, tool: time.now}]}}}]\n";
    agent.site.write("nested.yaml", nested);
    let told = agent
        .site
        .run(&["run", "nested.yaml", "--yes", "--json"])
        .exits(2)
        .json();
    assert_eq!(told["error"]["code"], "NOT_SUPPORTED");
    assert_eq!(agent.ledger(), [""; 0]);
}

/// Every file below a directory.
fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_token_is_nowhere_but_in_its_file() {
    let agent = Agent::new();
    let mut secrets = vec![agent.site.content("token")];
    let told = agent.call("pay.look", LOOK).exits(0);
    assert_eq!(secrets[0], agent.site.content("token"), "it is young");
    let status = ["executions", "status", &agent.id, "--token-file", "token"];
    agent.site.run(&status).exits(0);
    secrets.push(agent.site.content("token"));
    assert_ne!(
        secrets[0], secrets[1],
        "asking for the status renews the token"
    );
    let mode = std::fs::metadata(agent.site.path("token"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = agent.call("pay.none", "{}");
    let keys = agent.site.content(".mandate/keys/token.keys");
    secrets.push(keys.trim().split(' ').nth(1).unwrap().to_owned());
    let mut all = Vec::new();
    files(&agent.site.dir(), &mut all);
    let mut texts: Vec<(String, Vec<u8>)> = all
        .iter()
        .filter(|path| !path.ends_with("token") && !path.ends_with("token.keys"))
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert!(texts.iter().any(|(name, _)| name.ends_with("host.log")));
    for ran in [told, refused] {
        texts.push(("output".to_owned(), ran.stdout.into_bytes()));
        texts.push(("notes".to_owned(), ran.stderr.into_bytes()));
    }
    for secret in &secrets {
        // The code at its end is what makes it a token.
        let needle = secret.trim().rsplit('.').next().unwrap().as_bytes();
        for (name, text) in &texts {
            let held = text.windows(needle.len()).any(|part| part == needle);
            assert!(!held, "a token is in {name}");
        }
    }
    let usual = Agent::run(&agent.site, PLAN, "unused");
    let file = agent.site.path(&format!(".mandate/tokens/{usual}.token"));
    agent.site.run(&["executions", "token", &usual]).exits(0);
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_argument_that_the_tool_needs_may_be_left_to_the_agent() {
    let site = Site::new();
    site.write(
        "plan.yaml",
        "version: 1
name: note
mode: agent
steps:
  - {id: w, tool: fs.write, args: {path: out.txt}, allow: {args: {content: {any: true}}}}
",
    );
    let said = site.run(&["evaluate", "plan.yaml", "--json"]).json();
    let unknown = &said["decision"]["steps"][0]["unknown_args"];
    assert_eq!(unknown, &serde_json::json!(["/content"]));
    let asked = site.run(&["run", "plan.yaml", "--token-file", "first"]);
    let said = asked.exits(4).stderr;
    assert!(said.contains("content: left to the agent"), "{said}");
    site.run(&["run", "plan.yaml", "--yes", "--token-file", "tok"])
        .exits(0);
    let call = ["executions", "call", "@last", "fs.write", "path=out.txt"];
    let call = [&call[..], &["content=hello", "--token-file", "tok"]].concat();
    site.run(&call).exits(0);
    assert_eq!(site.content("out.txt"), "hello");
}
