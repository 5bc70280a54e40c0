//! The tasks extension: a client that takes tasks is given one for what takes long, or waits for a human, and comes back for
//! it: to another process, too, and after a crash.

use super::http::{Agent, key, serve};
use super::scenes::{four_eyes, ledger, site};
use super::{Client, Era};
use crate::agent::PLAN;
use crate::example_scenes::installed;
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Writes down what it was given, and waits for `gate` where `hold` is there.
const WITNESS: &str = r#"
cat >> ledger; echo >> ledger
while [ -e hold ] && [ ! -e gate ]; do sleep 0.02; done
echo '{"ok": true}'
"#;

const SOON: &str = "task_after_ms = 200";

fn slow(more: &str) -> Site {
    let site = site(&format!("[gateway]\n{SOON}\n{more}\n"));
    site.write("witness.sh", WITNESS);
    site
}

/// A client over standard input that takes tasks.
fn client(site: &Site) -> Client {
    let mut client = Client::start(site, Era::Modern, &[]);
    client.tasks = true;
    client
}

/// The task that a call was answered with.
fn task(answer: &Value) -> String {
    assert_eq!(answer["resultType"], "task", "{answer:#}");
    assert_eq!(answer["status"], "working", "{answer:#}");
    for field in ["createdAt", "lastUpdatedAt", "statusMessage"] {
        assert!(answer[field].is_string(), "{field}: {answer:#}");
    }
    assert_eq!(answer["ttlMs"], Value::Null, "{answer:#}");
    assert!(answer["pollIntervalMs"].is_u64(), "{answer:#}");
    answer["taskId"].as_str().unwrap().to_owned()
}

fn get(agent: &mut Client, id: &str) -> Value {
    let answer = agent.request("tasks/get", json!({ "taskId": id }));
    assert_eq!(answer["result"]["resultType"], "complete", "{answer:#}");
    assert_eq!(answer["result"]["taskId"], id, "{answer:#}");
    answer["result"].clone()
}

/// Waits until a task stands so.
fn stands(agent: &mut Client, id: &str, status: &str) -> Value {
    let mut last = Value::Null;
    until(&format!("{id} is {status}"), || {
        last = get(agent, id);
        let over = ["completed", "failed", "cancelled"].iter();
        let over = over.filter(|over| **over != status);
        for over in over {
            assert_ne!(last["status"], *over, "{last:#}");
        }
        last["status"] == status
    });
    last
}

/// Proposes a plan, has it approved, and waits until the task of the proposal is over.
fn approved(agent: &mut Client, site: &Site, plan: &str) -> String {
    let proposed = agent.call("propose_plan", json!({ "plan": plan }));
    let id = task(&proposed);
    let request = id.split('.').nth(1).unwrap().to_owned();
    let said = proposed["statusMessage"].as_str().unwrap();
    assert!(said.contains(&request), "{proposed:#}");
    assert_eq!(get(agent, &id)["status"], "working");
    site.run(&["approvals", "approve", &request]).exits(0);
    let done = stands(agent, &id, "completed");
    let told = &done["result"]["structuredContent"];
    assert_eq!(told["answer"], "approve", "{done:#}");
    told["execution_id"].as_str().unwrap().to_owned()
}

fn requests(site: &Site) -> Vec<String> {
    let listed = site.run(&["inbox", "list", "--json"]).exits(0).json();
    let all = listed["requests"].as_array().unwrap();
    let id = |request: &Value| request["request_id"].as_str().unwrap().to_owned();
    all.iter().map(id).collect()
}

#[test]
fn a_long_call_is_come_back_for_also_at_another_process() {
    let site = slow("");
    site.write("hold", "");
    let mut agent = client(&site);
    let execution = approved(&mut agent, &site, PLAN);
    until("it may be called", || !agent.planned().is_empty());
    let begun = agent.call("pay__look", json!({ "of": "bob" }));
    let id = task(&begun);
    assert!(id.contains(&execution) && id.contains("look"), "{id}");
    assert_eq!(get(&mut agent, &id)["status"], "working");
    drop(agent);
    // The process that gave it is gone; the call is not.
    let mut second = client(&site);
    assert_eq!(get(&mut second, &id)["status"], "working");
    site.write("gate", "");
    let done = stands(&mut second, &id, "completed");
    assert_eq!(done["result"]["structuredContent"], json!({ "ok": true }));
    assert_eq!(done["result"]["_meta"]["dev.mandate/call"]["step"], "look");
    assert_eq!(ledger(&site).len(), 1, "it was called once");
    // It says the same for as long as it is asked, but for where the execution stands, which goes on.
    let mut third = client(&site);
    let call = |told: &Value| {
        let mut told = told.clone();
        told["result"]["_meta"]["dev.mandate/call"]["state"].take();
        told
    };
    assert_eq!(call(&get(&mut third, &id)), call(&done));
    // What comes next is called as ever; on a slow machine it may be a task, too.
    third.call("get_plan", json!({ "execution_id": execution }));
    let mut sent = third.call("pay__send", json!({ "to": "bob", "amount": 5 }));
    if sent["resultType"] == "task" {
        let id = task(&sent);
        sent = stands(&mut third, &id, "completed")["result"].clone();
    }
    assert_eq!(sent["structuredContent"], json!({ "ok": true }), "{sent:#}");
    site.assert_intact();
}

#[test]
fn whoever_takes_no_task_waits_and_asks_for_none() {
    let site = slow("");
    let mut agent = Client::start(&site, Era::Modern, &[]);
    agent.approved(&site, PLAN);
    until("it may be called", || !agent.planned().is_empty());
    site.write("hold", "");
    let asked = agent.send(
        "tools/call",
        json!({ "name": "pay__look", "arguments": { "of": "bob" } }),
    );
    until("it is called", || {
        site.path("ledger").exists() && ledger(&site).len() == 1
    });
    for method in ["tasks/get", "tasks/cancel"] {
        let no = agent.request(method, json!({ "taskId": "call.1.-.look.x" }));
        assert_eq!(no["error"]["code"], -32021, "{no:#}");
    }
    site.write("gate", "");
    let called = agent.answer(&json!(asked));
    assert_eq!(called["result"]["structuredContent"], json!({ "ok": true }));
    // One of the older revisions has no such tasks.
    let discovered = agent.request("server/discover", json!({}));
    let can = &discovered["result"]["capabilities"]["extensions"];
    assert!(
        can["io.modelcontextprotocol/tasks"].is_object(),
        "{discovered:#}"
    );
}

#[test]
fn a_task_is_its_principals_and_nobody_elses() {
    let site = four_eyes();
    let root = key(&site, None, "root", "admin");
    let (ann, eve) = (
        key(&site, Some(&root), "ann-bot", "agent"),
        key(&site, Some(&root), "eve-bot", "agent"),
    );
    let server = serve(&site);
    let agent = |key| Agent {
        server: &server,
        key,
        session: "",
    };
    let (ann, eve) = (agent(&ann), agent(&eve));
    let can = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let ask = |agent: &Agent<'_>, method: &str, params: Value| {
        agent.request_with(method, params, &can, &[])
    };
    let proposed = ask(
        &ann,
        "tools/call",
        json!({ "name": "propose_plan", "arguments": { "plan": PLAN } }),
    );
    let id = task(&proposed["result"]);
    let named = json!({ "taskId": id });
    assert_eq!(
        ask(&ann, "tasks/get", named.clone())["result"]["status"],
        "working"
    );
    let unknown = ask(
        &ann,
        "tasks/get",
        json!({ "taskId": id.replace("plan", "run") }),
    );
    assert_eq!(unknown["error"]["code"], -32602, "{unknown:#}");
    for method in ["tasks/get", "tasks/cancel"] {
        let no = ask(&eve, method, named.clone());
        assert_eq!(no["error"]["code"], -32602, "{no:#}");
        assert!(!no.to_string().contains("Pay"), "{no:#}");
    }
    let mut with = named.clone();
    with["inputResponses"] = json!({});
    let no = ask(&eve, "tasks/update", with);
    assert_eq!(no["error"]["code"], -32602, "{no:#}");
    // Whoever proposed it can take it back.
    let taken = ask(&ann, "tasks/cancel", named.clone());
    assert_eq!(taken["result"]["resultType"], "complete", "{taken:#}");
    until("it is cancelled", || {
        ask(&ann, "tasks/get", named.clone())["result"]["status"] == "cancelled"
    });
    let again = ask(&ann, "tasks/cancel", named);
    assert_eq!(again["result"]["resultType"], "complete", "{again:#}");
}

#[test]
fn a_call_that_was_said_yes_to_is_made_once_when_its_client_comes_back() {
    let site = slow("");
    let mut agent = client(&site);
    let plan = PLAN.replace("args: {of: bob}}", "args: {of: bob}, confirm: true}");
    approved(&mut agent, &site, &plan);
    until("it may be called", || !agent.planned().is_empty());
    let id = task(&agent.call("pay__look", json!({ "of": "bob" })));
    let [request] = requests(&site).try_into().unwrap();
    let now = get(&mut agent, &id);
    assert!(
        now["statusMessage"].as_str().unwrap().contains(&request),
        "{now:#}"
    );
    drop(agent);
    site.run(&["inbox", "answer", &request, "approve"]).exits(0);
    assert!(!site.path("ledger").exists(), "nobody came for it yet");
    let mut second = client(&site);
    let done = stands(&mut second, &id, "completed");
    assert_eq!(
        done["result"]["structuredContent"],
        json!({ "ok": true }),
        "{done:#}"
    );
    assert_eq!(ledger(&site).len(), 1);
    assert_eq!(get(&mut second, &id)["status"], "completed");
    assert_eq!(ledger(&site).len(), 1, "once");
}

#[test]
fn a_call_that_was_said_no_to_is_not_made() {
    let site = slow("");
    let mut agent = client(&site);
    let plan = PLAN.replace("args: {of: bob}}", "args: {of: bob}, confirm: true}");
    approved(&mut agent, &site, &plan);
    until("it may be called", || !agent.planned().is_empty());
    let id = task(&agent.call("pay__look", json!({ "of": "bob" })));
    let [request] = requests(&site).try_into().unwrap();
    site.run(&["inbox", "answer", &request, "reject", "--reason", "not him"])
        .exits(0);
    let done = stands(&mut agent, &id, "completed");
    assert_eq!(done["result"]["isError"], true, "{done:#}");
    let error = &done["result"]["structuredContent"]["error"];
    assert_eq!(error["code"], "APPROVAL_REJECTED", "{done:#}");
    assert!(
        error["message"].as_str().unwrap().contains("not him"),
        "{done:#}"
    );
    assert!(!site.path("ledger").exists());
}

const RUN: &str = "
version: 1
name: Run
steps:
  - {id: look, tool: pay.look, args: {of: bob}}
  - {id: send, tool: pay.send, args: {to: bob, amount: 5}, confirm: true}
";

#[test]
fn a_plan_that_mandate_runs_is_a_task_and_asks_the_clients_user() {
    let site = slow("ask_client = true");
    site.write("hold", "");
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    let mut agent = Client::start_with(&site, Era::Modern, (&[], None), Some(yes.clone()));
    agent.tasks = true;
    // What can be asked at once is.
    let asked = agent.call("propose_plan", json!({ "plan": RUN }));
    assert_eq!(asked["resultType"], "input_required", "{asked:#}");
    let key = asked["inputRequests"]
        .as_object()
        .unwrap()
        .keys()
        .next()
        .unwrap()
        .clone();
    let answered = agent.request(
        "tools/call",
        json!({
            "name": "propose_plan", "arguments": { "plan": RUN },
            "inputResponses": { key: yes }, "requestState": asked["requestState"],
        }),
    );
    assert!(
        answered["result"]["structuredContent"].is_object(),
        "{answered:#}"
    );
    let id = task(&agent.call("execute", json!({})));
    assert!(id.starts_with("run."), "{id}");
    assert_eq!(get(&mut agent, &id)["status"], "working");
    site.write("gate", "");
    let asks = stands(&mut agent, &id, "input_required");
    let questions = asks["inputRequests"].as_object().unwrap();
    let (key, question) = questions.iter().next().unwrap();
    assert_eq!(question["method"], "elicitation/create", "{asks:#}");
    assert!(
        question["params"]["message"]
            .as_str()
            .unwrap()
            .contains("pay.send"),
        "{asks:#}"
    );
    // What nobody asked is passed over, and whoever closes the question has not answered it.
    for answers in [
        json!({ "other": yes }),
        json!({ key: { "action": "cancel" } }),
    ] {
        let taken = agent.request(
            "tasks/update",
            json!({ "taskId": id, "inputResponses": answers }),
        );
        assert_eq!(
            taken["result"],
            json!({ "resultType": "complete" }),
            "{taken:#}"
        );
        assert_eq!(get(&mut agent, &id)["status"], "input_required");
    }
    let answers = json!({ key: yes });
    agent.request(
        "tasks/update",
        json!({ "taskId": id, "inputResponses": answers }),
    );
    let done = stands(&mut agent, &id, "completed");
    let told = &done["result"]["structuredContent"];
    assert_eq!(
        (&told["status"], &told["state"]),
        (&json!("success"), &json!("completed")),
        "{done:#}"
    );
    assert_eq!(ledger(&site).len(), 2);
    let events = site
        .run(&["executions", "events", "@last", "--json"])
        .exits(0)
        .stdout;
    assert_eq!(
        events.matches(r#""channel":"input_required""#).count(),
        2,
        "{events}"
    );
}

#[test]
fn what_is_not_wanted_any_more_is_stopped_where_nothing_is_lost_by_that() {
    let site = slow("");
    site.write("hold", "");
    let mut agent = client(&site);
    approved(
        &mut agent,
        &site,
        &PLAN.replace("args: {of: bob}}", "args: {of: bob}, on_failure: skip}"),
    );
    until("it may be called", || !agent.planned().is_empty());
    // A call that only reads.
    let id = task(&agent.call("pay__look", json!({ "of": "bob" })));
    let cancelled = agent.request("tasks/cancel", json!({ "taskId": id }));
    assert_eq!(
        cancelled["result"],
        json!({ "resultType": "complete" }),
        "{cancelled:#}"
    );
    stands(&mut agent, &id, "cancelled");
    // One that may have had its effect goes on, and is told of.
    let id = task(&agent.call("pay__send", json!({ "to": "bob", "amount": 5 })));
    let cancelled = agent.request("tasks/cancel", json!({ "taskId": id }));
    assert_eq!(
        cancelled["result"],
        json!({ "resultType": "complete" }),
        "{cancelled:#}"
    );
    assert_eq!(get(&mut agent, &id)["status"], "working");
    site.write("gate", "");
    stands(&mut agent, &id, "completed");
    // A plan that Mandate runs ends.
    std::fs::remove_file(site.path("gate")).unwrap();
    let proposed = task(&agent.call("propose_plan", json!({ "plan": RUN })));
    let [request] = requests(&site).try_into().unwrap();
    site.run(&["approvals", "approve", &request]).exits(0);
    stands(&mut agent, &proposed, "completed");
    let id = task(&agent.call("execute", json!({})));
    agent.request("tasks/cancel", json!({ "taskId": id }));
    stands(&mut agent, &id, "cancelled");
    assert_eq!(site.last()["state"], "cancelled");
}

#[test]
fn the_client_library_for_tasks_comes_back_for_them() {
    let Some(modules) = installed("npm/node_modules") else {
        return;
    };
    let site = slow("");
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp/tasks.mjs");
    let mut client = Command::new("node");
    client.arg(here).arg(env!("CARGO_BIN_EXE_mandate"));
    client.arg(modules).args([&server.url, &root]);
    site.prepare(&mut client);
    let seen = Ran::of(client.output().unwrap()).exits(0).json();
    let of = |method: &str, kind: &str| {
        let rows = seen.as_array().unwrap().iter();
        rows.filter(|row| row[0] == method && row[1] == kind)
            .count()
    };
    assert_eq!(of("tools/call", "task"), 2, "{seen:#}");
    assert!(of("tasks/get", "complete") >= 2, "{seen:#}");
    assert_eq!(ledger(&site).len(), 1);
}

#[test]
fn what_became_of_a_call_is_told_after_the_server_was_killed() {
    let site = slow("");
    site.write("hold", "");
    let root = key(&site, None, "root", "admin");
    let server = serve(&site);
    let can = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let plan = PLAN.replace(
        "steps:\n",
        "steps:\n  - {id: first, tool: pay.send, args: {to: eve, amount: 1}}\n",
    );
    let ask = |server: &super::http::Server, method: &str, params: Value| {
        let agent = Agent {
            server,
            key: &root,
            session: "one",
        };
        agent.request_with(method, params, &can, &[])
    };
    let call = |name: &str, arguments: Value| json!({ "name": name, "arguments": arguments });
    let proposed = ask(
        &server,
        "tools/call",
        call("propose_plan", json!({ "plan": plan })),
    );
    let id = task(&proposed["result"]);
    let request = id.split('.').nth(1).unwrap();
    let mut command = site.command(&["approvals", "approve", request]);
    Ran::of(command.env("MANDATE_API_KEY", &root).output().unwrap()).exits(0);
    until("it is approved", || {
        ask(&server, "tasks/get", json!({ "taskId": id }))["result"]["status"] == "completed"
    });
    let called = ask(
        &server,
        "tools/call",
        call("pay__send", json!({ "to": "eve", "amount": 1 })),
    );
    let id = task(&called["result"]);
    until("it is called", || {
        site.path("ledger").exists() && ledger(&site).len() == 1
    });
    drop(server); // by SIGKILL
    let server = serve(&site);
    let mut last = Value::Null;
    until("it is told what became of it", || {
        last = ask(&server, "tasks/get", json!({ "taskId": id }))["result"].clone();
        last["status"] == "completed"
    });
    assert_eq!(last["result"]["isError"], true, "{last:#}");
    assert_eq!(
        last["result"]["structuredContent"]["error"]["code"], "IN_DOUBT",
        "{last:#}"
    );
    assert_eq!(ledger(&site).len(), 1);
}
