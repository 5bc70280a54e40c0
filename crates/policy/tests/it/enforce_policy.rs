//! The gate: counts, changed tools, and the policy's last word.

use crate::support::{
    EXECUTION, NOW_MS, Order, Tools, approval, approved, approved_under, call, decide, enforced,
    inputs, no_inputs, one_step, plan, request, session,
};
use mandate_plan::ErrorCode;
use mandate_policy::{
    Grant, Limits, Outcome, Purpose, Refusal, ResolvedCall, Rules, SessionView, admit,
    counts_as_call, enforce, evaluate, evaluate_with,
    risk::Level,
    rules::{Case, FirstPolicy, Moment, RuleError, Ruling},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn code(result: Result<mandate_policy::Permit, Refusal>) -> ErrorCode {
    result
        .map(|permit| permit.step().to_owned())
        .unwrap_err()
        .code
}

#[test]
fn calls_are_counted() {
    let plan = plan(json!({ "constraints": { "max_tool_calls": 2 }, "steps": [
        { "id": "a", "tool": "fs.write", "args": {}, "compensate": { "tool": "fs.delete", "args": {} } },
        { "id": "d", "tool": "data.value", "args": {} }] }));
    let approved = approved(&plan, &no_inputs());
    let after = |calls, call: &ResolvedCall| {
        enforce(
            &approved,
            &Order {
                calls,
                ..Order::ready()
            },
            call,
            &session(),
            NOW_MS,
        )
        .map(|_| ())
        .map_err(|r| r.code)
    };
    let write = call("a", "fs.write", json!({}));
    assert_eq!(after(1, &write), Ok(()));
    assert_eq!(after(2, &write), Err(ErrorCode::BudgetExceeded));
    assert_eq!(after(2, &call("d", "data.value", json!({}))), Ok(()));
    let undo = ResolvedCall {
        purpose: Purpose::Compensate,
        ..call("a", "fs.delete", json!({}))
    };
    assert_eq!(after(2, &undo), Ok(()));
    for (tool, counted) in [
        ("fs.read", true),
        ("human.ask", false),
        ("time.now", false),
        ("data.value", false),
        ("database.x", true),
    ] {
        assert_eq!(counts_as_call(tool, Purpose::Run), counted, "{tool}");
    }
}

#[test]
fn a_changed_tool_gets_no_permit() {
    /// Tools that change after they were admitted.
    struct Changing(std::sync::atomic::AtomicBool, Tools, Tools);
    impl mandate_plan::ToolLookup for Changing {
        fn spec(&self, name: &str) -> Option<&mandate_plan::ToolSpec> {
            let changed = self.0.load(std::sync::atomic::Ordering::SeqCst);
            if changed {
                self.2.spec(name)
            } else {
                self.1.spec(name)
            }
        }
        fn facts(&self, name: &str, args: Option<&Value>) -> Option<mandate_plan::Facts> {
            self.1.facts(name, args)
        }
        fn names(&self) -> Vec<&str> {
            self.1.names()
        }
    }
    let plan = plan(
        json!({ "steps": [{ "id": "a", "tool": "fs.read", "args": {} }, { "id": "b", "tool": "fs.list", "args": {} }] }),
    );
    let tools = Arc::new(Changing(
        false.into(),
        Tools::new(),
        Tools::new().changed("fs.read").without("fs.list"),
    ));
    let decision = evaluate(&plan, &no_inputs(), tools.as_ref(), &request());
    let approved = admit(
        plan,
        &no_inputs(),
        tools.clone(),
        EXECUTION,
        decision,
        Grant::Allowed,
    )
    .unwrap();
    assert!(enforced(&approved, &call("a", "fs.read", json!({}))).is_ok());
    tools.0.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        code(enforced(&approved, &call("a", "fs.read", json!({})))),
        ErrorCode::ToolChanged
    );
    assert_eq!(
        code(enforced(&approved, &call("b", "fs.list", json!({})))),
        ErrorCode::ActionNotFound
    );
}

#[test]
fn a_call_that_does_more_than_was_decided_about_is_denied() {
    let plan = plan(json!({ "inputs": { "m": { "default": "good" } }, "steps": [
        { "id": "s", "tool": "shifty.tool", "args": { "mode": "${inputs.m}" } },
        { "id": "w", "tool": "fs.write", "args": {} }] }));
    let bound = inputs(&plan, json!({}));
    assert_eq!(decide(&plan, &bound).steps[0].outcome, Outcome::Allow);
    // Even though the plan as a whole was approved: what was shown was a read.
    let approved = approved(&plan, &bound);
    assert!(
        enforced(
            &approved,
            &call("s", "shifty.tool", json!({ "mode": "good" }))
        )
        .is_ok()
    );
    let refusal = enforced(
        &approved,
        &call("s", "shifty.tool", json!({ "mode": "bad" })),
    )
    .unwrap_err();
    assert_eq!(
        (refusal.code, refusal.rule.as_deref()),
        (ErrorCode::PolicyDenied, Some("effect-as-decided"))
    );
}

/// Rules that allow before the plan runs and say something else at the call.
#[derive(Debug)]
struct Later(Result<Vec<Outcome>, ()>, Limits);

impl Rules for Later {
    fn version(&self) -> String {
        "later".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let outcomes = match case.moment {
            Moment::Plan => vec![Outcome::Allow],
            Moment::Call => self.0.clone().map_err(|()| RuleError {
                rule: "late".to_owned(),
                message: "broke".to_owned(),
            })?,
        };
        let ruling = |outcome| Ruling {
            rule: "late".to_owned(),
            outcome,
            message: "said so".to_owned(),
            severity: Level::Low,
            approvers: Vec::new(),
            absolute: false,
            inputs: serde_json::Map::new(),
        };
        Ok(outcomes.into_iter().map(ruling).collect())
    }

    fn limits(&self) -> Limits {
        self.1
    }
}

fn late(answer: Result<Vec<Outcome>, ()>, approve: bool) -> Result<(), ErrorCode> {
    let plan = one_step(json!({ "tool": "fs.read", "args": {} }));
    let rules = Arc::new(Later(answer, Limits::default()));
    let decision = evaluate_with(
        rules.as_ref(),
        &plan,
        &no_inputs(),
        &Tools::new(),
        &request(),
    );
    let grant = if approve {
        Grant::Approved(approval(&decision))
    } else {
        Grant::Allowed
    };
    let tools = Arc::new(Tools::new());
    let approved =
        mandate_policy::admit_with(rules, plan, &no_inputs(), tools, EXECUTION, decision, grant)
            .unwrap();
    enforced(&approved, &call("s", "fs.read", json!({})))
        .map(|_| ())
        .map_err(|refusal| refusal.code)
}

#[test]
fn the_policy_is_asked_again_at_the_call_and_can_only_be_stricter() {
    use Outcome::*;
    assert_eq!(late(Ok(vec![Allow]), false), Ok(()));
    assert_eq!(
        late(Ok(vec![Allow, RequireApproval]), false),
        Err(ErrorCode::ApprovalRequired)
    );
    assert_eq!(late(Ok(vec![Allow, RequireApproval]), true), Ok(()));
    assert_eq!(
        late(Ok(vec![RateLimited]), true),
        Err(ErrorCode::RateLimited)
    );
    assert_eq!(late(Ok(vec![Deny]), true), Err(ErrorCode::PolicyDenied));
    assert_eq!(late(Ok(vec![]), true), Err(ErrorCode::PolicyDenied));
    assert_eq!(late(Err(()), true), Err(ErrorCode::PolicyDenied));
}

#[test]
fn sessions_are_limited() {
    let limits = Limits {
        calls_per_session: Some(100),
        calls_per_minute: Some(10),
    };
    let plan = one_step(json!({ "tool": "fs.read", "args": {} }));
    let rules = Arc::new(Later(Ok(vec![Outcome::Allow]), limits));
    let decision = evaluate_with(
        rules.as_ref(),
        &plan,
        &no_inputs(),
        &Tools::new(),
        &request(),
    );
    let approved = approved_under(rules, &plan, decision);
    let with = |calls, calls_last_minute| {
        let session = SessionView {
            calls,
            calls_last_minute,
            ..session()
        };
        enforce(
            &approved,
            &Order::ready(),
            &call("s", "fs.read", json!({})),
            &session,
            NOW_MS,
        )
        .map(|_| ())
    };
    assert_eq!(with(99, 9), Ok(()));
    let minute = with(50, 10).unwrap_err();
    assert_eq!(
        (minute.code, minute.retry_after_ms),
        (ErrorCode::RateLimited, Some(60_000))
    );
    let whole = with(100, 0).unwrap_err();
    assert_eq!(
        (whole.code, whole.retry_after_ms),
        (ErrorCode::RateLimited, None)
    );
    assert_eq!(FirstPolicy.limits(), Limits::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a decision says about a call, a permit is never milder.
    #[test]
    fn nothing_that_was_denied_gets_a_permit(
        tool in prop::sample::select(vec!["fs.read", "fs.write", "mail.send", "http.request", "process.exec", "data.value"]),
        step in prop::sample::select(vec![Outcome::Allow, Outcome::RequireApproval, Outcome::RateLimited, Outcome::Deny]),
        whole in prop::sample::select(vec![Outcome::Allow, Outcome::RequireApproval, Outcome::RateLimited, Outcome::Deny]),
        approve in any::<bool>(),
    ) {
        let plan = one_step(json!({ "tool": tool, "args": {} }));
        let mut decision = decide(&plan, &no_inputs());
        decision.steps[0].outcome = step;
        decision.outcome = whole;
        let grant = if approve { Grant::Approved(approval(&decision)) } else { Grant::Allowed };
        let admitted = admit(plan, &no_inputs(), Arc::new(Tools::new()), EXECUTION, decision, grant);
        let permitted = admitted.is_ok_and(|approved| enforced(&approved, &call("s", tool, json!({}))).is_ok());
        let strictest = step.max(whole);
        if strictest >= Outcome::RateLimited || strictest == Outcome::RequireApproval && !approve {
            prop_assert!(!permitted);
        }
    }
}
