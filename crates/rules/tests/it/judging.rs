//! What rules answer, and what they see.

use crate::support::{call, delete, policy, policy_with, read};
use mandate_policy::{
    Approver, Limits, Outcome, Rules, SinkKind, classify::Category, risk::Level, rules::Moment,
};
use mandate_rules::Active;
use serde_json::json;
use std::sync::Arc;

const PERMIT: &str = r#"@id("all") permit (principal, action, resource);"#;

#[test]
fn nothing_that_matches_is_a_deny_and_the_strictest_wins() {
    let none = policy("");
    assert_eq!(read("a").judged(&none), Ok(vec![]));
    let three = policy(
        r#"
        @id("allow") permit (principal, action, resource);
        @id("ask") @decision("require_approval") @approvers("role:ops, other")
        permit (principal, action, resource == Tool::"fs.delete");
        @id("deny") @absolute forbid (principal, action, resource in Server::"mail");
    "#,
    );
    assert_eq!(read("a").outcome(&three), Outcome::Allow);
    assert_eq!(delete("a").outcome(&three), Outcome::RequireApproval);
    let rulings = delete("a").judged(&three).unwrap();
    let ids: Vec<&str> = rulings.iter().map(|it| it.rule.as_str()).collect();
    assert_eq!(ids, ["allow", "ask"]);
    assert_eq!(
        rulings[1].approvers,
        [Approver::Other, Approver::Role("ops".to_owned())]
    );
    let denied = call("mail.send", json!({})).judged(&three).unwrap();
    let said: Vec<_> = denied
        .iter()
        .map(|it| (it.rule.as_str(), it.outcome, it.absolute))
        .collect();
    // What a forbid overrides is named, too.
    assert_eq!(
        said,
        [
            ("allow", Outcome::Allow, false),
            ("deny", Outcome::Deny, true)
        ]
    );
}

#[test]
fn a_rule_that_fails_denies_even_if_it_would_forbid() {
    // The sum overflows for a session that has made a call.
    let overflow = |effect: &str| {
        policy(&format!(
            r#"{PERMIT}
            @id("broken") {effect} (principal, action, resource)
            when {{ context.session.calls + 9223372036854775807 > 0 }};"#
        ))
    };
    for effect in ["forbid", "permit"] {
        let rules = overflow(effect);
        let mut call = read("a");
        let before = call.judged(&rules).unwrap().len();
        assert_eq!(before, 2);
        call.session.calls = 1;
        let error = call.judged(&rules).unwrap_err();
        assert_eq!(error.rule, "broken");
        assert!(error.message.contains("overflow"), "{}", error.message);
    }
}

#[test]
fn messages_and_severities_are_those_of_the_rule_or_of_the_call() {
    let rules = policy(
        r#"
        @id("a") @message("{principal} may {effect} with {tool} ({category}, {risk}) in {step} of {server}")
        permit (principal, action, resource);
        @id("b") @severity("critical") permit (principal, action, resource);"#,
    );
    let said = read("a").judged(&rules).unwrap();
    assert_eq!(
        said[0].message,
        "ada may read with fs.read (file_read, info) in s of fs"
    );
    assert_eq!(
        (said[0].severity, said[1].severity),
        (Level::Info, Level::Critical)
    );
    assert_eq!(said[1].message, "`fs.read` is allowed");
}

/// Whether a rule with this condition matches.
fn matches(condition: &str, definitions: &str, call: &crate::support::Call) -> bool {
    let text = format!(r#"@id("x") permit (principal, action, resource) when {{ {condition} }};"#);
    let rules = policy_with(&text, definitions);
    !call.judged(&rules).unwrap().is_empty()
}

#[test]
fn every_attribute_is_what_the_schema_says() {
    let tags = "[tags.work]\npattern = '^work/'\napplies_to = ['file']\n[sequences.twice]\npattern = ['file_read', 'file_read']\nwindow = 2";
    let mut one = read("work/a.txt")
        .role("ops")
        .after(&[Category::FileWrite, Category::FileRead]);
    one.session.calls = 7;
    one.session.calls_last_minute = 2;
    let url = call(
        "http.request",
        json!({ "url": "https://u:p@EXAMPLE.com:443/a/../b?q=1", "method": "POST" }),
    );
    let exec = call(
        "process.exec",
        json!({ "argv": ["/bin/rm", "-rf", "work/x"] }),
    );
    let mut plan = read("x");
    plan.moment = Moment::Plan;
    plan.args = json!({ "path": null });
    plan.unknown = vec!["/path".to_owned()];
    plan.before = vec![Category::FileRead];
    let sink = read("x").untrusted("/path", SinkKind::Path, false);
    let endorsed = read("x").untrusted("/path", SinkKind::Path, true);
    for (condition, call, expected) in [
        (r#"principal == Principal::"ada""#, &one, true),
        (
            r#"principal in Role::"ops" && principal.roles.contains("ops")"#,
            &one,
            true,
        ),
        (r#"principal in Role::"dev""#, &one, false),
        (
            r#"resource.name == "fs.read" && resource.server == "fs" && resource in Server::"fs""#,
            &one,
            true,
        ),
        (
            r#"resource.effect == "read" && resource.idempotent && !resource.open_world"#,
            &one,
            true,
        ),
        (
            r#"context.moment == "call" && context.purpose == "run" && context.step == "s""#,
            &one,
            true,
        ),
        (r#"context.moment == "plan""#, &plan, true),
        (r#"context.category == "file_read""#, &one, true),
        (
            r#"context.risk.score == 10 && context.risk.level == "info""#,
            &one,
            true,
        ),
        (r#"context.files.contains("work/a.txt")"#, &one, true),
        (
            r#"context.tags.contains("work") && context.sure_tags.contains("work")"#,
            &one,
            true,
        ),
        (
            r#"context.tags.contains("work") || context.sure_tags.contains("work")"#,
            &plan,
            false,
        ),
        (
            r#"context.urls.contains("https://example.com/b?q=1")"#,
            &url,
            true,
        ),
        (
            r#"["example.com"].containsAll(context.hosts) && !context.hosts.isEmpty()"#,
            &url,
            true,
        ),
        (
            r#"context.tags.contains("external_url") && context.sure_tags.contains("external_url")"#,
            &url,
            true,
        ),
        (r#"context.args.contains("/method=POST")"#, &url, true),
        (
            r#"context.commands.contains("/bin/rm -rf work/x")"#,
            &exec,
            true,
        ),
        (
            r#"context.programs.contains("rm") && context.programs.contains("/bin/rm")"#,
            &exec,
            true,
        ),
        (
            r#"context.unknown_args.contains("/path") && context.sequences.contains("twice")"#,
            &plan,
            true,
        ),
        (
            r#"context.sequences.contains("twice") && context.recent.last_1.contains("file_read")"#,
            &one,
            true,
        ),
        (
            r#"context.recent.last_1.contains("file_write")"#,
            &one,
            false,
        ),
        (
            r#"context.recent.last_3.containsAll(["file_write", "file_read"]) && context.recent.last_32.contains("file_write") && context.recent.last_10.contains("file_write")"#,
            &one,
            true,
        ),
        (
            r#"context.session.calls == 7 && context.session.calls_last_minute == 2 && context.session.id == "session-1""#,
            &one,
            true,
        ),
        // A write is 60 points, and one further call adds 2.
        (r#"context.session.risk == 62"#, &one, true),
        // 2023-11-14T22:13:20Z.
        (
            r#"context.time.hour == 22 && context.time.weekday == "tuesday" && context.time.unix_s == 1700000000"#,
            &one,
            true,
        ),
        (
            r#"context.untrusted_sinks == ["path"] && context.unendorsed_sinks == ["path"] && context.sinks == ["path"]"#,
            &sink,
            true,
        ),
        (
            r#"context.untrusted_args.contains("/path") && context.labels.contains("untrusted") && context.labels.contains("tool:http.request")"#,
            &sink,
            true,
        ),
        (
            r#"context.sinks == ["path"] && context.untrusted_sinks.isEmpty() && context.unendorsed_sinks.isEmpty()"#,
            &endorsed,
            true,
        ),
        (r#"context.untrusted_control"#, &sink, false),
    ] {
        assert_eq!(matches(condition, tags, call), expected, "{condition}");
    }
}

#[test]
fn sure_tags_hold_for_everything_and_however_it_is_read() {
    let tags = "[tags.work]\npattern = '^work/'\napplies_to = ['file']";
    let sure = r#"context.sure_tags.contains("work")"#;
    let may = r#"context.tags.contains("work")"#;
    let two = |a: &str, b: &str| call("fs.write", json!({ "path": a, "also_path": b }));
    for (call, expected) in [
        (two("work/a", "work/b"), (true, true)),
        (two("work/a", "other"), (false, true)),
        (two("work/%2e%2e/x", "work/b"), (false, true)),
        (two("other", "other"), (false, false)),
    ] {
        let is = (matches(sure, tags, &call), matches(may, tags, &call));
        assert_eq!(is, expected, "{call:?}");
    }
    // Content that is computed does not make the path uncertain, a path that is computed does.
    let mut written = call("fs.write", json!({ "path": "work/a", "content": null }));
    written.unknown = vec!["/content".to_owned()];
    assert!(matches(sure, tags, &written));
    written.unknown = vec!["/also_path".to_owned()];
    assert!(!matches(sure, tags, &written));
}

#[test]
fn reasons_carry_what_the_rule_looked_at() {
    let rules = policy(
        r#"@id("x") permit (principal, action, resource)
        when { context.risk.score < 20 && resource.effect == "read" } unless { context.files.contains("b") };"#,
    );
    let said = read("a").judged(&rules).unwrap();
    assert_eq!(
        serde_json::Value::Object(said[0].inputs.clone()),
        json!({
            "context.risk": { "level": "info", "score": 10 },
            "context.files": ["a"],
            "resource.effect": "read",
        })
    );
}

#[test]
fn of_several_sets_all_must_allow() {
    let everything = Arc::new(policy(PERMIT));
    let reads = Arc::new(policy(
        r#"@id("reads") permit (principal, action, resource) when { resource.effect == "read" };"#,
    ));
    let both = Active::new(vec![everything.clone(), reads.clone()], Limits::default());
    assert_eq!(read("a").outcome(&both), Outcome::Allow);
    assert_eq!(delete("a").outcome(&both), Outcome::Deny);
    let said = delete("a").judged(&both).unwrap();
    let said: Vec<_> = said
        .iter()
        .map(|it| (it.rule.as_str(), it.message.as_str()))
        .collect();
    assert_eq!(said[1], ("default-deny", "no rule of `p.cedar` allows it"));
    let one = Active::new(vec![reads.clone()], Limits::default());
    assert_eq!(one.version(), reads.version());
    assert_ne!(one.version(), both.version());
    assert_eq!(
        delete("a").outcome(&Active::new(vec![], Limits::default())),
        Outcome::Deny
    );
}

#[test]
fn a_later_set_goes_by_its_own_tables_and_cannot_hide_behind_anothers() {
    let first = "[tags.work]\npattern = '^work/'";
    let forbids = r#"@id("f") forbid (principal, action, resource) when { context.tags.contains("work") };
        @id("p") permit (principal, action, resource);"#;
    let strict = Arc::new(policy_with(forbids, first));
    let blind = Arc::new(policy_with(PERMIT, "[tags.work]\npattern = '^nothing$'"));
    for sets in [vec![strict.clone(), blind.clone()], vec![blind, strict]] {
        let both = Active::new(sets, Limits::default());
        assert_eq!(read("work/a").outcome(&both), Outcome::Deny);
        assert_eq!(read("b").outcome(&both), Outcome::Allow);
    }
}
