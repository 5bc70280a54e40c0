//! Checked plans: where secrets may stand, what is in scope, what is open, which features are used, how inputs are bound.

use crate::plans::{EVERYTHING, fault, step};
use crate::support::{Tools, check_yaml, lines, plan, yaml};
use mandate_plan::{Digest, FeatureKind, Format, check, parse};
use serde_json::{Value, json};

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
fn what_is_called_outside_is_an_agents_to_call() {
    let nested = "{id: a, tool: plan.run, args: {plan: {version: 1, name: y, mode: agent, steps: [{id: b, tool: out.charge}]}}}";
    let text = |head: &str, steps: &str| format!("version: 1\nname: x\n{head}steps: [{steps}]\n");
    let charge = "{id: a, tool: out.charge}";
    let fallback = "{id: a, tool: fs.read, args: {path: a}, on_failure: {fallback: [{id: b, tool: out.charge}]}}";
    let undone = "{id: a, tool: out.charge, compensate: {tool: out.charge}}";
    let agent = "mode: agent\n";
    for (text, expected) in [
        (text(agent, charge), ""),
        (text(agent, fallback), ""),
        (text("", charge), "TOOL_EXTERNAL /steps/0/tool"),
        (
            text("mode: hybrid\n", charge),
            "TOOL_EXTERNAL /steps/0/tool",
        ),
        (
            text("", fallback),
            "TOOL_EXTERNAL /steps/0/on_failure/fallback/0/tool",
        ),
        (
            text(agent, undone),
            "TOOL_EXTERNAL /steps/0/compensate/tool",
        ),
        (
            text(agent, nested),
            "TOOL_EXTERNAL /steps/0/args/plan/steps/0/tool",
        ),
        (
            text(
                "mode: agent\nfinally: [{id: z, tool: out.charge}]\n",
                charge,
            ),
            "TOOL_EXTERNAL /finally/0/tool",
        ),
        (
            text(
                agent,
                "{id: a, tool: http.request, sensitive: [/key]}, {id: b, tool: out.charge, args: {k: '${steps.a.output.key}'}}",
            ),
            "SECRET_MISPLACED /steps/1/args/k",
        ),
        (
            text(
                agent,
                "{id: a, tool: out.charge, args: {k: '${secrets.KEY}'}}",
            ),
            "",
        ),
    ] {
        assert_eq!(fault(&text), expected, "{text}");
    }
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
