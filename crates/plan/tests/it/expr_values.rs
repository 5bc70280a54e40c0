//! Expressions: what holds whichever function is called.

use crate::expr_scope::{Documents, error_table, eval, sample, table, try_eval};
use mandate_plan::expr::functions;
use serde_json::json;

#[test]
fn values_of_the_data_are_never_told() {
    let scope = Documents::inputs(
        json!({"secretish": "hunter2", "list": ["hunter2"], "map": {"hunter2": 1}}),
    );
    for source in [
        "inputs.secretish + 1",
        "inputs.list.sum()",
        "inputs.map.x",
        "inputs.map[inputs.secretish + 'x']",
        "int(inputs.secretish)",
        "timestamp(inputs.secretish)",
        "json.parse(inputs.secretish)",
        "inputs.secretish.x",
        "'x'.matches(inputs.secretish + '(')",
        "time.format(timestamp(0), '%Y', inputs.secretish)",
        "inputs.list[inputs.secretish]",
        "has(inputs.secretish.x)",
    ] {
        let error = try_eval(source, &scope).unwrap_err();
        assert!(!error.message.contains("hunter2"), "{source}: {error}");
        assert!(
            error.message.starts_with("`steps.a.if`, character "),
            "{source}: {error}"
        );
    }
}

#[test]
fn messages_point_into_the_source() {
    let error = try_eval("true ? 1 + inputs.zzz : 2", &sample()).unwrap_err();
    assert_eq!(
        error.message,
        "`steps.a.if`, character 12 of the expression: no such key `zzz`"
    );
}

#[test]
fn maps_iterate_in_key_order_each_time() {
    let source = "{'z': 1, 'a': 2, 'm': 3}.map(k, k) + inputs.map.map(k, k)";
    for _ in 0..100 {
        assert_eq!(eval(source), json!(["a", "m", "z", "a", "b", "c"]));
    }
}

#[test]
fn every_function_and_bound_is_in_the_reference() {
    let page = include_str!("../../../../docs/expressions.md");
    for (name, usage) in functions() {
        let method = name.rsplit('.').next().unwrap();
        assert!(
            page.contains(&format!("{method}(")),
            "docs/expressions.md lacks `{usage}`"
        );
    }
    use mandate_plan::expr::limits as l;
    let grouped = |number: u64| {
        let digits = number.to_string();
        let groups: Vec<_> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap())
            .collect();
        groups.join(",")
    };
    for bound in [
        format!("{} bytes", l::MAX_SOURCE_BYTES),
        format!("{} levels, {} operators", l::MAX_DEPTH, l::MAX_LINKS),
        format!("{}, of which {} within", l::MAX_LOOPS, l::MAX_LOOP_NESTING),
        format!("{} units", grouped(l::WORK_UNITS)),
        format!("{} items", grouped(l::MAX_ITEMS as u64)),
        format!(
            "{} MiB, {} levels",
            l::MAX_VALUE_BYTES >> 20,
            l::MAX_VALUE_DEPTH
        ),
        format!("{} bytes", l::MAX_PATTERN_BYTES),
    ] {
        assert!(page.contains(&bound), "docs/expressions.md lacks `{bound}`");
    }
}

#[test]
fn conversions() {
    table(&[
        ("int('42') + int(3.9) + int(-3.9)", "42"),
        ("int(timestamp('1970-01-01T00:01:00Z'))", "60"),
        ("double('1.5') + double(1)", "2.5"),
        ("string(1.5) + string(true) + string('x')", "\"1.5truex\""),
        ("string(1e100)", "\"1e+100\""),
        ("string(b'abc')", "\"abc\""),
        ("bytes('é')", "\"w6k=\""),
        ("bool('true') && !bool('false')", "true"),
        ("dyn(1) == 1", "true"),
        (
            "type(1) == int && type('a') == string && type(null) == null_type",
            "true",
        ),
        (
            "[1, 'a', true, [], {}].map(x, type(x))",
            r#"["int", "string", "bool", "list", "map"]"#,
        ),
        (
            "type(timestamp('2026-01-31T12:00:00Z')) == timestamp",
            "true",
        ),
        (
            "type(duration('1s')) == duration && type(type(1)) == type",
            "true",
        ),
        ("base64.encode('hello')", "\"aGVsbG8=\""),
        ("base64.encode(b'hello')", "\"aGVsbG8=\""),
        ("string(base64.decode('aGVsbG8='))", "\"hello\""),
        ("string(base64.decode('aGVsbG8'))", "\"hello\""),
        (
            "json.parse('{\"b\": [1, 2.0, null], \"a\": \"x\"}')",
            r#"{"a": "x", "b": [1, 2, null]}"#,
        ),
        ("json.parse('{\"b\": {\"c\": 1}}').b.c", "1"),
        (
            "json.format({'b': 1, 'a': [1.0, 'x']})",
            r#""{\"a\":[1,\"x\"],\"b\":1}""#,
        ),
    ]);
    error_table(&[
        ("int('x')", "`int` reads a number"),
        ("int(null)", "`int` cannot be made of null"),
        ("uint(-1)", "no negative"),
        ("string([1])", "`json.format(value)` writes any value"),
        ("string(b'\\xff')", "no UTF-8"),
        ("bool('yes')", "`bool` reads"),
        ("bool(1)", "cannot be made of an int"),
        ("base64.decode('?')", "no base64"),
        ("json.parse('{')", "no JSON"),
        ("json.parse(1)", "`json.parse` takes a string"),
    ]);
}
