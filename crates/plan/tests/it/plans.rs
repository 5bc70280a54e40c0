//! Checked plans: identity, limits, retries, calls, nested plans, secrets, features.

use crate::support::{check_yaml, lines, plan, yaml};
use mandate_plan::{Digest, ErrorCode, Plan, Retry, check, execution_digest, reload};
use std::{collections::BTreeMap, fmt::Write as _};

pub(crate) const EVERYTHING: &str = include_str!("../golden/plan.yaml");

pub(crate) fn step(extra: &str) -> String {
    format!("version: 1\nname: x\nsteps:\n  - id: a\n    tool: data.value\n{extra}")
}

/// The only violation, as `CODE pointer`; empty: none.
pub(crate) fn fault(text: &str) -> String {
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
