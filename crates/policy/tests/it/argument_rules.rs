//! `allow`, `deny` and `forbidden_*` over arguments.

use mandate_plan::{Constraints, Effect, ErrorCode, Rules};
use mandate_policy::{
    Refusal,
    argument_rules::{Absent, RuleSet},
    patterns::Stance,
    resources::find,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rules(stance: Stance, rules: Value) -> RuleSet {
    let rules: Rules = serde_json::from_value(rules).unwrap();
    let place = if stance == Stance::Allow {
        "steps.s.allow"
    } else {
        "steps.s.deny"
    };
    RuleSet::of_step(place, stance, &rules).unwrap()
}

fn check(set: &RuleSet, args: &Value) -> Result<(), Refusal> {
    set.check_resources(&find("x.tool", Effect::Write, args))?;
    set.check_args(args, Absent::Refused)
}

#[test]
fn every_resource_must_be_allowed() {
    let set = rules(Stance::Allow, json!({ "paths": ["out/**", "notes.md"] }));
    for args in [
        json!({ "path": "out/a" }),
        json!({ "paths": ["out/a", "./notes.md"] }),
        json!({ "url": "https://h/" }),
        json!({}),
    ] {
        assert_eq!(check(&set, &args), Ok(()), "{args}");
    }
    for args in [
        json!({ "path": "src/a" }),
        json!({ "paths": ["out/a", "src/a"] }),
        json!({ "path": "out/a", "other": "/etc/passwd" }),
        json!({ "path": "out/../src/a" }),
        json!({ "path": "out/%2e%2e/src/a" }),
        json!({ "path": r"out\..\src" }),
        json!({ "path": "out/\u{2025}/src" }),
        json!({ "path": "out/a\0/../../x" }),
        json!({ "path": "out" }),
    ] {
        let refusal = check(&set, &args).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ArgumentViolation, "{args}");
        assert_eq!(refusal.rule.as_deref(), Some("steps.s.allow.paths"));
        assert_eq!(
            refusal.expected.unwrap()["allowed"],
            json!(["out/**", "notes.md"])
        );
    }
}

#[test]
fn an_empty_allow_list_allows_nothing() {
    let set = rules(Stance::Allow, json!({ "urls": [] }));
    assert!(check(&set, &json!({ "url": "https://h/" })).is_err());
    assert!(check(&set, &json!({ "path": "a" })).is_ok());
}

#[test]
fn urls_are_held_to_their_host() {
    let set = rules(
        Stance::Allow,
        json!({ "urls": ["https://api.example.com/**"] }),
    );
    assert_eq!(
        check(
            &set,
            &json!({ "url": "https://API.example.com:443/v1?q=a/b" })
        ),
        Ok(())
    );
    for url in [
        "https://api.example.com@evil.test/",
        "https://api.example.com.evil.test/",
        "https://evil.test/https://api.example.com/",
        "http://api.example.com/",
        "https://evil.test#https://api.example.com/",
        r"https://evil.test\@api.example.com/",
        "https://api.example.com:8443/",
        "//api.example.com/",
        "https://аpi.example.com/",
    ] {
        assert!(check(&set, &json!({ "url": url })).is_err(), "{url}");
    }
}

#[test]
fn what_is_forbidden_is_forbidden_however_it_is_written() {
    let set = rules(
        Stance::Deny,
        json!({ "paths": ["/etc/**", "**/*.pem"], "urls": ["http://169.254.169.254/**"], "commands": ["rm **"] }),
    );
    for args in [
        json!({ "path": "/etc/passwd" }),
        json!({ "path": "/etc" }),
        json!({ "path": "../../../etc/passwd" }),
        json!({ "path": "/tmp/..//etc/./passwd" }),
        json!({ "path": "%2fetc%2fpasswd" }),
        json!({ "path": "/etc/passwd%00.txt" }),
        json!({ "path": "key.pem" }),
        json!({ "url": "file:///etc/passwd" }),
        json!({ "url": "http://[::ffff:a9fe:a9fe]/latest" }),
        json!({ "url": "http://2852039166/latest" }),
        json!({ "url": "169.254.169.254/latest" }),
        json!({ "argv": ["rm", "x"] }),
        json!({ "argv": ["/bin/rm", "x"] }),
        json!({ "argv": ["sudo", "rm", "x"] }),
        json!({ "command": "true; rm x" }),
        json!({ "argv": ["cat", "/etc/passwd"] }),
    ] {
        let refusal = check(&set, &args).map(|()| args.to_string()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ArgumentViolation);
    }
    for args in [
        json!({ "path": "/tmp/etc" }),
        json!({ "path": "a.pem.txt" }),
        json!({ "argv": ["echo", "rm"] }),
    ] {
        assert_eq!(check(&set, &args), Ok(()), "{args}");
    }
}

#[test]
fn the_plans_constraints_forbid() {
    let constraints: Constraints = serde_json::from_value(json!({
        "forbidden_paths": [{ "pattern": ".*/secret/.*", "type": "regex" }], "forbidden_urls": ["evil.test"], "forbidden_commands": ["curl **"],
    }))
    .unwrap();
    let set = RuleSet::of_plan(&constraints).unwrap();
    for (args, rule) in [
        (
            json!({ "path": "a/secret/b" }),
            "constraints.forbidden_paths",
        ),
        (
            json!({ "url": "https://evil.test/x" }),
            "constraints.forbidden_urls",
        ),
        (
            json!({ "command": "curl x" }),
            "constraints.forbidden_commands",
        ),
    ] {
        assert_eq!(check(&set, &args).unwrap_err().rule.as_deref(), Some(rule));
    }
}

#[test]
fn argument_rules_are_strict_where_they_allow() {
    let set = rules(
        Stance::Allow,
        json!({ "args": {
            "to": { "glob": "*@example.com" }, "mode": { "one_of": ["a", 1] }, "/deep/n": { "min": 1, "max": 10 },
            "name": { "regex": "[a-z]+" }, "flag": { "equals": true }, "note": { "any": true },
        } }),
    );
    let good = json!({ "to": "x@example.com", "mode": "a", "deep": { "n": 10 }, "name": "abc", "flag": true });
    assert_eq!(check(&set, &good), Ok(()));
    for (pointer, value) in [
        ("/to", json!(["x@example.com", "y@example.com"])),
        ("/mode", json!(1.0)),
        ("/deep/n", json!(1.5)),
        ("/note", json!({ "x": [1] })),
    ] {
        assert_eq!(
            check(&set, &with(&good, pointer, value.clone())),
            Ok(()),
            "{pointer} {value}"
        );
    }
    for (pointer, value) in [
        ("/to", json!("x@example.com.evil.test")),
        ("/to", json!(["x@example.com", "y@evil.test"])),
        ("/to", json!([])),
        ("/to", json!("x@example.com\n")),
        ("/to", json!(null)),
        ("/mode", json!("1")),
        ("/mode", json!(["a"])),
        ("/deep/n", json!(11)),
        ("/deep/n", json!(0)),
        ("/deep/n", json!("5")),
        ("/name", json!("abc1")),
        ("/flag", json!("true")),
    ] {
        let refusal = check(&set, &with(&good, pointer, value.clone()))
            .map(|()| format!("{pointer} {value}"))
            .unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ArgumentViolation);
        assert!(
            !refusal.message.contains("evil"),
            "values are not printed: {}",
            refusal.message
        );
    }
}

#[test]
fn an_argument_that_is_limited_must_be_there_unless_an_agent_may_leave_it_out() {
    let set = rules(Stance::Allow, json!({ "args": { "limit": { "max": 10 } } }));
    assert!(set.check_args(&json!({}), Absent::Refused).is_err());
    assert!(set.check_args(&json!({}), Absent::Open).is_ok());
    assert!(
        set.check_args(&json!({ "limit": 11 }), Absent::Open)
            .is_err()
    );
}

#[test]
fn argument_rules_are_generous_where_they_forbid() {
    let set = rules(
        Stance::Deny,
        json!({ "args": { "mode": { "equals": "force" }, "n": { "min": 100 }, "to": { "glob": "*@evil.test" }, "extra": { "any": true } } }),
    );
    for args in [
        json!({ "mode": "force" }),
        json!({ "mode": "for\u{200b}ce" }),
        json!({ "mode": ["x", "force"] }),
        json!({ "mode": { "deep": "force" } }),
        json!({ "n": 100 }),
        json!({ "n": "150" }),
        json!({ "to": ["a@good.test", "b@evil.test"] }),
        json!({ "extra": null }),
    ] {
        assert!(check(&set, &args).is_err(), "{args}");
    }
    for args in [
        json!({ "mode": "soft", "n": 99, "to": "a@good.test" }),
        json!({}),
        json!({ "n": "many" }),
    ] {
        assert_eq!(check(&set, &args), Ok(()), "{args}");
    }
}

fn with(args: &Value, pointer: &str, value: Value) -> Value {
    let mut args = args.clone();
    match args.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            args.as_object_mut()
                .unwrap()
                .insert(pointer.trim_start_matches('/').to_owned(), value);
        }
    }
    args
}

fn path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "out",
        "etc",
        "/",
        "../",
        "./",
        "%2e%2e/",
        "//",
        "x.pem",
        "\\",
        "\u{2025}/",
        "\0",
    ]);
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn globs() -> impl Strategy<Value = Vec<String>> {
    let glob = prop::sample::select(vec![
        "**", "*", "out/**", "/etc/**", "**/x.pem", "a/*", "/**", "b", "../**",
    ]);
    prop::collection::vec(glob.prop_map(str::to_owned), 0..4)
}

proptest! {
    /// Adding an entry to a list that forbids never lets more through.
    #[test]
    fn forbidding_more_never_allows_more(paths in prop::collection::vec(path(), 1..4), denied in globs(), more in globs()) {
        let args = json!({ "paths": paths });
        let few = rules(Stance::Deny, json!({ "paths": denied }));
        let all: Vec<String> = denied.iter().chain(&more).cloned().collect();
        let many = rules(Stance::Deny, json!({ "paths": all }));
        prop_assert!(check(&few, &args).is_err() <= check(&many, &args).is_err());
    }

    /// The list as a whole says yes exactly if it says yes to each resource alone.
    #[test]
    fn an_allow_list_is_complete(paths in prop::collection::vec(path(), 1..5), allowed in globs()) {
        let set = rules(Stance::Allow, json!({ "paths": allowed }));
        let together = check(&set, &json!({ "paths": paths })).is_ok();
        let each = paths.iter().all(|path| check(&set, &json!({ "path": path })).is_ok());
        prop_assert_eq!(together, each);
    }
}
