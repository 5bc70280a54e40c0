//! `[gateway]` through the binary: how long agents may be idle, how many of their refusals are written, what they may see,
//! and calls that the plan does not hold.

use crate::agent::{Agent, LOOK, PLAN, SEND, TOOLS};
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use serde_json::Value;

/// A tool that no plan names.
const EXTRA: &str = r#"
[[tools]]
name = "pay.extra"
command = ["sh", "witness.sh"]
effect = "network"
"#;

fn agent(gateway: &str, plan: &str) -> Agent {
    let site = Site::configured(&format!("{TOOLS}{EXTRA}\n[gateway]\n{gateway}\n"));
    site.write(
        "witness.sh",
        "cat >> ledger; echo >> ledger; echo '{\"ok\": true}'\n",
    );
    let id = Agent::run(&site, plan, "token");
    Agent { site, id }
}

fn events(agent: &Agent, kind: &str) -> Vec<Value> {
    let events = agent
        .site
        .run(&["executions", "events", &agent.id, "--json"])
        .stdout;
    let rows = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == kind).collect()
}

fn waiting_request(agent: &Agent) -> String {
    let listed = agent.site.run(&["inbox", "list", "--json"]).exits(0).json();
    let rows = listed["requests"].as_array().unwrap().clone();
    let open = rows.iter().find(|row| row["kind"] == "revision");
    open.map_or_else(String::new, |row| {
        row["request_id"].as_str().unwrap().to_owned()
    })
}

fn extra(agent: &Agent) -> Ran {
    agent.call("pay.extra", r#"{"amount":3}"#)
}

#[test]
fn an_agent_sees_what_it_may_call() {
    let agent = Agent::new();
    let status = || {
        let args = ["executions", "status", &agent.id, "--token-file", "token"];
        agent.site.run(&[&args[..], &["--json"]].concat()).exits(0)
    };
    let before = agent.site.content("token");
    let shown = status().json();
    assert_eq!(shown["state"], "waiting", "{shown}");
    assert_eq!(shown["waiting_for"]["kind"], "agent", "{shown}");
    assert_eq!(shown["steps"][0]["step"], "look", "{shown}");
    assert_eq!(shown["steps"][0]["args"]["of"], "bob", "{shown}");
    assert_ne!(agent.site.content("token"), before, "it is renewed");
    agent.call("pay.look", LOOK);
    let shown = status().json();
    let send = shown["steps"].as_array().unwrap();
    let send = send.iter().find(|step| step["step"] == "send").unwrap();
    assert_eq!(send["allow"]["args"]["note"]["any"], true, "{shown}");
    let plain = agent
        .site
        .run(&["executions", "status", &agent.id, "--token-file", "token"])
        .exits(0);
    assert!(plain.stdout.contains("pay.send"), "{plain:#?}");
    // Nothing is told to whoever has no token.
    agent.site.write("token", "mandate1.x.y.z");
    let refused = agent.site.run(&[
        "executions",
        "status",
        &agent.id,
        "--token-file",
        "token",
        "--json",
    ]);
    assert_eq!(
        refused.json()["error"]["code"],
        "TOKEN_INVALID",
        "{refused:#?}"
    );
    agent.assert_sound();
}

#[test]
fn how_long_an_agent_may_be_idle_is_configured_and_kept_with_the_execution() {
    let agent = agent("agent_idle_ms = 1500", PLAN);
    let created = events(&agent, "execution_created");
    assert_eq!(created[0]["data"]["agent_idle_ms"], 1500, "{created:?}");
    until("it has ended", || agent.shown()["state"] == "failed");
    let shown = agent.shown();
    assert_eq!(shown["error"]["code"], "PLAN_TIMEOUT", "{shown}");
    agent.assert_sound();
}

#[test]
fn refusals_without_end_are_written_as_a_sum() {
    let agent = agent("refusals_per_minute = 3", PLAN);
    for _ in 0..3 {
        agent.refused("UNPLANNED_ACTION", "unplanned", || extra(&agent));
    }
    // From here on no call is looked at, right or wrong, and none of it fills the journal.
    for _ in 0..5 {
        let barred = agent.call("pay.look", LOOK);
        let told = barred.json();
        assert_eq!(told["error"]["code"], "RATE_LIMITED", "{told}");
        assert!(
            told["error"]["retry_after_ms"].as_u64().unwrap() <= 60_000,
            "{told}"
        );
        assert_eq!(barred.code, 6, "{told}");
    }
    assert_eq!(agent.ledger(), Vec::<String>::new());
    assert_eq!(events(&agent, "call_refused").len(), 3);
    let sums = events(&agent, "refusals_counted");
    assert_eq!(sums.len(), 1, "{sums:?}");
    assert_eq!(sums[0]["data"]["codes"]["RATE_LIMITED"], 1, "{sums:?}");
    // Whoever shows a bad token is counted apart.
    agent.site.write("bad", "mandate1.x.y.z");
    let bad = agent.call_with("bad", "pay.look", LOOK);
    assert_eq!(bad.json()["error"]["code"], "TOKEN_INVALID", "{bad:#?}");
    // A host that leaves writes what it has counted.
    let leave = agent.site.run(&["executions", "cancel", &agent.id]);
    assert_eq!(leave.code, 0, "{leave:#?}");
    agent.assert_sound();
}

#[test]
fn a_call_that_is_not_planned_is_asked_for_where_the_operator_says_so() {
    let agent = agent("unplanned = \"ask\"", PLAN);
    let asked = agent.refused("APPROVAL_REQUIRED", "unplanned", || extra(&agent));
    assert_eq!(asked.code, 4, "{asked:#?}");
    let request = waiting_request(&agent);
    assert_eq!(
        asked.json()["error"]["expected"]["request_id"],
        *request,
        "{asked:#?}"
    );
    // Meanwhile the same is said again, and nothing is called.
    agent.refused("APPROVAL_REQUIRED", "asked twice", || extra(&agent));
    let shown = agent
        .site
        .run(&["approvals", "show", &request])
        .exits(0)
        .stdout;
    assert!(shown.contains("pay.extra"), "{shown}");
    agent.site.run(&["approvals", "approve", &request]).exits(0);
    // With the token that it had: what was added is what its holder asked for.
    let called = extra(&agent);
    assert_eq!(called.code, 0, "{called:#?}");
    assert_eq!(agent.ledger(), [r#"{"amount":3}"#]);
    // Once, and nothing else.
    let twice = extra(&agent);
    assert_ne!(twice.code, 0, "{twice:#?}");
    let other = agent.call("pay.extra", r#"{"amount":4}"#);
    assert_ne!(other.code, 0, "{other:#?}");
    assert_eq!(agent.ledger().len(), 1);
    assert_eq!(agent.call("pay.look", LOOK).code, 0);
    assert_eq!(agent.call("pay.send", SEND).code, 0);
    agent.assert_sound();
}

#[test]
fn an_agent_does_not_approve_what_it_asks_for() {
    let agent = agent("unplanned = \"ask\"", PLAN);
    let with_key = |key: &str, args: &[&str]| {
        let mut command = agent.site.command(args);
        Ran::of(command.env("MANDATE_API_KEY", key).output().unwrap())
    };
    let root = agent
        .site
        .run(&["keys", "create", "root", "--role", "admin"])
        .exits(0);
    let args = ["keys", "create", "bot", "--role", "agent,approver"];
    let bot = with_key(root.stdout.trim(), &args).exits(0);
    let bot = bot.stdout.trim();
    agent.refused("APPROVAL_REQUIRED", "unplanned", || extra(&agent));
    let request = waiting_request(&agent);
    let own = with_key(bot, &["approvals", "approve", &request, "--json"]);
    assert_eq!(own.json()["error"]["code"], "APPROVER_MISMATCH", "{own:#?}");
    agent.refused("APPROVAL_REQUIRED", "nobody agreed", || extra(&agent));
    // Nor does it take a plan in by itself that only says that it was asked for.
    let plan = PLAN.replace(
        "steps:",
        "steps:\n  - {id: x, tool: pay.extra, args: {amount: 3}}",
    );
    agent.site.write("wider.yaml", plan);
    let args = [
        "executions",
        "replan",
        &agent.id,
        "--plan",
        "wider.yaml",
        "--json",
    ];
    assert_ne!(with_key(bot, &args).code, 0);
    assert_eq!(agent.ledger(), Vec::<String>::new());
    agent.assert_sound();
}

#[test]
fn whoever_says_no_is_not_asked_again_and_the_plan_goes_on() {
    let agent = agent("unplanned = \"ask\"", PLAN);
    agent.refused("APPROVAL_REQUIRED", "unplanned", || extra(&agent));
    let request = waiting_request(&agent);
    agent
        .site
        .run(&["approvals", "reject", &request, "--reason", "no"])
        .exits(0);
    agent.refused("UNPLANNED_ACTION", "after a no", || extra(&agent));
    assert_eq!(waiting_request(&agent), "");
    // An expression is no value that could be shown.
    agent.refused("UNPLANNED_ACTION", "an expression", || {
        agent.call("pay.extra", r#"{"amount":"${inputs.x}"}"#)
    });
    // Nor is a tool that does not exist.
    agent.refused("UNPLANNED_ACTION", "no such tool", || {
        agent.call("pay.none", "{}")
    });
    assert_eq!(agent.call("pay.look", LOOK).code, 0);
    agent.assert_sound();
}

#[test]
fn what_the_plan_allows_holds_only_where_the_operator_lets_it() {
    let plan = PLAN.replace("steps:", "constraints: {allow_unplanned: true}\nsteps:");
    let refusing = agent("unplanned = \"refuse\"", &plan);
    refusing.refused("UNPLANNED_ACTION", "the plan alone", || extra(&refusing));
    let cautious = agent("allow_unplanned = true", &plan);
    // Policy wants the plan as a whole approved, and so it does the one with the call.
    cautious.refused("APPROVAL_REQUIRED", "as policy says", || extra(&cautious));
}

#[test]
fn a_projects_file_cannot_let_agents_do_more() {
    let site = Site::configured("[gateway]\nunplanned = \"ask\"\n");
    let home = site.path("home-config");
    std::fs::create_dir_all(home.join("mandate")).unwrap();
    std::fs::write(
        home.join("mandate/mandate.toml"),
        "[gateway]\nunplanned = \"refuse\"\n[mcpServers.s]\ncommand = \"true\"\n",
    )
    .unwrap();
    let run = || {
        let mut command = site.command(&["doctor"]);
        Ran::of(command.env("XDG_CONFIG_HOME", &home).output().unwrap())
    };
    let refused = run();
    assert!(
        refused.stdout.contains("only set it to `refuse`"),
        "{refused:#?}"
    );
    site.write(
        "mandate.toml",
        "[mcpServers.s]\ncommand = \"true\"\ntools.t.sinks = { to = \"none\" }\n",
    );
    let refused = run();
    assert!(
        refused.stdout.contains("`mcpServers.s` was set at"),
        "{refused:#?}"
    );
}
