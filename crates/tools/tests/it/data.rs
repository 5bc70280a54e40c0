//! The data and time tools.

use crate::fixture::fixture;
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn value_gives_its_value() {
    let f = fixture();
    for value in [json!({"a": [1, null]}), json!(null), json!("x")] {
        assert_eq!(f.output("data.value", json!({"value": value})).await, value);
    }
    assert_eq!(
        f.refusal("data.value", json!({})).await.code,
        ErrorCode::InvalidPayload
    );
}

#[tokio::test]
async fn transform_computes_over_its_data_and_nothing_else() {
    let f = fixture();
    let data = json!([{"n": 3, "s": "c"}, {"n": 1, "s": "a"}]);
    let run = async |expression: &str| {
        f.call(
            "data.transform",
            json!({"expression": expression, "data": data}),
        )
        .await
    };
    for (expression, expected) in [
        ("data[0].s", json!("c")),
        ("data.filter(x, x.n > 1).map(x, x.s)", json!(["c"])),
        ("{'total': data.map(x, x.n).sum()}", json!({"total": 4})),
    ] {
        assert_eq!(
            run(expression).await,
            Outcome::Completed { output: expected },
            "{expression}"
        );
    }
    for expression in [
        "data.",
        "inputs.x",
        "steps.a.output",
        "nonsense(data)",
        "other",
    ] {
        let outcome = run(expression).await;
        let refused =
            matches!(&outcome, Outcome::Refused(fault) if fault.code == ErrorCode::InvalidPayload);
        assert!(refused, "{expression}: {outcome:?}");
    }
    for expression in ["data[7]", "data.missing"] {
        let outcome = run(expression).await;
        assert!(
            matches!(&outcome, Outcome::Failed(fault) if fault.code == ErrorCode::InvalidPayload),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn template_fills_in() {
    let f = fixture();
    let template =
        "# {{ title }}\n{% for row in rows %}\n- {{ row.n }}: {{ row.s | upper }}\n{% endfor %}\n";
    let data = json!({"title": "R <&>", "rows": [{"n": 1, "s": "a"}, {"n": 2.5, "s": "b"}]});
    let text = f
        .output("data.template", json!({"template": template, "data": data}))
        .await;
    assert_eq!(text["text"], "# R <&>\n- 1: A\n- 2.5: B\n");
}

#[tokio::test]
async fn template_is_strict_and_bounded() {
    let f = fixture();
    let run = async |template: &str| {
        let begun = Instant::now();
        let outcome = f
            .call(
                "data.template",
                json!({"template": template, "data": {"x": "v", "l": [1]}}),
            )
            .await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{template}");
        outcome
            .fault()
            .unwrap_or_else(|| panic!("{template}: {outcome:?}"))
            .clone()
    };
    let missing = run("a\n{{ y }}").await;
    assert_eq!(missing.code, ErrorCode::InvalidPayload);
    assert!(missing.message.contains("line 2"), "{missing}");
    assert_eq!(run("{% if %}").await.code, ErrorCode::InvalidPayload);
    assert_eq!(
        run("{% include 'x' %}").await.code,
        ErrorCode::InvalidPayload
    );
    assert_eq!(
        run("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
            .await
            .code,
        ErrorCode::ResourceExhausted
    );
    assert_eq!(run("{% for a in range(90000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}").await.code, ErrorCode::ResourceExhausted);
    for filter in [
        "'%1000000000d' | format(1)",
        "l | batch(1000000000, 'x') | list",
        "l | slice(1000000000)",
    ] {
        assert_eq!(
            run(&format!("{{{{ {filter} }}}}")).await.code,
            ErrorCode::InvalidPayload,
            "{filter}"
        );
    }
    // What doubles is stopped by the kernel, in a process of its own: this one takes nothing.
    let doubled = format!("{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(40));
    let stopped = run(&doubled).await;
    assert_eq!(stopped.code, ErrorCode::ResourceExhausted, "{stopped}");
    assert!(stopped.message.contains("memory"), "{stopped}");
    let listed = run("{{ ([1] * 90000000) | list | length }}").await;
    assert_eq!(listed.code, ErrorCode::ResourceExhausted, "{listed}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    assert!(peak.unwrap().parse::<u64>().unwrap() < 300_000, "{peak:?}");
    let indented = f
        .output(
            "data.template",
            json!({"template": "{{ 'a\nb' | indent(1000000000000) }}"}),
        )
        .await;
    assert_eq!(indented["text"].as_str().unwrap().len(), 3 + 64);
}

#[tokio::test]
async fn now_is_now() {
    let f = fixture();
    let now = f.output("time.now", json!({})).await;
    let expected = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let given = u128::from(now["unix_ms"].as_u64().unwrap());
    assert!(expected - given < 10_000);
    let text = now["rfc3339"].as_str().unwrap();
    assert!(
        text.ends_with('Z') && text.starts_with(now["date"].as_str().unwrap()),
        "{now}"
    );
}

#[tokio::test]
async fn what_the_engine_handles_is_not_called() {
    let f = fixture();
    for (tool, args) in [
        ("time.sleep", json!({"duration_ms": 1})),
        ("human.ask", json!({"question": "?"})),
        (
            "plan.run",
            json!({"plan": {"version": 1, "name": "n", "steps": [{"id": "a", "tool": "fs.stat", "args": {"path": "a"}}]}}),
        ),
    ] {
        assert!(f.runner.registry().status(tool).unwrap().engine_handled);
        assert_eq!(
            f.refusal(tool, args).await.code,
            ErrorCode::NotSupported,
            "{tool}"
        );
    }
    let both: Value = json!({"duration_ms": 1, "until": 2});
    assert_eq!(
        f.refusal("time.sleep", both).await.code,
        ErrorCode::InvalidPayload
    );
}
