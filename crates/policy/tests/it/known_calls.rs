//! Executions of one plan share the calls that were made ready, and nothing but those.

use crate::support::{EXECUTION, Tools, approval, decide, inputs, plan};
use mandate_plan::{BoundInputs, CheckedPlan, ErrorCode, ToolLookup};
use mandate_policy::{
    ApprovedPlan, Decision, Grant, KnownCalls, Refusal, admit_like, rules::FirstPolicy,
};
use serde_json::json;
use std::sync::Arc;

/// What one host knows, with the tools as it has them.
struct Known {
    calls: KnownCalls,
    tools: Arc<Tools>,
}

impl Known {
    fn new() -> Self {
        Self {
            calls: KnownCalls::default(),
            tools: Arc::new(Tools::new()),
        }
    }

    fn admit(
        &mut self,
        plan: &Arc<CheckedPlan>,
        bound: &BoundInputs,
        decision: Decision,
    ) -> Result<ApprovedPlan, Refusal> {
        let grant = Grant::Approved(approval(&decision));
        let tools: Arc<dyn ToolLookup + Send + Sync> = self.tools.clone();
        let (known, rules) = (&mut self.calls, Arc::new(FirstPolicy));
        let decision = Arc::new(decision);
        admit_like(
            known,
            rules,
            Arc::clone(plan),
            bound,
            tools,
            EXECUTION,
            decision,
            grant,
        )
    }

    /// How many times calls were made ready and are kept.
    fn made(&self) -> usize {
        format!("{:?}", self.calls).matches("ReadyCalls").count()
    }
}

fn writes() -> Arc<CheckedPlan> {
    plan(json!({
        "inputs": { "path": { "type": "string" } },
        "steps": [{ "id": "s", "tool": "fs.write", "args": { "path": "${inputs.path}" } }]
    }))
}

fn to(plan: &CheckedPlan, path: &str) -> BoundInputs {
    inputs(plan, json!({ "path": path }))
}

#[test]
fn the_same_again_is_shared() {
    let (mut known, plan) = (Known::new(), writes());
    let bound = to(&plan, "a");
    for _ in 0..3 {
        let decision = decide(&plan, &bound);
        known.admit(&plan, &bound, decision).unwrap();
    }
    assert_eq!(known.made(), 1);
    // Not with the tools of another time.
    known.tools = Arc::new(Tools::new());
    known.admit(&plan, &bound, decide(&plan, &bound)).unwrap();
    assert_eq!(known.made(), 2);
}

#[test]
fn other_inputs_have_calls_of_their_own() {
    let (mut known, plan) = (Known::new(), writes());
    for path in ["a", "b", "a"] {
        let bound = to(&plan, path);
        known.admit(&plan, &bound, decide(&plan, &bound)).unwrap();
    }
    assert_eq!(known.made(), 2);
}

#[test]
fn what_was_decided_otherwise_is_made_ready_anew() {
    let (mut known, plan) = (Known::new(), writes());
    let bound = to(&plan, "a");
    let decision = decide(&plan, &bound);
    known.admit(&plan, &bound, decision.clone()).unwrap();
    let mut silent = decision.clone();
    silent.steps.clear();
    let refusal = known.admit(&plan, &bound, silent).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::PolicyDenied);
    // A yes of nobody is as good as none, whatever is known.
    let mut unasked = decision;
    unasked.subject = *writes().hash();
    let refusal = known.admit(&plan, &bound, unasked).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::PolicyDenied);
    assert_eq!(known.made(), 1);
}

#[test]
fn what_was_not_asked_for_lately_is_forgotten() {
    let (mut known, plan) = (Known::new(), writes());
    for number in 0..40 {
        let bound = to(&plan, &format!("p{number}"));
        let decision = decide(&plan, &bound);
        known.admit(&plan, &bound, decision).unwrap();
    }
    assert_eq!(known.made(), 16);
    let bound = to(&plan, "p39");
    known.admit(&plan, &bound, decide(&plan, &bound)).unwrap();
    assert_eq!(known.made(), 16);
}
