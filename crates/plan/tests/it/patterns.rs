//! Patterns match whole values: `*` within a segment, `**` across, regexes anchored.

use mandate_plan::{Pattern, PatternKind};

fn matches(kind: PatternKind, pattern: &str, value: &str) -> bool {
    let pattern = Pattern {
        pattern: pattern.to_owned(),
        kind,
    };
    pattern.matcher().unwrap().is_match(value)
}

#[test]
fn globs() {
    for (glob, yes, no) in [
        (
            "a.txt",
            vec!["a.txt"],
            vec!["a_txt", "xa.txt", "a.txt\n", "b/a.txt", ""],
        ),
        ("*.txt", vec!["a.txt", ".txt"], vec!["a/b.txt"]),
        ("/etc/*", vec!["/etc/x", "/etc/"], vec!["/etc", "/etc/x/y"]),
        (
            "/etc/**",
            vec!["/etc/x", "/etc/x/y", "/etc/\n"],
            vec!["/etc", "/etcx"],
        ),
        ("**", vec!["", "a", "a/b\nc"], vec![]),
        ("**/x", vec!["a/x", "a/b/x", "/x"], vec!["ax"]),
        (
            "a/**/b",
            vec!["a/b", "a/x/b", "a/x/y/b"],
            vec!["ab", "a/bb"],
        ),
        ("git **", vec!["git log -p a/b"], vec!["gitk a"]),
        ("a?c", vec!["abc", "aéc"], vec!["a/c", "ac"]),
        ("[a-c]x", vec!["ax", "cx"], vec!["dx", "-x"]),
        ("[!a-c]x", vec!["dx"], vec!["ax", "/x"]),
        ("[]]x", vec!["]x"], vec!["x"]),
        ("[a-]x", vec!["-x", "ax"], vec!["bx"]),
        ("x[&&~]y", vec!["x&y", "x~y"], vec!["xy"]),
        ("{a,b/c}.d", vec!["a.d", "b/c.d"], vec!["c.d", "{a,b/c}.d"]),
        (r"\*\{", vec!["*{"], vec!["a{"]),
        ("a,b}", vec!["a,b}"], vec!["a"]),
        ("(a|b)+.$^", vec!["(a|b)+.$^"], vec!["a"]),
    ] {
        for value in yes {
            assert!(
                matches(PatternKind::Glob, glob, value),
                "{glob} should match {value:?}"
            );
        }
        for value in no {
            assert!(
                !matches(PatternKind::Glob, glob, value),
                "{glob} should not match {value:?}"
            );
        }
    }
}

#[test]
fn regexes_and_exact_texts_match_as_a_whole() {
    assert!(matches(PatternKind::Regex, "a|b", "b"));
    assert!(!matches(PatternKind::Regex, "a|b", "ab"));
    assert!(!matches(PatternKind::Regex, "a", "a\n"));
    assert!(!matches(PatternKind::Regex, "(?m)^a$", "x\na"));
    assert!(matches(PatternKind::Regex, "(?x) a # comment", "a"));
    assert!(!matches(PatternKind::Regex, "(?x) a # comment", "ab"));
    assert!(matches(PatternKind::Exact, "a*", "a*"));
    assert!(!matches(PatternKind::Exact, "a*", "aa"));
}

#[test]
fn what_cannot_be_read() {
    for (kind, pattern) in [
        (PatternKind::Regex, "("),
        (PatternKind::Regex, "a)(b"),
        (PatternKind::Regex, "(?=a)"),
        (PatternKind::Regex, r"(a)\1"),
        (PatternKind::Regex, "(a{1000}){1000}"),
        (PatternKind::Glob, "[a"),
        (PatternKind::Glob, "{a"),
        (PatternKind::Glob, "a\\"),
        (PatternKind::Glob, "[z-a]"),
    ] {
        let pattern = Pattern {
            pattern: pattern.to_owned(),
            kind,
        };
        let error = pattern.matcher().unwrap_err();
        assert!(
            !error.reason.is_empty() && !error.reason.contains('\n'),
            "{error}"
        );
    }
}
