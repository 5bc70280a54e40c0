//! Patterns of each kind, against a table and against a second matcher.

use crate::slow_glob;
use mandate_plan::{Pattern, PatternKind};
use mandate_policy::{
    normalise::normal_path,
    patterns::{PatternList, Stance},
    resources::ResourceKind,
};
use proptest::prelude::*;

fn list(kind: ResourceKind, stance: Stance, pattern: &str, how: PatternKind) -> PatternList {
    let pattern = Pattern {
        pattern: pattern.to_owned(),
        kind: how,
    };
    PatternList::compile(kind, stance, &[pattern]).unwrap()
}

fn allowed(kind: ResourceKind, glob: &str, value: &str) -> bool {
    list(kind, Stance::Allow, glob, PatternKind::Glob)
        .find(value)
        .is_some()
}

fn denied(kind: ResourceKind, glob: &str, value: &str) -> bool {
    list(kind, Stance::Deny, glob, PatternKind::Glob)
        .find(value)
        .is_some()
}

#[test]
fn path_globs() {
    use ResourceKind::File;
    for (glob, value, expected) in [
        ("out/*", "out/a", true),
        ("out/*", "out/a/b", false),
        ("out/**", "out/a/b", true),
        ("out/**", "out", false),
        ("out/**", "outer/a", false),
        ("./out/*", "out/a", true),
        ("out//*", "out/a", true),
        ("out/", "out", true),
        ("a/../out/*", "out/a", true),
        ("/a/../*", "/x", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("*.md", "a.md", true),
        ("*.md", "d/a.md", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("[ab].md", "b.md", true),
        ("{a,b}.md", "b.md", true),
        ("a.md", "axmd", false),
        ("a", "xa", false),
        ("a", "ax", false),
    ] {
        assert_eq!(allowed(File, glob, value), expected, "{glob} on {value}");
    }
}

#[test]
fn a_list_that_forbids_is_read_generously() {
    use ResourceKind::{File, Url};
    assert!(denied(File, "/etc/**", "/etc"));
    assert!(!allowed(File, "/etc/**", "/etc"));
    assert!(denied(File, "**/.env", ".env"));
    assert!(denied(File, "**/.env", "a/b/.env"));
    assert!(denied(File, "**/.git/**", ".git"));
    assert!(!denied(File, "/etc/**", "/etcetera"));
    for value in [
        "https://evil.test/",
        "https://evil.test/a/b",
        "http://evil.test/x",
    ] {
        assert!(denied(Url, "evil.test", value), "{value}");
        assert!(!allowed(Url, "evil.test", value), "{value}");
    }
    assert!(denied(Url, "*.evil.test", "https://a.evil.test/x"));
    assert!(!denied(Url, "evil.test", "https://notevil.test/"));
}

#[test]
fn dots_behind_a_wildcard_are_an_error() {
    let pattern = Pattern {
        pattern: "a/*/../b".to_owned(),
        kind: PatternKind::Glob,
    };
    let error = PatternList::compile(ResourceKind::File, Stance::Deny, &[pattern]).unwrap_err();
    assert!(error.to_string().contains("a/*/../b"), "{error}");
}

#[test]
fn url_globs_are_read_like_urls() {
    use ResourceKind::Url;
    for (glob, value, expected) in [
        ("https://Example.com/*", "https://example.com/a", true),
        ("https://example.com", "https://example.com/", true),
        ("https://example.com", "https://example.com/a", false),
        (
            "https://example.com:443/**",
            "https://example.com/a/b",
            true,
        ),
        (
            "https://bücher.example/**",
            "https://xn--bcher-kva.example/a",
            true,
        ),
        (
            "https://example.com/**",
            "https://example.com.evil.test/",
            false,
        ),
        ("https://example.com/**", "http://example.com/", false),
        ("https://*.example.com/**", "https://a.example.com/x", true),
        (
            "https://*.example.com/**",
            "https://evil.test/a.example.com/x",
            false,
        ),
        ("https://user@example.com/**", "https://example.com/a", true),
    ] {
        assert_eq!(allowed(Url, glob, value), expected, "{glob} on {value}");
    }
}

#[test]
fn regexes_are_anchored_and_exact_is_exact() {
    let regex = list(
        ResourceKind::Command,
        Stance::Allow,
        "git (log|status)",
        PatternKind::Regex,
    );
    assert!(regex.find("git log").is_some());
    for value in ["git log -p", "x git log", "git log\nrm", "git logs"] {
        assert!(regex.find(value).is_none(), "{value:?}");
    }
    let either = list(
        ResourceKind::Command,
        Stance::Allow,
        "a|b",
        PatternKind::Regex,
    );
    assert!(either.find("ax").is_none() && either.find("b").is_some());
    let exact = list(
        ResourceKind::File,
        Stance::Allow,
        "./a*.md",
        PatternKind::Exact,
    );
    assert!(exact.find("a*.md").is_some() && exact.find("ab.md").is_none());
    let url = list(
        ResourceKind::Url,
        Stance::Allow,
        "HTTPS://example.com:443",
        PatternKind::Exact,
    );
    assert!(url.find("https://example.com/").is_some());
}

fn glob_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "ab", "/", "*", "**", "?", "/**/", ".x"]);
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

fn value_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "/a", "/b", "ab", ".x", "x"]);
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn globs_match_what_the_slow_matcher_matches(glob in glob_text(), value in value_text()) {
        // The pattern language itself, without the reading of paths: commands are compared as they stand.
        let real = allowed(ResourceKind::Command, &glob, &value);
        let mut stars = glob.clone();
        while stars.contains("***") {
            stars = stars.replace("***", "**");
        }
        let (glob_chars, value_chars): (Vec<char>, Vec<char>) = (stars.chars().collect(), value.chars().collect());
        prop_assert_eq!(real, slow_glob::matches(&glob_chars, &value_chars), "{} on {}", glob, value);
    }

    #[test]
    fn forbidding_is_never_narrower_than_allowing(glob in glob_text(), value in value_text()) {
        for kind in [ResourceKind::File, ResourceKind::Url, ResourceKind::Command] {
            let value = if kind == ResourceKind::File { normal_path(&value) } else { value.clone() };
            prop_assert!(!allowed(kind, &glob, &value) || denied(kind, &glob, &value));
        }
    }
}
