//! Decisions of the first policy, and of rules that misbehave.

use crate::support::{Tools, decide, inputs, no_inputs, one_step, plan, request};
use mandate_plan::Effect;
use mandate_policy::{
    Approver, Decision, Limits, Outcome, Purpose, Rules, SessionView,
    classify::{Category, Tag},
    evaluate, evaluate_with,
    resources::ResourceKind,
    risk::Level,
    rules::{Case, Moment, RuleError, Ruling},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn outcome(step: Value) -> Outcome {
    let plan = one_step(step);
    decide(&plan, &no_inputs()).outcome
}

#[test]
fn closed_world_reads_run_and_everything_else_needs_approval() {
    for (tool, args, expected) in [
        ("fs.read", json!({ "path": "a" }), Outcome::Allow),
        ("data.value", json!({ "value": 1 }), Outcome::Allow),
        ("time.sleep", json!({ "ms": 1 }), Outcome::Allow),
        (
            "fs.write",
            json!({ "path": "a", "content": "" }),
            Outcome::RequireApproval,
        ),
        (
            "fs.delete",
            json!({ "path": "a" }),
            Outcome::RequireApproval,
        ),
        (
            "process.exec",
            json!({ "argv": ["true"] }),
            Outcome::RequireApproval,
        ),
        // A read, but others control what is read.
        (
            "http.request",
            json!({ "method": "GET", "url": "https://h/" }),
            Outcome::RequireApproval,
        ),
        ("mail.send", json!({}), Outcome::RequireApproval),
        ("no.such", json!({}), Outcome::Deny),
    ] {
        assert_eq!(
            outcome(json!({ "tool": tool, "args": args })),
            expected,
            "{tool}"
        );
    }
}

#[test]
fn what_an_agent_asks_for_can_be_approved_by_somebody_else() {
    let plan = one_step(json!({ "tool": "fs.delete", "args": { "path": "a" } }));
    let approvers = |roles: &[&str]| {
        let mut asked = request();
        asked.session.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let decision = evaluate(&plan, &no_inputs(), &Tools::new(), &asked);
        let texts = decision.approvers.iter().map(ToString::to_string);
        texts.collect::<Vec<String>>()
    };
    assert_eq!(approvers(&[]), ["requester"]);
    assert_eq!(approvers(&["submitter", "admin"]), ["requester"]);
    assert_eq!(approvers(&["agent"]), ["requester or other"]);
    assert_eq!(approvers(&["admin", "agent"]), ["requester or other"]);
}

#[test]
fn one_effect_makes_the_whole_plan_need_approval() {
    let plan = plan(json!({ "steps": [
        { "id": "a", "tool": "fs.read", "args": { "path": "x" } },
        { "id": "b", "tool": "fs.write", "args": { "path": "y", "content": "" } },
    ] }));
    let decision = decide(&plan, &no_inputs());
    assert_eq!(decision.outcome, Outcome::RequireApproval);
    assert_eq!(decision.approvers, [Approver::Requester]);
    let by_step: Vec<_> = decision
        .steps
        .iter()
        .map(|s| (s.step.as_str(), s.outcome))
        .collect();
    assert_eq!(
        by_step,
        [("a", Outcome::Allow), ("b", Outcome::RequireApproval)]
    );
    let reasons: Vec<_> = decision
        .reasons
        .iter()
        .map(|r| (r.rule.as_str(), r.step.as_deref()))
        .collect();
    assert_eq!(
        reasons,
        [
            ("first-policy/reads", Some("a")),
            ("first-policy/effects", Some("b"))
        ]
    );
    assert_eq!(decision.risk.score, 62);
    assert_eq!(decision.risk.level, Level::High);
}

#[test]
fn no_approver_is_named_where_none_is_asked() {
    assert!(
        decide(&one_step(json!({ "tool": "fs.read" })), &no_inputs())
            .approvers
            .is_empty()
    );
    let denied = plan(
        json!({ "steps": [{ "id": "a", "tool": "fs.write" }, { "id": "b", "tool": "no.such" }] }),
    );
    let decision = decide(&denied, &no_inputs());
    assert_eq!(decision.outcome, Outcome::Deny);
    assert!(decision.approvers.is_empty());
    assert_eq!(decision.steps[1].category, Category::Unknown);
    assert!(
        decision
            .reasons
            .iter()
            .any(|r| r.rule == "unknown-tool" && r.message.contains("no.such"))
    );
}

#[test]
fn every_call_of_the_plan_is_assessed() {
    let plan = plan(json!({
        "steps": [{
            "id": "a", "tool": "fs.read", "args": { "path": "x" },
            "compensate": { "tool": "fs.delete", "args": { "path": "x" } },
            "on_failure": { "fallback": [{ "id": "f", "tool": "mail.send" }] },
        }],
        "finally": [{ "id": "z", "tool": "process.exec", "args": { "argv": ["true"] }, "on_failure": "skip" }],
    }));
    let decision = decide(&plan, &no_inputs());
    let calls: BTreeSet<_> = decision
        .steps
        .iter()
        .map(|s| (s.step.as_str(), s.purpose, s.effect, s.outcome))
        .collect();
    let needs = Outcome::RequireApproval;
    let expected = [
        ("a", Purpose::Run, Effect::Read, Outcome::Allow),
        ("a", Purpose::Compensate, Effect::Delete, needs),
        ("f", Purpose::Run, Effect::Network, needs),
        ("z", Purpose::Run, Effect::Execute, needs),
    ];
    assert_eq!(calls, BTreeSet::from(expected));
    assert!(decision.assessment("a", Purpose::Compensate).is_some());
    assert!(decision.assessment("f", Purpose::Compensate).is_none());
}

#[test]
fn what_follows_from_the_inputs_is_known_and_the_rest_is_the_worst() {
    let body = json!({
        "inputs": { "method": { "type": "string" }, "dir": { "type": "string" } },
        "steps": [
            { "id": "list", "tool": "fs.list", "args": { "path": "${inputs.dir}/sub" } },
            { "id": "get", "tool": "http.request", "args": { "method": "${inputs.method}", "url": "http://localhost/x" } },
            { "id": "late", "tool": "http.request", "args": { "method": "GET", "url": "${steps.get.output.next}", "path": "${inputs.dir}" } },
        ],
    });
    let plan = plan(body);
    let bound = inputs(&plan, json!({ "method": "GET", "dir": "/etc" }));
    let decision = decide(&plan, &bound);
    let [list, get, late] = decision.steps.as_slice() else {
        panic!()
    };
    assert_eq!(list.resources[0].value, "/etc/sub");
    assert_eq!(list.tags, [Tag::SensitivePath]);
    assert_eq!(list.risk.score, 25);
    assert_eq!((get.effect, get.unknown_args.len()), (Effect::Read, 0));
    // The method is a literal, but a tool may look at any argument: the worst is taken.
    assert_eq!(late.effect, Effect::Network);
    assert_eq!(late.unknown_args, ["/url"]);
    assert!(
        late.resources
            .iter()
            .any(|r| r.kind == ResourceKind::File && r.value == "/etc")
    );

    let other = inputs(&plan, json!({ "method": "POST", "dir": "d" }));
    assert_eq!(decide(&plan, &other).steps[1].effect, Effect::Network);
}

#[test]
fn secrets_are_shown_as_placeholders() {
    let plan = plan(json!({
        "inputs": { "token": { "type": "string", "secret": true } },
        "steps": [{ "id": "s", "tool": "mail.send", "args": { "token": "${inputs.token}", "n": 1 } }],
    }));
    let bound = inputs(&plan, json!({ "token": "MAIL" }));
    let decision = decide(&plan, &bound);
    assert_eq!(decision.inputs["token"], "${secrets.MAIL}");
    assert!(
        decision.steps[0].unknown_args.is_empty(),
        "{:?}",
        decision.steps[0].unknown_args
    );
}

#[test]
fn a_decision_is_about_plan_inputs_and_tools() {
    let body =
        json!({ "inputs": { "x": { "default": 1 } }, "steps": [{ "id": "s", "tool": "fs.read" }] });
    let (one, other) = (
        plan(body.clone()),
        plan(json!({ "steps": [{ "id": "s", "tool": "fs.list" }] })),
    );
    let base = decide(&one, &inputs(&one, json!({})));
    assert_eq!(
        base,
        decide(&plan(body), &inputs(&one, json!({}))),
        "evaluating again gives the same"
    );
    assert_ne!(base.subject, decide(&other, &no_inputs()).subject);
    assert_ne!(
        base.subject,
        decide(&one, &inputs(&one, json!({ "x": 2 }))).subject
    );
    let changed = evaluate(
        &one,
        &inputs(&one, json!({})),
        &Tools::new().changed("fs.read"),
        &request(),
    );
    assert_ne!(base.subject, changed.subject);
    let elsewhere = evaluate(
        &one,
        &inputs(&one, json!({})),
        &Tools::new().changed("fs.write"),
        &request(),
    );
    assert_eq!(
        base.subject, elsewhere.subject,
        "only the plan's own tools count"
    );
}

#[test]
fn a_decision_survives_the_journal() {
    let plan = one_step(
        json!({ "tool": "http.request", "args": { "url": "https://h/", "path": "/etc/passwd" } }),
    );
    let decision = decide(&plan, &no_inputs());
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["outcome"], "require_approval");
    assert_eq!(value["approvers"], json!(["requester"]));
    assert_eq!(value["steps"][0]["category"], "network_request");
    assert_eq!(value["policy_version"].as_str().unwrap().len(), 64);
}

/// Rules that answer what they are told to.
#[derive(Debug)]
struct Fixed(Result<Vec<Outcome>, RuleError>, Limits);

impl Rules for Fixed {
    fn version(&self) -> String {
        "fixed".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        assert_eq!(case.moment, Moment::Plan);
        let ruling = |(index, outcome): (usize, Outcome)| Ruling {
            rule: format!("rule-{index}"),
            outcome,
            message: String::new(),
            severity: Level::Low,
            approvers: vec![Approver::Role(format!("r{index}"))],
            absolute: false,
            inputs: serde_json::Map::new(),
        };
        self.0
            .clone()
            .map(|outcomes| outcomes.into_iter().enumerate().map(ruling).collect())
    }

    fn limits(&self) -> Limits {
        self.1
    }
}

fn judged(rules: Fixed, session: SessionView) -> Decision {
    let mut request = request();
    request.session = session;
    evaluate_with(
        &rules,
        &one_step(json!({ "tool": "fs.read" })),
        &no_inputs(),
        &Tools::new(),
        &request,
    )
}

#[test]
fn the_strictest_rule_wins_and_silence_or_failure_is_a_deny() {
    use Outcome::*;
    for (outcomes, expected) in [
        (vec![Allow], Allow),
        (vec![Allow, RequireApproval], RequireApproval),
        (vec![RequireApproval, RateLimited, Allow], RateLimited),
        (vec![Allow, Deny, RequireApproval], Deny),
        (vec![], Deny),
    ] {
        let decision = judged(
            Fixed(Ok(outcomes.clone()), Limits::default()),
            SessionView::default(),
        );
        assert_eq!(decision.outcome, expected, "{outcomes:?}");
    }
    let failure = RuleError {
        rule: "broken".to_owned(),
        message: "no such attribute".to_owned(),
    };
    let decision = judged(
        Fixed(Err(failure), Limits::default()),
        SessionView::default(),
    );
    assert_eq!(
        (decision.outcome, decision.reasons[0].rule.as_str()),
        (Deny, "broken")
    );
}

#[test]
fn limits_are_forecast() {
    let limits = Limits {
        calls_per_session: Some(100),
        calls_per_minute: Some(10),
    };
    let session = |calls, calls_last_minute| SessionView {
        calls,
        calls_last_minute,
        ..SessionView::default()
    };
    for (session, expected) in [
        (session(99, 9), Outcome::Allow),
        (session(100, 0), Outcome::RateLimited),
        (session(0, 10), Outcome::RateLimited),
    ] {
        assert_eq!(
            judged(Fixed(Ok(vec![Outcome::Allow]), limits), session).outcome,
            expected
        );
    }
    let denied = judged(Fixed(Ok(vec![Outcome::Deny]), limits), session(100, 10));
    assert_eq!(
        denied.outcome,
        Outcome::Deny,
        "deny is stricter than a limit"
    );
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let one = prop::sample::select(vec![
        Outcome::Allow,
        Outcome::RequireApproval,
        Outcome::RateLimited,
        Outcome::Deny,
    ]);
    prop::collection::vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn deny_wins_and_order_does_not_matter(rulings in outcomes()) {
        let of = |rulings: Vec<Outcome>| judged(Fixed(Ok(rulings), Limits::default()), SessionView::default()).outcome;
        let outcome = of(rulings.clone());
        if rulings.contains(&Outcome::Deny) || rulings.is_empty() {
            prop_assert_eq!(outcome, Outcome::Deny);
        }
        prop_assert_eq!(outcome == Outcome::Allow, !rulings.is_empty() && rulings.iter().all(|r| *r == Outcome::Allow));
        prop_assert_eq!(of(rulings.into_iter().rev().collect()), outcome);
    }
}
