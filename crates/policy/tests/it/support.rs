//! Plans, tools and turns for the tests.

use mandate_plan::{
    BoundInputs, CheckedPlan, Digest, Effect, Facts, Format, ToolLookup, ToolSpec, check, parse,
};
use mandate_policy::{
    Approval, ApprovedPlan, Decision, EvaluateRequest, Grant, Permit, Purpose, Refusal,
    ResolvedCall, Rules, SessionView, Turn, admit, admit_with, enforce, evaluate,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) const EXECUTION: &str = "exec-1";
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

type FactsOf = fn(Option<&Value>) -> Facts;

/// Tools with fixed facts.
#[derive(Clone)]
pub(crate) struct Tools(BTreeMap<String, (ToolSpec, FactsOf)>);

fn facts(effect: Effect, idempotent: bool, open_world: bool) -> Facts {
    Facts {
        effect,
        idempotent,
        open_world,
    }
}

impl Tools {
    pub(crate) fn new() -> Self {
        let tools: [(&str, FactsOf); 10] = [
            ("fs.read", |_| facts(Effect::Read, true, false)),
            ("fs.list", |_| facts(Effect::Read, true, false)),
            ("fs.write", |_| facts(Effect::Write, true, false)),
            ("fs.delete", |_| facts(Effect::Delete, true, false)),
            ("data.value", |_| facts(Effect::Read, true, false)),
            ("time.sleep", |_| facts(Effect::Read, true, false)),
            ("process.exec", |_| facts(Effect::Execute, false, true)),
            ("mail.send", |_| facts(Effect::Network, false, true)),
            ("http.request", |args| {
                match args
                    .map(|args| args["method"].as_str().unwrap_or("GET").to_owned())
                    .as_deref()
                {
                    Some("GET") => facts(Effect::Read, true, true),
                    Some("PUT" | "DELETE") => facts(Effect::Network, true, true),
                    _ => facts(Effect::Network, false, true),
                }
            }),
            // It says that it only reads, whatever it is asked; and then it does not.
            ("shifty.tool", |args| match args {
                Some(args) if args["mode"] == "bad" => facts(Effect::Delete, false, true),
                _ => facts(Effect::Read, true, false),
            }),
        ];
        let specs = tools
            .into_iter()
            .map(|(name, facts)| (name.to_owned(), (spec(name), facts)));
        Self(specs.collect())
    }

    pub(crate) fn changed(mut self, name: &str) -> Self {
        self.0.get_mut(name).unwrap().0.digest = Digest::of(b"another definition");
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }
}

fn spec(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        digest: Digest::of(name.as_bytes()),
        engine_handled: false,
        external: false,
    }
}

impl ToolLookup for Tools {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.0.get(name).map(|(spec, _)| spec)
    }

    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts> {
        self.0.get(name).map(|(_, facts)| facts(args))
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// A plan with these keys beside `version` and `name`.
pub(crate) fn plan(body: Value) -> Arc<CheckedPlan> {
    let mut document = json!({ "version": 1, "name": "test" });
    document
        .as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    let document = parse(&serde_json::to_vec(&document).unwrap(), Format::Json).unwrap();
    let checked = check(&document, None);
    checked
        .plan
        .unwrap_or_else(|| panic!("{:#?}", checked.violations))
}

/// A plan of one step `s`.
pub(crate) fn one_step(step: Value) -> Arc<CheckedPlan> {
    let mut s = json!({ "id": "s" });
    s.as_object_mut()
        .unwrap()
        .extend(step.as_object().unwrap().clone());
    plan(json!({ "steps": [s] }))
}

pub(crate) fn inputs(plan: &CheckedPlan, given: Value) -> BoundInputs {
    plan.bind_inputs(given.as_object().unwrap()).unwrap()
}

pub(crate) fn no_inputs() -> BoundInputs {
    BoundInputs {
        values: Map::new(),
        secrets: BTreeMap::new(),
    }
}

pub(crate) fn request() -> EvaluateRequest {
    EvaluateRequest {
        principal: "ada".to_owned(),
        session: session(),
        now_ms: NOW_MS,
    }
}

pub(crate) fn session() -> SessionView {
    SessionView {
        session_id: "session-1".to_owned(),
        principal: "ada".to_owned(),
        ..SessionView::default()
    }
}

pub(crate) fn decide(plan: &CheckedPlan, bound: &BoundInputs) -> Decision {
    evaluate(plan, bound, &Tools::new(), &request())
}

pub(crate) fn approval(decision: &Decision) -> Approval {
    Approval {
        request_id: "request-1".to_owned(),
        execution_id: EXECUTION.to_owned(),
        subject: decision.subject,
        by: "ada".to_owned(),
        channel: "terminal".to_owned(),
        at_ms: NOW_MS,
        assents: Vec::new(),
    }
}

/// Admits a plan with an approval of exactly it.
pub(crate) fn approved(plan: &Arc<CheckedPlan>, bound: &BoundInputs) -> ApprovedPlan {
    let decision = decide(plan, bound);
    let grant = Grant::Approved(approval(&decision));
    admit(
        Arc::clone(plan),
        bound,
        Arc::new(Tools::new()),
        EXECUTION,
        decision,
        grant,
    )
    .unwrap()
}

/// The same under other rules.
pub(crate) fn approved_under(
    rules: Arc<dyn Rules>,
    plan: &Arc<CheckedPlan>,
    decision: Decision,
) -> ApprovedPlan {
    let grant = Grant::Approved(approval(&decision));
    admit_with(
        rules,
        Arc::clone(plan),
        &no_inputs(),
        Arc::new(Tools::new()),
        EXECUTION,
        decision,
        grant,
    )
    .unwrap()
}

pub(crate) fn call(step: &str, tool: &str, args: Value) -> ResolvedCall {
    ResolvedCall {
        execution_id: EXECUTION.to_owned(),
        step: step.to_owned(),
        item: None,
        attempt: 1,
        purpose: Purpose::Run,
        tool: tool.to_owned(),
        args,
        secrets: Vec::new(),
        idempotency_key: "key".to_owned(),
        timeout_ms: None,
        sensitive: Vec::new(),
    }
}

/// An order that says what it is told to say.
pub(crate) struct Order {
    pub(crate) execution_id: String,
    pub(crate) running: Result<(), Refusal>,
    pub(crate) turn: Result<(), Refusal>,
    pub(crate) calls: u64,
    pub(crate) granted: u64,
    pub(crate) approval: Option<Approval>,
}

impl Order {
    pub(crate) fn ready() -> Self {
        Self {
            execution_id: EXECUTION.to_owned(),
            running: Ok(()),
            turn: Ok(()),
            calls: 0,
            granted: 0,
            approval: None,
        }
    }
}

impl Turn for Order {
    fn execution_id(&self) -> &str {
        &self.execution_id
    }

    fn running(&self, _: Purpose) -> Result<(), Refusal> {
        self.running.clone()
    }

    fn turn(&self, _: &ResolvedCall) -> Result<(), Refusal> {
        self.turn.clone()
    }

    fn counted_calls(&self) -> u64 {
        self.calls
    }

    fn granted_calls(&self) -> u64 {
        self.granted
    }

    fn approval(&self, _: &ResolvedCall) -> Option<Approval> {
        self.approval.clone()
    }
}

pub(crate) fn enforced(approved: &ApprovedPlan, call: &ResolvedCall) -> Result<Permit, Refusal> {
    enforce(approved, &Order::ready(), call, &session(), NOW_MS)
}
