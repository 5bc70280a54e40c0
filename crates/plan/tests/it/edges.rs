//! Order and need edges: tables of small plans.

use crate::support::{check_yaml, lines, plan};
use mandate_plan::CheckedPlan;
use std::fmt::Write as _;

/// Steps `a`, `b`, `c`, … with these extra lines each, as flow YAML.
fn steps(extras: &[&str]) -> String {
    let mut text = "version: 1\nname: edges\nsteps:\n".to_owned();
    for (name, extra) in ('a'..).zip(extras) {
        let comma = if extra.is_empty() { "" } else { ", " };
        writeln!(text, "  - {{id: {name}, tool: data.value{comma}{extra}}}").unwrap();
    }
    text
}

/// `order / needs` of the last step, by letters: `ab / a, b|c`.
fn last(plan: &CheckedPlan) -> String {
    let letter = |index: &usize| plan.steps()[*index].step.id.clone();
    let step = plan.steps().last().unwrap();
    let order: String = step.order.iter().map(letter).collect();
    let needs: Vec<String> = step
        .needs
        .iter()
        .map(|group| group.iter().map(letter).collect::<Vec<_>>().join("|"))
        .collect();
    format!("{order} / {}", needs.join(", "))
}

#[test]
fn order_and_needs_of_the_third_step() {
    for (extra, expected) in [
        ("", "ab / "),
        ("after: []", " / "),
        ("after: [a]", "a / "),
        ("after: [b, a]", "ab / "),
        ("depends_on: [a]", "ab / a"),
        ("after: [], depends_on: [a]", "a / a"),
        ("after: [b], depends_on: [a]", "ab / a"),
        ("after: [], args: {v: '${steps.a.output}'}", "a / a"),
        (
            "after: [], args: {v: '${steps.a.output.x[0]} and ${steps.b.args.y}'}",
            "ab / a, b",
        ),
        ("after: [], args: {v: '${steps.a.errors}'}", "a / a"),
        ("after: [], args: {v: '${steps.a.state}'}", "a / "),
        ("after: [], args: {v: '${steps.a.error}'}", "a / "),
        ("after: [], args: {v: '${steps.a}'}", "a / a"),
        ("after: [], if: succeeded(\"a\")", "a / "),
        ("after: [], if: failed(\"a\") || skipped(\"b\")", "ab / "),
        ("after: [], if: steps.a.output.x", "a / a"),
        // Relaxed: only order is left.
        ("after: [], depends_on: [a], if: failed(\"a\")", "a / "),
        ("after: [], depends_on: [a, b], if: failed(\"a\")", "ab / b"),
        (
            "after: [], if: succeeded(\"a\"), args: {v: '${steps.a.output}', w: '${steps.b.output}'}",
            "ab / b",
        ),
        ("after: [], depends_on: [a, b], if: settled()", "ab / "),
        // Outside of `if` nothing is relaxed.
        (
            "after: [], depends_on: [a], args: {v: '${failed(\"a\")}'}",
            "a / a",
        ),
        (
            "after: [], args: {v: '${either(\"a\", \"b\")}'}",
            "ab / a|b",
        ),
        (
            "after: [], args: {v: '${either(\"b\", \"a\").x}'}, depends_on: [a]",
            "ab / a, a|b",
        ),
        (
            "after: [], args: {v: '${either(\"a\", \"b\")}'}, if: failed(\"a\")",
            "ab / a|b",
        ),
        (
            "after: [], args: {v: '${either(\"a\", \"b\")}'}, if: failed(\"a\") || failed(\"b\")",
            "ab / ",
        ),
        (
            "after: [], args: {v: '${either(\"a\", \"b\")}'}, if: settled()",
            "ab / ",
        ),
        ("after: [], for_each: {in: steps.a.output}", "a / a"),
        ("after: [], expect: output == steps.b.output", "b / b"),
        (
            "after: [], compensate: {tool: data.value, args: {v: '${steps.a.output}'}}",
            "a / a",
        ),
    ] {
        let text = steps(&["", "after: []", extra]);
        assert_eq!(last(&plan(&text)), expected, "{extra}");
    }
}

#[test]
fn what_a_step_must_not_refer_to() {
    for (extra, expected) in [
        (
            "after: [b]",
            "5:30 DEPENDENCY_UNRESOLVED /steps/1/after/0\n",
        ),
        ("after: [c]", "/after/0"),
        ("after: [z]", "/after/0"),
        ("depends_on: [c]", "/depends_on/0"),
        ("if: steps.c.output", "/if"),
        ("if: steps.b.output", "/if"),
        ("if: failed(\"c\")", "/if"),
        ("if: steps.z.state == \"x\"", "/if"),
        ("args: {v: [1, '${steps.c.output}']}", "/args/v/1"),
        ("args: {v: '${either(\"a\", \"c\")}'}", "/args/v"),
        ("expect: steps.b.output", "/expect"),
        ("for_each: {in: steps.b.output}", "/for_each/in"),
        (
            "compensate: {tool: data.value, args: {v: '${steps.b.output}'}}",
            "/compensate/args/v",
        ),
    ] {
        let text = steps(&["", extra, ""]);
        let found = lines(&check_yaml(&text).violations);
        let one = found.lines().count() == 1 && found.contains("DEPENDENCY_UNRESOLVED /steps/1");
        assert!(
            one && found.contains(expected.trim_start_matches("5:30 DEPENDENCY_UNRESOLVED ")),
            "{extra}: {found}"
        );
    }
}

#[test]
fn messages_say_what_is_meant() {
    let text = steps(&["", "depends_on: [c]", ""]);
    let violations = check_yaml(&text).violations;
    assert_eq!(
        violations[0].message,
        "the step `c` does not stand above this one"
    );
    let text = "version: 1\nname: x\nsteps:\n- {id: fetch_all, tool: data.value}\n- {id: b, tool: data.value, depends_on: [fetchall]}\n";
    let violations = check_yaml(text).violations;
    assert_eq!(violations[0].message, "there is no step `fetchall`");
    assert_eq!(
        violations[0].suggestion.as_deref(),
        Some("did you mean `fetch_all`?")
    );
}

const FALLBACK: &str = "version: 1
name: x
steps:
  - {id: a, tool: data.value}
  - id: b
    tool: data.value
    after: []
    on_failure:
      fallback:
        - {id: b1, tool: data.value, args: {v: '${steps.b.error} ${steps.a.output}'}}
        - {id: b2, tool: data.value, args: {v: '${steps.b1.output}'}}
  - {id: c, tool: data.value, args: {v: '${steps.b.output}'}}
finally:
  - {id: f1, tool: data.value, args: {v: '${execution.error} ${steps.c.state}'}}
  - {id: f2, tool: data.value, depends_on: [f1]}
";

#[test]
fn fallback_and_finally_steps_are_numbered_behind_the_steps() {
    let plan = plan(FALLBACK);
    let numbers: Vec<_> = plan
        .every_step()
        .map(|s| (s.step.id.clone(), s.index, s.order.clone(), s.needs.clone()))
        .collect();
    assert_eq!(
        numbers,
        [
            ("a".to_owned(), 0, vec![], vec![]),
            ("b".to_owned(), 1, vec![], vec![]),
            ("c".to_owned(), 2, vec![0, 1], vec![vec![1]]),
            ("b1".to_owned(), 3, vec![0, 1], vec![vec![0]]),
            ("b2".to_owned(), 4, vec![3], vec![vec![3]]),
            ("f1".to_owned(), 5, vec![2], vec![]),
            ("f2".to_owned(), 6, vec![5], vec![vec![5]]),
        ]
    );
    assert_eq!(plan.index_of("c"), Some(2));
    assert_eq!(plan.index_of("b1"), None);
    assert_eq!(plan.number_of("b1"), Some(3));
    assert_eq!(plan.number_of("nobody"), None);
    assert_eq!(plan.numbered(4).unwrap().step.id, "b2");
}

#[test]
fn who_sees_fallback_and_finally_steps() {
    for (from, to, expected) in [
        (
            "v: '${steps.b.output}'}}\nfin",
            "v: '${steps.b1.output}'}}\nfin",
            "/steps/2/args/v",
        ),
        (
            "steps.b.error",
            "steps.b.output",
            "/steps/1/on_failure/fallback/0/args/v",
        ),
        (
            "steps.b.error",
            "steps.c.error",
            "/steps/1/on_failure/fallback/0/args/v",
        ),
        (
            "steps.b.error",
            "steps.b2.error",
            "/steps/1/on_failure/fallback/0/args/v",
        ),
        (
            "id: c, tool: data.value,",
            "id: c, depends_on: [f1], tool: data.value,",
            "/steps/2/depends_on/0",
        ),
        ("steps.c.state", "steps.b1.state", "/finally/0/args/v"),
        ("steps.c.state", "steps.f2.state", "/finally/0/args/v"),
    ] {
        let text = FALLBACK.replace(from, to);
        assert_ne!(text, FALLBACK, "{to}");
        let found = lines(&check_yaml(&text).violations);
        assert!(
            found.lines().count() == 1
                && found.ends_with(&format!("DEPENDENCY_UNRESOLVED {expected}\n")),
            "{to}: {found}"
        );
    }
}

#[test]
fn effects_that_nothing_orders_give_a_warning() {
    let write = |id: &str, extra: &str| {
        format!("  - {{id: {id}, tool: fs.write, args: {{path: {id}, content: x}}{extra}}}\n")
    };
    let head = "version: 1\nname: x\nsteps:\n";
    for (text, expected) in [
        (format!("{head}{}{}", write("a", ""), write("b", "")), ""),
        (
            format!("{head}{}{}", write("a", ""), write("b", ", after: []")),
            "5:5 EFFECTS_UNORDERED /steps/1\n",
        ),
        (
            format!(
                "{head}{}{}{}",
                write("a", ""),
                write("b", ", after: [a]"),
                write("c", ", after: [b]")
            ),
            "",
        ),
        (
            format!(
                "{head}{}{}{}",
                write("a", ""),
                write("b", ", after: [a]"),
                write("c", ", after: [a]")
            ),
            "6:5 EFFECTS_UNORDERED /steps/2\n",
        ),
        (
            format!(
                "{}{}{}",
                head.replace("steps", "constraints: {sequential: true}\nsteps"),
                write("a", ""),
                write("b", ", after: []")
            ),
            "",
        ),
        (
            format!(
                "{head}{}  - {{id: r, tool: fs.list, args: {{path: x}}, after: []}}\n",
                write("a", "")
            ),
            "",
        ),
    ] {
        let checked = check_yaml(&text);
        assert_eq!(lines(&checked.violations), expected, "{text}");
        assert!(checked.plan.is_some(), "a warning is no error");
    }
}
