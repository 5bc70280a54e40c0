//! The runner: permit, schema, timeout, panic, output, metrics.

use crate::{
    fixture::{Fixture, Setup, resolved},
    test_tools::TestTools,
};
use mandate_plan::ErrorCode;
use mandate_policy::ResolvedCall;
use mandate_tools::{ErrorEnvelope, Lifecycle, Metrics, Outcome, Tools as _};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

fn fixture() -> (Fixture, Arc<std::sync::atomic::AtomicU32>) {
    let tools = TestTools::default();
    let calls = Arc::clone(&tools.calls);
    (
        Setup {
            providers: vec![Arc::new(tools)],
            ..Setup::default()
        }
        .build(),
        calls,
    )
}

fn told(what: &str, with: Value) -> Value {
    json!({"do": what, "with": with})
}

fn metrics(f: &Fixture) -> Metrics {
    f.runner.registry().status("test.run").unwrap().metrics
}

#[tokio::test]
async fn a_permit_is_for_one_call_only() {
    let (f, calls) = fixture();
    let call = resolved("test.run", told("answer", json!(1)));
    let mut others = Vec::new();
    for (code, change) in [
        (
            ErrorCode::ArgumentViolation,
            Box::new(|call: &mut ResolvedCall| call.args["with"] = json!(2)) as Box<dyn Fn(&mut _)>,
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.step = "other".into()),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.attempt = 2),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.item = Some(0)),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.execution_id = "other".into()),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.tool = "time.now".into()),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.idempotency_key = "other".into()),
        ),
        (
            ErrorCode::UnplannedAction,
            Box::new(|call: &mut ResolvedCall| call.timeout_ms = Some(1)),
        ),
    ] {
        let mut other = call.clone();
        change(&mut other);
        others.push((code, other));
    }
    for (code, other) in others {
        let report = f.runner.run(f.permit(&call), other.clone()).await;
        assert!(
            matches!(&report.outcome, Outcome::Refused(fault) if fault.code == code),
            "{other:?}: {report:?}"
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let report = f.run(call).await;
    assert_eq!(
        report.outcome,
        Outcome::Completed {
            output: json!({"ok": 1})
        }
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_tool_that_changed_is_not_called() {
    let (f, calls) = fixture();
    let call = resolved("test.run", told("answer", json!(1)));
    let permit = f.permit(&call);
    f.runner.registry().remove("test", "restarted");
    let newer = TestTools {
        version: 2,
        calls: Arc::clone(&calls),
    };
    f.runner.registry().add(Arc::new(newer)).unwrap();
    let report = f.runner.run(permit, call.clone()).await;
    assert!(
        matches!(&report.outcome, Outcome::Refused(fault) if fault.code == ErrorCode::ToolChanged),
        "{report:?}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert!(matches!(
        f.run(call).await.outcome,
        Outcome::Completed { .. }
    ));
}

#[tokio::test]
async fn bad_arguments_never_reach_the_tool_and_are_not_repeated_in_the_message() {
    let (f, calls) = fixture();
    let fault = f
        .refusal("test.run", json!({"do": 1234567, "more": "visible?"}))
        .await;
    assert_eq!(fault.code, ErrorCode::InvalidPayload);
    let text = serde_json::to_string(&fault).unwrap();
    assert!(
        text.contains("/do") && !text.contains("1234567") && !text.contains("visible?"),
        "{text}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(
        f.refusal("no.tool", json!({})).await.code,
        ErrorCode::ActionNotFound
    );
}

#[tokio::test]
async fn a_panic_is_an_unknown_outcome_and_counted() {
    let (f, calls) = fixture();
    for what in ["panic", "panic at once"] {
        let outcome = f.call("test.run", told(what, json!("details"))).await;
        let Outcome::Unknown(fault) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(fault.code, ErrorCode::UnknownError);
        assert!(!fault.message.contains("details"), "{fault}");
    }
    assert_eq!((metrics(&f).error_count, metrics(&f).success_count), (2, 0));
    // The tool goes on.
    assert!(matches!(
        f.call("test.run", told("answer", json!(1))).await,
        Outcome::Completed { .. }
    ));
    assert_eq!((metrics(&f).error_count, metrics(&f).success_count), (2, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_timeout_is_an_unknown_outcome_and_counted() {
    let (f, _) = fixture();
    let mut call = resolved("test.run", told("hang", json!(null)));
    call.timeout_ms = Some(50);
    let report = f.run(call).await;
    assert!(
        matches!(&report.outcome, Outcome::Unknown(fault) if fault.code == ErrorCode::StepTimeout),
        "{report:?}"
    );
    assert!((50..5000).contains(&report.elapsed_ms));
    let metrics = metrics(&f);
    assert_eq!(metrics.error_count, 1);
    assert!(metrics.last_execution_time_ms.unwrap() >= 50.0 && metrics.last_used.is_some());
}

#[tokio::test]
async fn a_dropped_call_is_counted_and_the_lifecycle_follows() {
    let (f, _) = fixture();
    let state = || f.runner.registry().status("test.run").unwrap().lifecycle;
    assert_eq!(state(), Lifecycle::Initialized);
    let call = resolved("test.run", told("hang", json!(null)));
    let permit = f.permit(&call);
    let running = tokio::spawn(f.runner.run(permit, call));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(state(), Lifecycle::Running);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(
        (state(), metrics(&f).error_count),
        (Lifecycle::Initialized, 1)
    );
    // Also when it was never polled.
    let call = resolved("test.run", told("answer", json!(null)));
    drop(f.runner.run(f.permit(&call), call));
    assert_eq!(
        (state(), metrics(&f).error_count),
        (Lifecycle::Initialized, 2)
    );
}

#[tokio::test]
async fn an_answer_that_breaks_the_output_schema_is_invalid() {
    let (f, _) = fixture();
    let outcome = f.call("test.run", told("babble", json!("t"))).await;
    let Outcome::Invalid { output, fault } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (output, fault.code),
        (Some(json!({"text": "t"})), ErrorCode::OutputInvalid)
    );
    let outcome = f.call("test.run", told("flood", json!(null))).await;
    let Outcome::Invalid { output, fault } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((output, fault.code), (None, ErrorCode::ResourceExhausted));
    assert_eq!((metrics(&f).error_count, metrics(&f).success_count), (2, 0));
}

#[tokio::test]
async fn metrics_add_up() {
    let (f, _) = fixture();
    for what in ["answer", "answer", "fail", "lose", "spoil"] {
        f.call("test.run", told(what, json!("x"))).await;
    }
    let metrics = metrics(&f);
    assert_eq!((metrics.success_count, metrics.error_count), (2, 3));
    let average = metrics.avg_execution_time_ms.unwrap();
    assert!(average > 0.0 && average < 1000.0 && metrics.last_execution_time_ms.unwrap() > 0.0);
}

#[tokio::test]
async fn the_error_envelope_is_as_the_contract_says() {
    let (f, _) = fixture();
    let fault = f.failure("test.run", told("fail", json!("no"))).await;
    let envelope = ErrorEnvelope::new(
        &fault,
        "test.run",
        "step_1",
        "execution-1",
        1_700_000_000_123,
    );
    assert_eq!(
        serde_json::to_value(&envelope).unwrap(),
        json!({"error": {
            "category": "ToolError",
            "code": "TOOL_FAILED",
            "message": "no",
            "details": {"text": "no"},
            "tool": "test.run",
            "step_id": "step_1",
            "execution_id": "execution-1",
            "timestamp": "2023-11-14T22:13:20.123Z",
        }})
    );
    let categories: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| format!("{:?}", mandate_tools::Category::of(*code)))
        .collect();
    for category in [
        "ValidationError",
        "ToolError",
        "ExecutionError",
        "PolicyError",
        "InternalError",
    ] {
        assert!(categories.iter().any(|own| own == category), "{category}");
    }
}
