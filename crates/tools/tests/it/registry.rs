//! The registry: what is listed, what comes and goes.

use crate::{
    fixture::{Setup, fixture},
    test_tools::TestTools,
};
use mandate_plan::{Effect, ErrorCode, Facts, Format, Level, check, parse};
use mandate_tools::{Lifecycle, Outcome, RegistryError, Tools as _};
use serde_json::json;
use std::sync::Arc;

#[test]
fn every_built_in_is_there_with_schemas_that_compile() {
    let f = fixture();
    let all = f.runner.registry().list();
    let names: Vec<&str> = all.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "data.template",
            "data.transform",
            "data.value",
            "fs.append",
            "fs.delete",
            "fs.list",
            "fs.read",
            "fs.search",
            "fs.stat",
            "fs.write",
            "http.request",
            "human.ask",
            "plan.run",
            "process.exec",
            "time.now",
            "time.sleep",
        ]
    );
    for tool in &all {
        assert_eq!(
            tool.lifecycle,
            Lifecycle::Initialized,
            "{}: {:?}",
            tool.name,
            tool.lifecycle_reason
        );
        assert!(
            !tool.description.is_empty() && tool.input_schema["additionalProperties"] == false,
            "{}",
            tool.name
        );
        let handled = ["human.ask", "plan.run", "time.sleep"].contains(&tool.name.as_str());
        assert_eq!(tool.engine_handled, handled, "{}", tool.name);
    }
}

#[test]
fn facts_depend_on_arguments() {
    let f = fixture();
    let lookup = f.runner.lookup();
    let facts = |effect, idempotent, open_world| {
        Some(Facts {
            effect,
            idempotent,
            open_world,
        })
    };
    for (tool, args, expected) in [
        ("fs.read", None, facts(Effect::Read, true, false)),
        ("fs.write", None, facts(Effect::Write, false, false)),
        (
            "fs.write",
            Some(json!({"path": "a"})),
            facts(Effect::Write, true, false),
        ),
        (
            "fs.write",
            Some(json!({"if_exists": "fail"})),
            facts(Effect::Write, false, false),
        ),
        (
            "fs.write",
            Some(json!({"if_exists": null})),
            facts(Effect::Write, false, false),
        ),
        ("fs.append", None, facts(Effect::Write, false, false)),
        ("fs.delete", None, facts(Effect::Delete, true, false)),
        ("http.request", None, facts(Effect::Network, false, true)),
        (
            "http.request",
            Some(json!({"url": "x"})),
            facts(Effect::Read, true, true),
        ),
        (
            "http.request",
            Some(json!({"method": "head"})),
            facts(Effect::Read, true, true),
        ),
        (
            "http.request",
            Some(json!({"method": "put"})),
            facts(Effect::Network, true, true),
        ),
        (
            "http.request",
            Some(json!({"method": "POST"})),
            facts(Effect::Network, false, true),
        ),
        (
            "http.request",
            Some(json!({"method": null})),
            facts(Effect::Network, false, true),
        ),
        (
            "process.exec",
            Some(json!({"argv": ["true"]})),
            Some(Facts::WORST),
        ),
        ("plan.run", None, Some(Facts::WORST)),
        ("time.sleep", None, facts(Effect::Read, true, false)),
        ("no.tool", None, None),
    ] {
        assert_eq!(
            lookup.facts(tool, args.as_ref()),
            expected,
            "{tool} {args:?}"
        );
    }
}

#[tokio::test]
async fn a_tool_with_a_broken_schema_is_listed_and_not_offered() {
    let f = Setup {
        providers: vec![Arc::new(TestTools::default())],
        ..Setup::default()
    }
    .build();
    for name in ["test.broken", "test.remote"] {
        let status = f.runner.registry().status(name).unwrap();
        assert_eq!(status.lifecycle, Lifecycle::Failed);
        assert!(status.lifecycle_reason.unwrap().contains("schema"));
        assert!(f.runner.lookup().spec(name).is_none());
        assert_eq!(
            f.refusal(name, json!({})).await.code,
            ErrorCode::ActionNotFound
        );
    }
}

#[tokio::test]
async fn providers_come_and_go_and_snapshots_stay() {
    let f = fixture();
    let registry = f.runner.registry();
    let before = f.runner.lookup();
    registry.add(Arc::new(TestTools::default())).unwrap();
    let with = f.runner.lookup();
    let again = registry.add(Arc::new(TestTools::default())).unwrap_err();
    assert!(matches!(again, RegistryError::Taken { name, .. } if name == "test.run"));
    registry.remove("test", "its server ended");
    assert!(before.spec("test.run").is_none() && with.spec("test.run").is_some());
    assert!(f.runner.lookup().spec("test.run").is_none());
    let status = registry.status("test.run").unwrap();
    assert_eq!(status.lifecycle, Lifecycle::Unavailable);
    // Nothing was sent, and it may come back: refused, and worth another attempt.
    let call = crate::fixture::resolved("test.run", json!({"do": "answer"}));
    let report = f.runner.run(f.permit(&call), call).await;
    assert!(
        matches!(&report.outcome, Outcome::Refused(fault) if fault.code == ErrorCode::ToolFailed),
        "{report:?}"
    );
    registry.add(Arc::new(TestTools::default())).unwrap();
    assert_eq!(
        registry.status("test.run").unwrap().lifecycle,
        Lifecycle::Initialized
    );
}

#[test]
fn every_built_in_and_every_argument_is_documented() {
    let page = include_str!("../../../../docs/tools.md");
    let f = fixture();
    for tool in f.runner.registry().list() {
        let heading = format!("### `{}`\n", tool.name);
        let section = page
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{} is not in docs/tools.md", tool.name))
            .1;
        let section = section.split("\n### ").next().unwrap();
        assert!(
            section.contains(&format!("tool: {}", tool.name)),
            "{} has no example",
            tool.name
        );
        let properties = tool.input_schema["properties"].as_object();
        for argument in properties.into_iter().flatten().map(|(name, _)| name) {
            assert!(
                section.contains(&format!("`{argument}`")),
                "{} {argument}",
                tool.name
            );
        }
    }
}

/// All examples together are one plan, and a valid one.
#[test]
fn the_documented_examples_are_valid() {
    let page = include_str!("../../../../docs/tools.md");
    let mut plan = "version: 1\nname: examples\ninputs:\n  team: {type: string}\n  title: {type: string}\nsteps:\n".to_owned();
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    for line in blocks.iter().flat_map(|block| block.lines()) {
        plan.push_str(&format!("  {line}\n"));
    }
    let f = fixture();
    let document = parse(plan.as_bytes(), Format::Yaml).unwrap();
    let checked = check(&document, Some(&*f.runner.lookup()));
    let errors: Vec<_> = checked
        .violations
        .iter()
        .filter(|violation| violation.level == Level::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(checked.plan.unwrap().steps().len(), blocks.len());
}
