//! Compared with slower ways to the same value: our own evaluator for plain paths, and the `cel` crate's interpreter
//! where our language says the same as CEL.

use crate::expr_scope::{Documents, sample};
use mandate_plan::expr::Expr;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Paths that mostly lead somewhere, with slips.
fn path() -> impl Strategy<Value = String> {
    let root = prop_oneof![4 => Just("inputs"), 1 => Just("item"), 1 => Just("nope"), 1 => Just("size"), 1 => Just("true"), 1 => Just("if")];
    let link = prop_oneof![
        4 => proptest::sample::select(vec![
            ".list", ".records", ".map", ".a", ".name", ".tags", ".whole", ".nothing", ".zzz", "[0]", "[1]", "[2]", "['map']",
            "[\"odd key\"]", ".id"
        ]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec![
            ".in", ".null", ".if", "[-1]", "[1.0]", "['a\\'b']", "['']", "[01]", "[99999999999999999999]", " .list", "[ 0 ]", "[x]", ".1",
            ".?a", "[0", "()", "['ö']", ".`a`", "[r'a']", ".true", "[0]]", "."
        ]).prop_map(str::to_owned),
    ];
    (root, proptest::collection::vec(link, 0..5))
        .prop_map(|(root, links)| format!("{root}{}", links.concat()))
}

fn outcome(expr: &Expr, scope: &Documents, slowly: bool) -> Result<Value, String> {
    let result = if slowly {
        expr.eval_slowly(scope)
    } else {
        expr.eval(scope)
    };
    result.map_err(|error| error.message)
}

/// What both ways of compiling and both ways of evaluating say of `source` has to be the same.
fn same_both_ways(source: &str) -> Result<bool, TestCaseError> {
    let (fast, slow) = (
        Expr::compile(source, "p"),
        Expr::compile_slowly(source, "p"),
    );
    let (fast, slow) = match (fast, slow) {
        (Ok(fast), Ok(slow)) => (fast, slow),
        (Err(fast), Err(slow)) => {
            prop_assert_eq!(fast, slow, "{}", source);
            return Ok(false);
        }
        (fast, slow) => {
            return Err(TestCaseError::fail(format!(
                "{source}: {fast:?} but {slow:?}"
            )));
        }
    };
    prop_assert_eq!(fast.references(), slow.references(), "{}", source);
    for owned in [false, true] {
        let scope = Documents { owned, ..sample() };
        let expected = outcome(&slow, &scope, true);
        prop_assert_eq!(&outcome(&fast, &scope, false), &expected, "{}", source);
        prop_assert_eq!(&outcome(&slow, &scope, false), &expected, "{}", source);
        prop_assert_eq!(&outcome(&fast, &scope, true), &expected, "{}", source);
    }
    Ok(true)
}

#[test]
fn plain_paths_that_matter_take_both_ways() {
    for source in [
        "inputs",
        "inputs.list[0]",
        "item.id",
        "inputs['odd key']",
        " inputs.records[2].tags ",
        "inputs.zzz",
        "inputs.n.x",
        "nope.a",
    ] {
        assert!(same_both_ways(source).unwrap(), "{source}");
    }
    for source in [
        "inputs.in",
        "inputs.null",
        "if.a",
        "inputs[01x]",
        "inputs.1",
    ] {
        assert!(!same_both_ways(source).unwrap(), "{source}");
    }
}

/// Sources on which our language and CEL agree: whole numbers far from the bounds, no division.
fn agreed() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "0",
        "1",
        "2",
        "-3",
        "i",
        "true",
        "false",
        "b",
        "'a'",
        "'bc'",
        "''",
        "s",
        "null",
        "[]",
        "[1, 2]",
        "['a', 'bc']",
        "l",
        "m",
        "{'a': 1}",
        "m.a",
        "m.z",
        "l[0]",
        "l[9]",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 3, |inner| {
        let operator = proptest::sample::select(vec!["+", "-", "*", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"]);
        let comprehension = proptest::sample::select(vec!["map", "filter", "all", "exists", "exists_one"]);
        let method = proptest::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let function = proptest::sample::select(vec!["size", "string"]);
        prop_oneof![
            6 => (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, 'j': {b}}}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            2 => (inner.clone(), comprehension, inner.clone()).prop_map(|(a, name, b)| format!("({a}).{name}(i, {b})")),
            1 => (inner.clone(), method, inner.clone()).prop_map(|(a, name, b)| format!("({a}).{name}({b})")),
            1 => (function, inner).prop_map(|(name, a)| format!("{name}({a})")),
        ]
    })
}

/// What the `cel` crate makes of `source`; nothing when it cannot say it in JSON.
fn by_cel(source: &str) -> Option<Result<Value, ()>> {
    let Ok(program) = cel::Program::compile(source) else {
        return None;
    };
    let mut context = cel::Context::default();
    let _ = context.add_variable("i", 2_i64);
    let _ = context.add_variable("b", true);
    let _ = context.add_variable("s", "abc");
    let _ = context.add_variable("l", vec![1_i64, 2, 3]);
    let _ = context.add_variable(
        "m",
        std::collections::HashMap::from([("a", 1_i64), ("b", 2)]),
    );
    match program.execute(&context) {
        Ok(value) => value.json().ok().map(Ok),
        Err(_) => Some(Err(())),
    }
}

fn by_us(source: &str) -> Option<Result<Value, String>> {
    let expr = Expr::compile(source, "p").ok()?;
    let mut scope = Documents::default();
    for (name, value) in [
        ("i", json!(2)),
        ("b", json!(true)),
        ("s", json!("abc")),
        ("l", json!([1, 2, 3])),
        ("m", json!({"a": 1, "b": 2})),
    ] {
        scope.variables.insert(name.to_owned(), value);
    }
    Some(expr.eval(&scope).map_err(|error| error.message))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    #[test]
    fn plain_paths_are_what_cel_reads(source in path()) {
        same_both_ways(&source)?;
    }

    #[test]
    fn the_evaluator_agrees_with_the_cel_crate(source in agreed()) {
        if let (Some(ours), Some(theirs)) = (by_us(&source), by_cel(&source)) {
            // The crate adds a map to a list as the list of its keys, which CEL has no such operator for.
            prop_assume!(!ours.as_ref().is_err_and(|message| message.contains("a list and a map")));
            // It walks over a map in whatever order its hashes have.
            let (ours, theirs) = (ours.map_err(|_| ()), theirs);
            let same_items = |one: &Value, other: &Value| match (one, other) {
                (Value::Array(one), Value::Array(other)) => {
                    one.len() == other.len() && one.iter().all(|item| other.contains(item))
                }
                _ => false,
            };
            if let (Ok(one), Ok(other)) = (&ours, &theirs)
                && source.contains('{')
                && same_items(one, other)
            {
                return Ok(());
            }
            prop_assert_eq!(ours, theirs, "{}", source);
        }
    }
}

#[test]
fn the_comparison_compares() {
    // Were the two never both at hand, the property above would hold for nothing.
    for source in [
        "l.map(i, i * 2)",
        "(i + 1)",
        "m.a",
        "(1 in l)",
        "'ab'.contains(s)",
        "(l[9] == 1)",
        "{'k': l}",
    ] {
        assert!(
            by_us(source).is_some() && by_cel(source).is_some(),
            "{source}"
        );
        assert_eq!(
            by_us(source).map(|ours| ours.map_err(|_| ())),
            by_cel(source),
            "{source}"
        );
    }
}

/// The extension functions that the crate has too, on the same literals.
#[test]
fn extension_functions_agree_with_the_cel_crate() {
    let mut env = cel::Env::stdlib();
    for extension in [
        cel::extensions::strings,
        cel::extensions::lists,
        cel::extensions::math,
        cel::extensions::encoders,
    ] {
        env.add_extension(extension).unwrap();
    }
    let env = std::sync::Arc::new(env);
    let texts = [
        "''",
        "'a'",
        "'abcabc'",
        "'wörld wö'",
        "'  x y '",
        "'a,b,,c'",
        "'ÀbC'",
    ];
    let parts = ["''", "'a'", "'bc'", "','", "'ö'", "'zz'"];
    let mut sources = Vec::new();
    for text in texts {
        for part in parts {
            for call in [
                "indexOf",
                "lastIndexOf",
                "split",
                "contains",
                "startsWith",
                "endsWith",
            ] {
                sources.push(format!("{text}.{call}({part})"));
            }
            for number in -1..4 {
                sources.push(format!("{text}.split({part}, {number})"));
                sources.push(format!("{text}.replace({part}, '-', {number})"));
                // The crate has no position at the very end of a text; `substring` and CEL's own words have one.
                if usize::try_from(number).is_ok_and(|number| number + 2 < text.chars().count()) {
                    sources.push(format!("{text}.indexOf({part}, {number})"));
                    sources.push(format!("{text}.lastIndexOf({part}, {number})"));
                }
            }
            sources.push(format!("{text}.replace({part}, '-')"));
        }
        for call in [
            "trim()",
            "lowerAscii()",
            "upperAscii()",
            "reverse()",
            "size()",
        ] {
            sources.push(format!("{text}.{call}"));
        }
        for from in -1..9 {
            sources.push(format!("{text}.charAt({from})"));
            sources.push(format!("{text}.substring({from})"));
            for to in 0..9 {
                sources.push(format!("{text}.substring({from}, {to})"));
            }
        }
        sources.push(format!("strings.quote({text})"));
        sources.push(format!("base64.encode(bytes({text}))"));
        sources.push(format!(
            "string(base64.decode(base64.encode(bytes({text}))))"
        ));
    }
    for list in [
        "[]",
        "[3, 1, 2]",
        "['b', 'a']",
        "[[1], [2, [3]]]",
        "[1, 1, 2]",
        "[true, false]",
    ] {
        for call in [
            "sort()",
            "distinct()",
            "reverse()",
            "flatten()",
            "flatten(2)",
            "slice(0, 2)",
            "slice(1, 1)",
            "sortBy(x, -x)",
            "join()",
        ] {
            sources.push(format!("{list}.{call}"));
        }
    }
    for number in ["0", "-7", "3", "2.5", "-2.5", "1.4"] {
        for call in ["abs", "sign"] {
            sources.push(format!("math.{call}({number})"));
        }
        for call in ["ceil", "floor", "round", "trunc"] {
            sources.push(format!("math.{call}(double({number}))"));
        }
        sources.push(format!("math.greatest({number}, 1)"));
        sources.push(format!("math.least({number}, 1)"));
    }
    for source in [
        "math.bitAnd(6, 3)",
        "math.bitOr(6, 3)",
        "math.bitXor(6, 3)",
        "math.bitNot(5)",
        "math.bitShiftLeft(1, 3)",
        "math.bitShiftRight(9, 1)",
        "'%s %d %.2f %x %b %o %e %%'.format(['a', 3, 1.5, 255, 5, 8, 12345.678])",
        "lists.range(4)",
        "timestamp('2026-01-31T12:34:56Z').getDayOfYear()",
        "timestamp('2026-01-31T12:34:56Z').getHours('Europe/Berlin')",
        "string(duration('90m') + duration('1.5s'))",
        "string(timestamp('2026-01-31T12:34:56.5+02:00') - duration('24h'))",
        "int('42') + int(3.9)",
        "string(1.5)",
        "'a'.matches('^a$')",
        "timestamp('2026-01-31T12:34:56Z') > timestamp('2026-01-31T12:34:55Z')",
    ] {
        sources.push(source.to_owned());
    }
    let mut compared = 0;
    for source in &sources {
        let program = env
            .compile(source)
            .unwrap_or_else(|error| panic!("{source}: {error}"));
        let context = cel::Context::with_env(std::sync::Arc::clone(&env));
        let theirs = match program.execute(&context) {
            Ok(value) => match value.json() {
                Ok(json) => Ok(json),
                Err(_) => continue,
            },
            Err(_) => Err(()),
        };
        let ours = match Expr::compile(source, "p") {
            Ok(expr) => expr.eval(&Documents::default()).map_err(|_| ()),
            Err(_) => Err(()),
        };
        let same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                ours == theirs
                    || ours
                        .as_f64()
                        .is_some_and(|number| theirs.as_f64() == Some(number))
            }
            (ours, theirs) => ours.is_err() == theirs.is_err(),
        };
        assert!(same, "{source}: {ours:?} but {theirs:?}");
        compared += 1;
    }
    assert!(compared > 1500, "only {compared} were compared");
}
