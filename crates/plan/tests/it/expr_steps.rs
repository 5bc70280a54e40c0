//! What expressions read of steps, and what they are said to refer to.

use crate::expr_scope::{Documents, try_eval};
use mandate_plan::expr::{Expr, References};
use serde_json::{Value, json};

fn scope() -> Documents {
    let mut scope = Documents::inputs(json!({"k": "v"}));
    scope.steps = [
        ("a", json!({"state": "completed", "output": {"x": [1, 2], "s": "t"}, "args": {"url": "u"}})),
        ("b", json!({"state": "failed", "error": {"code": "TOOL_FAILED", "message": "m", "attempt": 1}})),
        ("c", json!({"state": "skipped"})),
        ("d", json!({"state": "recovered", "output": "d"})),
    ]
    .map(|(id, step)| (id.to_owned(), step))
    .into();
    scope
}

#[test]
fn fields_of_steps() {
    let rows: &[(&str, Value)] = &[
        ("steps.a.output.x[1]", json!(2)),
        ("steps['a']['output'].x[1] + 1", json!(3)),
        ("steps.a.args.url", json!("u")),
        ("steps.b.error.code == 'TOOL_FAILED'", json!(true)),
        ("steps.b.output", json!(null)),
        ("steps.b.state", json!("failed")),
        ("steps.a.errors", json!(null)),
        ("has(steps.a.output.x)", json!(true)),
        ("has(steps.a.output)", json!(true)),
        ("has(steps.b.output)", json!(false)),
        (
            "steps.d",
            json!({"args": null, "error": null, "errors": null, "output": "d", "state": "recovered"}),
        ),
        (
            "succeeded('a') && succeeded('d') && !succeeded('b')",
            json!(true),
        ),
        ("failed('b') && !failed('a') && !failed('d')", json!(true)),
        ("skipped('c') && !skipped('b')", json!(true)),
        ("settled()", json!(true)),
        ("either('b', 'c', 'd', 'a')", json!("d")),
        ("either('a', 'd').x[0]", json!(1)),
        ("either('b', 'a').s + '!'", json!("t!")),
        ("coalesce(steps.b.output.x, 'none')", json!("none")),
        (
            "steps.a.output.x.map(i, i + size(steps.a.output.s))",
            json!([2, 3]),
        ),
    ];
    for owned in [false, true] {
        let scope = Documents { owned, ..scope() };
        for (source, expected) in rows {
            assert_eq!(&try_eval(source, &scope).unwrap(), expected, "{source}");
        }
    }
    let message = |source: &str| try_eval(source, &scope()).unwrap_err().message;
    assert!(message("steps.zzz.output").contains("no such step `zzz`"));
    assert!(message("steps.b.output.x").contains("null has no key `x`"));
    assert!(message("either('b', 'c')").contains("none of the steps"));
}

#[test]
fn conditions_are_true_or_false() {
    let condition = |source: &str| {
        Expr::compile(source, "steps.x.if")
            .unwrap()
            .eval_bool(&scope())
    };
    assert_eq!(condition("inputs.k == 'v'"), Ok(true));
    let error = condition("inputs.k").unwrap_err();
    assert_eq!(error.code, mandate_plan::ErrorCode::InvalidPayload);
    assert!(
        error.message.contains("`steps.x.if`") && error.message.contains("neither true nor false"),
        "{error}"
    );
}

fn references(source: &str) -> References {
    Expr::compile(source, "p").unwrap().references().clone()
}

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

#[test]
fn references_of_an_expression() {
    let found = references(
        "inputs.a + item.x[0] > 1 && steps.s.output.y[inputs['b']] == steps.t.state || failed('u') && has(steps.v.error.code)",
    );
    let names = |map: &std::collections::BTreeMap<String, usize>| {
        map.iter().map(|(k, v)| (k.clone(), *v)).collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, usize)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), *v))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&found.variables),
        pairs(&[("inputs", 0), ("item", 11)])
    );
    assert_eq!(names(&found.inputs), pairs(&[("a", 0), ("b", 45)]));
    assert_eq!(names(&found.needs), pairs(&[("s", 28)]));
    assert_eq!(
        names(&found.order),
        pairs(&[("t", 61), ("u", 78), ("v", 97)])
    );
    assert_eq!(found.status, ["u".to_owned()].into());
    assert!(!found.settled && found.either.is_empty());
    let paths: std::collections::BTreeSet<_> = [
        "inputs.a",
        "inputs.b",
        "item.x.0",
        "steps.s.output.y",
        "steps.t.state",
        "steps.v.error.code",
    ]
    .map(path)
    .into();
    assert_eq!(found.paths, paths);
}

#[test]
fn references_of_either_and_whole_steps() {
    let found = references("1 == 1 && either('a', 'b').x == steps.c && settled()");
    assert_eq!(found.either, [(vec!["a".to_owned(), "b".to_owned()], 10)]);
    assert!(found.settled && found.order.is_empty() && found.variables.is_empty());
    assert_eq!(found.needs.keys().collect::<Vec<_>>(), ["c"]);
    assert_eq!(
        found.paths,
        ["steps.a.output.x", "steps.b.output.x", "steps.c"]
            .map(path)
            .into()
    );
}

#[test]
fn local_names_are_no_references() {
    let found = references("inputs.list.map(steps, steps.a) + inputs.list.map(secrets, secrets.b)");
    assert!(found.needs.is_empty());
    assert_eq!(found.variables.keys().collect::<Vec<_>>(), ["inputs"]);
}
