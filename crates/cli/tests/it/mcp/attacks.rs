//! An agent gone bad: everything it tries is refused before it reaches a tool, which the ledger of the tool proves.

use super::scenes::{four_eyes, ledger, site};
use super::{Client, Era};
use crate::agent::PLAN;
use crate::project::Ran;
use crate::several::until;
use crate::site::Site;
use serde_json::{Value, json};

/// The codes of the refusals in the journal.
fn refusals(site: &Site) -> Vec<String> {
    let export = site.run(&["audit", "export"]).exits(0).stdout;
    let rows = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "call_refused")
        .map(|row| {
            row["payload"]["refusal"]["code"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn ready(site: &Site, era: Era) -> Client {
    let mut agent = Client::start(site, era, &[]);
    agent.approved(site, PLAN);
    until("it may be called", || !agent.planned().is_empty());
    agent
}

#[test]
fn nothing_but_the_plans_next_call_gets_through() {
    let site = site("");
    let mut agent = ready(&site, Era::Modern);
    // Arguments as text, so that what JSON leaves open is said, too.
    let look = [
        (r#"{"of":"eve"}"#, "another value"),
        (r#"{"of":"bob","of":"bob"}"#, "the same key twice"),
        (
            r#"{"of":"eve","of":"bob"}"#,
            "two values, the last one right",
        ),
        (r#"{"of":"bob","\u006ff":"eve"}"#, "the same key, escaped"),
        (r#"{"Of":"bob"}"#, "another case"),
        (r#"{"of":"Bob"}"#, "another case of the value"),
        (r#"{"of":"bоb"}"#, "a look-alike letter"),
        (r#"{"of":"bob "}"#, "a space"),
        (r#"{"of":"bob\u200b"}"#, "what cannot be seen"),
        (r#"{"of":"bob","also":"eve"}"#, "one more"),
        (r#"{"of":{"of":"bob"}}"#, "nested"),
        (r#"{"of":["bob"]}"#, "a list"),
        (r#"{"of":null}"#, "nothing"),
        (r#"{}"#, "none"),
    ];
    let mut expected = 0;
    for (arguments, what) in look {
        let result = raw(&mut agent, "pay__look", arguments);
        assert_eq!(result["isError"], true, "{what}: {result:#}");
        let code = &result["structuredContent"]["error"]["code"];
        assert_eq!(code, "ARGUMENT_VIOLATION", "{what}: {result:#}");
        expected += 1;
    }
    assert_eq!(
        refusals(&site).len(),
        expected,
        "each of them is written down"
    );
    let names = [
        "pay__Look",
        "PAY__look",
        "pay.look",
        "pay__look ",
        "pay___look",
        "p\u{430}y__look",
        "look",
        "pay__look__x",
        "",
        "pay__look\u{200b}",
        "mcp__mandate__pay__look",
        "pay_look",
        "pay/look",
    ];
    for name in names {
        assert_eq!(
            agent.refused(name, json!({ "of": "bob" })),
            "UNPLANNED_ACTION",
            "{name}"
        );
        expected += 1;
    }
    // Out of order, and the right call twice.
    let send = json!({ "to": "bob", "amount": 5 });
    assert_eq!(
        agent.refused("pay__send", send.clone()),
        "SEQUENCE_VIOLATION"
    );
    assert_eq!(ledger(&site), Vec::<String>::new());
    agent.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "SEQUENCE_VIOLATION"
    );
    expected += 2;
    let send = [
        (r#"{"to":"bob","amount":"5"}"#, "a number as text"),
        (r#"{"to":"bob","amount":5.0000001}"#, "nearly the number"),
        (r#"{"to":"bob","amount":5e0,"amount":5}"#, "twice"),
        (
            r#"{"to":"bob","amount":500000000000000000000005}"#,
            "a number that nobody keeps",
        ),
        (
            r#"{"to":"bob","amount":5,"note":{"cc":"eve"}}"#,
            "more than the schema takes",
        ),
        (
            r#"{"to":"bob","amount":5,"note":"123456789012345678901"}"#,
            "longer than the schema takes",
        ),
        (
            r#"{"to":"bob","amount":5,"currency":"USD"}"#,
            "another default",
        ),
        (
            r#"{"to":"bob","amount":5,"__proto__":{"to":"eve"}}"#,
            "a prototype",
        ),
        (
            r#"{"to":"bob","amount":5,"to\u0000":"eve"}"#,
            "a key with a zero",
        ),
    ];
    for (arguments, what) in send {
        let result = raw(&mut agent, "pay__send", arguments);
        let code = result["structuredContent"]["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(code, "ARGUMENT_VIOLATION", "{what}: {result:#}");
    }
    expected += send.len();
    assert_eq!(
        agent.refused("pay__send", json!({ "to": "ann", "amount": 7 })),
        "SEQUENCE_VIOLATION",
        "the step after the next"
    );
    expected += 1;
    assert_eq!(
        refusals(&site).len(),
        expected,
        "each of them is written down"
    );
    assert_eq!(ledger(&site).len(), 1, "nothing else was called");
    site.assert_intact();
}

#[test]
fn messages_that_say_two_things_are_no_calls() {
    let site = site("");
    let mut agent = ready(&site, Era::Legacy);
    let two = [
        r#"{"jsonrpc":"2.0","id":90,"method":"tools/call","params":{"name":"pay__send","name":"pay__look","arguments":{"of":"bob"}}}"#,
        r#"{"jsonrpc":"2.0","id":90,"method":"tools/list","method":"tools/call","params":{"name":"pay__look","arguments":{"of":"bob"}}}"#,
        r#"{"jsonrpc":"2.0","id":90,"method":"tools/call","params":{"name":"pay__look","arguments":{"of":"eve"},"arguments":{"of":"bob"}}}"#,
        r#"{"jsonrpc":"2.0","id":90,"method":"tools/call","params":{"name":"pay__look","arguments":"of=bob"}}"#,
        r#"[{"jsonrpc":"2.0","id":90,"method":"tools/call","params":{"name":"pay__look","arguments":{"of":"bob"}}}]"#,
    ];
    for line in two.iter().take(4) {
        let answer = agent.raw(line, json!(90));
        assert!(answer["error"]["code"].is_number(), "{line}: {answer:#}");
    }
    agent.say(two[4]);
    agent.say("{");
    agent.say(&format!(r#"{{"x":"{}"}}"#, "x".repeat(5 * 1024 * 1024)));
    // It goes on answering, and nothing was called.
    assert_eq!(agent.planned(), ["pay__look"]);
    assert_eq!(ledger(&site), Vec::<String>::new());
    // The raw text is judged, whoever put it there.
    let forged = agent.request(
        "tools/call",
        json!({ "name": "pay__look", "arguments": { "of": "bob" }, "_meta": { "dev.mandate/arguments": r#"{"of":"eve"}"# } }),
    );
    assert_eq!(forged["result"]["isError"], true, "{forged:#}");
    assert_eq!(ledger(&site), Vec::<String>::new());
}

#[test]
fn nothing_is_called_after_the_end() {
    let site = site("");
    let mut agent = ready(&site, Era::Legacy);
    site.run(&["executions", "cancel", "@last"]).exits(0);
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "TOKEN_EXPIRED"
    );
    assert_eq!(agent.planned(), Vec::<String>::new());
    // The same where the agent was silent for too long.
    let quiet = super::scenes::site("[gateway]\nagent_idle_ms = 300\n");
    let mut agent = Client::start(&quiet, Era::Modern, &[]);
    agent.approved(&quiet, PLAN);
    until("it has ended", || quiet.last()["state"] == "failed");
    assert_eq!(
        agent.refused("pay__look", json!({ "of": "bob" })),
        "TOKEN_EXPIRED"
    );
    for site in [&site, &quiet] {
        assert_eq!(refusals(site), ["TOKEN_EXPIRED"]);
        assert_eq!(ledger(site), Vec::<String>::new());
    }
}

#[test]
fn another_session_or_another_principal_has_no_part_in_it() {
    let site = four_eyes();
    let admin = site
        .run(&["keys", "create", "root", "--role", "admin"])
        .exits(0);
    let made = |name: &str| {
        let mut command = site.command(&["keys", "create", name, "--role", "agent"]);
        let made = Ran::of(
            command
                .env("MANDATE_API_KEY", admin.stdout.trim())
                .output()
                .unwrap(),
        );
        made.exits(0).stdout.trim().to_owned()
    };
    let (ann, eve) = (made("ann-bot"), made("eve-bot"));
    let mut first = Client::start_as(&site, Era::Modern, &[], Some(&ann));
    let proposed = first.done("propose_plan", json!({ "plan": PLAN }));
    let id = proposed["execution_id"].as_str().unwrap();
    let request = proposed["approval"]["request_id"].as_str().unwrap();
    let mut command = site.command(&["approvals", "approve", request]);
    let approved = Ran::of(
        command
            .env("MANDATE_API_KEY", admin.stdout.trim())
            .output()
            .unwrap(),
    );
    approved.exits(0);
    until("it may be called", || !first.planned().is_empty());
    // The same principal in another session has no plan there.
    let mut second = Client::start_as(&site, Era::Modern, &[], Some(&ann));
    assert_eq!(
        second.refused("pay__look", json!({ "of": "bob" })),
        "UNPLANNED_ACTION"
    );
    // Another principal does not even learn that there is one.
    let mut other = Client::start_as(&site, Era::Modern, &[], Some(&eve));
    for tool in ["get_plan", "status", "finish", "execute"] {
        let refused = other.call(tool, json!({ "execution_id": id }));
        assert_eq!(refused["isError"], true, "{tool}: {refused:#}");
        assert!(!refused.to_string().contains("Pay"), "{tool}: {refused:#}");
    }
    let args = json!({ "execution_id": id, "plan": PLAN, "reason": "mine" });
    assert_eq!(other.refused("replan", args), "INVALID_PAYLOAD");
    assert_eq!(
        other.refused("pay__look", json!({ "of": "bob" })),
        "UNPLANNED_ACTION"
    );
    assert_eq!(ledger(&site), Vec::<String>::new());
    first.call("pay__look", json!({ "of": "bob" }));
    assert_eq!(ledger(&site).len(), 1);
}

fn raw(agent: &mut Client, name: &str, arguments: &str) -> Value {
    agent.last_id += 1;
    let id = agent.last_id;
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let meta = match agent.era {
        Era::Modern => format!(r#","_meta":{meta}"#),
        Era::Legacy => String::new(),
    };
    let line = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}{meta}}}}}"#
    );
    let answer = agent.raw(&line, json!(id));
    assert!(answer.get("error").is_none(), "{answer:#}");
    answer["result"].clone()
}

/// The fake server of the tools' tests, which writes every call down before it answers.
fn served() -> Site {
    served_with("", "")
}

fn served_with(option: &str, more: &str) -> Site {
    let script =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let site = Site::new();
    let log = site.path("log");
    site.write(
        "mandate.toml",
        format!(
            "[mcpServers.fake]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}, {option:?}]\n{more}\n"
        ),
    );
    site
}

/// The calls that the server itself saw.
fn seen(site: &Site) -> Vec<String> {
    let log = site.content("log");
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter_map(|line| line["call"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_server_that_describes_its_tools_otherwise_half_way_is_not_called() {
    // Another description, and another schema.
    for change in [
        "{}",
        "{schema: {properties: {text: {type: string}, to: {type: string}}}}",
    ] {
        let site = served();
        let plan = format!(
            "version: 1\nname: Served\nmode: agent\nsteps:\n  - {{id: change, tool: fake.change, args: {change}}}\n  \
             - {{id: echo, tool: fake.echo, args: {{text: a}}}}\n"
        );
        let mut agent = Client::start(&site, Era::Legacy, &[]);
        agent.approved(&site, &plan);
        until("it may be called", || !agent.planned().is_empty());
        let args = agent.done("status", json!({}))["callable"][0]["args"].clone();
        let changed = agent.call("fake__change", args);
        assert_ne!(changed["isError"], true, "{changed:#}");
        let refused = agent.call("fake__echo", json!({ "text": "a" }));
        assert_eq!(
            refused["structuredContent"]["error"]["code"], "TOOL_CHANGED",
            "{refused:#}"
        );
        assert_eq!(seen(&site), ["change"], "the server's own ledger");
    }
}

/// How often the server was asked for its tools since it was called last.
fn lists_since_the_last_call(site: &Site) -> usize {
    let log = site.content("log");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let since = lines.iter().rev().take_while(|line| line["call"].is_null());
    since.filter(|line| line.get("list").is_some()).count()
}

#[test]
fn a_server_that_changes_a_tool_without_a_word_is_not_called() {
    let plan = |change: &str| {
        format!(
            "version: 1\nname: Served\nmode: agent\nsteps:\n  - {{id: first, tool: fake.echo, args: {{text: z}}}}\n  \
             - {{id: change, tool: fake.change, args: {change}}}\n  - {{id: echo, tool: fake.echo, args: {{text: a}}}}\n"
        )
    };
    for change in [
        "{}",
        "{schema: {properties: {text: {type: string}, to: {type: string}}}}",
    ] {
        // Asked before each call; and asked now and then beside the calls, so that no call waits for it.
        for recheck_ms in [0, 600] {
            let site = served_with("quiet", &format!("recheck_ms = {recheck_ms}"));
            let mut agent = Client::start(&site, Era::Legacy, &[]);
            agent.approved(&site, &plan(change));
            until("it may be called", || !agent.planned().is_empty());
            let first = agent.call("fake__echo", json!({ "text": "z" }));
            assert_ne!(first["isError"], true, "{first:#}");
            let args = agent.done("status", json!({}))["callable"][0]["args"].clone();
            let changed = agent.call("fake__change", args);
            assert_ne!(changed["isError"], true, "{changed:#}");
            if recheck_ms > 0 {
                until("it is asked beside the calls", || {
                    lists_since_the_last_call(&site) > 0
                });
            }
            let refused = agent.call("fake__echo", json!({ "text": "a" }));
            assert_eq!(
                refused["structuredContent"]["error"]["code"], "TOOL_CHANGED",
                "{refused:#}"
            );
            assert_eq!(seen(&site), ["echo", "change"], "the server's own ledger");
        }
    }
}

#[test]
fn a_server_sees_the_plans_calls_and_no_other() {
    let site = served();
    let plan = "version: 1\nname: Charge\nmode: agent\nsteps:\n  \
                - {id: slip, tool: fake.echo, args: {to: bob, sum: 5, tags: {a: [1, 2]}}, allow: {args: {note: {one_of: [x, y]}}}}\n  \
                - {id: charge, tool: fake.charge, args: {to: bob}}\n";
    let mut agent = Client::start(&site, Era::Modern, &[]);
    assert_eq!(
        agent.refused("fake__charge", json!({ "to": "bob" })),
        "UNPLANNED_ACTION"
    );
    let proposed = agent.done("propose_plan", json!({ "plan": plan }));
    assert_eq!(
        agent.refused("fake__echo", json!({})),
        "APPROVAL_REQUIRED",
        "before the yes"
    );
    let request = proposed["approval"]["request_id"].as_str().unwrap();
    site.run(&["approvals", "approve", request]).exits(0);
    until("it may be called", || !agent.planned().is_empty());
    let tricks = [
        r#"{"to":"eve","sum":5,"tags":{"a":[1,2]}}"#,
        r#"{"to":"bob","to":"bob","sum":5,"tags":{"a":[1,2]}}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[1,2],"a":[1,2]}}"#,
        r#"{"to":"bob","sum":"5","tags":{"a":[1,2]}}"#,
        r#"{"to":"bob","sum":5.1,"tags":{"a":[1,2]}}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[2,1]}}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":["1",2]}}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[1,2],"b":0}}"#,
        r#"{"to":"bob","sum":5,"tags":{"A":[1,2]}}"#,
        r#"{"to":"bob","sum":5,"tags":[{"a":[1,2]}]}"#,
        r#"{"to":"b\u03bfb","sum":5,"tags":{"a":[1,2]}}"#,
        r#"{"tо":"bob","sum":5,"tags":{"a":[1,2]}}"#,
        r#"{"TO":"bob","sum":5,"tags":{"a":[1,2]}}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[1,2]},"cc":"eve"}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[1,2]},"note":"z"}"#,
        r#"{"to":"bob","sum":5,"tags":{"a":[1,2]},"note":["x"]}"#,
        r#"{"to":"bob","sum":5}"#,
    ];
    for arguments in tricks {
        let result = raw(&mut agent, "fake__echo", arguments);
        let code = &result["structuredContent"]["error"]["code"];
        assert_eq!(code, "ARGUMENT_VIOLATION", "{arguments}: {result:#}");
    }
    for name in [
        "fake__die",
        "fake__Echo",
        "fake.echo",
        "echo",
        "fake__echo ",
        "fаke__echo",
        "fake__charge__",
        "fake_charge",
    ] {
        assert_eq!(
            agent.refused(name, json!({ "to": "bob" })),
            "UNPLANNED_ACTION",
            "{name}"
        );
    }
    assert_eq!(
        agent.refused("fake__charge", json!({ "to": "bob" })),
        "SEQUENCE_VIOLATION"
    );
    let mut second = Client::start(&site, Era::Legacy, &[]);
    assert_eq!(
        second.refused("fake__echo", json!({ "to": "bob" })),
        "UNPLANNED_ACTION"
    );
    assert_eq!(seen(&site), Vec::<String>::new());
    // The plan's call, as it may be written.
    let right = r#"{"tags":{"a":[1,2.0]}, "sum":5, "to":"\u0062ob", "note":"y"}"#;
    assert_ne!(raw(&mut agent, "fake__echo", right)["isError"], true);
    assert_eq!(
        raw(&mut agent, "fake__echo", right)["isError"],
        true,
        "once"
    );
    assert_eq!(seen(&site), ["echo"]);
    site.run(&["executions", "cancel", "@last"]).exits(0);
    assert_eq!(
        agent.refused("fake__charge", json!({ "to": "bob" })),
        "TOKEN_EXPIRED"
    );
    assert_eq!(seen(&site), ["echo"]);
    site.assert_intact();
}

#[test]
fn nothing_gets_through_on_a_yes_that_was_taken_back() {
    let site = served();
    let plan = "version: 1\nname: Short\nmode: agent\nsteps:\n  - {id: charge, tool: fake.charge, args: {to: bob}}\n";
    let mut agent = Client::start(&site, Era::Modern, &[]);
    agent.approved(&site, plan);
    until("it may be called", || !agent.planned().is_empty());
    site.run(&["approvals", "revoke", "@last"]).exits(0);
    let code = agent.refused("fake__charge", json!({ "to": "bob" }));
    assert_eq!(code, "TOKEN_EXPIRED", "the execution has ended with it");
    assert_eq!(seen(&site), Vec::<String>::new());
}
