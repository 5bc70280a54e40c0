//! Expressions that try to take all the time or all the memory there is.

use crate::expr_scope::{Documents, try_eval};
use mandate_plan::{
    ErrorCode,
    expr::{EvalError, Expr},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn scope() -> Documents {
    Documents::inputs(json!({
        "xs": (0..10_000).collect::<Vec<i64>>(),
        "rs": (0..10_000).map(|n| json!({"id": n, "name": format!("record {n}"), "tags": ["a", "b"]})).collect::<Vec<_>>(),
        "s": "s".repeat(1024 * 1024),
        "ab": "ab".repeat(256 * 1024),
        "words": (0..10_000).map(|n| format!("w{n}")).collect::<Vec<_>>(),
        "deep": (0..90).fold(json!(1), |inner, _| json!([inner])),
    }))
}

/// The result, which must not take longer than a debug build on a busy machine may.
fn bounded(source: &str) -> Result<Value, EvalError> {
    let scope = scope();
    let start = Instant::now();
    let result = try_eval(source, &scope);
    let took = start.elapsed();
    let head: String = source.chars().take(60).collect();
    println!("{took:>12.3?}  {head}");
    assert!(took < Duration::from_secs(8), "{head} took {took:?}");
    result
}

/// The most memory that this process has held, where the system tells; nextest gives each test a process of its own.
fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes / 1024)
}

fn exhausts(sources: &[&str]) {
    for source in sources {
        let head: String = source.chars().take(80).collect();
        match bounded(source) {
            Err(error) => assert_eq!(error.code, ErrorCode::ResourceExhausted, "{head}: {error}"),
            Ok(value) => panic!("{head} gave {} bytes", value.to_string().len()),
        }
    }
    if let Some(peak) = peak_megabytes() {
        println!("{peak} MB at most");
        assert!(peak < 256, "{peak} MB");
    }
}

#[test]
fn nested_loops() {
    let body = "x * y + ".repeat(240) + "1 < 0";
    exhausts(&[
        "inputs.xs.filter(x, inputs.xs.exists(y, y < 0))",
        "inputs.xs.map(x, inputs.xs).flatten()",
        "inputs.rs.map(x, inputs.rs)",
        "inputs.xs.map(x, inputs.xs.map(y, x * y))",
        &format!("inputs.xs.exists(x, inputs.xs.exists(y, {body}))"),
    ]);
}

#[test]
fn loops_over_native_functions() {
    exhausts(&[
        "inputs.rs.all(x, inputs.rs.exists(y, x == y))",
        "inputs.xs.map(x, inputs.rs == inputs.rs)",
        "inputs.xs.filter(x, x in inputs.xs)",
        "inputs.xs.map(x, json.format(inputs.rs))",
        "inputs.xs.map(x, inputs.xs.sort())",
        "inputs.xs.map(x, inputs.rs.distinct())",
        "inputs.xs.map(x, inputs.xs.sum())",
        "inputs.xs.map(x, inputs.s.size())",
        "inputs.xs.map(x, sets.contains(inputs.xs, inputs.xs))",
        "inputs.xs.sortBy(x, inputs.xs.max())",
    ]);
}

#[test]
fn nothing_swallows_exhaustion() {
    exhausts(&[
        "inputs.xs.all(x, inputs.xs.all(y, y >= 0)) || true",
        "true && inputs.xs.exists(x, inputs.xs.exists(y, y < 0)) || true",
        "inputs.xs.exists(z, inputs.xs.map(x, inputs.xs).flatten() == [] || true)",
        "coalesce(inputs.xs.map(x, inputs.xs), 1)",
        "inputs.xs.all(x, inputs.s + inputs.s != '') && false",
    ]);
}

#[test]
fn values_that_double() {
    let doubling =
        |start: &str, step: &str| format!("[{start}]{}", format!(".map(x, {step})").repeat(8));
    exhausts(&[
        &doubling("inputs.s", "x + x"),
        &doubling("inputs.rs", "[x, x, x, x]"),
        &doubling("inputs.xs", "x + x + x + x"),
        &format!(
            "{}[x]{}",
            "cel.bind(x, [0, 0], ".to_owned() + &"cel.bind(x, [x, x, x], ".repeat(30),
            ")".repeat(31)
        ),
        &format!(
            "{}json.format(x){}",
            "cel.bind(x, [0, 0], ".to_owned() + &"cel.bind(x, [x, x, x], ".repeat(30),
            ")".repeat(31)
        ),
        &format!(
            "{}x == x{}",
            "cel.bind(x, [0, 0], ".to_owned() + &"cel.bind(x, [x, x, x], ".repeat(30),
            ")".repeat(31)
        ),
        "lists.range(1000000)",
        "lists.range(9007199254740991)",
        "[1,2,3,4,5,6,7,8,9,10].map(x, lists.range(100000)).flatten()",
        "inputs.s.replace('', inputs.s)",
        "inputs.words.join(inputs.s)",
        "inputs.xs.map(x, inputs.s + string(x))",
        "inputs.s.split('')",
        "inputs.s.split('').map(x, x + x)",
        "(inputs.s + inputs.s + inputs.s + inputs.s) + 'x'",
        "'%s%s%s%s%s'.format([inputs.s, inputs.s, inputs.s, inputs.s, inputs.s])",
        "inputs.xs.map(x, '%.100f'.format([x]) + inputs.s)",
        "base64.encode(inputs.s + inputs.s + inputs.s + inputs.s)",
        "inputs.xs.map(x, strings.quote(inputs.s))",
        "regex.replace(inputs.s, '', inputs.s)",
        "json.parse('[' + inputs.s.replace('s', '[],') + '[]]')",
        "json.parse('[' + inputs.s.substring(0, 600000).replace('s', '{\"\":0},') + '1]')",
        "[inputs.deep].map(x, [x]).map(x, [x]).map(x, [x]).map(x, [x]).map(x, [x]).map(x, [x]).map(x, [x])",
    ]);
}

#[test]
fn regular_expressions() {
    exhausts(&[
        // A new pattern each time.
        "inputs.xs.filter(x, 'abc'.matches(string(x)))",
        "inputs.xs.filter(x, 'abc'.matches('[a-z]{1000}' + string(x)) || true)",
        // Hundreds of states, and a text that no cache of them survives.
        "inputs.ab.matches('a[ab]{400}b[ab]{400}$')",
        "inputs.ab.matches('(a|b|ab){300}c')",
        // A search that looks to the end of the text for each match.
        "regex.extractAll(inputs.s, '.*[^a-z]|[a-z]')",
        "regex.extractAll(inputs.s, 's')",
        "regex.replace(inputs.s, '', 'x')",
        "inputs.xs.filter(x, inputs.s.matches('a'))",
    ]);
}

#[test]
fn patterns_that_grow_are_refused() {
    for pattern in [
        "[a-z]{1000}{1000}",
        "(((a{100}){100}){100}){100}",
        "\\\\pL{1000}",
        "(((((((((a*)*)*)*)*)*)*)*)*)*{999}",
    ] {
        let start = Instant::now();
        let _ = Expr::compile(&format!("inputs.s.matches('{pattern}')"), "p");
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{pattern}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn everyday_work_stays_far_below_the_limits() {
    for source in [
        "inputs.rs.filter(r, r.id % 2 == 0 && r.name.startsWith('record')).map(r, r.name).join(', ').size()",
        "inputs.rs.sortBy(r, -r.id).first().name",
        "inputs.rs.map(r, r.id).sum()",
        "inputs.words.distinct().size()",
        "inputs.xs.filter(x, x % 200 == 0).map(x, inputs.rs.filter(r, r.id == x).size()).sum()",
        "regex.extractAll(inputs.words.join(' '), 'w([0-9]+)').size()",
        "inputs.s.matches('^s+$')",
        "json.parse(json.format(inputs.rs)).size()",
        "inputs.words.filter(w, w.matches('9$')).size()",
    ] {
        bounded(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    }
}

#[test]
fn the_same_work_ends_the_same_way_each_time() {
    let scope = scope();
    let expr = Expr::compile("inputs.xs.map(x, inputs.rs)", "p").unwrap();
    let first = expr.eval(&scope);
    assert_eq!(
        first.as_ref().unwrap_err().code,
        ErrorCode::ResourceExhausted
    );
    for _ in 0..5 {
        assert_eq!(expr.eval(&scope), first);
    }
    assert_eq!(
        expr.eval(&Documents {
            owned: true,
            ..self::scope()
        }),
        first
    );
}
