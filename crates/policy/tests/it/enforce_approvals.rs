//! Approvals of single calls: `confirm`, rules that ask at the call, and calls that a human granted beyond the budget.

use crate::support::{
    EXECUTION, NOW_MS, Order, Tools, approval, approved, call, no_inputs, one_step, plan, request,
    session,
};
use mandate_plan::ErrorCode;
use mandate_policy::{
    Approval, ApprovedPlan, Grant, Limits, Outcome, Refusal, ResolvedCall, Rules,
    approver::Approver,
    enforce, evaluate_with,
    risk::Level,
    rules::{Case, Moment, RuleError, Ruling},
};
use serde_json::json;
use std::sync::Arc;

/// A yes to exactly this call.
fn yes_to(call: &ResolvedCall, by: &str) -> Option<Approval> {
    Some(Approval {
        request_id: "request-2".to_owned(),
        execution_id: EXECUTION.to_owned(),
        subject: call.args_digest(),
        by: by.to_owned(),
        channel: "terminal".to_owned(),
        at_ms: NOW_MS,
        assents: Vec::new(),
    })
}

fn judged(
    approved: &ApprovedPlan,
    call: &ResolvedCall,
    yes: Option<Approval>,
) -> Result<(), Refusal> {
    let order = Order {
        approval: yes,
        ..Order::ready()
    };
    enforce(approved, &order, call, &session(), NOW_MS).map(|_| ())
}

#[test]
fn a_confirmed_step_runs_with_the_confirmed_arguments_only() {
    let plan = plan(json!({ "steps": [
        { "id": "s", "tool": "fs.write", "args": { "path": "${'a' + 'b'}" }, "confirm": true }] }));
    let approved = approved(&plan, &no_inputs());
    let shown = call("s", "fs.write", json!({ "path": "ab" }));
    let other = call("s", "fs.write", json!({ "path": "abc" }));

    let refusal = judged(&approved, &shown, None).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ApprovalRequired);
    assert_eq!(refusal.rule.as_deref(), Some("steps.s.confirm"));
    assert_eq!(
        refusal.expected,
        Some(json!({ "approvers": ["requester"] }))
    );
    assert_eq!(judged(&approved, &shown, yes_to(&shown, "ada")), Ok(()));
    // A yes to other arguments, by somebody else, or for another execution is none.
    let refused = |yes| judged(&approved, &shown, yes).unwrap_err().code;
    assert_eq!(refused(yes_to(&other, "ada")), ErrorCode::ApprovalRequired);
    assert_eq!(refused(yes_to(&shown, "bob")), ErrorCode::ApprovalRequired);
    let elsewhere = yes_to(&shown, "ada").map(|yes| Approval {
        execution_id: "another".to_owned(),
        ..yes
    });
    assert_eq!(refused(elsewhere), ErrorCode::ApprovalRequired);
    // The next attempt has the same arguments.
    let again = ResolvedCall {
        attempt: 2,
        ..shown.clone()
    };
    assert_eq!(judged(&approved, &again, yes_to(&shown, "ada")), Ok(()));
}

/// Allows before the plan runs, and asks these people at the call.
#[derive(Debug)]
struct Asks(Vec<Approver>);

impl Rules for Asks {
    fn version(&self) -> String {
        "asks".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let asks = case.moment == Moment::Call;
        Ok(vec![Ruling {
            rule: "ask-then".to_owned(),
            outcome: if asks {
                Outcome::RequireApproval
            } else {
                Outcome::Allow
            },
            message: "look first".to_owned(),
            severity: Level::Low,
            approvers: self.0.clone(),
            absolute: false,
            inputs: serde_json::Map::new(),
        }])
    }

    fn limits(&self) -> Limits {
        Limits::default()
    }
}

fn asked(approvers: Vec<Approver>, plan_approved: bool) -> ApprovedPlan {
    let plan = one_step(json!({ "tool": "fs.read", "args": {} }));
    let rules = Arc::new(Asks(approvers));
    let decision = evaluate_with(
        rules.as_ref(),
        &plan,
        &no_inputs(),
        &Tools::new(),
        &request(),
    );
    let grant = if plan_approved {
        Grant::Approved(approval(&decision))
    } else {
        Grant::Allowed
    };
    let tools = Arc::new(Tools::new());
    mandate_policy::admit_with(rules, plan, &no_inputs(), tools, EXECUTION, decision, grant)
        .unwrap()
}

#[test]
fn a_rule_that_asks_at_the_call_takes_a_yes_to_the_call_or_to_the_plan() {
    let read = call("s", "fs.read", json!({}));
    let requester = asked(vec![Approver::Requester], false);
    let refusal = judged(&requester, &read, None).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ApprovalRequired);
    assert_eq!(refusal.rule.as_deref(), Some("ask-then"));
    assert_eq!(
        refusal.expected,
        Some(json!({ "approvers": ["requester"] }))
    );
    assert_eq!(judged(&requester, &read, yes_to(&read, "ada")), Ok(()));
    assert!(judged(&requester, &read, yes_to(&read, "bob")).is_err());
    let approved = asked(vec![Approver::Requester], true);
    assert_eq!(judged(&approved, &read, None), Ok(()));
}

#[test]
fn an_approval_of_the_plan_does_not_stand_in_for_somebody_else() {
    let read = call("s", "fs.read", json!({}));
    let role = Approver::Role("finance".to_owned());
    let approved = asked(vec![role.clone()], true);
    let refusal = judged(&approved, &read, None).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ApprovalRequired);
    assert_eq!(
        refusal.expected,
        Some(json!({ "approvers": ["role:finance"] }))
    );
    assert!(judged(&approved, &read, yes_to(&read, "ada")).is_err());
}

#[test]
fn granted_calls_come_on_top_of_the_plan_s() {
    let plan = plan(json!({ "constraints": { "max_tool_calls": 2 }, "steps": [
        { "id": "s", "tool": "fs.write", "args": {} }] }));
    let approved = approved(&plan, &no_inputs());
    let write = call("s", "fs.write", json!({}));
    let with = |calls, granted| {
        let order = Order {
            calls,
            granted,
            ..Order::ready()
        };
        enforce(&approved, &order, &write, &session(), NOW_MS)
            .map(|_| ())
            .map_err(|refusal| (refusal.code, refusal.expected))
    };
    assert_eq!(with(1, 0), Ok(()));
    let used_up = |most: u64| {
        Err((
            ErrorCode::BudgetExceeded,
            Some(json!({ "max_tool_calls": most })),
        ))
    };
    assert_eq!(with(2, 0), used_up(2));
    assert_eq!(with(2, 1), Ok(()));
    assert_eq!(with(3, 1), used_up(3));
}
