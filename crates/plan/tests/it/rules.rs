//! Rules on arguments and resources: every form, and what is said of each that is wrong.

use mandate_plan::{Format, ViolationCode, check, parse};

/// Codes and places of what is wrong with a step whose `allow` is this.
fn wrong(allow: &str) -> Vec<(ViolationCode, String)> {
    let text = format!(
        "{{version: 1, name: x, steps: [{{id: a, tool: t.do, args: {{n: 1}}, allow: {allow}}}]}}"
    );
    let document = parse(text.as_bytes(), Format::Yaml).unwrap();
    let found = check(&document, None).violations.into_iter();
    let below = |pointer: String| {
        let below = pointer.strip_prefix("/steps/0/allow").map(str::to_owned);
        below.unwrap_or(pointer)
    };
    found.map(|one| (one.code, below(one.pointer))).collect()
}

fn only(allow: &str) -> (ViolationCode, String) {
    let found = wrong(allow);
    assert_eq!(found.len(), 1, "{allow}: {found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn every_form_is_taken() {
    for allow in [
        "{paths: ['a/**', {pattern: 'b.*', type: regex}, {pattern: c, type: exact}]}",
        "{urls: ['https://x.org/*'], commands: ['git *']}",
        "{args: {n: {equals: 1}}}",
        "{args: {n: {one_of: [1, 2]}}}",
        "{args: {n: {glob: 'a*'}}}",
        "{args: {n: {regex: 'a+'}}}",
        "{args: {n: {min: 1}}}",
        "{args: {n: {max: 2}}}",
        "{args: {/n: {min: 1, max: 2}}}",
        "{args: {n: {any: true}}}",
    ] {
        assert_eq!(wrong(allow), [], "{allow}");
    }
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    use ViolationCode as C;
    for (allow, code, place) in [
        (
            "{args: {'/a~2': {equals: 1}}}",
            C::PointerInvalid,
            "/args/~1a~02",
        ),
        ("{args: {n: {any: false}}}", C::ValueUnknown, "/args/n/any"),
        (
            "{args: {n: {min: 3, max: 2}}}",
            C::ValueOutOfRange,
            "/args/n/min",
        ),
        ("{args: {n: {min: low}}}", C::TypeMismatch, "/args/n/min"),
        ("{args: {n: {}}}", C::KeyMissing, "/args/n"),
        (
            "{args: {n: {regex: '('}}}",
            C::PatternInvalid,
            "/args/n/regex",
        ),
        (
            "{paths: [{pattern: '(', type: regex}]}",
            C::PatternInvalid,
            "/paths/0/pattern",
        ),
        ("{paths: [7]}", C::TypeMismatch, "/paths/0"),
        ("{paths: [{type: glob}]}", C::KeyMissing, "/paths/0"),
        (
            "{paths: [{pattern: a, type: glop}]}",
            C::ValueUnknown,
            "/paths/0/type",
        ),
    ] {
        let (found, at) = only(allow);
        assert_eq!((found, at.as_str()), (code, place), "{allow}");
    }
    assert!(!wrong("{args: {n: {equals: 1, glob: a}}}").is_empty());
    assert!(!wrong("{args: {n: {one_of: []}}}").is_empty());
    assert!(!wrong("{args: {n: 7}}").is_empty());
}
