//! Data flow through the shipped binary: what another party may have chosen does not decide who gets something, whatever it
//! goes through on its way; and what is not caught, as `docs/data-flow.md` says.

use crate::project::Project;
use serde_json::{Value, json};

/// A tool whose answer others control, one that reads only this machine, one whose calls are written down, and a policy that
/// asks for nothing but that no recipient is untrusted.
const TOOLS: &str = r#"
[[tools]]
name = "web.fetch"
command = ["sh", "-c", '''echo '{"to": "eve", "list": [{"to": "eve"}], "names": ["eve", "mallory"], "yes": true}' ''']
effect = "read"

[[tools]]
name = "mail.send"
command = ["sh", "-c", "cat >> ledger.txt; echo >> ledger.txt; echo '{}'"]
effect = "network"
sinks = { account = "recipient", cc = "none" }
"#;

const POLICY: &str = r#"
@id("no-untrusted-recipients")
forbid (principal, action == Action::"Call", resource)
when { context.untrusted_sinks.contains("recipient") };
@id("else")
permit (principal, action == Action::"Call", resource);
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("mandate.toml", TOOLS);
    project.write("policies/flow.cedar", POLICY);
    project.write("local.json", r#"{"to": "ann"}"#);
    project
}

fn run(project: &Project, steps: Value, code: i32) -> String {
    let plan = json!({ "version": 1, "name": "flow", "steps": steps });
    project.write("plan.json", plan.to_string());
    let ran = project.run(&["run", "plan.json", "--yes"]);
    ran.exits(code).stderr
}

/// What was sent, one message a line.
fn ledger(project: &Project) -> Vec<Value> {
    let text = std::fs::read_to_string(project.path("ledger.txt")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn fetch() -> Value {
    json!({ "id": "fetch", "tool": "web.fetch" })
}

fn send(to: &str) -> Value {
    json!({ "id": "send", "tool": "mail.send", "args": { "to": to } })
}

/// The same value in an argument whose name says nothing; that it holds a recipient shows when the call is about to be made.
fn send_whole(message: &str) -> Value {
    json!({ "id": "send", "tool": "mail.send", "args": { "message": message } })
}

/// The rows of this kind, as the journal has them.
fn rows(project: &Project, kind: &str) -> Vec<Value> {
    let export = project
        .run(&["audit", "export", "--kind", kind])
        .exits(0)
        .stdout;
    let rows = { export.lines() }.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows = rows.filter(|row| row["kind"] == kind);
    rows.map(|row| row["payload"].clone()).collect()
}

#[test]
fn laundering_is_refused_before_anything_runs() {
    let project = project();
    let child = json!({ "version": 1, "name": "child", "inputs": { "to": {} }, "steps": [send("${inputs.to}")] });
    for (name, steps) in [
        (
            "directly",
            json!([fetch(), send("${steps.fetch.output.to}")]),
        ),
        (
            "template",
            json!([fetch(), send("<${steps.fetch.output.to}@example.com>")]),
        ),
        (
            "concatenation",
            json!([fetch(), send("${'<' + steps.fetch.output.to}")]),
        ),
        (
            "for_each",
            json!([fetch(), { "id": "send", "tool": "mail.send", "for_each": { "in": "steps.fetch.output.names" }, "args": { "to": "${item}" } }]),
        ),
        (
            "fallback",
            json!([
                { "id": "read", "tool": "fs.read", "args": { "path": "none.json" }, "on_failure": { "fallback": [fetch()] } },
                send("${string(steps.read.output)}"),
            ]),
        ),
        (
            "nested plan",
            json!([fetch(), { "id": "inner", "tool": "plan.run", "args": { "plan": child, "inputs": { "to": "${steps.fetch.output.to}" } } }]),
        ),
        (
            "a choice of untrusted choices",
            json!([
                fetch(),
                { "id": "ask", "tool": "human.ask", "args": { "question": "Who?", "choices": "${steps.fetch.output.names}" } },
                send("${steps.ask.output.choice}"),
            ]),
        ),
        (
            "a file",
            json!([
                fetch(),
                { "id": "write", "tool": "fs.write", "args": { "path": "a.txt", "content": "${steps.fetch.output.to}" } },
                { "id": "read", "tool": "fs.read", "args": { "path": "a.txt" } },
                send("${steps.read.output.content}"),
            ]),
        ),
        (
            "another name that the operator gave",
            json!([fetch(), { "id": "send", "tool": "mail.send", "args": { "account": "${steps.fetch.output.to}" } }]),
        ),
    ] {
        let said = run(&project, steps, 3);
        assert!(
            said.contains("no-untrusted-recipients") || said.contains("policy denies"),
            "{name}: {said}"
        );
        let row = rows(&project, "admission_refused").pop().unwrap();
        assert_eq!(row["decision"]["outcome"], "deny", "{name}: {row:#}");
        let reasons = row["decision"]["reasons"].to_string();
        assert!(
            reasons.contains("no-untrusted-recipients"),
            "{name}: {row:#}"
        );
    }
    assert_eq!(rows(&project, "admission_refused").len(), 9);
    assert_eq!(
        project.run(&["executions", "list", "--json"]).json()["executions"],
        json!([])
    );
    assert_eq!(ledger(&project), [] as [Value; 0]);
}

#[test]
fn laundering_that_shows_only_at_the_call_is_refused_there() {
    let child = json!({ "version": 1, "name": "child", "inputs": { "message": {} }, "steps": [send_whole("${inputs.message}")] });
    for (name, steps) in [
        (
            "directly",
            json!([fetch(), send_whole("${steps.fetch.output}")]),
        ),
        (
            "for_each",
            json!([fetch(), { "id": "send", "tool": "mail.send", "for_each": { "in": "steps.fetch.output.list" }, "args": { "message": "${item}" } }]),
        ),
        (
            "fallback",
            json!([
                { "id": "read", "tool": "fs.read", "args": { "path": "none.json" }, "on_failure": { "fallback": [fetch()] } },
                send_whole("${steps.read.output}"),
            ]),
        ),
        (
            "nested plan",
            json!([fetch(), { "id": "inner", "tool": "plan.run", "args": { "plan": child, "inputs": { "message": "${steps.fetch.output}" } } }]),
        ),
        (
            "a file",
            json!([
                fetch(),
                { "id": "write", "tool": "fs.write", "args": { "path": "a.json", "content": "${json.format(steps.fetch.output)}" } },
                { "id": "read", "tool": "fs.read", "args": { "path": "a.json" } },
                send_whole("${json.parse(steps.read.output.content)}"),
            ]),
        ),
    ] {
        let project = project();
        run(&project, steps, 3);
        assert_eq!(project.last()["error"]["code"], "POLICY_DENIED", "{name}");
        let refusal = rows(&project, "step_blocked")[0]["refusal"].clone();
        assert_eq!(refusal["code"], "POLICY_DENIED", "{name}: {refusal:#}");
        assert_eq!(
            refusal["rule"], "no-untrusted-recipients",
            "{name}: {refusal:#}"
        );
        assert_eq!(ledger(&project), [] as [Value; 0], "{name}");
        project.run(&["executions", "replay", "@last"]).exits(0);
    }
}

#[test]
fn what_is_trusted_goes_through() {
    let project = project();
    run(
        &project,
        json!([
            fetch(),
            { "id": "read", "tool": "fs.read", "args": { "path": "local.json" } },
            { "id": "send", "tool": "mail.send", "args": { "to": "${json.parse(steps.read.output.content).to}", "body": "${steps.fetch.output.to}" } },
            { "id": "copy", "tool": "mail.send", "args": { "cc": "${steps.fetch.output.to}" } },
        ]),
        0,
    );
    let sent = ledger(&project);
    assert_eq!(sent[0]["to"], "ann");
    // The operator says that this one is no recipient.
    assert_eq!(sent[1]["cc"], "eve");
}

#[test]
fn a_yes_endorses_exactly_what_it_was_given_to() {
    let project = project();
    let mut step = send("${steps.fetch.output.to}");
    step["confirm"] = json!(true);
    let plan = json!({ "version": 1, "name": "flow", "steps": [fetch(), step] });
    project.write("plan.json", plan.to_string());
    project.run(&["run", "plan.json"]).exits(4);
    let shown = project.run(&["inbox", "show", "@last"]).exits(0).stdout;
    assert!(
        shown.contains("to: eve  untrusted recipient, from tool:web.fetch"),
        "{shown}"
    );
    let request = project.run(&["inbox", "list", "--json"]).json()["requests"][0].clone();
    assert_eq!(
        request["detail"]["detail"]["flow"]["untrusted_sinks"],
        json!({ "/to": "recipient" })
    );
    project.run(&["approvals", "approve", "@last"]).exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    assert_eq!(ledger(&project), [json!({ "to": "eve" })]);
    project.run(&["executions", "replay", "@last"]).exits(0);
    let steps = project.last()["steps"].clone();
    assert_eq!(
        steps[0]["labels"]["output"],
        json!(["tool:web.fetch", "untrusted"])
    );
    // It does not pass to what comes out of the call.
    assert_eq!(
        steps[1]["labels"]["output"],
        json!(["tool:mail.send", "tool:web.fetch", "untrusted"])
    );
}

#[test]
fn an_argument_held_to_literals_is_endorsed_by_the_plan_and_one_held_to_a_pattern_is_not() {
    for (rule, code) in [
        (json!({ "one_of": ["eve", "ann"] }), 0),
        (json!({ "glob": "*" }), 3),
        (json!({ "regex": "eve" }), 3),
    ] {
        let project = project();
        let mut step = send("${steps.fetch.output.to}");
        step["allow"] = json!({ "args": { "to": rule } });
        run(&project, json!([fetch(), step]), code);
        assert_eq!(ledger(&project).len(), usize::from(code == 0), "{rule}");
    }
}

/// What is documented as not caught, so that nobody is surprised on either side.
#[test]
fn what_is_not_caught_is_what_the_documentation_says() {
    // A decision that another party takes about what the plan's author wrote; it is reported as such.
    let project = project();
    let mut step = send("ann");
    step["if"] = json!("steps.fetch.output.yes");
    let plan = json!({ "version": 1, "name": "flow", "steps": [fetch(), step] });
    project.write("plan.json", plan.to_string());
    let said = project
        .run(&["evaluate", "plan.json", "--json"])
        .exits(0)
        .json();
    let flows = &said["decision"]["flows"];
    assert_eq!(flows[0]["code"], "UNTRUSTED_CONTROL");
    assert_eq!(flows[0]["path"], json!(["fetch.output.yes", "send.if"]));
    let shown = project.run(&["evaluate", "plan.json"]).exits(0).stdout;
    assert!(
        shown.contains("decides    fetch.output.yes → send.if"),
        "{shown}"
    );
    // What a human writes after reading it is the human's; what one execution wrote, another reads as its own.
    run(
        &project,
        json!([
            fetch(),
            { "id": "write", "tool": "fs.write", "args": { "path": "a.txt", "content": "${steps.fetch.output.to}" } },
        ]),
        0,
    );
    run(
        &project,
        json!([
            { "id": "read", "tool": "fs.read", "args": { "path": "a.txt" } },
            send("${steps.read.output.content}"),
        ]),
        0,
    );
    assert_eq!(ledger(&project), [json!({ "to": "eve" })]);
    let ask = json!({ "id": "ask", "tool": "human.ask", "args": { "question": "Who? ${steps.fetch.output.to}?" } });
    run(
        &project,
        json!([fetch(), ask, send("${steps.ask.output}")]),
        4,
    );
    project
        .run(&["inbox", "answer", "@last", "--data", "eve"])
        .exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    assert_eq!(ledger(&project).len(), 2);
}
