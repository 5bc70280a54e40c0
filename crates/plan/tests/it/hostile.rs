//! Documents that mean harm: an error or a value, soon, and never a crash.

use crate::support::{lines, refused};
use mandate_plan::{Format, check, parse, parse_value};
use std::time::{Duration, Instant};

const LIMIT: usize = 4 * 1024 * 1024;
/// Readers are ten times slower without optimisation; `cargo nextest run --release` takes the whole size.
const SIZE: usize = if cfg!(debug_assertions) {
    LIMIT / 8
} else {
    LIMIT
};

/// Far above what is measured, far below what a quadratic reader takes; the builds of tests are slow.
fn soon<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    eprintln!("{what}: {took:?}");
    assert!(took < Duration::from_secs(30), "{what} took {took:?}");
    result
}

fn filled(head: &str, unit: &str, tail: &str) -> String {
    let count = (SIZE - head.len() - tail.len()) / unit.len();
    format!("{head}{}{tail}", unit.repeat(count))
}

#[test]
fn too_large() {
    let text = " ".repeat(LIMIT + 1);
    for format in [Format::Yaml, Format::Json] {
        assert_eq!(lines(&refused(&text, format)), "- DOCUMENT_TOO_LARGE \n");
    }
}

#[test]
fn nesting() {
    for format in [Format::Yaml, Format::Json] {
        let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(parse(fits.as_bytes(), format).is_ok());
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(refused(&deep, format)[0].code.as_str(), "NESTING_TOO_DEEP");
        assert_eq!(refused(&deep, format)[0].column, Some(65));
        for unit in ["[", "{\"a\":", "[{\"a\":", "{"] {
            let text = unit.repeat(LIMIT / unit.len());
            let violations = soon(unit, || refused(&text, format));
            assert_eq!(violations.len(), 1, "{unit}");
            let code = violations[0].code.as_str();
            assert!(code == "NESTING_TOO_DEEP" || unit == "{", "{unit}: {code}");
        }
    }
    let yaml_only = |what: &str, text: String| {
        let violations = soon(what, || refused(&text, Format::Yaml));
        assert_eq!(violations[0].code.as_str(), "NESTING_TOO_DEEP", "{what}");
    };
    yaml_only("compact lists", "- ".repeat(LIMIT / 2));
    yaml_only("explicit keys", format!("a:\n{}", "- - ".repeat(1000)));
    yaml_only(
        "brackets in a block",
        format!("a: {}", "[".repeat(LIMIT - 3)),
    );
    yaml_only(
        "braces in a block",
        format!("a: {}", "{a: ".repeat(LIMIT / 5)),
    );
    yaml_only(
        "indentation",
        (0..2000)
            .map(|n| format!("{}a:\n", " ".repeat(n)))
            .collect(),
    );
    yaml_only(
        "a tail of brackets",
        format!("\"foo\"\n[ \"a\", {}", "[".repeat(1_000_000))
            .replacen("\"foo\"\n", "", 1)
            .replacen("[", "b: [", 1),
    );
}

#[test]
fn many_small_things() {
    for (what, text) in [
        ("numbers", filled("[1", ",1", "]")),
        ("empty strings", filled("[\"\"", ",\"\"", "]")),
        ("empty lists", filled("[[]", ",[]", "]")),
        ("empty objects", filled("[{}", ",{}", "]")),
        ("spaces", filled("[", " ", "]")),
        ("line breaks", filled("[", "\n", "]")),
        ("one long string", filled("\"", "a", "\"")),
        ("escapes", filled("\"", "\\u0041", "\"")),
        ("a long number", filled("0.", "1", "")),
    ] {
        for format in [Format::Json, Format::Yaml] {
            soon(what, || parse_value(text.as_bytes(), format))
                .unwrap_or_else(|v| panic!("{what}: {}", lines(&v)));
        }
    }
    let keys: String = (0..SIZE / 24).map(|n| format!("\"k{n}\":{n},")).collect();
    let keys = format!("{{{}\"end\":0}}", keys);
    assert!(keys.len() < LIMIT);
    for format in [Format::Json, Format::Yaml] {
        soon("keys", || parse(keys.as_bytes(), format)).unwrap();
    }
}

#[test]
fn many_small_things_in_yaml() {
    for (what, text) in [
        ("items", filled("", "- 1\n", "")),
        ("empty items", filled("", "-\n", "")),
        ("comments", filled("a: 1\n", "#\n", "")),
        ("a long comment", filled("a: 1\n#", "x", "")),
        ("plain text", filled("a: ", "xy ", "")),
        ("plain lines", filled("a: x\n", "  y\n", "")),
        ("a literal", filled("a: |\n", "  y\n", "")),
        ("a folded text", filled("a: >\n", "  y\n\n", "")),
        ("blank lines", filled("a: |\n", "\n", "")),
        ("single quotes", filled("a: '", "''", "'")),
        ("dashes", filled("a: ", "-", "")),
        ("question marks", filled("a: ", "?", "")),
        ("colons", filled("a: x", ":", "x")),
        ("small flow lists", filled("", "- [a, [b, c]]\n", "")),
        (
            "a literal of brackets",
            format!("a: |\n{}", "  if (a[0]) { b[1] = [2, 3]; }\n".repeat(6_000)),
        ),
    ] {
        soon(what, || parse_value(text.as_bytes(), Format::Yaml))
            .unwrap_or_else(|v| panic!("{what}: {}", lines(&v)));
    }
}

#[test]
fn broken_things() {
    for (what, text) in [
        ("open quote", filled("a: \"", "x", "")),
        ("open single quote", filled("a: '", "x\n", "")),
        ("explicit keys", filled("", "? ", "")),
        ("aliases", filled("a: [", "*a, ", "")),
        ("anchors", filled("", "&a ", "")),
        ("tags", filled("", "!a ", "")),
        ("one long tag", filled("!", "a", "")),
        ("one long anchor", filled("&", "a", "")),
        ("directives", filled("", "%A b\n", "")),
        ("documents", filled("", "---\n", "")),
        ("ends", filled("a: 1\n", "...\n", "x: 1\n")),
        ("closers", "]".repeat(SIZE)),
        ("closing braces", "}".repeat(SIZE)),
        ("commas in a list", filled("a: [", ",", "")),
        ("colons in a list", filled("a: [", ":", "")),
        ("pairs", filled("a: [", "a: b, ", "")),
        (
            "hidden brackets",
            format!("a: [{}", "\"]]]]]]\", [".repeat(SIZE / 14)),
        ),
        ("tabs", filled("a:\n", "\t", "b")),
        ("percent", "%".repeat(SIZE)),
        ("at signs", "@".repeat(SIZE)),
        ("bars", "|".repeat(SIZE)),
        ("carriage returns", filled("a: |\n", "\r", "")),
        ("bell", "\u{7}".repeat(SIZE)),
        ("byte order marks", "\u{feff}".repeat(SIZE / 3)),
        ("quotes", "\"".repeat(SIZE)),
        ("half pairs", filled("{", "\"a\":1,", "")),
    ] {
        for format in [Format::Yaml, Format::Json] {
            let outcome = soon(what, || parse_value(text.as_bytes(), format));
            if let Err(violations) = outcome {
                assert!(!violations.is_empty() && violations.len() <= 1000, "{what}");
                let size: usize = violations.iter().map(|v| v.to_string().len()).sum();
                assert!(size < 3_000_000, "{what}: {size}");
            }
        }
    }
}

#[test]
fn long_keys_above_many_faults_stay_small() {
    let key = "k".repeat(1_000_000);
    let text = format!("{{\"{key}\":{{\"a\":[{}1]}}}}", "1e99,".repeat(500_000));
    let violations = soon("faults below a long key", || refused(&text, Format::Json));
    assert_eq!(violations.len(), 1000);
    assert!(violations.iter().all(|v| v.pointer.len() < 1100));
}

#[test]
fn plans_that_are_wrong_everywhere() {
    let steps: String = "{},".repeat(100_000);
    let unknown: String = (0..SIZE / 24).map(|n| format!("\"k{n}\":0,")).collect();
    for text in [
        format!("{{\"steps\":[{steps}{{}}]}}"),
        format!("{{{unknown}\"steps\":[]}}"),
        format!("{{\"steps\":[{{{unknown}\"id\":0}}]}}"),
        format!("{{\"inputs\":{{{unknown}\"id\":0}}}}"),
        format!("{{\"outputs\":{{{unknown}\"id\":0}}}}"),
        "[]".to_owned(),
        "0".to_owned(),
        "null".to_owned(),
    ] {
        let document = parse(text.as_bytes(), Format::Json).unwrap();
        let checked = soon("check", || check(&document, None));
        assert!(checked.plan.is_none());
        assert!((1..=1000).contains(&checked.violations.len()));
    }
}

#[test]
fn plans_that_are_dear_to_compile() {
    let list = |unit: &str, size: usize| vec![unit; size / (unit.len() + 3)].join("\",\"");
    let heavy = format!("${{{}1}}", "[1].map(x, x + 1)[0] + ".repeat(8));
    let args = |unit: &str| {
        let list = list(unit, SIZE - 4096);
        format!(
            "{{\"version\":1,\"name\":\"x\",\"steps\":[{{\"id\":\"a\",\"tool\":\"a.b\",\"args\":{{\"v\":[\"{list}\"]}}}}]}}"
        )
    };
    let deny = |unit: &str| {
        let list = list(unit, SIZE - 4096);
        format!(
            "{{\"version\":1,\"name\":\"x\",\"constraints\":{{\"forbidden_urls\":[\"{list}\"]}},\"steps\":[{{\"id\":\"a\",\"tool\":\"a.b\"}}]}}"
        )
    };
    let inputs: String = (0..20_000)
        .map(|n| format!("\"i{n}\":{{\"type\":\"string\"}},"))
        .collect();
    let inputs = format!(
        "{{\"version\":1,\"name\":\"x\",\"inputs\":{{{inputs}\"z\":{{}}}},\"steps\":[{{\"id\":\"a\",\"tool\":\"a.b\"}}]}}"
    );
    for (what, text) in [
        ("plain paths", args("${execution.id}")),
        ("heavy expressions", args(&heavy)),
        ("globs", deny("{a,b}{c,d}*[a-z]**")),
        ("inputs", inputs),
    ] {
        let document = parse(text.as_bytes(), Format::Json).unwrap();
        let checked = soon(what, || check(&document, None));
        assert!(
            lines(&checked.violations).contains("PLAN_TOO_LARGE"),
            "{what}"
        );
        assert_eq!(
            checked.violations.len(),
            1,
            "{what}: {}",
            lines(&checked.violations)
        );
    }
}

#[test]
fn small_values_that_take_much_memory() {
    let whole = format!("[0{}]", ",{\"\":1}".repeat(500_000));
    for (what, text, plan, data) in [
        ("objects", &whole, false, false),
        (
            "fewer objects",
            &format!("[0{}]", ",{\"\":1}".repeat(100_000)),
            false,
            true,
        ),
        (
            "few objects",
            &format!("[0{}]", ",{\"\":1}".repeat(40_000)),
            true,
            true,
        ),
        (
            "numbers",
            &format!("[0{}]", ",1".repeat(2_000_000)),
            false,
            true,
        ),
    ] {
        let as_plan = soon(what, || parse(text.as_bytes(), Format::Json));
        let as_data = soon(what, || parse_value(text.as_bytes(), Format::Json));
        assert_eq!((as_plan.is_ok(), as_data.is_ok()), (plan, data), "{what}");
        if let Err(violations) = as_plan {
            assert_eq!(violations[0].code.as_str(), "DOCUMENT_TOO_LARGE", "{what}");
        }
    }
}
