//! A plan that narrows an approved one is admitted on that approval; nothing else is.

use crate::support::{EXECUTION, Tools, approval, decide, no_inputs, plan};
use mandate_plan::{BoundInputs, CheckedPlan, Digest, ErrorCode, ToolLookup};
use mandate_policy::{
    Approval, ApprovedPlan, Approver, Decision, FirstPolicy, Outcome, Refusal, Stands,
    admit_narrowed, delta, stands_for,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

fn document(timeout_ms: u64, steps: &[(&str, &str)]) -> Arc<CheckedPlan> {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(id, path)| {
            json!({ "id": id, "tool": "fs.write", "after": [], "args": { "path": path, "content": "" } })
        })
        .collect();
    plan(json!({ "constraints": { "timeout_ms": timeout_ms }, "steps": steps }))
}

fn before() -> Arc<CheckedPlan> {
    document(1_000, &[("a", "x"), ("b", "y")])
}

fn digests(plan: &CheckedPlan, tools: &Tools) -> BTreeMap<String, Digest> {
    let digest = |name: &str| tools.spec(name).unwrap().digest;
    plan.tools()
        .into_iter()
        .map(|name| (name.to_owned(), digest(name)))
        .collect()
}

fn stands(plan: &Arc<CheckedPlan>) -> Stands {
    Stands {
        plan: plan.clone(),
        tools: digests(plan, &Tools::new()),
        approval: approval(&decide(plan, &no_inputs())),
    }
}

fn admitted(plan: &Arc<CheckedPlan>, stands: Stands) -> Result<ApprovedPlan, Refusal> {
    let decision = decide(plan, &no_inputs());
    with(plan, &no_inputs(), Tools::new(), decision, stands)
}

fn with(
    plan: &Arc<CheckedPlan>,
    inputs: &BoundInputs,
    tools: Tools,
    decision: Decision,
    stands: Stands,
) -> Result<ApprovedPlan, Refusal> {
    let (rules, tools) = (Arc::new(FirstPolicy), Arc::new(tools));
    admit_narrowed(
        rules,
        plan.clone(),
        inputs,
        tools,
        EXECUTION,
        decision,
        stands,
    )
}

fn code(result: Result<ApprovedPlan, Refusal>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().code
}

#[test]
fn a_narrower_plan_runs_on_the_approval_of_the_one_before() {
    for narrower in [
        document(999, &[("a", "x"), ("b", "y")]),
        document(1_000, &[("a", "x")]),
        document(1_000, &[("b", "y")]),
    ] {
        let decision = decide(&narrower, &no_inputs());
        assert_eq!(decision.outcome, Outcome::RequireApproval);
        let stands = stands(&before());
        let approval = stands.approval.clone();
        let approved = admitted(&narrower, stands).unwrap();
        // The permits are the new plan's; the approval is the old one's.
        assert_eq!(approved.digest(), &decision.subject);
        assert_eq!(approved.approval(), Some(&approval));
    }
}

#[test]
fn a_wider_plan_is_not_admitted_whatever_the_caller_says() {
    for wider in [
        document(1_001, &[("a", "x"), ("b", "y")]),
        document(1_000, &[("a", "x"), ("b", "z")]),
        document(1_000, &[("a", "x"), ("b", "y"), ("c", "z")]),
    ] {
        let refusal = admitted(&wider, stands(&before())).map(|_| ()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ApprovalRequired, "{refusal:?}");
        // A caller that names the new plan itself as the approved one has no approval of it.
        let lie = Stands {
            plan: wider.clone(),
            ..stands(&before())
        };
        assert_eq!(code(admitted(&wider, lie)), ErrorCode::ApprovalRequired);
    }
}

#[test]
fn the_approval_is_one_of_this_execution_these_inputs_and_these_tools() {
    let narrower = document(999, &[("a", "x"), ("b", "y")]);
    let approval = stands(&before()).approval;
    for wrong in [
        Approval {
            execution_id: "another".to_owned(),
            ..approval.clone()
        },
        Approval {
            subject: Digest::of(b"another plan"),
            ..approval.clone()
        },
    ] {
        let stands = Stands {
            approval: wrong,
            ..stands(&before())
        };
        assert_eq!(
            code(admitted(&narrower, stands)),
            ErrorCode::ApprovalRequired
        );
    }
    let by_other = Stands {
        approval: Approval {
            by: "eve".to_owned(),
            ..approval
        },
        ..stands(&before())
    };
    let mut decision = decide(&narrower, &no_inputs());
    let result = with(
        &narrower,
        &no_inputs(),
        Tools::new(),
        decision.clone(),
        by_other,
    );
    assert_eq!(code(result), ErrorCode::ApproverMismatch);
    // Policy asks for somebody else now than when the plan before was approved.
    decision.approvers = vec![Approver::Other];
    let result = with(
        &narrower,
        &no_inputs(),
        Tools::new(),
        decision,
        stands(&before()),
    );
    assert_eq!(code(result), ErrorCode::ApproverMismatch);
    // Policy denies what it let through before.
    let mut decision = decide(&narrower, &no_inputs());
    decision.outcome = Outcome::Deny;
    let result = with(
        &narrower,
        &no_inputs(),
        Tools::new(),
        decision,
        stands(&before()),
    );
    assert_eq!(code(result), ErrorCode::PolicyDenied);
    // A tool is another one than the approver saw.
    let tools = Tools::new().changed("fs.write");
    let changed = digests(&narrower, &tools);
    let decision = decide(&narrower, &no_inputs());
    let refusal = stands_for(
        &stands(&before()),
        &narrower,
        &no_inputs(),
        &changed,
        EXECUTION,
        &decision,
    );
    assert_eq!(refusal.unwrap_err().code, ErrorCode::ToolChanged);
    let other = BoundInputs {
        values: json!({ "x": 1 }).as_object().unwrap().clone(),
        ..no_inputs()
    };
    let refusal = stands_for(
        &stands(&before()),
        &narrower,
        &other,
        &digests(&narrower, &Tools::new()),
        EXECUTION,
        &decision,
    );
    assert_eq!(refusal.unwrap_err().code, ErrorCode::ApprovalRequired);
}

#[test]
fn a_delta_holds_what_is_new_or_changed_and_nothing_else() {
    let wider = document(1_000, &[("a", "x"), ("b", "z"), ("c", "w")]);
    let decision = decide(&wider, &no_inputs());
    let widenings = mandate_plan::narrows(&before(), &wider).unwrap_err();
    let delta = delta(&before(), &wider, &decision, widenings);
    let calls: Vec<_> = delta
        .calls
        .iter()
        .map(|call| (call.assessment.step.as_str(), call.args["path"].clone()))
        .collect();
    assert_eq!(calls, [("b", json!("z")), ("c", json!("w"))]);
    assert_eq!(delta.unchanged, 1);
    assert!(
        delta
            .reasons
            .iter()
            .all(|reason| reason.step.as_deref() != Some("a"))
    );
    assert!(
        delta
            .reasons
            .iter()
            .any(|reason| reason.step.as_deref() == Some("c"))
    );
    assert_eq!(delta.widenings.len(), 2);
}
