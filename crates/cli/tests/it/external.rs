//! Tools that somebody outside calls, through the shipped binary: a program that takes turns, calls and reports; who may
//! report what; and what is left when a host is killed between the two.

use crate::agent::Agent;
use crate::project::{Ran, finish, step_of};
use crate::several::{start, until};
use crate::site::Site;
use serde_json::{Value, json};
use std::process::Command;

const TOOLS: &str = r#"
[[tools]]
name = "crm.look"
kind = "external"
effect = "read"
open_world = true

[[tools]]
name = "crm.charge"
kind = "external"
description = "Charges a customer."
effect = "network"
[tools.input_schema]
type = "object"
required = ["customer", "amount"]
[tools.input_schema.properties]
customer = { type = "string" }
amount = { type = "integer" }
key = { type = "string" }
[tools.output_schema]
type = "object"
required = ["receipt"]

[secrets.CRM_KEY]
file = "crm.key"
tools = ["crm.*"]
"#;

const PLAN: &str = r#"
version: 1
name: Charge
mode: agent
steps:
  - {id: look, tool: crm.look, args: {customer: ann}}
  - {id: charge, tool: crm.charge, args: {customer: ann, amount: 5, key: "${secrets.CRM_KEY}"}}
  - {id: note, tool: data.value, args: {value: "${steps.charge.output.receipt}"}}
"#;

const SECRET: &str = "crm-secret-81723";
const LOOK: &str = r#"{"customer":"ann"}"#;
const CHARGE: &str = r#"{"amount":5,"customer":"ann","key":"${secrets.CRM_KEY}"}"#;

/// What drives the plan: takes each turn, makes the call (writes it down, with the arguments and key that it was told), and
/// reports twice, as somebody does whose first report may have been lost.
const RUNTIME: &str = r#"
import json, subprocess, sys

mandate, execution = sys.argv[1:3]

def ask(*args):
    ran = subprocess.run([mandate, "executions", *args, "--token-file", "token", "--json"], capture_output=True, text=True)
    said = json.loads(ran.stdout)
    if ran.returncode != 0 and "error" in said:
        sys.exit(f"{args}: {said}")
    return said

def call(tool, args, said):
    taken = ask("enforce", execution, tool, "--args", json.dumps(args))
    with open("ledger", "a") as ledger:
        ledger.write(json.dumps([tool, taken["args"], taken["idempotency_key"]]) + "\n")
    report = json.dumps({"receipt": said})
    for _ in range(2):
        said = ask("complete", taken["call_id"], "--output", report)
    return said

with open("crm.key") as file:
    key = file.read().strip()
assert call("crm.look", {"customer": "ann"}, "looked")["callable"] == [{"step": "charge", "tool": "crm.charge"}]
said = call("crm.charge", {"customer": "ann", "amount": 5, "key": "${secrets.CRM_KEY}"}, f"paid with {key}")
assert said["state"] == "completed", said
"#;

fn with(plan: &str, more: &str) -> Agent {
    let site = Site::configured(&format!("{TOOLS}{more}"));
    site.write("crm.key", SECRET);
    let id = Agent::run(&site, plan, "token");
    Agent { site, id }
}

fn enforce_with(agent: &Agent, file: &str, tool: &str, args: &str) -> Ran {
    let call = ["executions", "enforce", &agent.id, tool, "--args", args];
    agent
        .site
        .run(&[&call[..], &["--token-file", file, "--json"]].concat())
}

fn enforce(agent: &Agent, tool: &str, args: &str) -> Ran {
    enforce_with(agent, "token", tool, args)
}

/// The id of a call whose turn was taken.
fn taken(agent: &Agent, tool: &str, args: &str) -> String {
    let told = enforce(agent, tool, args).exits(0).json();
    told["call_id"].as_str().unwrap().to_owned()
}

fn complete_with(agent: &Agent, file: &str, call: &str, output: &Value) -> Ran {
    let output = output.to_string();
    let report = ["executions", "complete", call, "--output", &output];
    agent
        .site
        .run(&[&report[..], &["--token-file", file, "--json"]].concat())
}

fn complete(agent: &Agent, call: &str, output: &Value) -> Ran {
    complete_with(agent, "token", call, output)
}

fn events(agent: &Agent) -> Vec<Value> {
    let args = ["executions", "events", &agent.id, "--json"];
    let events = agent.site.run(&args).exits(0).stdout;
    let rows = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

#[test]
fn a_program_outside_drives_a_plan_and_the_journal_holds_who_did_what() {
    let agent = with(PLAN, "");
    agent.site.write("runtime.py", RUNTIME);
    let mut runtime = Command::new("python3");
    agent.site.prepare(&mut runtime);
    runtime.args(["runtime.py", env!("CARGO_BIN_EXE_mandate"), &agent.id]);
    Ran::of(runtime.output().unwrap()).exits(0);

    let shown = agent.shown();
    assert_eq!(shown["status"], "success", "{shown:#}");
    // Each was called once, with the arguments of the plan: the secret is its caller's to know.
    let ledger = agent.ledger().into_iter();
    let ledger: Vec<Value> = ledger
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    assert_eq!(ledger.len(), 2, "{ledger:#?}");
    assert_eq!(ledger[1][1]["key"], "${secrets.CRM_KEY}");
    assert_ne!(ledger[0][2], ledger[1][2], "each has a key of its own");
    let rows = events(&agent);
    let of_kind = |kind: &str| -> Vec<&Value> {
        let of_kind = rows.iter().filter(|row| row["kind"] == kind);
        of_kind.map(|row| &row["data"]).collect()
    };
    let started = of_kind("step_started");
    assert_eq!(started[1]["outside"], true, "{started:#?}");
    assert_eq!(started[1]["idempotency_key"], ledger[1][2]);
    assert!(
        started[2].get("outside").is_none(),
        "the engine's own is none"
    );
    let completed = of_kind("step_completed");
    let reported = &completed[1]["reported"];
    assert!(
        reported["by"].as_str().unwrap().starts_with("local:"),
        "{reported}"
    );
    // What came from outside is untrusted, and the secret that the call named is not in it.
    let labels = step_of(&shown, "charge")["labels"]["output"].to_string();
    assert!(labels.contains("untrusted"), "{labels}");
    let receipt = &completed[1]["output"]["receipt"];
    assert_eq!(receipt, "paid with [secret CRM_KEY]");
    let export = agent.site.run(&["audit", "export"]).exits(0).stdout;
    assert!(!export.contains(SECRET), "the secret is in the journal");
    let metrics = agent
        .site
        .run(&["tools", "show", "crm.charge", "--json"])
        .exits(0);
    let metrics = metrics.json();
    assert_eq!(metrics["external"], true);
    assert_eq!(metrics["metrics"]["success_count"], 1, "{metrics:#}");
    agent.assert_sound();
}

#[test]
fn what_is_sensitive_in_a_report_is_kept_nowhere_and_passed_on_as_first_reported() {
    let plan = r#"
version: 1
name: Unlock
mode: agent
steps:
  - {id: look, tool: crm.look, args: {customer: ann}, sensitive: [/pin]}
  - {id: unlock, tool: own.unlock, args: {pin: "${steps.look.output.pin}"}}
"#;
    let own = "[[tools]]\nname = \"own.unlock\"\ncommand = [\"sh\", \"-c\", \"cat > got; echo 1\"]\neffect = \"network\"\n";
    let agent = with(plan, own);
    let look = taken(&agent, "crm.look", LOOK);
    complete(&agent, &look, &json!({ "pin": "pin-98127" })).exits(0);
    // What is sensitive of another report is none of the call's.
    complete(&agent, &look, &json!({ "pin": "pin-66666" }));
    agent
        .call("own.unlock", r#"{"pin":"${steps.look.output.pin}"}"#)
        .exits(0);
    assert_eq!(agent.site.content("got"), r#"{"pin":"pin-98127"}"#);
    let export = agent.site.run(&["audit", "export"]).exits(0).stdout;
    assert!(
        !export.contains("98127") && !export.contains("66666"),
        "{export}"
    );
    agent.assert_sound();
}

#[test]
fn nobody_but_an_agent_can_call_it() {
    let site = Site::configured(TOOLS);
    let step = r#"{id: a, tool: crm.look}"#;
    let own = r#"{id: a, tool: crm.look, compensate: {tool: crm.look}}"#;
    let nested = r#"{id: a, tool: plan.run, args: {plan: {version: 1, name: y, steps: [{id: b, tool: crm.look}]}}}"#;
    for (what, plan, place) in [
        ("the engine", format!("steps: [{step}]"), "/steps/0/tool"),
        (
            "undone",
            format!("mode: agent, steps: [{own}]"),
            "/steps/0/compensate/tool",
        ),
        (
            "nested",
            format!("mode: agent, steps: [{nested}]"),
            "/steps/0/args/plan/steps/0/tool",
        ),
        (
            "finally",
            "mode: agent, steps: [{id: x, tool: time.now}], finally: [{id: a, tool: crm.look}]"
                .to_owned(),
            "/finally/0/tool",
        ),
    ] {
        site.write("plan.yaml", format!("{{version: 1, name: x, {plan}}}"));
        let told = site.run(&["run", "plan.yaml", "--json"]).exits(2).json();
        let found = &told["violations"][0];
        assert_eq!(found["code"], "TOOL_EXTERNAL", "{what}: {told:#}");
        assert_eq!(found["pointer"], place, "{what}");
    }
    let call = site.run(&["tools", "call", "crm.look", "--json"]).exits(2);
    assert_eq!(call.json()["violations"][0]["code"], "TOOL_EXTERNAL");
    let listed = site.run(&["tools", "list"]).exits(0).stdout;
    let line = listed
        .lines()
        .find(|line| line.contains("crm.charge"))
        .unwrap();
    assert!(
        line.contains("outside") && line.contains("network"),
        "{line}"
    );
    for (wrong, why) in [
        ("command = [\"x\"]", "neither `command` nor `url`"),
        ("timeout_ms = 5", "the step's `timeout_ms`"),
        ("env = { A = \"b\" }", "are for its `status`"),
        ("kind = \"outer\"", "outer"),
    ] {
        let kind = if wrong.starts_with("kind") {
            ""
        } else {
            "kind = \"external\""
        };
        site.write(
            "mandate.toml",
            format!("[[tools]]\nname = \"crm.x\"\n{kind}\n{wrong}\n"),
        );
        let told = site.run(&["tools", "list"]);
        assert!(
            told.code != 0 && told.stderr.contains(why),
            "{wrong}: {told:#?}"
        );
    }
}

#[test]
fn turns_and_reports_are_refused_to_whoever_has_no_right_to_them() {
    let agent = with(PLAN, "");
    let other = Agent::run(&agent.site, &PLAN.replace("ann", "bob"), "other");
    let narrow = [
        "tokens", "narrow", "token", "--out", "narrow", "--steps", "look",
    ];
    agent.site.run(&narrow).exits(0);
    agent.refused("TOKEN_INVALID", "another execution's token", || {
        enforce_with(&agent, "other", "crm.look", LOOK).exits(3)
    });
    agent.refused("NOT_SUPPORTED", "a call by Mandate", || {
        agent.call("crm.look", LOOK).exits(3)
    });
    agent.refused("SEQUENCE_VIOLATION", "before its turn", || {
        enforce(&agent, "crm.charge", CHARGE).exits(3)
    });
    agent.refused("ARGUMENT_VIOLATION", "other arguments", || {
        enforce(&agent, "crm.look", r#"{"customer":"eve"}"#).exits(3)
    });
    agent.refused("TOKEN_INVALID", "another session", || {
        let call = [
            "executions",
            "enforce",
            &agent.id,
            "crm.look",
            "--args",
            LOOK,
        ];
        let more = ["--session", "nightly", "--token-file", "token", "--json"];
        agent.site.run(&[&call[..], &more].concat()).exits(3)
    });

    // Two at the same time for one turn: one has it.
    let args = [
        "executions",
        "enforce",
        &agent.id,
        "crm.look",
        "--args",
        LOOK,
        "--token-file",
        "token",
        "--json",
    ];
    let racing = [
        start(&agent.site, &args),
        start(&agent.site, &args),
        start(&agent.site, &args),
    ];
    let mut told: Vec<Ran> = racing.into_iter().map(finish).collect();
    told.sort_by_key(|ran| ran.code);
    assert_eq!(
        [told[0].code, told[1].code, told[2].code],
        [0, 3, 3],
        "{told:#?}"
    );
    let call = told[0].json()["call_id"].as_str().unwrap().to_owned();
    for lost in &told[1..] {
        let error = &lost.json()["error"];
        assert_eq!(error["code"], "SEQUENCE_VIOLATION", "{error}");
        assert_eq!(error["expected"]["under_way"][0]["call_id"], json!(call));
    }
    // The losers' token files hold what came with the answer, or the token before: both hold.
    let report = json!({ "n": 1 });
    agent.refused("TOKEN_INVALID", "another execution's token", || {
        complete_with(&agent, "other", &call, &report).exits(3)
    });
    let eve = agent
        .site
        .run(&["keys", "create", "eve", "--role", "agent"])
        .exits(0);
    let eve = eve.stdout.trim().to_owned();
    agent.refused("TOKEN_INVALID", "somebody else, with the token", || {
        let output = report.to_string();
        let args = [
            "executions",
            "complete",
            &call,
            "--output",
            &output,
            "--token-file",
            "token",
            "--json",
        ];
        let mut command = agent.site.command(&args);
        Ran::of(command.env("MANDATE_API_KEY", &eve).output().unwrap()).exits(3)
    });
    let other_call = call.replace(&agent.id, &other);
    let unknown = complete_with(&agent, "other", &other_call, &report).json();
    assert_eq!(unknown["error"]["kind"], "not_found", "{unknown}");
    complete_with(&agent, "narrow", &call, &report).exits(0);
    agent.refused("SEQUENCE_VIOLATION", "another report", || {
        complete(&agent, &call, &json!({ "n": 2 })).exits(3)
    });
    complete(&agent, &call, &report).exits(0);

    let call = taken(&agent, "crm.charge", CHARGE);
    agent.refused("TOKEN_INVALID", "a token for another step", || {
        complete_with(&agent, "narrow", &call, &json!({ "receipt": "r" })).exits(3)
    });
    // It has its grace, and what is reported then counts; after that the execution is over.
    let cancelling = start(&agent.site, &["executions", "cancel", &agent.id]);
    until("it is being cancelled", || {
        let rows = events(&agent);
        rows.iter().any(|row| row["kind"] == "cancel_requested")
    });
    agent.refused("SEQUENCE_VIOLATION", "a turn of what is cancelled", || {
        enforce(&agent, "crm.charge", CHARGE).exits(3)
    });
    let told = complete(&agent, &call, &json!({ "no": "receipt" }))
        .exits(1)
        .json();
    assert_eq!(told["ended"], "invalid", "its output schema holds: {told}");
    assert_eq!(told["error"]["code"], "OUTPUT_INVALID", "{told}");
    until("it has ended", || agent.shown()["state"] == "cancelled");
    finish(cancelling).exits(0);
    complete(&agent, &call, &json!({ "no": "receipt" })).exits(1);
    agent.refused(
        "SEQUENCE_VIOLATION",
        "another report of an ended one",
        || complete(&agent, &call, &json!({ "receipt": "r" })).exits(3),
    );
    agent.refused("TOKEN_EXPIRED", "a turn of an ended one", || {
        enforce(&agent, "crm.charge", CHARGE).exits(3)
    });
    agent.assert_sound();
}

#[test]
fn a_host_that_is_killed_between_turn_and_report_leaves_the_call_open() {
    let agent = with(PLAN, "");
    let look = taken(&agent, "crm.look", LOOK);
    agent.kill_host();
    complete(&agent, &look, &json!({})).exits(0);
    let charge = taken(&agent, "crm.charge", CHARGE);
    for _ in 0..2 {
        agent.kill_host();
        agent.refused("SEQUENCE_VIOLATION", "it is under way", || {
            enforce(&agent, "crm.charge", CHARGE).exits(3)
        });
    }
    let status = [
        "executions",
        "status",
        &agent.id,
        "--token-file",
        "token",
        "--json",
    ];
    let status = agent.site.run(&status).exits(0).json();
    assert_eq!(
        status["under_way"][0]["call_id"],
        json!(charge),
        "{status:#}"
    );
    let shown = agent.shown();
    assert_eq!(shown["outside"][0]["call_id"], json!(charge), "{shown:#}");
    assert_eq!(shown["state"], "running");
    agent.kill_host();
    complete(&agent, &charge, &json!({ "receipt": "r-1" })).exits(0);
    until("it has ended", || agent.shown()["state"] == "completed");
    agent.kill_host();
    complete(&agent, &charge, &json!({ "receipt": "r-1" })).exits(0);
    let kinds: Vec<Value> = events(&agent)
        .iter()
        .map(|row| row["kind"].clone())
        .collect();
    assert!(!kinds.contains(&json!("attempt_interrupted")), "{kinds:?}");
    agent.assert_sound();
}

#[test]
fn what_is_not_reported_in_time_is_in_doubt_and_its_own_look_up_may_settle_it() {
    let gateway = "[gateway]\nagent_idle_ms = 700\n";
    let agent = with(PLAN, gateway);
    // A read is asked for again; the time of the first one is over.
    let look = taken(&agent, "crm.look", LOOK);
    until("its time is over", || {
        step_of(&agent.shown(), "look")["state"] != "running"
    });
    let late = complete(&agent, &look, &json!({}));
    assert_ne!(late.code, 0, "{late:#?}");
    assert_eq!(agent.shown()["state"], "failed");
    agent.assert_sound();

    let status = "status = { command = [\"sh\", \"-c\", \"cat > asked; echo '{\\\"state\\\": \\\"done\\\", \\\"output\\\": {\\\"receipt\\\": \\\"r-9\\\"}}'\"] }\n";
    let tools = TOOLS.replace(
        "effect = \"network\"\n",
        &format!("effect = \"network\"\n{status}"),
    );
    let site = Site::configured(&tools);
    site.write("crm.key", SECRET);
    let plan = r#"
version: 1
name: Charge
mode: agent
steps:
  - {id: charge, tool: crm.charge, args: {customer: ann, amount: 5}, timeout_ms: 300}
"#;
    let id = Agent::run(&site, plan, "token");
    let agent = Agent { site, id };
    let told = enforce(&agent, "crm.charge", r#"{"amount":5,"customer":"ann"}"#);
    let told = told.exits(0).json();
    until("it has ended", || agent.shown()["state"] == "completed");
    let asked = agent.site.content("asked");
    assert!(
        asked.contains(told["idempotency_key"].as_str().unwrap()),
        "{asked}"
    );
    let kinds: Vec<Value> = events(&agent)
        .iter()
        .map(|row| row["kind"].clone())
        .collect();
    assert!(kinds.contains(&json!("step_in_doubt")), "{kinds:?}");
    agent.assert_sound();
}
