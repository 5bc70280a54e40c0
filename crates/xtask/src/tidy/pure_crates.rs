//! `plan`, `policy` and `engine` are pure: no clock, I/O, randomness, threads or environment. Two fences keep them so:
//! an allow-list of direct dependencies, each with its reason, and a `clippy.toml` in each that bans the standard
//! library's ways out.

use super::Finding;
use super::crate_edges::Package;
use crate::tree::Tree;

/// What a pure crate may depend on directly, and why that does not make it impure.
const ALLOWED: &[(&str, &[(&str, &str)])] = &[
    (
        "plan",
        &[
            (
                "base64",
                "the functions `base64.*` of expressions; bytes to text",
            ),
            (
                "cel",
                "parses and evaluates expressions; reads only the scope that it is handed",
            ),
            (
                "chrono",
                "calendar arithmetic of `time.*`; nothing asks it for the time",
            ),
            (
                "chrono-tz",
                "the time zone database, as a table; reads none from the machine",
            ),
            ("globset", "matches glob patterns of rules against text"),
            (
                "jsonschema",
                "checks inputs and arguments; built without its file and network loaders",
            ),
            ("regex", "linear-time regular expressions"),
            (
                "regex-syntax",
                "measures a regular expression before it is compiled",
            ),
            ("saphyr-parser", "YAML events with positions; parses text"),
            (
                "schemars",
                "derives the published JSON Schema from the types",
            ),
            ("serde", "types to data and back"),
            ("serde_json", "the data model"),
            (
                "serde_json_canonicalizer",
                "RFC 8785 bytes, which the hashes are taken over",
            ),
            ("sha2", "digests"),
            ("strsim", "finds the nearest known name for a suggestion"),
            ("thiserror", "derives error types"),
        ],
    ),
    (
        "policy",
        &[
            ("mandate-plan", "what is judged"),
            ("globset", "matches glob patterns of rules against text"),
            (
                "hmac",
                "the chain of a token's caveats; keys and nonces are handed in",
            ),
            (
                "percent-encoding",
                "normalises URLs and paths before they are matched",
            ),
            ("regex", "linear-time regular expressions of rules and tags"),
            ("serde", "types to data and back"),
            ("serde_json", "the data model"),
            ("sha2", "digests"),
            ("thiserror", "derives error types"),
            ("url", "parses URLs before they are matched; opens none"),
        ],
    ),
    (
        "rules",
        &[
            ("mandate-plan", "what is judged"),
            ("mandate-policy", "the trait `Rules` and what a rule sees"),
            ("cedar-policy", "the policy language; evaluates without I/O"),
            ("chrono", "the hour and weekday of a time that is handed in"),
            ("miette", "shows where in a policy's text an error is"),
            ("regex", "linear-time regular expressions of imported rules"),
            ("regex-syntax", "takes imported regular expressions apart"),
            ("serde", "types to data and back"),
            ("serde_json", "the data model"),
            ("strsim", "finds the nearest known name for a suggestion"),
            ("thiserror", "derives error types"),
            ("toml", "reads policy settings and test files from text"),
        ],
    ),
    (
        "engine",
        &[
            ("mandate-plan", "what is run"),
            ("mandate-policy", "the trait `Turn`, calls and refusals"),
            ("serde", "types to data and back"),
            ("serde_json", "the data model"),
            (
                "sha2",
                "idempotency keys, and jitter from the journaled seed",
            ),
            ("thiserror", "derives error types"),
        ],
    ),
];

/// What each `clippy.toml` must ban something of.
const BANNED: &[&str] = &[
    "std::time",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
];

pub(super) fn check(packages: &[Package], tree: &Tree) -> Vec<Finding> {
    ALLOWED
        .iter()
        .flat_map(|(name, allowed)| {
            let package = packages.iter().find(|package| package.short() == *name);
            let mut found = package
                .map(|package| dependencies(package, allowed))
                .unwrap_or_default();
            found.extend(bans(&format!("crates/{name}/clippy.toml"), tree));
            found
        })
        .collect()
}

fn dependencies(package: &Package, allowed: &[(&str, &str)]) -> Vec<Finding> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter(|dependency| !allowed.iter().any(|(name, _)| *name == dependency.name))
        .map(|dependency| {
            let message = format!(
                "`{}` is pure and may not depend on `{}`; the list with reasons is in `tidy/pure_crates.rs`",
                package.short(),
                dependency.name
            );
            Finding::file(&package.manifest(), message)
        })
        .collect()
}

fn bans(path: &str, tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(path) else {
        return vec![Finding::file(
            path,
            "is missing: a pure crate bans clocks, I/O and threads there",
        )];
    };
    let entries: Vec<&str> = text.lines().filter(|line| line.contains("path")).collect();
    let missing = BANNED
        .iter()
        .filter(|module| !entries.iter().any(|line| line.contains(**module)))
        .map(|module| Finding::file(path, format!("bans nothing of `{module}`")));
    let bare = entries
        .iter()
        .filter(|line| !line.contains("reason"))
        .map(|line| Finding::file(path, format!("a ban without a `reason`: {}", line.trim())));
    missing.chain(bare).collect()
}

#[cfg(test)]
mod tests {
    use super::super::crate_edges::Dependency;
    use super::*;

    const GOOD: &str = r#"
disallowed-methods = [
    { path = "std::time::SystemTime::now", reason = "time comes in as an argument" },
    { path = "std::fs::read", reason = "no I/O" },
    { path = "std::env::var", reason = "no environment" },
    { path = "std::net::TcpStream::connect", reason = "no I/O" },
    { path = "std::process::Command::new", reason = "no I/O" },
    { path = "std::thread::spawn", reason = "no threads" },
]"#;

    fn tree(plan: &str) -> Tree {
        Tree::of([
            ("crates/plan/clippy.toml", plan),
            ("crates/policy/clippy.toml", GOOD),
            ("crates/engine/clippy.toml", GOOD),
            ("crates/rules/clippy.toml", GOOD),
        ])
    }

    fn plan_using(name: &str, kind: Option<&str>) -> Package {
        let dependency = Dependency {
            name: name.into(),
            kind: kind.map(str::to_owned),
        };
        Package {
            name: "mandate-plan".into(),
            dependencies: vec![dependency],
        }
    }

    #[test]
    fn a_dependency_off_the_list_is_found() {
        assert_eq!(check(&[plan_using("tokio", None)], &tree(GOOD)).len(), 1);
        assert_eq!(
            check(&[plan_using("tokio", Some("build"))], &tree(GOOD)).len(),
            1
        );
    }

    #[test]
    fn tests_may_depend_on_what_they_need() {
        assert_eq!(
            check(&[plan_using("proptest", Some("dev"))], &tree(GOOD)),
            []
        );
    }

    #[test]
    fn a_missing_ban_and_a_ban_without_reason_are_found() {
        let weak = GOOD
            .replace("std::fs::read", "std::io::stdin")
            .replace(", reason = \"no threads\"", "");
        let messages: Vec<_> = check(&[], &tree(&weak))
            .into_iter()
            .map(|found| found.message)
            .collect();
        assert!(
            matches!(messages.as_slice(), [fs, bare] if fs.contains("std::fs") && bare.contains("thread"))
        );
    }

    #[test]
    fn a_missing_file_is_found() {
        assert_eq!(check(&[], &Tree::default()).len(), 4);
    }

    #[test]
    fn every_entry_has_a_reason() {
        for (_, entries) in ALLOWED {
            assert!(entries.iter().all(|(_, reason)| reason.len() > 5));
        }
    }
}
