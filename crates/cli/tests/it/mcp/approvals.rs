//! Approvals through the client: only where the operator lets that be, as the requester's, and once.

use super::http::key;
use super::scenes::{four_eyes, ledger, site};
use super::{Client, Era};
use crate::agent::PLAN;
use crate::project::Ran;
use crate::several::until;
use serde_json::{Value, json};

const ASKS: &str = "[gateway]\nask_client = true\n";

fn yes() -> Value {
    json!({ "action": "accept", "content": { "decision": "approve", "reason": "fine" } })
}

/// The answers to requests in the journal: choice, who, over which channel.
fn answers(site: &crate::site::Site) -> Vec<Value> {
    let events = site
        .run(&["executions", "events", "@last", "--json"])
        .exits(0)
        .stdout;
    let rows = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "request_answered")
        .map(|row| row["data"].clone())
        .collect()
}

#[test]
fn the_user_of_an_older_client_is_asked_over_its_connection() {
    let site = site(ASKS);
    let mut agent = Client::start_with(&site, Era::Legacy, (&[], None), Some(yes()));
    let approved = agent.done("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(approved["callable"][0]["step"], "look", "{approved:#}");
    assert!(
        agent.asked[0].contains("pay.send") && agent.asked[0].contains("bob"),
        "{:?}",
        agent.asked
    );
    let answer = &answers(&site)[0];
    assert_eq!(
        (&answer["choice"], &answer["channel"]),
        (&json!("approve"), &json!("elicitation")),
        "{answer}"
    );
    agent.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(ledger(&site).len(), 1);
}

#[test]
fn a_call_that_is_to_be_confirmed_is_made_after_the_yes() {
    let site = site(ASKS);
    let plan = PLAN.replace("args: {of: bob}}", "args: {of: bob}, confirm: true}");
    for era in [Era::Legacy, Era::Modern] {
        let mut agent = Client::start_with(&site, era, (&[], None), Some(yes()));
        match era {
            Era::Legacy => drop(agent.done("propose_plan", json!({ "plan": plan }))),
            Era::Modern => drop(asked(
                &mut agent,
                "propose_plan",
                json!({ "plan": plan }),
                &yes(),
            )),
        }
        let called = match era {
            Era::Legacy => agent.call("pay__look", json!({ "of": "bob" })),
            Era::Modern => asked(&mut agent, "pay__look", json!({ "of": "bob" }), &yes()),
        };
        assert_eq!(
            called["structuredContent"],
            json!({ "ok": true }),
            "{called:#}"
        );
    }
    assert_eq!(ledger(&site).len(), 2);
}

/// Calls a tool, gives the answer to what comes back, and calls again.
fn asked(agent: &mut Client, name: &str, arguments: Value, says: &Value) -> Value {
    let first = agent.call(name, arguments.clone());
    assert_eq!(first["resultType"], "input_required", "{first:#}");
    let params = json!({
        "name": name,
        "arguments": arguments,
        "requestState": first["requestState"],
        "inputResponses": { "approval": says },
    });
    let again = agent.request("tools/call", params);
    assert!(again.get("error").is_none(), "{again:#}");
    again["result"].clone()
}

#[test]
fn the_user_of_a_stateless_client_is_asked_by_the_answer_once() {
    let site = site(ASKS);
    let mut agent = Client::start_with(&site, Era::Modern, (&[], None), Some(yes()));
    let arguments = json!({ "plan": PLAN });
    let first = agent.call("propose_plan", arguments.clone());
    assert_eq!(first["resultType"], "input_required", "{first:#}");
    let asked = &first["inputRequests"]["approval"];
    assert_eq!(asked["method"], "elicitation/create", "{first:#}");
    let state = first["requestState"].clone();
    let again = |agent: &mut Client, name: &str, arguments: Value, state: Value| {
        let params = json!({
            "name": name, "arguments": arguments, "requestState": state, "inputResponses": { "approval": yes() },
        });
        agent.request("tools/call", params)
    };
    // Neither a word that nobody gave out nor one for another call is a question.
    let forged = again(
        &mut agent,
        "propose_plan",
        arguments.clone(),
        json!("ab".repeat(32)),
    );
    assert_eq!(forged["error"]["code"], -32602, "{forged:#}");
    let approved = again(&mut agent, "propose_plan", arguments.clone(), state.clone());
    assert_eq!(
        approved["result"]["structuredContent"]["callable"][0]["step"], "look",
        "{approved:#}"
    );
    let twice = again(&mut agent, "propose_plan", arguments.clone(), state);
    assert_eq!(twice["error"]["code"], -32602, "{twice:#}");
    let other = agent.call(
        "propose_plan",
        json!({ "plan": PLAN.replace("Pay", "Other") }),
    );
    let moved = again(
        &mut agent,
        "propose_plan",
        arguments,
        other["requestState"].clone(),
    );
    assert_eq!(moved["error"]["code"], -32602, "{moved:#}");
    assert_eq!(answers(&site).len(), 0, "the second plan waits");
}

#[test]
fn a_no_or_a_closed_question_is_no_yes() {
    let site = site(ASKS);
    let mut closes = Client::start_with(
        &site,
        Era::Legacy,
        (&[], None),
        Some(json!({ "action": "cancel" })),
    );
    let open = closes.done("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(open["requests"].as_array().unwrap().len(), 1, "{open:#}");
    let mut declines = Client::start_with(
        &site,
        Era::Legacy,
        (&[], None),
        Some(json!({ "action": "decline" })),
    );
    let ended = declines.done("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(ended["status"], "failure", "{ended:#}");
    assert_eq!(ledger(&site), Vec::<String>::new());
}

#[test]
fn it_counts_as_the_requesters_and_is_off_unless_it_is_set() {
    let site = four_eyes();
    let config = site.content("mandate.toml");
    site.write("mandate.toml", format!("{config}\n{ASKS}"));
    let mut agent = Client::start_with(&site, Era::Legacy, (&[], None), Some(yes()));
    let refused = agent.call("propose_plan", json!({ "plan": PLAN }));
    assert_eq!(
        refused["structuredContent"]["error"]["code"], "APPROVER_MISMATCH",
        "{refused:#}"
    );
    let off = super::scenes::site("");
    let mut agent = Client::start_with(&off, Era::Legacy, (&[], None), Some(yes()));
    let waits = agent.done("propose_plan", json!({ "plan": PLAN }));
    assert!(
        waits["approval"]["request_id"].is_string() && agent.asked.is_empty(),
        "{waits:#}"
    );
}

#[test]
fn under_the_starter_policy_an_agent_is_answered_for_by_people_with_keys() {
    let site = super::scenes::site("");
    let root = key(&site, None, "root", "admin");
    let bot = key(&site, Some(&root), "bot", "agent,approver");
    let ann = key(&site, Some(&root), "ann", "approver");
    let ops = key(&site, Some(&root), "ops", "operator");
    let mut agent = Client::start_with(&site, Era::Modern, (&[], Some(&bot)), None);
    let proposed = agent.done("propose_plan", json!({ "plan": PLAN }));
    let approval = &proposed["approval"];
    assert_eq!(
        approval["approvers"],
        json!(["requester or other"]),
        "{proposed:#}"
    );
    let request = approval["request_id"].as_str().unwrap().to_owned();
    let answer = |key: Option<&str>| {
        let mut command = site.command(&["approvals", "approve", &request, "--json"]);
        command.envs(key.map(|key| ("MANDATE_API_KEY", key)));
        Ran::of(command.output().unwrap())
    };
    // Neither the agent, nor whoever shares its machine, nor a role that does not approve.
    for wrong in [Some(bot.as_str()), None, Some(&ops)] {
        let refused = answer(wrong).exits(3).json();
        assert_eq!(refused["error"]["code"], "APPROVER_MISMATCH", "{refused}");
    }
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "APPROVAL_REQUIRED"
    );
    answer(Some(&ann)).exits(0);
    until("the tools are shown", || !agent.planned().is_empty());
    agent.done("pay__look", json!({ "of": "bob" }));
    assert_eq!(ledger(&site).len(), 1);
}
