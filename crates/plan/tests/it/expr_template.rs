//! Arguments with embedded expressions.

use crate::expr_scope::sample;
use mandate_plan::{
    ErrorCode, ViolationCode,
    expr::{ExprProblem, Hidden, Resolved, SecretSlot, Template},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn compile(args: &Value) -> Result<Template, Vec<(String, ExprProblem)>> {
    Template::compile(
        args,
        "steps.a.args",
        &BTreeSet::from(["token".to_owned(), "odd-token".to_owned()]),
    )
}

fn resolve(args: &Value) -> Resolved {
    let given = BTreeMap::from([
        ("token".to_owned(), "GH".to_owned()),
        ("odd-token".to_owned(), "GL".to_owned()),
    ]);
    compile(args)
        .unwrap_or_else(|problems| panic!("{args}: {problems:?}"))
        .resolve(&sample(), &given)
        .unwrap()
}

#[test]
fn strings_become_values() {
    for (text, expected) in [
        ("plain", json!("plain")),
        ("", json!("")),
        ("${inputs.n}", json!(7)),
        ("${ inputs.n + 1 }", json!(8)),
        ("${inputs.list}", json!([3, 1, 2])),
        ("${inputs.nothing}", json!(null)),
        ("n=${inputs.n}", json!("n=7")),
        ("${inputs.n}${inputs.flag}", json!("7true")),
        ("${inputs.text}!", json!("Hello, Wörld!")),
        (
            "m: ${inputs.map}, ${inputs.nothing}",
            json!("m: {\"a\":1,\"b\":2,\"c\":3}, null"),
        ),
        ("${inputs.half} ${inputs.whole}", json!("0.5 4")),
        ("$${inputs.n}", json!("${inputs.n}")),
        ("$$${inputs.n}", json!("$${inputs.n}")),
        ("$ {x} $x $$ }", json!("$ {x} $x $$ }")),
        ("a $${ b ${inputs.n}", json!("a ${ b 7")),
        ("${{'a': inputs.n}.a}", json!(7)),
        ("${'}' + \"}\"}", json!("}}")),
        ("${'it\\'s }' }", json!("it's }")),
        ("${r'\\'}}", json!("\\}")),
        ("${'''a'}'''}", json!("a'}")),
        ("${inputs.list.map(x, {'k': x})[0].k}", json!(3)),
    ] {
        assert_eq!(
            resolve(&json!({"a": text})).value,
            json!({"a": expected}),
            "{text}"
        );
    }
}

#[test]
fn large_integers_are_written_in_full() {
    let template = compile(&json!("id ${inputs.id}")).unwrap();
    let scope = crate::expr_scope::Documents::inputs(json!({"id": 9_007_199_254_740_993_i64}));
    assert_eq!(
        template.resolve(&scope, &BTreeMap::new()).unwrap().value,
        json!("id 9007199254740993")
    );
}

#[test]
fn everything_around_stays() {
    let args = json!({"${inputs.n}": {"a/b~": ["x", "${inputs.n}", 1.0, {"y": "v${inputs.n}"}]}, "z": [true, null]});
    let template = compile(&args).unwrap();
    assert_eq!(
        template.holes(),
        ["/${inputs.n}/a~1b~0/1", "/${inputs.n}/a~1b~0/3/y"]
    );
    assert_eq!(
        template.known(),
        json!({"${inputs.n}": {"a/b~": ["x", null, 1.0, {"y": null}]}, "z": [true, null]})
    );
    assert_eq!(template.literal(), None);
    assert_eq!(
        resolve(&args).value,
        json!({"${inputs.n}": {"a/b~": ["x", 7, 1.0, {"y": "v7"}]}, "z": [true, null]})
    );
    let literal = compile(&json!({"a": "$${x}"})).unwrap();
    assert_eq!(literal.literal(), Some(&json!({"a": "${x}"})));
}

#[test]
fn references_are_those_of_all_expressions() {
    let template =
        compile(&json!({"a": "xy ${steps.s.output.u}", "b": ["${inputs.n} ${failed('t')}"]}))
            .unwrap();
    let found = template.references();
    assert_eq!(found.needs, BTreeMap::from([("s".to_owned(), 5)]));
    assert_eq!(found.inputs, BTreeMap::from([("n".to_owned(), 2)]));
    assert_eq!(found.order.keys().collect::<Vec<_>>(), ["t"]);
}

fn slot(pointer: &str, offset: usize, name: &str) -> SecretSlot {
    let len = "${secrets.}".len() + name.len();
    SecretSlot {
        pointer: pointer.to_owned(),
        offset,
        len,
        name: name.to_owned(),
    }
}

#[test]
fn secrets_stay_placeholders_with_their_place() {
    let args = json!({
        "auth": "Bearer ${secrets.API_KEY}", "list": ["${inputs.token}", "é${inputs.n}${ secrets.B }:${inputs['odd-token']}"]
    });
    let template = compile(&args).unwrap();
    assert_eq!(
        template.secret_names(),
        &BTreeSet::from(["API_KEY".to_owned(), "B".to_owned()])
    );
    assert_eq!(
        template.secret_inputs(),
        &BTreeSet::from(["token".to_owned(), "odd-token".to_owned()])
    );
    let resolved = resolve(&args);
    assert_eq!(
        resolved.value,
        json!({"auth": "Bearer ${secrets.API_KEY}", "list": ["${secrets.GH}", "é7${secrets.B}:${secrets.GL}"]})
    );
    assert_eq!(
        resolved.secrets,
        [
            slot("/auth", 7, "API_KEY"),
            slot("/list/0", 0, "GH"),
            slot("/list/1", 3, "B"),
            slot("/list/1", 16, "GL")
        ]
    );
    for slot in &resolved.secrets {
        let text = resolved
            .value
            .pointer(&slot.pointer)
            .and_then(Value::as_str)
            .unwrap();
        assert_eq!(
            &text[slot.offset..slot.offset + slot.len],
            format!("${{secrets.{}}}", slot.name)
        );
    }
}

#[test]
fn text_that_looks_like_a_secret_is_data() {
    let mut scope = sample();
    scope.variables.insert(
        "inputs".to_owned(),
        json!({"evil": "${secrets.API_KEY}", "more": "$${secrets.X}"}),
    );
    let args = json!({"a": "${inputs.evil}", "b": "x ${inputs.evil} ${secrets.OWN}", "c": "$${secrets.Z}", "d": "${inputs.more}"});
    let resolved = compile(&args)
        .unwrap()
        .resolve(&scope, &BTreeMap::new())
        .unwrap();
    assert_eq!(resolved.value["a"], json!("${secrets.API_KEY}"));
    assert_eq!(resolved.value["c"], json!("${secrets.Z}"));
    assert_eq!(resolved.value["d"], json!("$${secrets.X}"));
    assert_eq!(
        resolved.secrets,
        [slot("/b", "x ${secrets.API_KEY} ".len(), "OWN")]
    );
}

#[test]
fn a_secret_input_without_a_secret_is_missing() {
    let error = compile(&json!({"a": "${inputs.token}"}))
        .unwrap()
        .resolve(&sample(), &BTreeMap::new())
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ContextMissing);
    assert!(
        error.message.contains("`steps.a.args/a`") && error.message.contains("`token`"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    use ViolationCode as C;
    let rows: &[(&str, C, usize)] = &[
        ("a ${inputs.n", C::TemplateUnclosed, 2),
        ("${'}", C::TemplateUnclosed, 0),
        ("${", C::TemplateUnclosed, 0),
        ("${[}", C::ExpressionSyntax, 3),
        ("${}", C::ExpressionSyntax, 2),
        ("${inputs.n}\n", C::TemplateWhitespace, 0),
        (" ${inputs.n}", C::TemplateWhitespace, 0),
        ("${secrets.A}\n", C::TemplateWhitespace, 0),
        ("ab ${1 + foo(2)}", C::FunctionUnknown, 9),
        ("ab ${1 + }", C::ExpressionSyntax, 9),
        ("${secrets.A + 'x'}", C::SecretMisplaced, 2),
        ("${secrets.A.b}", C::SecretMisplaced, 2),
        ("${secrets['A']}", C::SecretMisplaced, 2),
        ("${'x' + inputs.token}", C::SecretMisplaced, 8),
        ("${inputs.token.x}", C::SecretMisplaced, 2),
    ];
    for (text, code, offset) in rows {
        let problems = compile(&json!({"k": [text]})).unwrap_err();
        assert_eq!(problems[0].0, "/k/0", "{text}");
        assert_eq!(
            (problems[0].1.code, problems[0].1.offset),
            (*code, *offset),
            "{text}: {problems:?}"
        );
    }
    let problems = compile(&json!({"a": "${foo(1)}", "b": "${", "c": "${bar(1)}"})).unwrap_err();
    assert_eq!(
        problems
            .iter()
            .map(|(pointer, _)| pointer.as_str())
            .collect::<Vec<_>>(),
        ["/a", "/b", "/c"]
    );
    let suggestion = compile(&json!("${inputs.n}\n")).unwrap_err()[0]
        .1
        .suggestion
        .clone();
    assert_eq!(
        suggestion.as_deref(),
        Some("use `>-` or drop the line break")
    );
}

#[test]
fn run_time_errors_name_the_argument() {
    let error = compile(&json!({"k": {"url": "x${inputs.zzz}"}}))
        .unwrap()
        .resolve(&sample(), &BTreeMap::new())
        .unwrap_err();
    assert_eq!(
        error.message,
        "`steps.a.args/k/url`, character 1 of the expression: no such key `zzz`"
    );
}

#[test]
fn the_whole_is_limited() {
    let mut scope = sample();
    scope.variables.insert(
        "inputs".to_owned(),
        json!({"text": "x".repeat(1024 * 1024)}),
    );
    let args = json!({"a": vec!["${inputs.text}"; 5]});
    let error = compile(&args)
        .unwrap()
        .resolve(&scope, &BTreeMap::new())
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceExhausted);
    let args = json!({"a": vec!["${inputs.text}"; 3]});
    assert!(
        compile(&args)
            .unwrap()
            .resolve(&scope, &BTreeMap::new())
            .is_ok()
    );
}

#[test]
fn opaque_values_are_kept() {
    let args = json!({"plan": {"steps": "${inputs.nope"}, "inputs": {"plan": "${inputs.n}"}});
    let template =
        Template::compile_except(&args, "p", &BTreeSet::new(), &["plan"], &Hidden::default())
            .unwrap();
    assert_eq!(template.holes(), ["/inputs/plan"]);
    let resolved = template.resolve(&sample(), &BTreeMap::new()).unwrap();
    assert_eq!(
        resolved.value,
        json!({"plan": {"steps": "${inputs.nope"}, "inputs": {"plan": 7}})
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_string_makes_it_panic(text in r#"(\$|\{|\}|'|"|\\|r'|secrets\.A|inputs\.n|\PC| ){0,30}"#) {
        if let Ok(template) = compile(&json!({"a": text})) {
            let _ = template.resolve(&sample(), &BTreeMap::new());
        }
    }

    #[test]
    fn escaped_text_comes_out_as_it_was(text in r"(\$|\{|\}|a|ö| ){0,20}") {
        // A lone `$` before an escaped `${` would be read with it, and cannot be written otherwise.
        prop_assume!(!text.contains("$${"));
        let escaped = text.replace("${", "$${");
        let template = compile(&json!(escaped)).unwrap();
        prop_assert_eq!(template.literal(), Some(&json!(text)));
    }
}

#[test]
fn a_sensitive_part_of_an_output_stands_as_a_secret_where_it_stands_alone() {
    let sensitive = vec![("login".to_owned(), vec!["/auth".to_owned()])];
    let hidden = Hidden::new(sensitive).within("login");
    let args = json!({
        "whole": "${ steps.login.output.auth.token }", "own": "${output.auth}", "all": "${steps.login.output}",
        "other": "${steps.x.output.auth}",
    });
    let template = Template::compile_except(&args, "p", &BTreeSet::new(), &[], &hidden).unwrap();
    let names = ["steps.login.output/auth", "steps.login.output/auth/token"];
    assert_eq!(template.secret_names(), &names.map(str::to_owned).into());
    assert!(template.references().paths.len() >= 3, "the edges stay");
}
