//! What is wrong with a policy is found when it is loaded, with its place.

use crate::support::{loaded, policy, policy_with, read};
use mandate_policy::Outcome;
use mandate_rules::{Source, lint::lint, load};

/// Place, message and help of everything that is wrong.
fn wrong(text: &str, definitions: &str) -> Vec<String> {
    let errors = loaded(text, definitions).expect_err("nothing is wrong");
    let mut shown: Vec<String> = errors
        .iter()
        .map(|it| format!("{it} / {}", it.help.clone().unwrap_or_default()))
        .collect();
    shown.sort();
    shown
}

fn rule(condition: &str) -> String {
    format!("@id(\"x\")\npermit (principal, action, resource)\nwhen {{ {condition} }};")
}

#[test]
fn mistakes_have_their_place_and_say_what_was_meant() {
    for (text, place, message, help) in [
        (rule("context.catgory == \"file_read\""), "p.cedar:3:8", "attribute `catgory`", "did you mean `category`?"),
        (rule("context.category == \"file_raed\""), "p.cedar:3:28", "`context.category` is never `file_raed`", "did you mean `file_read`?"),
        (rule("context.tags.contains(\"sensitive\")"), "p.cedar:3:30", "is never `sensitive`", "sensitive_path"),
        (rule("context.sequences.contains(\"s\")"), "p.cedar:3:35", "is never `s`", "define it in `policy.toml`"),
        (rule("context.risk.score == \"high\""), "p.cedar:3:8", "compatible", ""),
        (rule("principal in Group::\"x\""), "p.cedar:3:", "unrecognized entity type `Group`", ""),
        (rule("context.risk.score >"), "p.cedar:3:", "unexpected token", ""),
        ("permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "no `@id`", "@id"),
        ("@id(\"a\") @decison(\"require_approval\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "no annotation `@decison`", "did you mean `@decision`?"),
        ("@id(\"a\") @decision(\"deny\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "does not fit", "require_approval"),
        ("@id(\"a\") @severity(\"hi\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "no level", "critical"),
        ("@id(\"a\") @approvers(\"other\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "asks for no approval", "@decision"),
        ("@id(\"a\") @decision(\"require_approval\") @approvers(\"boss\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "`boss` is not an approver", "role:"),
        ("@id(\"a\") @message(\"{who}\") permit (principal, action, resource);".to_owned(), "p.cedar:1:1", "{who}", "{tool}"),
        ("@id(\"a\") permit (principal == ?principal, action, resource);".to_owned(), "p.cedar", "templates", "role"),
        ("@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);".to_owned(), "p.cedar:2:1", "two rules `a`", "p.cedar:1"),
    ] {
        let found = wrong(&text, "");
        let fits = |it: &String| it.starts_with(place) && it.contains(message) && it.contains(help);
        assert!(found.iter().any(fits), "{text}\n{found:#?}");
    }
}

#[test]
fn mistakes_in_definitions_have_their_place() {
    for (text, place, message, help) in [
        (
            "[tags.a]\npattern = '(?=x)'",
            "policy.toml:2:11",
            "look-around",
            "linear time",
        ),
        (
            "[tags.a]\npatern = 'x'",
            "policy.toml:2:1",
            "unknown field `patern`",
            "",
        ),
        (
            "[tags.a]\npattern = 'x'\napplies_to = ['path']",
            "policy.toml:3:",
            "unknown variant `path`",
            "",
        ),
        (
            "[sequences.a]\npattern = ['file_raed', 'unknown']\nwindow = 3",
            "policy.toml:2:12",
            "no category `file_raed`",
            "file_read",
        ),
        (
            "[sequences.a]\npattern = ['file_read', 'unknown']\nwindow = 1",
            "policy.toml:1:",
            "cannot happen",
            "33",
        ),
        (
            "[categories]\n\"x.*\" = 'reading'",
            "policy.toml:2:9",
            "no category `reading`",
            "",
        ),
        (
            "[risk.file_read]\nmultiplier = -1.0",
            "policy.toml:2:14",
            "0 to 100",
            "",
        ),
        ("[tag.a]", "policy.toml:1:2", "unknown field `tag`", ""),
    ] {
        let found = wrong("", text);
        let fits = |it: &String| it.starts_with(place) && it.contains(message) && it.contains(help);
        assert!(found.iter().any(fits), "{text}\n{found:#?}");
    }
}

#[test]
fn definitions_change_categories_risk_and_tags() {
    let text = "
        [categories]
        \"crm.*\" = 'file_read'
        'CRM.delete_*' = 'file_delete'
        [risk.file_read]
        base = 40
        multiplier = 1.5
        [tags.customer]
        pattern = 'customers'
        sensitive = true
        [tags.external_url]
        pattern = 'example'";
    let rules = r#"@id("d") permit (principal, action, resource) when { context.category == "file_delete" };
        @id("r") permit (principal, action, resource) when { context.category == "file_read" && context.risk.score == 75 };
        @id("e") permit (principal, action, resource) when { context.tags.contains("external_url") };"#;
    let set = policy_with(rules, text);
    let ids = |call: crate::support::Call| -> Vec<String> {
        let said = call.judged(&set).unwrap();
        said.into_iter().map(|it| it.rule).collect()
    };
    let call = |tool: &str, args| crate::support::call(tool, args);
    assert_eq!(ids(call("crm.delete_all", serde_json::json!({}))), ["d"]);
    // 40 × 1.5, and 15 for the tag; the effect alone would be more risky, were it not a read.
    assert_eq!(ids(read("customers/1")), ["r"]);
    let at = |url: &str| call("http.request", serde_json::json!({ "url": url }));
    assert_eq!(ids(at("http://localhost/example")), ["e"]);
    assert_eq!(ids(at("https://other.net/")), Vec::<String>::new());
}

#[test]
fn the_version_is_a_digest_over_what_the_texts_say() {
    let version = |text: &str, beside: &str| policy_with(text, beside).version().to_owned();
    let text = "@id(\"a\") permit (principal, action, resource);";
    assert_eq!(version(text, ""), version(text, ""));
    assert_ne!(version(text, ""), version(&format!("{text} "), ""));
    assert_ne!(version(text, ""), version(text, "[tags.a]\npattern = 'a'"));
    let (a, b) = (Source::new("a", text), Source::new("b", ""));
    let one = load(&[a.clone(), b.clone()], &[]).unwrap();
    let other = load(&[b, a], &[]).unwrap();
    assert_eq!(one.version(), other.version());
}

#[test]
fn a_rule_knows_where_it_stands() {
    let text = "// first\n@id(\"a\")\npermit (principal, action, resource);\n\n@id(\"b\") forbid (principal, action, resource) when { context.untrusted_control };";
    let set = policy(text);
    let lines: Vec<_> = set
        .rules()
        .iter()
        .map(|it| it.source.line_column(it.span.start).0)
        .collect();
    assert_eq!(lines, [2, 5]);
    assert_eq!(set.rules()[1].outcome, Outcome::Deny);
    assert!(set.rules()[1].reads.contains("context.untrusted_control"));
}

#[test]
fn what_was_hardly_meant_is_pointed_out() {
    let text = r#"
        @id("wide") permit (principal, action, resource);
        @id("narrow") permit (principal, action, resource == Tool::"fs.raed");
        @id("stricter") @decision("require_approval") permit (principal, action, resource == Tool::"fs.write");
        @id("conditional") permit (principal, action, resource) when { context.untrusted_control };
        @id("server") forbid (principal in Role::"dev", action, resource in Server::"mial");
        @id("within") forbid (principal in Role::"dev", action, resource == Tool::"mial.send");"#;
    let set = policy(text);
    let tools = ["fs.read", "fs.write", "mail.send"];
    let found: Vec<String> = lint(&set, Some(&tools))
        .iter()
        .map(|it| format!("{} / {}", it.message, it.help.clone().unwrap_or_default()))
        .collect();
    let expected = [
        "the rule `narrow` can never match: there is no tool `fs.raed` / did you mean `fs.read`?",
        "the rule `narrow` changes nothing: `wide` matches whatever it matches, and is at least as strict / remove one of them, or narrow the wider one",
        "the rule `conditional` changes nothing: `wide` matches whatever it matches, and is at least as strict / remove one of them, or narrow the wider one",
        "the rule `server` can never match: there is no server `mial` / did you mean `mail`?",
        "the rule `within` can never match: there is no tool `mial.send` / did you mean `mail.send`?",
        "the rule `within` changes nothing: `server` matches whatever it matches, and is at least as strict / remove one of them, or narrow the wider one",
    ];
    assert_eq!(found, expected);
    let only = policy("@id(\"f\") forbid (principal, action, resource);");
    assert!(lint(&only, None)[0].message.contains("only forbids"));
}
