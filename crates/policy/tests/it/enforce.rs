//! The gate: which calls are part of the plan, and in which order the questions are asked.

use crate::support::{
    EXECUTION, NOW_MS, Order, approved, call, enforced, no_inputs, one_step, plan, session,
};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::{Purpose, Refusal, ResolvedCall, SecretSlot, SessionView, enforce};
use serde_json::json;

fn code(result: Result<mandate_policy::Permit, Refusal>) -> ErrorCode {
    result
        .map(|permit| permit.step().to_owned())
        .unwrap_err()
        .code
}

#[test]
fn a_planned_call_gets_a_permit_for_exactly_itself() {
    let approved = approved(
        &one_step(json!({ "tool": "fs.write", "args": { "path": "a" } })),
        &no_inputs(),
    );
    let call = call("s", "fs.write", json!({ "path": "a" }));
    let permit = enforced(&approved, &call).unwrap();
    assert_eq!(permit.execution_id(), EXECUTION);
    assert_eq!(permit.execution_digest(), approved.digest());
    assert_eq!(
        (permit.step(), permit.item(), permit.attempt()),
        ("s", None, 1)
    );
    assert_eq!(
        (permit.tool(), permit.purpose()),
        ("fs.write", Purpose::Run)
    );
    assert_eq!(permit.tool_digest(), &Digest::of(b"fs.write"));
    assert_eq!(permit.args_digest(), &call.args_digest());
    assert_eq!(permit.covers(&call), Ok(()));
    type Change = fn(&mut ResolvedCall);
    let changes: [(Change, ErrorCode); 9] = [
        (
            |c| c.execution_id = "exec-2".to_owned(),
            ErrorCode::UnplannedAction,
        ),
        (|c| c.step = "t".to_owned(), ErrorCode::UnplannedAction),
        (|c| c.item = Some(0), ErrorCode::UnplannedAction),
        (|c| c.attempt = 2, ErrorCode::UnplannedAction),
        (
            |c| c.purpose = Purpose::Compensate,
            ErrorCode::UnplannedAction,
        ),
        (
            |c| c.tool = "fs.delete".to_owned(),
            ErrorCode::UnplannedAction,
        ),
        (
            |c| c.idempotency_key = "k".to_owned(),
            ErrorCode::UnplannedAction,
        ),
        (|c| c.timeout_ms = Some(1), ErrorCode::UnplannedAction),
        (
            |c| c.args = json!({ "path": "b" }),
            ErrorCode::ArgumentViolation,
        ),
    ];
    let mut digests = vec![permit.digest()];
    for (change, expected) in changes {
        let mut other = call.clone();
        change(&mut other);
        assert_eq!(
            permit.covers(&other).unwrap_err().code,
            expected,
            "{other:?}"
        );
        if let Ok(permit) = enforced(&approved, &other) {
            digests.push(permit.digest());
        }
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count, "no two calls share a permit's digest");
    assert_eq!(
        enforced(&approved, &call).unwrap().digest(),
        permit.digest()
    );
}

#[test]
fn the_digest_of_arguments_covers_where_secrets_stand() {
    let slot = SecretSlot {
        pointer: "/a".to_owned(),
        offset: 0,
        len: 12,
        name: "X".to_owned(),
    };
    let plain = call("s", "fs.write", json!({ "a": "${secrets.X}", "b": 1 }));
    let secret = ResolvedCall {
        secrets: vec![slot.clone()],
        ..plain.clone()
    };
    let moved = ResolvedCall {
        secrets: vec![SecretSlot { offset: 1, ..slot }],
        ..plain.clone()
    };
    let float = ResolvedCall {
        args: json!({ "b": 1.0, "a": "${secrets.X}" }),
        ..plain.clone()
    };
    assert_ne!(plain.args_digest(), secret.args_digest());
    assert_ne!(secret.args_digest(), moved.args_digest());
    assert_eq!(
        plain.args_digest(),
        float.args_digest(),
        "the same JSON value however it is written"
    );
}

#[test]
fn unplanned_calls_are_refused() {
    let plan = plan(json!({ "steps": [
        { "id": "a", "tool": "fs.read", "args": {} },
        { "id": "each", "tool": "fs.read", "args": {}, "for_each": { "in": "[1, 2]" } },
    ] }));
    let approved = approved(&plan, &no_inputs());
    let item = |step: &str, item| ResolvedCall {
        item,
        ..call(step, "fs.read", json!({}))
    };
    assert!(enforced(&approved, &item("a", None)).is_ok());
    assert!(enforced(&approved, &item("each", Some(1))).is_ok());
    for wrong in [
        call("b", "fs.read", json!({})),
        call("a", "fs.write", json!({})),
        call("a", "no.such", json!({})),
        item("a", Some(0)),
        item("each", None),
        ResolvedCall {
            purpose: Purpose::Compensate,
            ..item("a", None)
        },
        ResolvedCall {
            execution_id: "exec-2".to_owned(),
            ..item("a", None)
        },
    ] {
        assert_eq!(
            code(enforced(&approved, &wrong)),
            ErrorCode::UnplannedAction,
            "{wrong:?}"
        );
    }
    let refusal = enforced(&approved, &call("a", "fs.write", json!({}))).unwrap_err();
    assert_eq!(
        refusal.expected,
        Some(json!({ "step": "a", "tool": "fs.read" }))
    );
    let elsewhere = Order {
        execution_id: "exec-2".to_owned(),
        ..Order::ready()
    };
    let result = enforce(&approved, &elsewhere, &item("a", None), &session(), NOW_MS);
    assert_eq!(code(result), ErrorCode::UnplannedAction);
}

#[test]
fn fallback_finally_and_compensation_are_part_of_the_plan() {
    let plan = plan(json!({
        "steps": [{
            "id": "a", "tool": "fs.write", "args": { "path": "out/x" },
            "allow": { "paths": ["out/**"], "args": { "path": { "glob": "out/*" } } },
            "compensate": { "tool": "fs.delete", "args": { "path": "${args.path}" } },
            "on_failure": { "fallback": [{ "id": "f", "tool": "mail.send", "args": {} }] },
        }],
        "finally": [{ "id": "z", "tool": "fs.list", "args": {}, "on_failure": "skip" }],
    }));
    let approved = approved(&plan, &no_inputs());
    assert!(enforced(&approved, &call("f", "mail.send", json!({}))).is_ok());
    assert!(enforced(&approved, &call("z", "fs.list", json!({}))).is_ok());
    let undo = |tool, args| ResolvedCall {
        purpose: Purpose::Compensate,
        ..call("a", tool, args)
    };
    assert!(enforced(&approved, &undo("fs.delete", json!({ "path": "out/x" }))).is_ok());
    assert_eq!(
        code(enforced(
            &approved,
            &undo("fs.write", json!({ "path": "out/x" }))
        )),
        ErrorCode::UnplannedAction
    );
    // The step's lists hold for what undoes it, too.
    assert_eq!(
        code(enforced(
            &approved,
            &undo("fs.delete", json!({ "path": "src/x" }))
        )),
        ErrorCode::ArgumentViolation
    );
}

/// Everything is wrong at once; each thing mended shows the next.
#[test]
fn the_questions_are_asked_in_order() {
    let plan = plan(json!({ "constraints": { "max_tool_calls": 1 }, "steps": [
        { "id": "s", "tool": "shifty.tool", "args": { "mode": "${'x'}", "path": "a" } }] }));
    let approved = approved(&plan, &no_inputs());
    let wait = Refusal::new(ErrorCode::SequenceViolation, "not now");
    let stopped = Refusal::new(ErrorCode::ExecutionHalted, "it ended");
    let mut order = Order {
        execution_id: EXECUTION.to_owned(),
        running: Err(stopped),
        turn: Err(wait),
        calls: 1,
        ..Order::ready()
    };
    let mut session = SessionView {
        frozen: true,
        ..session()
    };
    let mut call = call("nowhere", "fs.read", json!({ "mode": "bad", "path": "b" }));
    let now = |order: &Order, session: &SessionView, call: &ResolvedCall| {
        enforce(&approved, order, call, session, NOW_MS)
            .map(|_| ())
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(
        now(&order, &session, &call),
        Err(ErrorCode::ExecutionHalted)
    );
    order.running = Ok(());
    assert_eq!(now(&order, &session, &call), Err(ErrorCode::Frozen));
    session.frozen = false;
    assert_eq!(
        now(&order, &session, &call),
        Err(ErrorCode::UnplannedAction)
    );
    (call.step, call.tool) = ("s".to_owned(), "shifty.tool".to_owned());
    assert_eq!(
        now(&order, &session, &call),
        Err(ErrorCode::SequenceViolation)
    );
    order.turn = Ok(());
    assert_eq!(
        now(&order, &session, &call),
        Err(ErrorCode::ArgumentViolation)
    );
    call.args["path"] = json!("a");
    assert_eq!(now(&order, &session, &call), Err(ErrorCode::BudgetExceeded));
    order.calls = 0;
    assert_eq!(now(&order, &session, &call), Err(ErrorCode::PolicyDenied));
    call.args["mode"] = json!("good");
    assert_eq!(now(&order, &session, &call), Ok(()));
}
