//! What flows into a call, as rules see it just before it is made.

use crate::support::{
    EXECUTION, NOW_MS, Order, approval, approved_under, call, decide, no_inputs, plan, session,
};
use mandate_plan::CheckedPlan;
use mandate_policy::{
    Approval, CallFlow, Label, Labels, Outcome, ResolvedCall, Rules, SinkKind, Turn,
    dataflow::Part,
    enforce,
    risk::Level,
    rules::{Case, RuleError, Ruling},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Allows everything and keeps what it saw last.
#[derive(Debug, Default)]
struct Keeps(Mutex<CallFlow>);

impl Rules for Keeps {
    fn version(&self) -> String {
        "keeps".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        *self.0.lock().unwrap() = case.flow.clone();
        Ok(vec![Ruling {
            rule: "all".to_owned(),
            outcome: Outcome::Allow,
            message: String::new(),
            severity: Level::Info,
            approvers: Vec::new(),
            absolute: false,
            inputs: Default::default(),
        }])
    }
}

/// An order in which steps have labels.
struct Labelled {
    order: Order,
    labels: BTreeMap<&'static str, Labels>,
    agent_untrusted: bool,
}

impl Turn for Labelled {
    fn execution_id(&self) -> &str {
        EXECUTION
    }
    fn running(&self, purpose: mandate_policy::Purpose) -> Result<(), mandate_policy::Refusal> {
        self.order.running(purpose)
    }
    fn turn(&self, call: &ResolvedCall) -> Result<(), mandate_policy::Refusal> {
        self.order.turn(call)
    }
    fn counted_calls(&self) -> u64 {
        0
    }
    fn granted_calls(&self) -> u64 {
        0
    }
    fn approval(&self, call: &ResolvedCall) -> Option<Approval> {
        self.order.approval(call)
    }
    fn labels(&self, step: &str, _: Part) -> Option<&Labels> {
        self.labels.get(step)
    }
    fn agent_is_untrusted(&self) -> bool {
        self.agent_untrusted
    }
}

fn turn() -> Labelled {
    let bad = [Label::Tool("http.request".to_owned()), Label::Untrusted];
    let good = [Label::Tool("fs.read".to_owned())];
    Labelled {
        order: Order::ready(),
        labels: [
            ("bad", bad.into_iter().collect()),
            ("good", good.into_iter().collect()),
        ]
        .into(),
        agent_untrusted: false,
    }
}

/// A plan whose step `s` comes after `bad` and `good`.
fn plan_with(step: Value, mode: &str) -> Arc<CheckedPlan> {
    let mut s = json!({ "id": "s", "tool": "mail.send" });
    s.as_object_mut()
        .unwrap()
        .extend(step.as_object().unwrap().clone());
    plan(json!({ "mode": mode, "steps": [
        { "id": "bad", "tool": "http.request", "args": { "url": "https://h/" } },
        { "id": "good", "tool": "fs.read", "args": { "path": "a" } },
        s,
    ] }))
}

fn seen(plan: &Arc<CheckedPlan>, turn: &Labelled, args: Value) -> CallFlow {
    let rules = Arc::new(Keeps::default());
    let decision = decide(plan, &no_inputs());
    let approved = approved_under(rules.clone(), plan, decision);
    let _ = enforce(
        &approved,
        turn,
        &call("s", "mail.send", args),
        &session(),
        NOW_MS,
    )
    .unwrap();
    rules.0.lock().unwrap().clone()
}

fn sinks(flow: &CallFlow) -> Vec<(&str, SinkKind, bool, bool)> {
    let sinks = flow.sinks.iter();
    sinks
        .map(|sink| {
            (
                sink.pointer.as_str(),
                sink.kind,
                sink.labels.untrusted(),
                sink.endorsed,
            )
        })
        .collect()
}

fn texts(flow: &CallFlow, pointer: &str) -> Vec<String> {
    let labels = flow.args[pointer].iter();
    labels.map(ToString::to_string).collect()
}

#[test]
fn what_really_happened_is_what_counts() {
    let plan = plan_with(
        json!({ "args": { "to": "${either('good', 'bad')}", "cc": "${steps.good.output}", "body": "x ${steps.bad.output}" } }),
        "engine",
    );
    let args = json!({ "to": "ann", "cc": "ann", "body": "x" });
    let flow = seen(&plan, &turn(), args.clone());
    assert_eq!(
        texts(&flow, "/body"),
        ["plan", "tool:http.request", "untrusted"]
    );
    assert_eq!(texts(&flow, "/cc"), ["tool:fs.read"]);
    let found = sinks(&flow);
    assert!(found.contains(&("/to", SinkKind::Recipient, true, false)));
    assert!(found.contains(&("/cc", SinkKind::Recipient, false, false)));
    // The step did not run, and its label is none; what nobody knows anything of is untrusted.
    let mut other = turn();
    other.labels.insert("bad", Labels::none());
    assert!(sinks(&seen(&plan, &other, args.clone())).contains(&(
        "/to",
        SinkKind::Recipient,
        false,
        false
    )));
    other.labels.remove("bad");
    assert!(sinks(&seen(&plan, &other, args)).contains(&("/to", SinkKind::Recipient, true, false)));
}

#[test]
fn sinks_inside_computed_values_and_by_their_shape_are_found_at_the_call() {
    let plan = plan_with(
        json!({ "args": { "message": "${steps.bad.output}", "thing": "${steps.bad.output}" } }),
        "engine",
    );
    let args = json!({ "message": { "to": "eve", "text": "x" }, "thing": "/etc/hosts" });
    let flow = seen(&plan, &turn(), args);
    let found = sinks(&flow);
    assert!(
        found.contains(&("/message/to", SinkKind::Recipient, true, false)),
        "{found:?}"
    );
    assert!(
        found.contains(&("/thing", SinkKind::Path, true, false)),
        "{found:?}"
    );
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_yes_endorses_the_call_that_it_was_given_to_and_no_other() {
    let plan = plan_with(json!({ "args": { "to": "${steps.bad.output}" } }), "engine");
    let args = json!({ "to": "eve" });
    let mut turn = turn();
    let yes = |args: Value| Approval {
        subject: call("s", "mail.send", args).args_digest(),
        ..approval(&decide(&plan, &no_inputs()))
    };
    turn.order.approval = Some(yes(args.clone()));
    assert_eq!(
        sinks(&seen(&plan, &turn, args.clone())),
        [("/to", SinkKind::Recipient, true, true)]
    );
    turn.order.approval = Some(yes(json!({ "to": "ann" })));
    assert_eq!(
        sinks(&seen(&plan, &turn, args)),
        [("/to", SinkKind::Recipient, true, false)]
    );
}

#[test]
fn an_untrusted_decision_about_an_effect_is_seen() {
    let control = |step: &str| {
        let plan = plan_with(
            json!({ "if": format!("steps.{step}.output == 1") }),
            "engine",
        );
        seen(&plan, &turn(), json!({})).untrusted_control
    };
    assert!(control("bad"));
    assert!(!control("good"));
}

#[test]
fn what_an_agent_chooses_is_the_agents_and_untrusted_once_it_was_handed_such_a_value() {
    let step = json!({ "args": { "body": "hi" }, "allow": { "args": { "to": { "any": true } } } });
    let plan = plan_with(step, "agent");
    let args = json!({ "body": "hi", "to": "eve" });
    let mut turn = turn();
    let flow = seen(&plan, &turn, args.clone());
    assert_eq!(texts(&flow, "/to"), ["agent"]);
    assert_eq!(texts(&flow, "/body"), ["plan"]);
    assert_eq!(sinks(&flow), [("/to", SinkKind::Recipient, false, false)]);
    turn.agent_untrusted = true;
    let flow = seen(&plan, &turn, args);
    assert_eq!(texts(&flow, "/to"), ["agent", "untrusted"]);
    assert_eq!(sinks(&flow), [("/to", SinkKind::Recipient, true, false)]);
}
