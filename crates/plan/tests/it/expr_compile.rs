//! What is refused before anything runs, with its code, its place and its suggestion.

use mandate_plan::{
    ViolationCode,
    expr::{Expr, ExprProblem},
};
use proptest::prelude::*;

fn problems(source: &str) -> Vec<ExprProblem> {
    match Expr::compile(source, "p") {
        Ok(_) => panic!("{source} compiles"),
        Err(problems) => problems,
    }
}

#[test]
fn expressions_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Expr>();
    shared::<mandate_plan::expr::Template>();
}

#[test]
fn violation_codes_are_read_back() {
    for code in ViolationCode::ALL {
        assert_eq!(code.as_str().parse(), Ok(*code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!(!code.meaning().is_empty() && !code.remedy().is_empty());
    }
    assert_eq!(
        "NOPE".parse::<ViolationCode>().unwrap_err().to_string(),
        "`NOPE` is not a violation code"
    );
}

#[test]
fn each_problem_has_a_code_and_a_place() {
    use ViolationCode as C;
    let rows: &[(&str, C, usize)] = &[
        ("", C::ExpressionSyntax, 0),
        ("  ", C::ExpressionSyntax, 0),
        ("1 +", C::ExpressionSyntax, 3),
        ("1 + + 2", C::ExpressionSyntax, 4),
        ("inputs.a b", C::ExpressionSyntax, 9),
        ("'abc", C::ExpressionSyntax, 0),
        ("if + 1", C::ExpressionSyntax, 0),
        ("a.?b", C::ExpressionSyntax, 1),
        ("[?a]", C::ExpressionSyntax, 1),
        ("Foo{a: 1}", C::ExpressionSyntax, 3),
        ("{1: 2}", C::ExpressionSyntax, 1),
        ("[1].map(1, 2)", C::ExpressionSyntax, 8),
        ("99999999999999999999", C::ExpressionSyntax, 0),
        ("1 + 9007199254740992", C::NumberOutOfRange, 4),
        ("1 + 18446744073709551615u", C::NumberOutOfRange, 4),
        ("1 + foo(2)", C::FunctionUnknown, 4),
        ("inputs.a.foo(2)", C::FunctionUnknown, 9),
        ("math.foo(2)", C::FunctionUnknown, 5),
        ("contains('a', 'b')", C::FunctionUnknown, 0),
        ("'a'.int()", C::FunctionUnknown, 4),
        ("size(1, 2)", C::FunctionArity, 0),
        ("'a'.contains()", C::FunctionArity, 4),
        ("[1].map(x)", C::FunctionArity, 4),
        ("[1].map(x, y, z, w)", C::FunctionArity, 4),
        ("has(1)", C::FunctionArity, 0),
        ("has(inputs)", C::FunctionArity, 0),
        ("coalesce()", C::FunctionArity, 0),
        ("cel.bind(x, 1)", C::FunctionArity, 4),
        ("settled(1)", C::FunctionArity, 0),
        ("math + 1", C::VariableUnknown, 0),
        ("json", C::VariableUnknown, 0),
        ("steps", C::StepReferenceDynamic, 0),
        ("steps[inputs.x].output", C::StepReferenceDynamic, 0),
        ("steps.a[inputs.x]", C::StepReferenceDynamic, 7),
        ("failed(inputs.x)", C::StepReferenceDynamic, 7),
        ("either('a', inputs.x)", C::StepReferenceDynamic, 12),
        ("steps.a.outptu", C::StepFieldUnknown, 7),
        ("'a' + secrets.X", C::SecretMisplaced, 6),
        ("secrets['X']", C::SecretMisplaced, 0),
        ("'a'.matches('(')", C::PatternInvalid, 12),
        ("'a'.matches('(?=a)')", C::PatternInvalid, 12),
        ("'a'.matches('[a-z]{1000}{1000}')", C::PatternInvalid, 12),
    ];
    for (source, code, offset) in rows {
        let found = problems(source);
        assert_eq!(
            (found[0].code, found[0].offset),
            (*code, *offset),
            "{source}: {found:?}"
        );
        assert!(!found[0].message.ends_with('.'), "{source}: {found:?}");
    }
}

#[test]
fn all_problems_come_at_once() {
    let found = problems("foo(1) + bar(2) + steps[inputs.x] + size()");
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn nearly_right_names_bring_suggestions() {
    for (source, suggestion) in [
        ("inputs.a.filtr(x, x)", "list.filter(x, condition)"),
        ("inputs.a.lowerASCII()", "text.lowerAscii()"),
        ("math.flor(1)", "math.floor(x)"),
        ("contains('a', 'b')", "text.contains(part)"),
        ("'1'.int()", "int(x)"),
        ("'a'.contains()", "text.contains(part)"),
        ("[1].map(x)", "list.map(x, value)"),
        ("steps.a.outptu", "steps.a.output"),
        ("steps.a.url", "steps.a.output.url"),
        ("failed(x)", "failed(\"fetch\")"),
    ] {
        let found = problems(source);
        let text = found[0].suggestion.clone().unwrap_or_default();
        assert!(text.contains(suggestion), "{source}: {found:?}");
    }
    assert_eq!(problems("frobnicate(1)")[0].suggestion, None);
}

#[test]
fn bounds_at_compile_time() {
    use ViolationCode as C;
    let long = format!("'{}'", "x".repeat(2046));
    assert_eq!(long.len(), 2048);
    assert!(Expr::compile(&long, "p").is_ok());
    assert_eq!(problems(&format!("{long} "))[0].code, C::ExpressionTooLarge);

    let eight = "[1]".to_owned() + &".map(x, x)".repeat(8);
    assert!(Expr::compile(&eight, "p").is_ok());
    assert_eq!(
        problems(&(eight + ".map(x, x)"))[0].code,
        C::ExpressionTooComplex
    );

    assert!(Expr::compile("a.map(x, b.map(y, x + y))", "p").is_ok());
    assert_eq!(
        problems("a.map(x, b.map(y, c.map(z, z)))")[0].code,
        C::ExpressionTooComplex
    );
    assert_eq!(
        problems("a.all(x, b.exists(y, c.sortBy(z, z) == 1))")[0].code,
        C::ExpressionTooComplex
    );
    // One after the other is not nested.
    assert!(Expr::compile("a.map(x, x).map(y, b.map(z, z)).map(w, w)", "p").is_ok());
}

#[test]
fn chains_are_no_nesting() {
    for source in [
        vec!["1"; 500].join("+"),
        vec!["true"; 250].join("&&"),
        vec!["true"; 250].join("||"),
        format!("inputs{}", ".a".repeat(500)),
        format!("inputs{}", "[0]".repeat(500)),
        vec!["'a'"; 300].join("+"),
    ] {
        assert!(Expr::compile(&source, "p").is_ok(), "{source}");
    }
}

#[test]
fn deep_sources_are_refused_on_a_small_stack() {
    let run = || {
        for source in [
            format!("{}1{}", "(".repeat(900), ")".repeat(900)),
            format!("{}1{}", "[".repeat(90), "]".repeat(90)),
            format!("{}1{}", "[".repeat(500), "]".repeat(500)),
            format!("{}1{}", "{'a':".repeat(90), "}".repeat(90)),
            "!".repeat(2000) + "true",
            "-".repeat(500) + "x",
            format!("{}1{}", "size(".repeat(90), ")".repeat(90)),
            format!("x{}", ".trim()".repeat(200)),
            "true?".repeat(60) + "1" + &":1".repeat(60),
            "true?1:".repeat(200) + "1",
            vec!["1"; 1020].join("+"),
            "a.b".repeat(600),
            "(".repeat(2000),
            "[{(".repeat(600),
            "\"".repeat(2001),
            "x?".repeat(1000),
        ] {
            if let Ok(expr) = Expr::compile(&source, "p") {
                let _ = expr.eval(&crate::expr_scope::sample());
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn what_compiles_at_the_depth_limit_evaluates_on_a_small_stack() {
    let run = || {
        let mut deepest = 0;
        for depth in 1..90 {
            for source in [
                format!(
                    "json.parse('{}{}').flatten(200).distinct().size()",
                    "[".repeat(depth + 30),
                    "]".repeat(depth + 30)
                ),
                format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
                format!("{}1{}", "size([".repeat(depth / 2), "])".repeat(depth / 2)),
                format!("'x'{}", ".trim()".repeat(depth)),
                "true?".repeat(depth / 2) + "1" + &":1".repeat(depth / 2),
                format!("{}1{}", "(1+".repeat(depth), ")".repeat(depth)),
                format!("{}true{}", "!(".repeat(depth), ")".repeat(depth)),
                format!("{}1{}", "cel.bind(x,1,".repeat(depth), ")".repeat(depth)),
                format!("{}1{}", "coalesce(null,".repeat(depth), ")".repeat(depth)),
            ] {
                if let Ok(expr) = Expr::compile(&source, "p") {
                    expr.eval(&crate::expr_scope::sample()).unwrap();
                    deepest = deepest.max(depth);
                }
            }
        }
        assert!(deepest >= 40, "only {deepest} levels compile");
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_text_makes_the_compiler_panic(source in "\\PC{0,60}") {
        let _ = Expr::compile(&source, "p");
    }

    #[test]
    fn no_soup_of_tokens_makes_it_panic(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..25)) {
        let source = tokens.concat();
        match Expr::compile(&source, "p") {
            Ok(expr) => {
                let _ = expr.eval(&crate::expr_scope::sample());
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(problem.offset <= source.len() && source.is_char_boundary(problem.offset), "{source}: {problem:?}");
                }
            }
        }
    }
}

const TOKENS: &[&str] = &[
    "inputs",
    ".n",
    ".list",
    ".map(x, ",
    ".filter(x, ",
    "x",
    "1",
    "2.5",
    "'a'",
    "\"ö\"",
    "b'x'",
    "r'\\'",
    "'''q'''",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    " == ",
    " < ",
    " in ",
    " && ",
    " || ",
    "!",
    "-",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    "?",
    ", ",
    ".",
    "$",
    "size(",
    "has(",
    "steps.a.output",
    "steps",
    "failed('a')",
    "either('a', 'b')",
    "cel.bind(x, ",
    ".sortBy(x, ",
    "math.abs(",
    "regex.extract(",
    "secrets.X",
    "null",
    "true",
    " ",
    "\n",
    "//",
    "\\",
    "`a`",
    "1u",
    "0x1F",
    "1e5",
    "é",
    "🦀",
    ".format([",
];
