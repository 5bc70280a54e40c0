//! Where values come from, before anything runs: labels, sinks, the ways between them, and endorsement.

use crate::support::{decide, inputs, no_inputs, one_step, plan};
use mandate_policy::{Decision, FlowCode, FlowPath, Purpose, SinkKind, risk::Mitigation};
use serde_json::{Value, json};

fn fetch() -> Value {
    json!({ "id": "fetch", "tool": "http.request", "args": { "url": "https://example.com/page" } })
}

/// The decision about a plan of a fetch and these steps.
fn after_fetch(steps: Value) -> Decision {
    let mut all = vec![fetch()];
    all.extend(steps.as_array().unwrap().iter().cloned());
    decide(&plan(json!({ "steps": all })), &no_inputs())
}

fn ways(decision: &Decision) -> Vec<String> {
    let sinks = decision.flows.iter();
    sinks.map(|flow| flow.path.join(" → ")).collect()
}

fn only(decision: &Decision) -> &FlowPath {
    match decision.flows.as_slice() {
        [flow] => flow,
        other => panic!("{other:#?}"),
    }
}

#[test]
fn an_untrusted_value_in_a_recipient_is_found_with_its_way() {
    let decision = after_fetch(json!([
        { "id": "post", "tool": "mail.send", "args": { "to": "${steps.fetch.output.address}", "body": "hello" } },
    ]));
    let flow = only(&decision);
    assert_eq!(flow.code, FlowCode::UntrustedSink);
    assert_eq!(flow.kind, Some(SinkKind::Recipient));
    assert_eq!(flow.argument.as_deref(), Some("/to"));
    assert_eq!(flow.step, "post");
    assert_eq!(flow.path, ["fetch.output.address", "post.args.to"]);
    assert!(!flow.endorsed);
    assert_eq!(
        serde_json::to_value(&flow.labels).unwrap(),
        json!(["tool:http.request", "untrusted"])
    );
}

#[test]
fn what_is_no_sink_and_what_is_trusted_is_not_reported() {
    let decision = after_fetch(json!([
        { "id": "post", "tool": "mail.send", "args": { "to": "ann@example.com", "body": "${steps.fetch.output}" } },
    ]));
    assert_eq!(decision.flows, []);
    let local = plan(json!({
        "inputs": { "to": { "type": "string" } },
        "steps": [
            { "id": "read", "tool": "fs.read", "args": { "path": "a.txt" } },
            { "id": "post", "tool": "mail.send", "args": { "to": "${inputs.to}", "cc": "${steps.read.output}" } },
        ],
    }));
    let bound = inputs(&local, json!({ "to": "ann@example.com" }));
    assert_eq!(decide(&local, &bound).flows, []);
}

/// The laundering list, as far as it can be seen before anything runs: what stands in `to` of the last step is untrusted in
/// each of them.
#[test]
fn laundering_is_seen_before_anything_runs() {
    let send = |to: &str| json!({ "id": "post", "tool": "mail.send", "args": { "to": to } });
    let read = json!({ "id": "read", "tool": "fs.read", "args": { "path": "a.txt" } });
    let cases = [
        // A template around it.
        (
            json!([send("${steps.fetch.output.name}@example.com")]),
            vec!["fetch.output.name → post.args.to"],
        ),
        // Put together by an expression.
        (
            json!([send("${'a' + string(steps.fetch.output.name)}")]),
            vec!["fetch.output.name → post.args.to"],
        ),
        (
            json!([send(
                "${coalesce(steps.fetch.output.get('x', null), 'ann')}"
            )]),
            vec!["fetch.output → post.args.to"],
        ),
        // Passed through a tool that only computes.
        (
            json!([
                { "id": "keep", "tool": "data.value", "args": { "value": "${steps.fetch.output.name}" } },
                send("${steps.keep.output}"),
            ]),
            vec!["fetch.output.name → keep.args.value → keep.output → post.args.to"],
        ),
        // Through a tool that reads this machine: what it is asked for decides what it answers.
        (
            json!([
                { "id": "read", "tool": "shifty.tool", "args": { "text": "${steps.fetch.output.name}" } },
                send("${steps.read.output}"),
            ]),
            vec!["fetch.output.name → read.args.text → read.output → post.args.to"],
        ),
        // The arguments of another step, and its error.
        (
            json!([
                { "id": "keep", "tool": "data.value", "args": { "value": "${steps.fetch.output}" } },
                send("${steps.keep.args.value}"),
            ]),
            vec!["fetch.output → keep.args.value → post.args.to"],
        ),
        // The items of a list.
        (
            json!([{ "id": "post", "tool": "mail.send", "args": { "to": "${item}" }, "for_each": { "in": "steps.fetch.output.list" } }]),
            vec![
                "fetch.output.list → post.item → post.args.to",
                "fetch.output.list → post.for_each",
            ],
        ),
        // The output of what ran in a step's place.
        (
            json!([
                { "id": "read", "tool": "fs.read", "args": { "path": "a.txt" }, "on_failure": { "fallback": [
                    { "id": "other", "tool": "http.request", "args": { "url": "https://example.com/" } },
                ] } },
                send("${steps.read.output}"),
            ]),
            vec!["other.output → read.output → post.args.to"],
        ),
        // Either of two.
        (
            json!([read, send("${either('read', 'fetch')}")]),
            vec!["fetch.output → post.args.to"],
        ),
        // Computed inside a list and an object.
        (
            json!([{ "id": "post", "tool": "mail.send", "args": { "to": ["ann", "${steps.fetch.output}"], "extra": { "bcc": "${steps.fetch.output}" } } }]),
            vec![
                "fetch.output → post.args.extra.bcc",
                "fetch.output → post.args.to",
            ],
        ),
        // A human chooses from what others wrote.
        (
            json!([
                { "id": "ask", "tool": "human.ask", "args": { "question": "who?", "choices": "${steps.fetch.output.names}" } },
                send("${steps.ask.output}"),
            ]),
            vec!["fetch.output.names → ask.args.choices → ask.output → post.args.to"],
        ),
    ];
    for (steps, expected) in cases {
        let mut all = vec![fetch()];
        all.extend(steps.as_array().unwrap().iter().cloned());
        let decision = decide(&plan(json!({ "steps": all })), &no_inputs());
        assert_eq!(ways(&decision), expected, "{steps:#}");
    }
}

#[test]
fn what_a_human_writes_is_the_humans() {
    let decision = after_fetch(json!([
        { "id": "ask", "tool": "human.ask", "args": { "question": "Who gets it? They say: ${steps.fetch.output}" } },
        { "id": "post", "tool": "mail.send", "args": { "to": "${steps.ask.output}" } },
    ]));
    assert_eq!(decision.flows, []);
}

#[test]
fn a_nested_plan_takes_labels_in_and_gives_them_out() {
    let child = json!({
        "version": 1, "name": "child",
        "inputs": { "to": { "type": "string" }, "subject": { "type": "string" } },
        "steps": [{ "id": "send", "tool": "mail.send", "args": { "to": "${inputs.to}", "cc": "${inputs.subject}" } }],
    });
    let decision = after_fetch(json!([
        { "id": "inner", "tool": "plan.run", "args": { "plan": child, "inputs": { "to": "${steps.fetch.output}", "subject": "hi" } } },
        { "id": "post", "tool": "mail.send", "args": { "to": "${steps.inner.output.outputs.send}" } },
    ]));
    assert_eq!(
        ways(&decision),
        [
            "fetch.output → inner.args.inputs.to → inner/inputs.to → inner/send.args.to",
            "inner.output.outputs.send → post.args.to",
        ]
    );
}

#[test]
fn an_untrusted_decision_about_an_effect_is_reported_and_one_about_a_read_is_not() {
    let decision = after_fetch(json!([
        { "id": "look", "tool": "fs.read", "args": { "path": "a" }, "if": "steps.fetch.output.ok" },
        { "id": "drop", "tool": "fs.delete", "args": { "path": "a" }, "if": "steps.fetch.output.ok" },
        { "id": "keep", "tool": "fs.delete", "args": { "path": "a" }, "if": "succeeded('fetch')" },
    ]));
    let flow = only(&decision);
    assert_eq!(flow.code, FlowCode::UntrustedControl);
    assert_eq!(flow.path, ["fetch.output.ok", "drop.if"]);
    assert_eq!((flow.argument.as_ref(), flow.kind), (None, None));
}

#[test]
fn endorsed_is_what_is_confirmed_or_held_to_literals_and_nothing_else() {
    let endorsed = |rest: Value| {
        let mut step =
            json!({ "id": "post", "tool": "mail.send", "args": { "to": "${steps.fetch.output}" } });
        step.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        only(&after_fetch(json!([step]))).endorsed
    };
    assert!(!endorsed(json!({})));
    assert!(endorsed(json!({ "confirm": true })));
    for (rule, expected) in [
        (json!({ "equals": "ann" }), true),
        (json!({ "one_of": ["ann", "bob"] }), true),
        (json!({ "glob": "*@example.com" }), false),
        (json!({ "regex": "ann|bob" }), false),
        (json!({ "any": true }), false),
    ] {
        assert_eq!(
            endorsed(json!({ "allow": { "args": { "to": rule } } })),
            expected,
            "{rule}"
        );
    }
    // A rule about another argument says nothing about this one.
    assert!(!endorsed(
        json!({ "allow": { "args": { "subject": { "equals": "ann" } } } })
    ));
    // It does not pass to what comes out.
    let decision = after_fetch(json!([
        { "id": "keep", "tool": "data.value", "args": { "value": "${steps.fetch.output}" }, "allow": { "args": { "value": { "equals": "ann" } } } },
        { "id": "post", "tool": "mail.send", "args": { "to": "${steps.keep.output}" } },
    ]));
    assert!(!only(&decision).endorsed);
}

#[test]
fn an_address_is_open_unless_the_plan_says_which_host_it_is() {
    let open = |url: &str, allow: Value| {
        let decision = after_fetch(json!([
            { "id": "get", "tool": "http.request", "args": { "url": url }, "allow": allow },
        ]));
        let flow = only(&decision);
        assert_eq!(flow.kind, Some(SinkKind::Url));
        flow.any_host
    };
    let x = "${steps.fetch.output}";
    assert!(open(x, json!({})));
    assert!(open(&format!("https://{x}/"), json!({})));
    assert!(open(&format!("https://example.com{x}"), json!({})));
    assert!(open(&format!("https://ann:{x}@example.com/"), json!({})));
    assert!(!open(&format!("https://example.com/{x}"), json!({})));
    assert!(!open(x, json!({ "urls": ["https://example.com/**"] })));
    assert!(open(
        x,
        json!({ "urls": ["https://example.com/**", "https://*/**"] })
    ));
    assert!(open(x, json!({ "urls": ["https://*.example.com/**"] })));
    assert!(!open(
        x,
        json!({ "urls": [{ "type": "regex", "pattern": r"https://example\.com/.*" }] })
    ));
    assert!(open(
        x,
        json!({ "urls": [{ "type": "regex", "pattern": "https://example.com/.*" }] })
    ));
    assert!(open(
        x,
        json!({ "urls": [{ "type": "regex", "pattern": r"https://a\.com/|.*" }] })
    ));
}

#[test]
fn arguments_are_sinks_by_their_names() {
    for (name, kind) in [
        ("to", Some(SinkKind::Recipient)),
        ("recipientEmail", Some(SinkKind::Recipient)),
        ("to_account", Some(SinkKind::Recipient)),
        ("callback_url", Some(SinkKind::Url)),
        ("hostname", Some(SinkKind::Url)),
        ("filePath", Some(SinkKind::Path)),
        ("destination", Some(SinkKind::Path)),
        ("command", Some(SinkKind::Command)),
        ("sql", Some(SinkKind::Command)),
        ("total_amount", Some(SinkKind::Amount)),
        ("body", None),
        ("text", None),
        ("photo", None),
    ] {
        let args = json!({ name: "${steps.fetch.output}" });
        let decision = after_fetch(json!([{ "id": "s", "tool": "some.tool", "args": args }]));
        let kinds: Vec<_> = decision.flows.iter().map(|flow| flow.kind).collect();
        assert_eq!(
            kinds,
            kind.map(Some).into_iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
    // What computes touches nothing.
    let decision = after_fetch(json!([
        { "id": "s", "tool": "data.value", "args": { "value": { "to": "${steps.fetch.output}" } } },
    ]));
    assert_eq!(decision.flows, []);
    // The query of an address carries data out.
    let decision = after_fetch(json!([
        { "id": "s", "tool": "http.request", "args": { "url": "https://h/", "query": { "q": "${steps.fetch.output}" } } },
    ]));
    assert_eq!(ways(&decision), ["fetch.output → s.args.query"]);
}

#[test]
fn an_undo_call_is_looked_at_as_well() {
    let decision = after_fetch(json!([
        { "id": "put", "tool": "http.request", "args": { "method": "PUT", "url": "https://h/" },
          "compensate": { "tool": "http.request", "args": { "method": "DELETE", "url": "https://h/${output.id}" } } },
    ]));
    let flow = only(&decision);
    assert_eq!(flow.purpose, Purpose::Compensate);
    assert_eq!(flow.path, ["put.output", "put.compensate.args.url"]);
}

#[test]
fn a_way_of_a_thousand_steps_is_cut_in_the_middle() {
    let mut steps = vec![fetch()];
    let mut before = "fetch".to_owned();
    for number in 0..500 {
        let id = format!("s{number}");
        steps.push(json!({ "id": id, "tool": "data.value", "args": { "value": format!("${{steps.{before}.output}}") } }));
        before = id;
    }
    steps.push(json!({ "id": "post", "tool": "mail.send", "args": { "to": format!("${{steps.{before}.output}}") } }));
    let decision = decide(&plan(json!({ "steps": steps })), &no_inputs());
    let flow = only(&decision);
    assert_eq!(flow.path.len(), 17);
    assert_eq!(flow.path.first().unwrap(), "fetch.output");
    assert_eq!(flow.path[8], "…");
    assert_eq!(flow.path.last().unwrap(), "post.args.to");
}

#[test]
fn a_pattern_without_a_host_does_not_limit_addresses() {
    let advised = |urls: Value| {
        let step = json!({ "tool": "http.request", "args": { "url": "https://example.com/" }, "allow": { "urls": urls } });
        let decision = decide(&one_step(step), &no_inputs());
        let advice = &decision.steps[0].risk.mitigations;
        advice.contains(&Mitigation::UrlAllowlist)
    };
    assert!(!advised(json!(["https://example.com/**"])));
    assert!(advised(json!(["https://**"])));
}
