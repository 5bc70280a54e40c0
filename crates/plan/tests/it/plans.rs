//! Checked plans: identity, limits, retries, calls, nested plans, secrets, features.

use crate::support::{Tools, check_yaml, lines, plan, yaml};
use mandate_plan::{
    Digest, ErrorCode, FeatureKind, Format, Plan, Retry, check, execution_digest, parse, reload,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

const EVERYTHING: &str = include_str!("../golden/plan.yaml");

fn step(extra: &str) -> String {
    format!("version: 1\nname: x\nsteps:\n  - id: a\n    tool: data.value\n{extra}")
}

/// The only violation, as `CODE pointer`; empty: none.
fn fault(text: &str) -> String {
    let found = lines(&check_yaml(text).violations);
    assert!(found.lines().count() <= 1, "{text}{found}");
    found
        .split_once(' ')
        .map_or(String::new(), |(_, rest)| rest.trim_end().to_owned())
}

#[test]
fn the_reader_and_serde_agree_on_the_model() {
    let document = yaml(EVERYTHING);
    let by_serde: Plan = serde_json::from_value(document.value().clone()).unwrap();
    let checked = plan(EVERYTHING);
    assert_eq!(*checked.plan(), by_serde);
    // And back: what is written from the model means the same.
    let again: Plan = serde_json::from_value(serde_json::to_value(&by_serde).unwrap()).unwrap();
    assert_eq!(again, by_serde);
}

#[test]
fn identity_is_the_document_as_written() {
    let checked = plan(EVERYTHING);
    let document = yaml(EVERYTHING);
    assert_eq!(checked.hash(), document.hash());
    assert_eq!(*checked.hash(), Digest::of(checked.canonical()));
    let short = plan("version: 1\nname: x\nsteps: [{id: a, tool: data.value}]\n");
    let canonical = r#"{"name":"x","steps":[{"id":"a","tool":"data.value"}],"version":1}"#;
    assert_eq!(std::str::from_utf8(short.canonical()).unwrap(), canonical);
    assert_eq!(
        short.hash().to_string(),
        "73d98d292240ef7e054af114454b003a6dc8718b2a3148637f883b1b074f51c2"
    );
    let defaulted =
        plan("version: 1\nname: x\nsteps: [{id: a, tool: data.value, confirm: false}]\n");
    assert_ne!(
        short.hash(),
        defaulted.hash(),
        "no default is added, nothing dropped"
    );
}

#[test]
fn a_plan_reloads_from_its_canonical_bytes() {
    let checked = plan(EVERYTHING);
    let again = reload(checked.canonical()).unwrap();
    assert_eq!(again.hash(), checked.hash());
    assert_eq!(again.canonical(), checked.canonical());
    assert_eq!(again.plan(), checked.plan());
    assert_eq!(
        format!("{:?}", again.steps()),
        format!("{:?}", checked.steps())
    );
    let violations = reload(b"{\"version\":1}").unwrap_err();
    assert!(
        violations.iter().all(|v| v.line.is_none()),
        "stored bytes have no lines"
    );
}

#[test]
fn the_execution_digest_covers_plan_inputs_and_tools() {
    let (plan, inputs) = (Digest::of(b"plan"), Digest::of(b"inputs"));
    let tools: BTreeMap<String, Digest> = [("fs.read".to_owned(), Digest::of(b"1"))].into();
    let digest = execution_digest(&plan, &inputs, &tools);
    assert_eq!(
        digest.to_string(),
        "12cca1a605037916adfdcd62dc83a7531362291a56581794c2fdfc89c98afc57"
    );
    let other_tools = [("fs.read".to_owned(), Digest::of(b"2"))].into();
    let renamed = [("fs.reap".to_owned(), Digest::of(b"1"))].into();
    for other in [
        execution_digest(&inputs, &plan, &tools),
        execution_digest(&plan, &plan, &tools),
        execution_digest(&plan, &inputs, &other_tools),
        execution_digest(&plan, &inputs, &renamed),
        execution_digest(&plan, &inputs, &BTreeMap::new()),
    ] {
        assert_ne!(digest, other);
    }
}

#[test]
fn as_many_steps_as_are_accepted() {
    let many = |count: usize| {
        let mut text = "version: 1\nname: x\nsteps:\n".to_owned();
        for n in 0..count {
            writeln!(text, "- {{id: s{n}, tool: data.value}}").unwrap();
        }
        text
    };
    assert_eq!(plan(&many(1024)).steps().len(), 1024);
    assert_eq!(fault(&many(1025)), "STEP_COUNT /steps");
    assert_eq!(
        fault("version: 1\nname: x\nsteps: []\n"),
        "STEP_COUNT /steps"
    );
    let finally = |count: usize| {
        let steps: String = (0..count)
            .map(|n| format!("- {{id: f{n}, tool: data.value}}\n"))
            .collect();
        step(&format!("finally:\n{steps}"))
    };
    assert_eq!(fault(&finally(8)), "");
    assert_eq!(fault(&finally(9)), "STEP_COUNT /finally");
    let fallback = |count: usize| {
        let steps: String = (0..count)
            .map(|n| format!("{{id: f{n}, tool: data.value}},"))
            .collect();
        step(&format!("    on_failure: {{fallback: [{steps}]}}\n"))
    };
    assert_eq!(fault(&fallback(8)), "");
    assert_eq!(
        fault(&fallback(9)),
        "STEP_COUNT /steps/0/on_failure/fallback"
    );
    assert_eq!(
        fault(&fallback(0)),
        "STEP_COUNT /steps/0/on_failure/fallback"
    );
    let name =
        |length: usize| step("").replace("name: x", &format!("name: {}", "é".repeat(length)));
    assert_eq!(fault(&name(255)), "");
    assert_eq!(fault(&name(256)), "VALUE_OUT_OF_RANGE /name");
}

#[test]
fn ids_and_tool_names() {
    let named = |id: &str, tool: &str| {
        format!("version: 1\nname: x\nsteps: [{{id: {id}, tool: {tool}}}]\n")
    };
    for id in ["a", "a_1", &format!("a{}", "b".repeat(63))] {
        assert_eq!(fault(&named(id, "data.value")), "", "{id}");
    }
    for id in [
        "A",
        "_a",
        "'1a'",
        "a-b",
        "é",
        "''",
        "in",
        "true_",
        "'true'",
        "namespace",
        &"a".repeat(65),
    ] {
        let expected = if id == "true_" {
            ""
        } else {
            "STEP_ID_INVALID /steps/0/id"
        };
        assert_eq!(fault(&named(id, "data.value")), expected, "{id}");
    }
    let check = |tool: &str| {
        let found = check(&yaml(&named("a", tool)), None).violations;
        found.first().map_or("", |v| v.code.as_str())
    };
    for tool in ["fs.read", "my-server.a.b/C d", "a.x"] {
        assert_eq!(check(tool), "", "{tool}");
    }
    for tool in [
        "fs",
        "fs.",
        ".read",
        "FS.read",
        "f_s.read",
        "1a.read",
        "'a.\\n'",
        &format!("{}.x", "a".repeat(33)),
    ] {
        let tool = if tool.contains("\\n") {
            "\"a.\\n\""
        } else {
            tool
        };
        assert_eq!(check(tool), "TOOL_NAME_INVALID", "{tool}");
    }
    assert_eq!(
        fault(&named("a", "fs.rread")),
        "ACTION_NOT_FOUND /steps/0/tool"
    );
    let near = check_yaml(&named("a", "fs.rread")).violations;
    assert_eq!(
        near[0].suggestion.as_deref(),
        Some("did you mean `fs.read`?")
    );
}

#[test]
fn the_retry_policy_that_applies() {
    let policy = |text: &str| plan(text).steps()[0].retry.clone();
    let plan_wide = |extra: &str| format!("retry: {{max_attempts: 7}}\n{}", step(extra));
    assert_eq!(policy(&step("")), Retry::ONCE);
    assert_eq!(policy(&step("    on_failure: retry\n")), Retry::THREE_TIMES);
    assert_eq!(Retry::THREE_TIMES.max_attempts, 3);
    assert_eq!(policy(&plan_wide("")).max_attempts, 7);
    assert_eq!(
        policy(&plan_wide("    on_failure: retry\n")).max_attempts,
        7
    );
    assert_eq!(
        policy(&plan_wide("    retry: {max_attempts: 2}\n")).max_attempts,
        2
    );
    let by_code = policy(&step(
        "    on_failure: [{codes: [TOOL_FAILED], do: retry}, {codes: [IN_DOUBT], do: skip}]\n",
    ));
    assert_eq!(by_code.max_attempts, 3);
    assert_eq!(by_code.retry_on, [ErrorCode::ToolFailed]);
}

#[test]
fn fallbacks_are_found_by_code() {
    let text = step(
        "    on_failure:
      - {codes: [TOOL_FAILED], do: {fallback: [{id: b, tool: data.value}, {id: c, tool: data.value}]}}
      - {codes: [STEP_TIMEOUT], do: skip}
      - {codes: [OUTPUT_INVALID], do: {fallback: [{id: d, tool: data.value}]}}
",
    );
    let plan = plan(&text);
    let ids = |code| -> Vec<String> {
        plan.steps()[0]
            .fallback_for(code)
            .iter()
            .map(|s| s.step.id.clone())
            .collect()
    };
    assert_eq!(ids(ErrorCode::ToolFailed), ["b", "c"]);
    assert_eq!(ids(ErrorCode::OutputInvalid), ["d"]);
    assert!(ids(ErrorCode::StepTimeout).is_empty());
    assert!(ids(ErrorCode::InDoubt).is_empty());
    // Steps of one fallback do not see those of another.
    let crossed = text.replace("{id: d,", "{id: d, depends_on: [b],");
    assert_eq!(
        fault(&crossed),
        "DEPENDENCY_UNRESOLVED /steps/0/on_failure/2/do/fallback/0/depends_on/0"
    );
}

#[test]
fn the_worst_case_of_calls() {
    let calls = |text: &str| plan(text).max_tool_calls();
    let reads = |extra: &str| {
        format!(
            "version: 1\nname: x\nsteps:\n  - {{id: a, tool: fs.list, args: {{path: x}}{extra}}}\n"
        )
    };
    assert_eq!(calls(&step("")), 0, "data.* is not counted");
    assert_eq!(calls(&reads("")), 1);
    assert_eq!(calls(&reads(", retry: {max_attempts: 3}")), 3);
    assert_eq!(calls(&reads(", for_each: {in: '[1]'}")), 100);
    assert_eq!(
        calls(&reads(
            ", for_each: {in: '[1]', max_items: 20}, retry: {max_attempts: 3}"
        )),
        60
    );
    assert_eq!(
        calls(&reads(
            ", for_each: {in: '[1]', max_items: 10000}, retry: {max_attempts: 3}"
        )),
        10_000
    );
    assert_eq!(
        calls(&reads(
            ", on_failure: {fallback: [{id: b, tool: fs.list, args: {path: y}}]}"
        )),
        2
    );
    assert_eq!(calls(&reads(", max_invocations: 5")), 1);
    assert_eq!(
        calls(&format!("mode: agent\n{}", reads(", max_invocations: 5"))),
        5
    );
    assert_eq!(
        calls(&format!(
            "constraints: {{max_tool_calls: 9}}\n{}",
            reads("")
        )),
        9
    );
    assert_eq!(
        calls(&format!(
            "{}finally: [{{id: f, tool: fs.list, args: {{path: y}}}}]\n",
            reads("")
        )),
        2
    );
    assert_eq!(
        calls(&reads(", compensate: {tool: fs.delete, args: {path: x}}")),
        1,
        "undo calls are not counted"
    );
}

fn nested(depth: usize, inner: &str) -> String {
    let mut plan = inner.to_owned();
    for n in 0..depth {
        plan = format!(
            "{{version: 1, name: n{n}, steps: [{{id: run, tool: plan.run, args: {{plan: {plan}}}}}]}}"
        );
    }
    plan
}

#[test]
fn nested_plans_are_checked_at_their_place() {
    let leaf = "{version: 1, name: leaf, inputs: {x: {type: string}}, steps: [{id: a, tool: fs.read, args: {path: '${inputs.x}'}}]}";
    let run = |args: &str| {
        format!("version: 1\nname: x\nsteps: [{{id: r, tool: plan.run, args: {args}}}]\n")
    };
    assert_eq!(
        fault(&run(&format!(
            "{{plan: {leaf}, inputs: {{x: '${{execution.id}}'}}}}"
        ))),
        ""
    );
    assert_eq!(
        fault(&run(&format!("{{plan: {leaf}}}"))),
        "INPUT_MISSING /steps/0/args"
    );
    assert_eq!(
        fault(&run(&format!("{{plan: {leaf}, inputs: {{x: a, y: b}}}}"))),
        "INPUT_UNKNOWN /steps/0/args/inputs/y"
    );
    let wrong = leaf.replace("path:", "pfad:");
    let found =
        lines(&check_yaml(&run(&format!("{{plan: {wrong}, inputs: {{x: a}}}}"))).violations);
    assert!(
        found.contains("ARGUMENT_INVALID /steps/0/args/plan/steps/0/args/pfad\n"),
        "{found}"
    );
    // `${inputs.x}` is the child's: the parent, which has no such input, leaves it alone.
    let checked = plan(&run(&format!("{{plan: {leaf}, inputs: {{x: a}}}}")));
    let step = &checked.steps()[0];
    let child = step.child.as_ref().unwrap();
    assert_eq!(child.hash(), plan(leaf).hash());
    assert_eq!(
        step.args.known()["plan"]["steps"][0]["args"]["path"],
        "${inputs.x}"
    );
    assert!(checked.tools().contains("fs.read"));
    let leaf = "{version: 1, name: leaf, steps: [{id: a, tool: data.value}]}";
    assert_eq!(fault(&nested(3, leaf)), "");
    let place = "/steps/0/args/plan".repeat(4);
    assert_eq!(fault(&nested(4, leaf)), format!("NESTING_TOO_DEEP {place}"));
    // A computed child is an ordinary argument.
    let computed = "version: 1\nname: x\nsteps: [{id: a, tool: data.value}, {id: r, tool: plan.run, args: {plan: '${steps.a.output}'}}]\n";
    assert!(plan(computed).steps()[1].child.is_none());
}

#[test]
fn where_secrets_may_stand() {
    let secret = "inputs: {key: {secret: true}}\n";
    for (line, expected) in [
        (
            "tool: http.request\n    args: {a: '${secrets.KEY}', b: 'x ${inputs.key} y'}",
            "",
        ),
        (
            "tool: data.value\n    args: {a: '${secrets.KEY}'}",
            "SECRET_MISPLACED /steps/0/args/a",
        ),
        (
            "tool: data.value\n    args: {a: {b: ['${inputs.key}']}}",
            "SECRET_MISPLACED /steps/0/args/a/b/0",
        ),
        (
            "tool: llm.generate\n    args: {a: '${secrets.KEY}'}",
            "SECRET_MISPLACED /steps/0/args/a",
        ),
        (
            "tool: human.ask\n    args: {a: '${secrets.KEY}'}",
            "SECRET_MISPLACED /steps/0/args/a",
        ),
        (
            "tool: http.request\n    args: {a: '${inputs.key + \"x\"}'}",
            "SECRET_MISPLACED /steps/0/args/a",
        ),
        (
            "tool: http.request\n    args: {a: '${size(secrets.KEY)}'}",
            "SECRET_MISPLACED /steps/0/args/a",
        ),
        (
            "tool: http.request\n    if: inputs.key == ''",
            "SECRET_MISPLACED /steps/0/if",
        ),
        (
            "tool: http.request\n    compensate: {tool: http.request, args: {a: '${secrets.KEY}'}}",
            "",
        ),
        (
            "tool: http.request\n    compensate: {tool: data.value, args: {a: '${secrets.KEY}'}}",
            "SECRET_MISPLACED /steps/0/compensate/args/a",
        ),
    ] {
        let text = format!("version: 1\nname: x\n{secret}steps:\n  - id: a\n    {line}\n");
        assert_eq!(fault(&text), expected, "{line}");
    }
    assert_eq!(
        fault(&format!("{secret}{}outputs: {{x: inputs.key}}\n", step(""))),
        "SECRET_MISPLACED /outputs/x"
    );
}

#[test]
fn where_sensitive_values_may_stand() {
    for (second, expected) in [
        ("tool: http.request, args: {a: '${steps.a.output.key}'}", ""),
        (
            "tool: http.request, args: {a: '${steps.a.output.other}'}",
            "",
        ),
        (
            "tool: http.request, args: {a: '${steps.a.output.keys}'}",
            "",
        ),
        (
            "tool: http.request, args: {a: 'x${steps.a.output.key}'}",
            "SECRET_MISPLACED /steps/1/args/a",
        ),
        (
            "tool: http.request, args: {a: '${steps.a.output.key.part + 1}'}",
            "SECRET_MISPLACED /steps/1/args/a",
        ),
        (
            "tool: data.value, args: {a: '${steps.a.output.key}'}",
            "SECRET_MISPLACED /steps/1/args/a",
        ),
        (
            "tool: http.request, if: steps.a.output.key != ''",
            "SECRET_MISPLACED /steps/1/if",
        ),
    ] {
        let text = step(&format!("    sensitive: [/key]\n  - {{id: b, {second}}}\n"));
        assert_eq!(fault(&text), expected, "{second}");
    }
    assert_eq!(
        fault(&step(
            "    sensitive: [/key]\noutputs: {x: steps.a.output.key}\n"
        )),
        "SECRET_MISPLACED /outputs/x"
    );
    assert_eq!(
        fault(&step(
            "    sensitive: [/key]\n    expect: output.key == 1\n"
        )),
        "SECRET_MISPLACED /steps/0/expect"
    );
}

#[test]
fn what_is_in_scope_where() {
    for (extra, expected) in [
        ("    if: item == 1\n", "VARIABLE_UNKNOWN /steps/0/if"),
        (
            "    args: {a: '${item}'}\n",
            "VARIABLE_UNKNOWN /steps/0/args/a",
        ),
        (
            "    args: {a: '${item} ${index}'}\n    for_each: {in: '[1]'}\n",
            "",
        ),
        (
            "    if: item == 1\n    for_each: {in: '[1]'}\n",
            "VARIABLE_UNKNOWN /steps/0/if",
        ),
        (
            "    for_each: {in: '[index]'}\n",
            "VARIABLE_UNKNOWN /steps/0/for_each/in",
        ),
        ("    expect: output.a == args.b && execution.id != ''\n", ""),
        (
            "    expect: item == 1\n",
            "VARIABLE_UNKNOWN /steps/0/expect",
        ),
        ("    expect: item == 1\n    for_each: {in: '[1]'}\n", ""),
        ("    if: output == 1\n", "VARIABLE_UNKNOWN /steps/0/if"),
        (
            "    args: {a: '${args.b}'}\n",
            "VARIABLE_UNKNOWN /steps/0/args/a",
        ),
        (
            "    args: {a: '${execution.status}'}\n",
            "VARIABLE_UNKNOWN /steps/0/args/a",
        ),
        (
            "    args: {a: '${execution.nothing}'}\n",
            "VARIABLE_UNKNOWN /steps/0/args/a",
        ),
        (
            "    args: {a: '${outputs.b}'}\n",
            "VARIABLE_UNKNOWN /steps/0/args/a",
        ),
        ("    args: {a: '${[1].map(x, x)}'}\n", ""),
        ("outputs: {a: item}\n", "VARIABLE_UNKNOWN /outputs/a"),
        ("outputs: {a: output}\n", "VARIABLE_UNKNOWN /outputs/a"),
        (
            "finally: [{id: f, tool: data.value, args: {a: '${execution.status} ${execution.error.code}'}}]\n",
            "",
        ),
        (
            "finally: [{id: f, tool: data.value, args: {a: '${execution.stat}'}}]\n",
            "VARIABLE_UNKNOWN /finally/0/args/a",
        ),
        (
            "finally: [{id: f, tool: data.value, compensate: {tool: data.value}}]\n",
            "FINALLY_INVALID /finally/0/compensate",
        ),
        (
            "finally: [{id: f, tool: data.value, on_failure: retry}]\n",
            "FINALLY_INVALID /finally/0/on_failure",
        ),
        (
            "finally: [{id: a, tool: data.value}]\n",
            "STEP_ID_DUPLICATE /finally/0/id",
        ),
    ] {
        assert_eq!(fault(&step(extra)), expected, "{extra}");
    }
}

#[test]
fn arguments_that_are_not_literal_are_left_open() {
    let read = |args: &str| {
        format!("version: 1\nname: x\nsteps: [{{id: a, tool: fs.read, args: {args}}}]\n")
    };
    for (args, expected) in [
        ("{path: x}", ""),
        ("{path: '${execution.id}', limit: '${1}'}", ""),
        ("{path: 'a/${execution.id}'}", ""),
        ("{limit: '${1}'}", "ARGUMENT_INVALID /steps/0/args"),
        (
            "{path: x, more: '${1}'}",
            "ARGUMENT_INVALID /steps/0/args/more",
        ),
        ("{path: 1}", "ARGUMENT_INVALID /steps/0/args/path"),
        (
            "{path: x, limit: 0}",
            "ARGUMENT_INVALID /steps/0/args/limit",
        ),
    ] {
        assert_eq!(fault(&read(args)), expected, "{args}");
    }
    let missing = check_yaml("version: 1\nname: x\nsteps: [{id: a, tool: fs.read}]\n").violations;
    assert_eq!(lines(&missing), "3:9 ARGUMENT_INVALID /steps/0/args\n");
    assert_eq!(missing[0].message, "`fs.read`: `path` is missing");
    // Without tools at hand neither existence nor arguments are judged.
    let document = yaml("version: 1\nname: x\nsteps: [{id: a, tool: no.such, args: {a: 1}}]\n");
    assert_eq!(lines(&check(&document, None).violations), "");
    assert_eq!(
        lines(&check(&document, Some(&Tools::default())).violations),
        "3:23 ACTION_NOT_FOUND /steps/0/tool\n"
    );
}

#[test]
fn features_are_listed_with_their_place() {
    let kinds = |text: &str| -> Vec<String> {
        plan(text)
            .features()
            .into_iter()
            .map(|f| format!("{:?} {}", f.kind, f.pointer))
            .collect()
    };
    assert!(kinds(&step("")).is_empty());
    for (extra, expected) in [
        ("mode: agent\n", vec!["ModeAgent /mode"]),
        ("mode: hybrid\n", vec!["ModeHybrid /mode"]),
        ("workspace: {source: .}\n", vec!["Workspace /workspace"]),
        (
            "invariants: [{id: i, check: 'true', on_violation: ask}]\n",
            vec![
                "Invariants /invariants",
                "InvariantAsk /invariants/0/on_violation",
            ],
        ),
        (
            "finally: [{id: f, tool: data.value}]\n",
            vec!["Finally /finally"],
        ),
        (
            "mode: agent\nconstraints: {budget: {cost_usd: 1.5}, allow_unplanned: true}\n",
            vec![
                "ModeAgent /mode",
                "Budget /constraints/budget",
                "AllowUnplanned /constraints/allow_unplanned",
            ],
        ),
        ("    confirm: true\n", vec!["Confirm /steps/0/confirm"]),
        (
            "    sensitive: [/a]\n",
            vec!["Sensitive /steps/0/sensitive"],
        ),
        (
            "    compensate: {tool: data.value}\n",
            vec!["Compensation /steps/0/compensate"],
        ),
        ("    on_failure: ask\n", vec!["Ask /steps/0/on_failure"]),
        (
            "    on_failure: {replan: {hint: try}}\n",
            vec!["Replan /steps/0/on_failure"],
        ),
        (
            "    on_failure: [{codes: [IN_DOUBT], do: replan}]\n",
            vec![
                "OnFailureByCode /steps/0/on_failure",
                "Replan /steps/0/on_failure",
            ],
        ),
        (
            "    on_failure: {fallback: [{id: b, tool: human.ask}]}\n",
            vec![
                "Fallback /steps/0/on_failure",
                "HumanAsk /steps/0/on_failure/tool",
            ],
        ),
    ] {
        assert_eq!(kinds(&step(extra)), expected, "{extra}");
    }
    let child = "version: 1\nname: x\nsteps: [{id: r, tool: plan.run, args: {plan: {version: 1, name: y, mode: agent, steps: [{id: a, tool: data.value}]}}}]\n";
    assert_eq!(
        kinds(child),
        [
            "NestedPlan /steps/0/tool",
            "ModeAgent /steps/0/args/plan/mode"
        ]
    );
    assert_eq!(FeatureKind::ALL.len(), 18);
}

#[test]
fn yaml_and_json_give_the_same_plan() {
    let document = yaml(EVERYTHING);
    let json = serde_json::to_vec_pretty(document.value()).unwrap();
    let from_json = parse(&json, Format::Json).unwrap();
    assert_eq!(from_json.hash(), document.hash());
    let one = check(&document, Some(&Tools::default())).plan.unwrap();
    let other = check(&from_json, Some(&Tools::default())).plan.unwrap();
    assert_eq!(one.plan(), other.plan());
    assert_eq!(one.hash(), other.hash());
}

#[test]
fn inputs_are_bound_and_judged() {
    let checked = plan(EVERYTHING);
    let object = |value: Value| value.as_object().unwrap().clone();
    let bound = checked
        .bind_inputs(&object(
            json!({"names": ["a"], "extra": "e", "token": "API_KEY", "limit": 5}),
        ))
        .unwrap();
    assert_eq!(
        Value::Object(bound.values.clone()),
        json!({"dir": ".", "limit": 5, "names": ["a"], "extra": "e", "token": "API_KEY"})
    );
    assert_eq!(
        bound.secrets,
        [("token".to_owned(), "API_KEY".to_owned())].into()
    );
    assert_eq!(
        bound.digest(),
        Digest::of_json(&Value::Object(bound.values.clone()))
    );
    let violations = checked
        .bind_inputs(&object(
            json!({"names": ["a", 1], "limit": "five", "token": "not a name", "dri": "x"}),
        ))
        .unwrap_err();
    let shown: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "INPUT_MISSING: the input `extra` is missing",
            "INPUT_UNKNOWN: the plan has no input `dri` (at `/dri`); did you mean `dir`?",
            "INPUT_INVALID: input `limit`: the value is not of type \"integer\" (at `/limit`)",
            "INPUT_INVALID: input `names`: `1` is not of type \"string\" (at `/names/1`)",
            "INPUT_INVALID: input `token`: it takes the name of a secret: letters, digits, `_`, `-` and `.` (at `/token`)",
        ]
    );
    let optional = plan(&step(
        "inputs: {a: {required: false}, b: {type: 'null', default: null}}\n",
    ));
    let bound = optional.bind_inputs(&serde_json::Map::new()).unwrap();
    assert_eq!(Value::Object(bound.values), json!({"a": null, "b": null}));
}

#[test]
fn hostile_schemas_of_inputs() {
    for (schema, expected) in [
        ("{$ref: '#'}", "SCHEMA_INVALID /inputs/a/$ref"),
        (
            "{$ref: 'https://example.com/x.json'}",
            "SCHEMA_INVALID /inputs/a/$ref",
        ),
        (
            "{anyOf: [{$dynamicRef: '#x'}]}",
            "SCHEMA_INVALID /inputs/a/anyOf/0/$dynamicRef",
        ),
        ("{default: {$ref: '#'}, type: object}", ""),
        ("{pattern: '('}", "SCHEMA_INVALID /inputs/a/pattern"),
        (
            "{pattern: '(a{1000}){1000}'}",
            "SCHEMA_INVALID /inputs/a/pattern",
        ),
        ("{type: [string, integer]}", ""),
        ("{minimum: x}", "SCHEMA_INVALID /inputs/a/minimum"),
        (
            "{secret: true, type: integer}",
            "SCHEMA_INVALID /inputs/a/type",
        ),
        (
            "{secret: true, default: 5}",
            "DEFAULT_INVALID /inputs/a/default",
        ),
        ("{secret: 1}", "TYPE_MISMATCH /inputs/a/secret"),
        ("{required: 1}", "TYPE_MISMATCH /inputs/a/required"),
        (
            "{type: object, required: [x], properties: {x: {type: integer}}, default: {x: y}}",
            "DEFAULT_INVALID /inputs/a/default/x",
        ),
        ("[]", "TYPE_MISMATCH /inputs/a"),
    ] {
        assert_eq!(
            fault(&step(&format!("inputs: {{a: {schema}}}\n"))),
            expected,
            "{schema}"
        );
    }
}

#[test]
fn unplanned_calls_are_a_matter_of_agent_mode() {
    let text = step("constraints: {allow_unplanned: true}\n");
    assert_eq!(fault(&text), "KEY_CONFLICT /constraints/allow_unplanned");
    assert_eq!(fault(&format!("mode: agent\n{text}")), "");
}
