//! What an agent is told where the host was killed under its call, or the tool under it.

use super::scenes::ledger;
use super::{Client, Era};
use crate::agent::{PLAN, TOOLS};
use crate::background::host_pid;
use crate::several::until;
use crate::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Waits where `hold` is there, and kills itself where `die` is.
const WITNESS: &str = "cat >> ledger; echo >> ledger; [ ! -e die ] || kill -9 $$\n\
    while [ -e hold ]; do sleep 0.02; done; echo '{\"ok\": true}'\n";

/// An agent whose look was made, and whose payment is next.
fn begun() -> (Site, Client) {
    let site = Site::configured(TOOLS);
    site.write("witness.sh", WITNESS);
    let mut agent = Client::start(&site, Era::Modern, &[]);
    let proposed = agent.done("propose_plan", json!({ "plan": PLAN }));
    let request = proposed["approval"]["request_id"].as_str().unwrap();
    site.run(&["approvals", "approve", request]).exits(0);
    until("the tools are shown", || !agent.planned().is_empty());
    agent.done("pay__look", json!({ "of": "bob" }));
    (site, agent)
}

fn state_of(agent: &mut Client, step: &str) -> Value {
    let status = agent.done("status", json!({}));
    let steps = status["steps"].as_array().unwrap();
    let found = steps.iter().find(|found| found["id"] == step);
    found.unwrap()["state"].clone()
}

#[test]
fn where_the_host_was_killed_under_a_call_the_agent_is_told_to_look_first() {
    let (site, mut agent) = begun();
    site.write("hold", "");
    let arguments = json!({ "to": "bob", "amount": 5 });
    let call = json!({ "name": "pay__send", "arguments": arguments });
    let id = agent.send("tools/call", call);
    until("it is called", || ledger(&site).len() == 2);
    let host = i32::try_from(host_pid(&site).unwrap()).unwrap();
    kill_process(Pid::from_raw(host).unwrap(), Signal::KILL).unwrap();
    let told = agent.answer(&json!(id))["result"]["structuredContent"]["error"].clone();
    assert_eq!(told["code"], "HOST_GONE", "{told:#}");
    assert!(
        told["remedy"].as_str().unwrap().contains("`status`"),
        "{told:#}"
    );
    std::fs::remove_file(site.path("hold")).unwrap();
    // There is another host by now, and it says what is known.
    assert_eq!(state_of(&mut agent, "send"), "in_doubt");
    assert_eq!(agent.refused("pay__send", arguments), "SEQUENCE_VIOLATION");
    assert_eq!(ledger(&site).len(), 2);
}

#[test]
fn where_the_tool_was_killed_under_a_call_the_agent_is_told_who_finds_out() {
    let (site, mut agent) = begun();
    site.write("die", "");
    let arguments = json!({ "to": "bob", "amount": 5 });
    let result = agent.call("pay__send", arguments.clone());
    let told = &result["structuredContent"]["error"];
    assert_eq!(told["code"], "IN_DOUBT", "{result:#}");
    let remedy = told["remedy"].as_str().unwrap();
    let place = &result["_meta"]["dev.mandate/call"];
    let resolve = format!(
        "mandate executions resolve {} send --done",
        place["execution_id"].as_str().unwrap()
    );
    assert!(remedy.contains(&resolve), "{result:#}");
    assert_eq!(
        agent.refused("pay__send", arguments.clone()),
        "SEQUENCE_VIOLATION"
    );
    // What it names is what an operator does, and then the agent may call again.
    std::fs::remove_file(site.path("die")).unwrap();
    let id = place["execution_id"].as_str().unwrap();
    let resolve = [
        "executions",
        "resolve",
        id,
        "send",
        "--not-done",
        "--reason",
        "seen",
    ];
    site.run(&resolve).exits(0);
    until("it may be called", || {
        agent.done("status", json!({}))["callable"] != json!([])
    });
    agent.done("pay__send", arguments);
    assert_eq!(ledger(&site).len(), 3);
}
