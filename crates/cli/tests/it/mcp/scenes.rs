//! Whole scenes: propose, approve, call, be refused, replan, finish; and plans that Mandate runs.

use super::{Client, Era};
use crate::agent::{PLAN, TOOLS};
use crate::several::until;
use crate::site::Site;
use serde_json::{Value, json};

const WITNESS: &str = "cat >> ledger; echo >> ledger; echo '{\"ok\": true}'\n";

pub(super) fn site(more: &str) -> Site {
    let site = Site::configured(&format!("{TOOLS}\n{more}"));
    site.write("witness.sh", WITNESS);
    site
}

/// The same where somebody else than the agent must approve.
pub(super) fn four_eyes() -> Site {
    let site = site("");
    site.write(
        "policies/four-eyes.cedar",
        "@id(\"test/approved\")\n@decision(\"require_approval\")\n@approvers(\"other\")\n\
         @message(\"somebody must say yes\")\npermit (principal, action == Action::\"Call\", resource);\n",
    );
    site
}

pub(super) fn ledger(site: &Site) -> Vec<String> {
    site.content("ledger").lines().map(str::to_owned).collect()
}

fn whole_scene(era: Era) {
    let site = site("");
    let mut agent = Client::start(&site, era, &[]);
    assert_eq!(agent.planned(), Vec::<String>::new(), "nothing is approved");
    let catalogue = agent.done("list_tools", json!({ "query": "pay." }));
    let names: Vec<&Value> = catalogue["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| &tool["call_as"])
        .collect();
    assert_eq!(names, ["pay__look", "pay__send"]);
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "UNPLANNED_ACTION"
    );

    // What is wrong is told all at once.
    let wrong = agent.call(
        "propose_plan",
        json!({ "plan": { "version": 1, "steps": [{ "id": "X", "tool": "pay.lok" }] } }),
    );
    let found = wrong["structuredContent"]["error"]["violations"]
        .as_array()
        .unwrap();
    assert!(found.len() >= 2, "{wrong:#}");

    let proposed = agent.done("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(
        proposed["decision"]["outcome"], "require_approval",
        "{proposed:#}"
    );
    let request = proposed["approval"]["request_id"].as_str().unwrap();
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "APPROVAL_REQUIRED"
    );
    assert_eq!(agent.planned(), Vec::<String>::new());
    site.run(&["approvals", "approve", request]).exits(0);
    until("the tools are shown", || !agent.planned().is_empty());
    assert_eq!(
        agent.planned(),
        ["pay__look"],
        "those that may be called now"
    );
    if era == Era::Legacy {
        agent.told("notifications/tools/list_changed");
    }

    let looked = agent.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(
        looked["structuredContent"],
        json!({ "ok": true }),
        "{looked:#}"
    );
    assert_eq!(looked["_meta"]["dev.mandate/call"]["step"], "look");
    assert_eq!(agent.planned(), ["pay__send"]);
    // Refusals say what would have been right.
    let refused = agent.call("pay__send", json!({ "to": "eve", "amount": 5 }));
    let error = &refused["structuredContent"]["error"];
    assert_eq!(error["code"], "ARGUMENT_VIOLATION", "{refused:#}");
    assert!(
        error["rule"].as_str().unwrap().contains("send"),
        "{refused:#}"
    );
    assert_eq!(
        error["allowed"]["callable"][0]["call_as"], "pay__send",
        "{refused:#}"
    );
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "SEQUENCE_VIOLATION"
    );
    assert_eq!(agent.refused("other__tool", json!({})), "UNPLANNED_ACTION");
    assert_eq!(ledger(&site).len(), 1);

    agent.call(
        "pay__send",
        json!({ "to": "bob", "amount": 5, "note": "hi" }),
    );
    assert_eq!(
        ledger(&site).last().unwrap(),
        r#"{"amount":5,"note":"hi","to":"bob"}"#
    );

    // The last step is to be another one.
    let plan = PLAN.replace("amount: 7", "amount: 8");
    let twice = agent.refused(
        "replan",
        json!({ "plan": plan, "reason": "x", "completed": ["send"], "failed": ["send"] }),
    );
    assert_eq!(twice, "INVALID_PAYLOAD");
    let untrue = agent.refused(
        "replan",
        json!({ "plan": plan, "reason": "x", "completed": ["again"] }),
    );
    assert_eq!(untrue, "INVALID_PAYLOAD");
    let revised = agent.done(
        "replan",
        json!({ "plan": plan, "reason": "the price went up", "completed": ["look", "send"], "new_information": "8 EUR" }),
    );
    let request = revised["approval"]["request_id"].as_str().unwrap();
    site.run(&["approvals", "approve", request]).exits(0);
    until("the revision is in force", || {
        agent.done("status", json!({}))["revision"] == 2
    });
    assert_eq!(
        agent.refused("pay__send", json!({ "to": "ann", "amount": 7 })),
        "ARGUMENT_VIOLATION"
    );
    agent.call("pay__send", json!({ "to": "ann", "amount": 8 }));
    let status = agent.done("status", json!({}));
    assert_eq!(
        (&status["state"], &status["status"]),
        (&json!("completed"), &json!("success")),
        "{status:#}"
    );
    assert_eq!(agent.planned(), Vec::<String>::new());
    assert_eq!(
        agent.refused("pay__send", json!({ "to": "ann", "amount": 8 })),
        "TOKEN_EXPIRED"
    );
    assert_eq!(ledger(&site).len(), 3);

    // The journal says who asked with what.
    let events = site
        .run(&["executions", "events", "@last", "--json"])
        .exits(0)
        .stdout;
    let created: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    let said = &created["data"]["asked"]["correlation"];
    assert_eq!(said["mcp.client"], "test-agent", "{created:#}");
    assert!(events.contains("the price went up; completed: look, send; new information: 8 EUR"));
    site.assert_intact();
}

#[test]
fn an_agent_of_an_older_revision_goes_through_a_whole_scene() {
    whole_scene(Era::Legacy);
}

#[test]
fn an_agent_of_the_stateless_revision_goes_through_a_whole_scene() {
    whole_scene(Era::Modern);
}

#[test]
fn a_plan_that_mandate_runs_is_followed_to_its_end() {
    let site = site("");
    let mut agent = Client::start(&site, Era::Legacy, &[]);
    let plan = PLAN.replace("mode: agent\n", "");
    let proposed = agent.done("execute", json!({ "plan": plan }));
    assert_eq!(proposed["state"], "waiting", "{proposed:#}");
    let request = proposed["requests"][0]["request_id"].as_str().unwrap();
    site.run(&["approvals", "approve", request]).exits(0);
    let answer = agent.request(
        "tools/call",
        json!({ "name": "execute", "arguments": {}, "_meta": { "progressToken": "p1" } }),
    );
    let result = &answer["result"]["structuredContent"];
    assert_eq!(result["status"], "success", "{answer:#}");
    assert_eq!(ledger(&site).len(), 3);
    let progress = agent
        .notices
        .iter()
        .filter(|notice| notice["method"] == "notifications/progress");
    let progress: Vec<&Value> = progress.map(|notice| &notice["params"]).collect();
    assert!(
        progress
            .iter()
            .all(|told| told["progressToken"] == "p1" && told["total"] == 3.0),
        "{progress:?}"
    );
    assert_eq!(agent.planned(), Vec::<String>::new());
}

#[test]
fn a_stable_list_is_the_same_for_the_whole_plan() {
    let site = site("");
    let mut agent = Client::start(&site, Era::Modern, &["--tools-list", "stable"]);
    agent.approved(&site, PLAN);
    until("the tools are shown", || !agent.planned().is_empty());
    assert_eq!(agent.planned(), ["pay__look", "pay__send"]);
    assert_eq!(
        agent.refused("pay__send", json!({ "to": "bob", "amount": 5 })),
        "SEQUENCE_VIOLATION"
    );
    agent.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(agent.planned(), ["pay__look", "pay__send"]);
    let finished = agent.done("finish", json!({}));
    assert_eq!(finished["status"], "partial", "{finished:#}");
    assert_eq!(agent.planned(), Vec::<String>::new());
}

#[test]
fn another_session_of_the_same_principal_takes_an_execution_up() {
    let site = site("");
    let mut first = Client::start(&site, Era::Legacy, &[]);
    let id = first.approved(&site, PLAN);
    until("it may be called", || !first.planned().is_empty());
    first.call("pay__look", json!({ "of": "bob" }));
    drop(first);
    let mut second = Client::start(&site, Era::Modern, &[]);
    let taken = second.done("get_plan", json!({ "execution_id": id }));
    assert_eq!(taken["callable"][0]["step"], "send", "{taken:#}");
    assert_eq!(taken["plan"]["name"], "Pay");
    second.call("pay__send", json!({ "to": "bob", "amount": 5 }));
    assert_eq!(ledger(&site).len(), 2);
}

#[test]
fn the_plan_is_a_prompt_and_a_resource() {
    let site = site("");
    let mut agent = Client::start(&site, Era::Modern, &[]);
    let prompt = agent.request("prompts/get", json!({ "name": "plan" }));
    assert!(prompt.to_string().contains("propose_plan"), "{prompt:#}");
    agent.approved(&site, PLAN);
    until("it may be called", || !agent.planned().is_empty());
    let prompt = agent.request("prompts/get", json!({ "name": "plan" }));
    let text = prompt["result"]["messages"][0]["content"]["text"]
        .as_str()
        .unwrap();
    assert!(text.contains("pay__look"), "{text}");
    let read = agent.request("resources/read", json!({ "uri": "mandate://plan" }));
    let text = read["result"]["contents"][0]["text"].as_str().unwrap();
    let shown: Value = serde_json::from_str(text).unwrap();
    assert_eq!(shown["steps"][0]["state"], "pending", "{shown:#}");
    assert_eq!(read["result"]["resultType"], "complete", "{read:#}");
    let unknown = agent.request("resources/read", json!({ "uri": "mandate://other" }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown:#}");
}
