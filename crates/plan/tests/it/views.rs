//! Schema, graph and diff.

use crate::support::{check_yaml, plan, yaml};
use mandate_plan::{diff::diff, graph::mermaid, schema::plan_schema};
use serde_json::{Value, json};

const RIGHT: &str = include_str!("../golden/plan.yaml");
const WRONG: &str = include_str!("../golden/mistakes.yaml");

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::meta::validate(&plan_schema()).unwrap();
    jsonschema::draft202012::new(&plan_schema()).unwrap()
}

#[test]
fn the_schema_accepts_what_the_check_accepts() {
    let validator = validator();
    for text in [
        RIGHT,
        "version: 1\nname: x\nsteps: [{id: a, tool: data.value}]\n",
    ] {
        let errors: Vec<String> = validator
            .iter_errors(yaml(text).value())
            .map(|e| format!("{e} {}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Codes that need more than a schema can say.
const BEYOND_SCHEMA: &[&str] = &[
    "ACTION_NOT_FOUND",
    "ARGUMENT_INVALID",
    "DEFAULT_INVALID",
    "DEPENDENCY_UNRESOLVED",
    "EXPRESSION_SYNTAX",
    "FALLBACK_NESTED",
    "FINALLY_INVALID",
    "FUNCTION_UNKNOWN",
    "INPUT_UNKNOWN",
    "PATTERN_INVALID",
    "SCHEMA_INVALID",
    "SECRET_MISPLACED",
    "STEP_FIELD_UNKNOWN",
    "STEP_ID_DUPLICATE",
    "TEMPLATE_UNCLOSED",
    "TEMPLATE_WHITESPACE",
    "VARIABLE_UNKNOWN",
    "NAME_INVALID",
    "POINTER_INVALID",
];

#[test]
fn the_schema_rejects_each_mistake_of_shape() {
    let validator = validator();
    let right: Vec<&str> = RIGHT.lines().collect();
    let mut rejected = 0;
    for (line, wrong) in WRONG
        .lines()
        .enumerate()
        .filter(|(line, wrong)| right[*line] != *wrong)
    {
        let mut text = right.clone();
        text[line] = wrong;
        let text = text.join("\n");
        let code = check_yaml(&text).violations[0].code.as_str();
        let valid = validator.is_valid(yaml(&text).value());
        // That `required: true` and `default` exclude each other is left to the check.
        let beyond = BEYOND_SCHEMA.contains(&code) || wrong.contains("required: true, default");
        assert_eq!(valid, beyond, "{code}: {wrong}");
        rejected += usize::from(!valid);
    }
    assert!(rejected >= 20, "{rejected}");
}

#[test]
fn the_schema_knows_no_null() {
    let validator = validator();
    for key in ["description", "retry", "workspace", "outputs"] {
        let mut value = yaml(RIGHT).value().clone();
        value[key] = Value::Null;
        assert!(!validator.is_valid(&value), "{key}");
    }
    let text = plan_schema().to_string();
    assert!(!text.contains("\"null\""), "{text}");
    assert!(!text.contains("uint"), "{text}");
}

#[test]
fn a_graph_draws_needs_order_and_states() {
    let checked = plan(
        "version: 1
name: x
steps:
  - {id: a, tool: fs.list, args: {path: .}}
  - {id: b, tool: data.value, after: [a]}
  - {id: c, tool: data.value, args: {v: '${steps.a.output}'}, after: [a]}
  - {id: end, tool: data.value, if: 'inputs != {\"<\": 1}'}
",
    );
    assert_eq!(
        mermaid(&checked, None),
        "flowchart TD
  s_a[\"<b>a</b><br/>fs.list\"]
  s_b[\"<b>b</b><br/>data.value\"]
  s_c[\"<b>c</b><br/>data.value\"]
  s_end{{\"<b>end</b><br/>data.value<br/>if inputs != {#quot;#lt;#quot;: 1}\"}}
  s_a --> s_b
  s_a ==> s_c
  s_b --> s_end
  s_c --> s_end
"
    );
    let states = [
        ("a".to_owned(), "completed".to_owned()),
        ("b".to_owned(), "made up".to_owned()),
    ]
    .into();
    let chart = mermaid(&checked, Some(&states));
    assert!(
        chart.contains("s_a[\"<b>a</b><br/>fs.list\"]:::completed\n"),
        "{chart}"
    );
    assert!(
        chart.contains("s_b[\"<b>b</b><br/>data.value\"]\n"),
        "{chart}"
    );
    assert_eq!(chart.matches("classDef").count(), 1, "{chart}");
}

#[test]
fn a_diff_names_what_changed() {
    let old = plan(RIGHT);
    let text = RIGHT
        .replace("  max_parallel: 4\n", "")
        .replace("      path: a.txt", "      path: c.txt")
        .replace(
            "  - id: lonely\n    tool: data.value\n    args: {value: 1}\n",
            "",
        )
        .replace(
            "  - id: more\n",
            "  - id: fresh\n    tool: data.value\n  - id: more\n",
        );
    let new = plan(&text);
    let found = diff(old.plan(), new.plan());
    assert_eq!(
        found.to_string(),
        "~ /constraints/max_parallel: 4 → 8\n- step lonely\n+ step fresh\n~ step plain\n  ~ /args/path: \"a.txt\" → \"c.txt\"\n"
    );
    assert_eq!(
        serde_json::to_value(&found).unwrap()["changed"],
        json!([{"id": "plain", "changes": [{"pointer": "/args/path", "old": "a.txt", "new": "c.txt"}]}])
    );
    assert!(diff(old.plan(), old.plan()).is_empty());
    assert_eq!(diff(old.plan(), old.plan()).to_string(), "no difference\n");
}

#[test]
fn an_outline_shows_what_is_decided_about() {
    let checked = plan(
        "version: 1
name: \"tidy \\e[31mup\"
description: |
  two
  lines
inputs: {dir: {type: string}, key: {secret: true}, n: {default: 3}}
steps:
  - {id: a, tool: fs.list, args: {path: '${inputs.dir}'}, on_failure: {fallback: [{id: a1, tool: data.value}]}}
  - {id: b, tool: fs.delete, args: {path: x}, if: inputs.n > 1, after: [a], compensate: {tool: fs.write, args: {path: x, content: y}}}
  - {id: c, tool: data.value, after: [], for_each: {in: '[1, 2]'}}
finally:
  - {id: f, tool: data.value}
",
    );
    let text = mandate_plan::show::outline(&checked);
    let expected = format!(
        "tidy [31mup
hash      {}
does      two lines
limits    at most 8 at once, at most 2 tool calls, 300000 ms
input     dir: string, required
input     key: the name of a secret, required
input     n: any, default 3
step      a  fs.list
  instead a1  data.value
step      b  fs.delete  if inputs.n > 1  after a  undone by fs.write
step      c  data.value  for each of [1, 2]  after nothing
finally   f  data.value
",
        checked.hash()
    );
    assert_eq!(text, expected);
}

/// Whatever its tools are called.
fn without_tools(text: &str) -> std::sync::Arc<mandate_plan::CheckedPlan> {
    let document = mandate_plan::parse(text.as_bytes(), mandate_plan::Format::Yaml).unwrap();
    let checked = mandate_plan::check(&document, None);
    checked
        .plan
        .unwrap_or_else(|| panic!("{:#?}", checked.violations))
}

#[test]
fn the_graph_shows_fallbacks_finally_and_harmless_labels() {
    let plan = without_tools(
        "version: 1\nname: x\nsteps:\n\
         - {id: a, tool: 't.do\"#&<>`', description: 'long', on_failure: {fallback: [{id: f, tool: t.do}]}}\n\
         - {id: b, tool: t.do, after: [a]}\n\
         finally:\n- {id: z, tool: t.a-tool-with-a-name-that-is-longer-than-anybody-would-want-to-read-here}\n",
    );
    let chart = mermaid(&plan, None);
    for part in [
        "s_a -. fallback .-> s_f",
        "subgraph finally",
        "#quot;#35;#amp;#lt;#gt;#96;",
        "…",
    ] {
        assert!(chart.contains(part), "no `{part}` in\n{chart}");
    }
}

#[test]
fn every_action_is_written_as_it_is_read() {
    let steps = [
        "on_failure: halt",
        "on_failure: skip",
        "on_failure: retry",
        "on_failure: replan",
        "on_failure: ask",
        "on_failure: {replan: {hint: another mirror}}",
        "on_failure: {fallback: [{id: f, tool: t.do}]}",
        "on_failure: [{codes: [TOOL_FAILED], do: skip}, {codes: [STEP_TIMEOUT], do: ask}]",
    ];
    for action in steps {
        let text = format!("version: 1\nname: x\nsteps:\n- {{id: a, tool: t.do, {action}}}\n");
        let plan = without_tools(&text);
        let written = serde_json::to_value(plan.plan()).unwrap();
        let read: mandate_plan::Plan = serde_json::from_value(written).unwrap();
        assert_eq!(&read, plan.plan(), "{action}");
    }
}
