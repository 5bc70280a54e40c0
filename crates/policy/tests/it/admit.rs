//! What is admitted, and what is not.

use crate::support::{EXECUTION, Tools, approval, decide, inputs, no_inputs, one_step, plan};
use mandate_plan::{CheckedPlan, Digest, ErrorCode, execution_digest};
use mandate_policy::{
    Approval, ApprovedPlan, Approver, Assent, Decision, Grant, Outcome, Refusal, admit,
};
use serde_json::json;
use std::sync::Arc;

fn writes() -> Arc<CheckedPlan> {
    one_step(json!({ "tool": "fs.write", "args": { "path": "a", "content": "" } }))
}

fn reads() -> Arc<CheckedPlan> {
    one_step(json!({ "tool": "fs.read", "args": { "path": "a" } }))
}

fn admitted(
    plan: &Arc<CheckedPlan>,
    decision: Decision,
    grant: Grant,
) -> Result<ApprovedPlan, Refusal> {
    admit(
        Arc::clone(plan),
        &no_inputs(),
        Arc::new(Tools::new()),
        EXECUTION,
        decision,
        grant,
    )
}

fn code(result: Result<ApprovedPlan, Refusal>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().code
}

#[test]
fn an_allowed_plan_is_admitted() {
    let plan = reads();
    let decision = decide(&plan, &no_inputs());
    let approved = admitted(&plan, decision.clone(), Grant::Allowed).unwrap();
    assert_eq!(approved.execution_id(), EXECUTION);
    assert_eq!(approved.decision(), &decision);
    assert!(approved.approval().is_none());
    let digest = execution_digest(
        plan.hash(),
        &no_inputs().digest(),
        approved.tools().digests(),
    );
    assert_eq!(approved.digest(), &digest);
}

#[test]
fn an_approval_of_exactly_this_admits() {
    let plan = writes();
    let decision = decide(&plan, &no_inputs());
    assert_eq!(decision.outcome, Outcome::RequireApproval);
    let refusal = admitted(&plan, decision.clone(), Grant::Allowed)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ApprovalRequired);
    assert_eq!(refusal.rule.as_deref(), Some("first-policy/effects"));
    let grant = Grant::Approved(approval(&decision));
    assert!(
        admitted(&plan, decision, grant)
            .unwrap()
            .approval()
            .is_some()
    );
}

#[test]
fn another_approval_does_not() {
    let plan = writes();
    let decision = decide(&plan, &no_inputs());
    let good = approval(&decision);
    for (wrong, expected) in [
        (
            Approval {
                execution_id: "exec-2".to_owned(),
                ..good.clone()
            },
            ErrorCode::ApprovalRequired,
        ),
        (
            Approval {
                subject: Digest::of(b"other"),
                ..good.clone()
            },
            ErrorCode::ApprovalRequired,
        ),
        (
            Approval {
                by: "mallory".to_owned(),
                ..good.clone()
            },
            ErrorCode::ApproverMismatch,
        ),
    ] {
        assert_eq!(
            code(admitted(
                &plan,
                decision.clone(),
                Grant::Approved(wrong.clone())
            )),
            expected,
            "{wrong:?}"
        );
    }
    // An approval that nobody asked for is looked at, too.
    let reads = reads();
    let allowed = decide(&reads, &no_inputs());
    let wrong = Approval {
        execution_id: "exec-2".to_owned(),
        ..approval(&allowed)
    };
    assert_eq!(
        code(admitted(&reads, allowed, Grant::Approved(wrong))),
        ErrorCode::ApprovalRequired
    );
}

#[test]
fn everybody_who_is_wanted_must_have_said_yes() {
    let plan = writes();
    let mut decision = decide(&plan, &no_inputs());
    decision.approvers.push("2 of role:sre".parse().unwrap());
    let assent = |by: &str, roles: &[&str]| Assent {
        by: by.to_owned(),
        channel: "cli".to_owned(),
        key: (!roles.is_empty()).then(|| format!("key-{by}")),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        at_ms: 0,
    };
    let (ada, bob, eve) = (
        assent("ada", &[]),
        assent("bob", &["sre"]),
        assent("eve", &["sre"]),
    );
    for (assents, enough) in [
        (vec![ada.clone()], false),
        (vec![bob.clone(), eve.clone()], false),
        (vec![ada.clone(), bob.clone(), bob.clone()], false),
        (vec![ada, bob, eve], true),
    ] {
        let grant = Grant::Approved(Approval {
            assents: assents.clone(),
            ..approval(&decision)
        });
        let admitted = admitted(&plan, decision.clone(), grant);
        match enough {
            true => assert!(admitted.is_ok(), "{admitted:?}"),
            false => assert_eq!(code(admitted), ErrorCode::ApproverMismatch, "{assents:?}"),
        }
    }
}

#[test]
fn nobody_without_a_key_counts_as_another_human() {
    let plan = writes();
    for approver in [Approver::Other, Approver::Role("admin".to_owned())] {
        let mut decision = decide(&plan, &no_inputs());
        decision.approvers.push(approver);
        for by in ["ada", "grace"] {
            let grant = Grant::Approved(Approval {
                by: by.to_owned(),
                ..approval(&decision)
            });
            assert_eq!(
                code(admitted(&plan, decision.clone(), grant)),
                ErrorCode::ApproverMismatch
            );
        }
    }
}

#[test]
fn what_is_denied_is_not_admitted_even_if_approved() {
    let plan = reads();
    for (outcome, expected) in [
        (Outcome::Deny, ErrorCode::PolicyDenied),
        (Outcome::RateLimited, ErrorCode::RateLimited),
    ] {
        let mut decision = decide(&plan, &no_inputs());
        decision.outcome = outcome;
        for grant in [Grant::Allowed, Grant::Approved(approval(&decision))] {
            assert_eq!(code(admitted(&plan, decision.clone(), grant)), expected);
        }
    }
}

#[test]
fn a_decision_about_something_else_does_not_count() {
    let (reads, writes) = (reads(), writes());
    let decision = decide(&reads, &no_inputs());
    assert_eq!(
        code(admitted(&writes, decision.clone(), Grant::Allowed)),
        ErrorCode::PolicyDenied
    );

    let body =
        json!({ "inputs": { "x": { "default": 1 } }, "steps": [{ "id": "s", "tool": "fs.read" }] });
    let plan = plan(body);
    let one = inputs(&plan, json!({ "x": 1 }));
    let other = inputs(&plan, json!({ "x": 2 }));
    let decision = decide(&plan, &one);
    let result = admit(
        plan,
        &other,
        Arc::new(Tools::new()),
        EXECUTION,
        decision,
        Grant::Allowed,
    );
    assert_eq!(code(result), ErrorCode::PolicyDenied);
}

#[test]
fn a_changed_tool_is_named() {
    let plan = reads();
    let decision = decide(&plan, &no_inputs());
    let tools = Arc::new(Tools::new().changed("fs.read"));
    let refusal = admit(
        Arc::clone(&plan),
        &no_inputs(),
        tools,
        EXECUTION,
        decision.clone(),
        Grant::Allowed,
    )
    .map(|_| ())
    .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ToolChanged);
    assert!(refusal.message.contains("fs.read"));
    // Of tools that the plan does not use, it does not care.
    let tools = Arc::new(Tools::new().changed("fs.write"));
    assert!(
        admit(
            Arc::clone(&plan),
            &no_inputs(),
            tools,
            EXECUTION,
            decision.clone(),
            Grant::Allowed
        )
        .is_ok()
    );
    let tools = Arc::new(Tools::new().without("fs.read"));
    assert_eq!(
        code(admit(
            plan,
            &no_inputs(),
            tools,
            EXECUTION,
            decision,
            Grant::Allowed
        )),
        ErrorCode::ActionNotFound
    );
}

#[test]
fn a_decision_that_contradicts_itself_is_refused() {
    let plan = writes();
    let decision = decide(&plan, &no_inputs());
    // The whole says allow, its only step does not.
    let mut softened = decision.clone();
    softened.outcome = Outcome::Allow;
    assert_eq!(
        code(admitted(&plan, softened, Grant::Allowed)),
        ErrorCode::PolicyDenied
    );
    let mut silent = decision.clone();
    silent.steps.clear();
    assert_eq!(
        code(admitted(
            &plan,
            silent,
            Grant::Approved(approval(&decision))
        )),
        ErrorCode::PolicyDenied
    );
    let mut other = decision.clone();
    other.steps[0].tool = "fs.read".to_owned();
    assert_eq!(
        code(admitted(&plan, other, Grant::Approved(approval(&decision)))),
        ErrorCode::PolicyDenied
    );
}
