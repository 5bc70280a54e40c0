//! JSON rules become a policy set that says the same.

use crate::support::{Call, call, policy_with, read};
use mandate_policy::{Limits, Outcome, Rules, classify::Category, limit_reached};
use mandate_rules::import::{Effect, ImportOptions, Unmatched, import};
use mandate_rules::{Active, PolicySet};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const EIGHT: &str = include_str!("../../../../examples/policy/rules.json");

fn imported(text: &str, unmatched: Option<Unmatched>) -> PolicySet {
    let made = import(text, ImportOptions { unmatched })
        .unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
    policy_with(&made.cedar, &made.policy_toml)
}

fn refused(rules: Value) -> String {
    let wrong = import(&rules.to_string(), ImportOptions::default()).unwrap_err();
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    wrong.join("\n")
}

fn ids(call: &Call, rules: &dyn Rules) -> Vec<String> {
    let rulings = call.judged(rules).unwrap();
    rulings.into_iter().map(|ruling| ruling.rule).collect()
}

fn get(url: &str) -> Call {
    call("http.request", json!({ "url": url }))
}

/// For each of the eight: a call that it fires on with its outcome, and a call that it does not fire on.
#[test]
fn each_of_the_eight_rules_fires_and_does_not() {
    use Category::*;
    use Outcome::*;
    let rules = imported(EIGHT, Some(Unmatched::Allow));
    let write = || call("fs.write", json!({ "path": "notes.txt", "content": "x" }));
    let table: Vec<(&str, Outcome, Vec<Call>, Vec<Call>)> = vec![
        (
            "GOV-001",
            Deny,
            vec![
                call("fs.delete", json!({ "path": "a.txt" })),
                call("files.delete_file", json!({ "path": "a.txt" })),
            ],
            vec![write()],
        ),
        (
            "GOV-002",
            RequireApproval,
            vec![call("x.python", json!({ "code": "1" }))],
            vec![write(), call("process.exec", json!({ "argv": ["true"] }))],
        ),
        (
            "GOV-003",
            Deny,
            vec![
                read("/etc/passwd"),
                read("/etc/hosts"),
                read("/srv/../etc/hosts"),
                read("%2fetc%2fhosts"),
                read("../../../etc/hosts"),
                read("my/Secret.txt"),
                write_to("shadow-copy"),
            ],
            vec![
                read("notes.txt"),
                read("etc/notes.txt.d/x"),
                get("https://example.org/etc/"),
            ],
        ),
        (
            "GOV-004",
            RequireApproval,
            vec![
                get("https://example.org/"),
                get("http://localhost.example.org/"),
                get("http://localhost@example.org/"),
                get("http://127.0.0.1.example.org/"),
                get("https://exämple.org/"),
                get("http://example.org/http://localhost/"),
            ],
            vec![
                get("http://localhost:8080/"),
                get("http://127.0.0.1/"),
                get("http://[::1]/"),
                write(),
            ],
        ),
        (
            "GOV-006",
            RequireApproval,
            vec![
                get("https://example.org/").after(&[FileRead]),
                get("https://example.org/").after(&[FileRead, FileWrite]),
            ],
            vec![
                get("https://example.org/").after(&[FileRead, FileWrite, FileWrite]),
                get("https://example.org/").after(&[FileWrite]),
                // The rule for this machine has priority.
                get("http://localhost/").after(&[FileRead]),
                read("a.txt").after(&[NetworkRequest]),
            ],
        ),
        (
            "GOV-007",
            RequireApproval,
            vec![call("process.exec", json!({ "argv": ["true"] }))],
            vec![write(), call("x.python", json!({ "code": "1" }))],
        ),
        (
            "GOV-008",
            Allow,
            vec![
                get("http://localhost/"),
                get("https://127.0.0.1:8443/x"),
                get("http://[::1]:80/"),
                get("HTTP://LOCALHOST/"),
            ],
            vec![
                get("https://example.org/"),
                get("http://localhost.example.org/"),
                call(
                    "http.request",
                    json!({ "url": "http://localhost/", "callback_url": "https://example.org/" }),
                ),
            ],
        ),
    ];
    for (id, outcome, fires, not) in table {
        for call in fires {
            assert!(ids(&call, &rules).contains(&id.to_owned()), "{id} {call:?}");
            assert_eq!(call.outcome(&rules), outcome, "{id} {call:?}");
        }
        for call in not {
            assert!(
                !ids(&call, &rules).contains(&id.to_owned()),
                "{id} {call:?}"
            );
        }
    }
}

fn write_to(path: &str) -> Call {
    call("fs.write", json!({ "path": path, "content": "x" }))
}

/// GOV-005 is a limit: it lets the 100th call of a session pass, and not the 101st.
#[test]
fn the_101st_action_is_rate_limited() {
    let set = imported(EIGHT, Some(Unmatched::Allow));
    let most = |calls| Limits {
        calls_per_session: calls,
        calls_per_minute: None,
    };
    assert_eq!(set.limits(), most(Some(100)));
    let mut call = read("notes.txt");
    call.session.calls = 99;
    assert_eq!(limit_reached(set.limits(), &call.session), None);
    call.session.calls = 100;
    let reached = limit_reached(set.limits(), &call.session).unwrap();
    assert_eq!(reached.rule, "limits.calls_per_session");
    // The lowest counts, whoever says it.
    let set = Arc::new(set);
    for (configured, expected) in [(None, 100), (Some(200), 100), (Some(20), 20)] {
        let active = Active::new(vec![set.clone()], most(configured));
        assert_eq!(active.limits(), most(Some(expected)));
    }
}

#[test]
fn what_no_rule_matches_is_as_chosen() {
    let chosen = |unmatched| read("notes.txt").outcome(&imported(EIGHT, unmatched));
    assert_eq!(chosen(None), Outcome::Deny);
    assert_eq!(
        chosen(Some(Unmatched::RequireApproval)),
        Outcome::RequireApproval
    );
    assert_eq!(chosen(Some(Unmatched::Allow)), Outcome::Allow);
    let local = get("http://localhost/");
    let rest = imported(EIGHT, Some(Unmatched::RequireApproval));
    assert_eq!(local.outcome(&rest), Outcome::Allow);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let rule = |id: &str, kind: &str, effect: &str, conditions: Value, priority: i64| json!({ "id": id, "type": kind, "effect": effect, "conditions": conditions, "priority": priority });
    let admin = rule(
        "ADMIN",
        "context",
        "allow",
        json!({ "principal": "ada" }),
        100,
    );
    let rate = rule(
        "RATE",
        "rate",
        "deny",
        json!({ "max_actions_per_session": 5 }),
        50,
    );
    let said = refused(json!([admin, rate]));
    assert!(
        said.contains("`ADMIN`") && said.contains("`RATE`"),
        "{said}"
    );
    for (rule, words) in [
        (
            rule(
                "A",
                "rate",
                "allow",
                json!({ "max_actions_per_session": 5 }),
                0,
            ),
            "but not allow",
        ),
        (
            rule(
                "A",
                "resource",
                "deny",
                json!({ "type": "url", "path_pattern": "x(?!y)" }),
                0,
            ),
            "begin the pattern with `^`",
        ),
        (
            rule(
                "A",
                "resource",
                "deny",
                json!({ "type": "file", "path_pattern": "(?<=a)b" }),
                0,
            ),
            "looks behind",
        ),
        (
            rule("A", "action", "deny", json!({ "category": "file_burn" }), 0),
            "conditions",
        ),
        (
            rule(
                "A",
                "action",
                "deny",
                json!({ "category": "file_read", "tool": "x" }),
                0,
            ),
            "conditions",
        ),
        (
            rule(
                "A",
                "action",
                "maybe",
                json!({ "category": "file_read" }),
                0,
            ),
            "maybe",
        ),
        (
            rule(
                "A",
                "sequence",
                "deny",
                json!({ "pattern": ["file_read"], "window": 3 }),
                0,
            ),
            "two categories",
        ),
        (
            rule(
                "A",
                "sequence",
                "deny",
                json!({ "pattern": ["file_read", "file_read"], "window": 99 }),
                0,
            ),
            "at most",
        ),
        (rule("A", "context", "deny", json!({}), 0), "missing"),
        (
            rule(
                "A",
                "context",
                "deny",
                json!({ "time": { "after": "22:30", "before": "06:00" } }),
                0,
            ),
            "whole hours",
        ),
    ] {
        let said = refused(json!([rule]));
        assert!(said.contains("`A`") && said.contains(words), "{said}");
    }
    let twice = refused(json!([
        rule(
            "a-b",
            "resource",
            "deny",
            json!({ "type": "file", "path_pattern": "x" }),
            0
        ),
        rule(
            "a_b",
            "resource",
            "deny",
            json!({ "type": "file", "path_pattern": "y" }),
            0
        ),
    ]));
    assert!(
        twice.contains("`a-b`") && twice.contains("`a_b`"),
        "{twice}"
    );
    assert!(refused(json!([])).contains("empty"));
    assert!(refused(json!({ "rules": [] })).contains("array"));
}

#[test]
fn context_rules_look_at_who_when_and_how_risky() {
    let rules = json!([
        { "id": "NIGHT", "type": "context", "effect": "deny", "conditions": { "time": { "after": "22:00", "before": "06:00" } } },
        { "id": "WHO", "type": "context", "effect": "require_approval", "conditions": { "principal": ["eve", "mallory"] } },
        { "id": "RISKY", "type": "context", "effect": "require_approval", "conditions": { "session_risk": "high" } },
    ]);
    let rules = imported(&rules.to_string(), Some(Unmatched::Allow));
    let day = read("a.txt");
    assert_eq!(
        ids(&day, &rules),
        ["NIGHT", "imported-unmatched"],
        "22:13 UTC"
    );
    let at = |hour: i64| {
        let mut call = read("a.txt");
        call.now_ms = hour * 3_600_000;
        call
    };
    for (hour, night) in [(5, true), (6, false), (21, false), (22, true), (23, true)] {
        assert_eq!(
            ids(&at(hour), &rules).contains(&"NIGHT".to_owned()),
            night,
            "{hour}"
        );
    }
    let mut eve = at(12);
    eve.principal = "eve".to_owned();
    assert_eq!(eve.outcome(&rules), Outcome::RequireApproval);
    let risky = at(12).after(&[Category::CodeExecution]);
    assert!(ids(&risky, &rules).contains(&"RISKY".to_owned()));
    assert_eq!(at(12).outcome(&rules), Outcome::Allow);
}

/// A call of the slow evaluator: what it is, said by hand.
#[derive(Debug, Clone)]
struct Plain {
    call: Call,
    category: &'static str,
    file: Option<&'static str>,
    url: Option<&'static str>,
}

fn plain_calls() -> Vec<Plain> {
    let file = |tool: &str, path: &'static str, category| Plain {
        call: call(tool, json!({ "path": path, "content": "x" })),
        category,
        file: Some(path),
        url: None,
    };
    let url = |url: &'static str| Plain {
        call: get(url),
        category: "network_request",
        file: None,
        url: Some(url),
    };
    vec![
        file("fs.read", "/srv/notes.txt", "file_read"),
        file("fs.read", "/etc/hosts", "file_read"),
        file("fs.write", "/srv/secret.txt", "file_write"),
        file("fs.write", "/etc/secret", "file_write"),
        file("fs.delete", "/srv/notes.txt", "file_delete"),
        url("http://localhost/x"),
        url("https://example.org/x"),
        url("https://example.org/secret"),
        Plain {
            call: call("x.python", json!({ "code": "1" })),
            category: "code_execution",
            file: None,
            url: None,
        },
    ]
}

type Holds = fn(&str) -> bool;

/// Patterns with what they mean, said without regular expressions.
const PATTERNS: &[(&str, &str, Holds)] = &[
    ("file", "^/etc/", |text| text.starts_with("/etc/")),
    ("file", "secret", |text| text.contains("secret")),
    ("file", "^/(?!etc/)", |text| {
        text.starts_with('/') && !text.starts_with("/etc/")
    }),
    ("url", "^https?://(?!localhost)", |text| {
        !text.starts_with("http://localhost/")
    }),
    ("url", "^https?://localhost", |text| {
        text.starts_with("http://localhost/")
    }),
    ("url", "secret", |text| text.contains("secret")),
];

#[derive(Debug, Clone)]
struct Drawn {
    effect: usize,
    priority: i64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Action(usize),
    Resource(usize),
    Sequence(usize, usize, u32),
    Principal(bool),
}

const CATEGORIES: &[&str] = &[
    "file_read",
    "file_write",
    "file_delete",
    "network_request",
    "code_execution",
];
const EFFECTS: &[(&str, Effect)] = &[
    ("allow", Effect::Allow),
    ("require_approval", Effect::RequireApproval),
    ("deny", Effect::Deny),
];

impl Drawn {
    fn json(&self, number: usize) -> Value {
        let (kind, conditions) = match &self.what {
            What::Action(category) => ("action", json!({ "category": CATEGORIES[*category] })),
            What::Resource(pattern) => {
                let (kind, pattern, _) = PATTERNS[*pattern];
                ("resource", json!({ "type": kind, "path_pattern": pattern }))
            }
            What::Sequence(first, then, window) => (
                "sequence",
                json!({ "pattern": [CATEGORIES[*first], CATEGORIES[*then]], "window": window }),
            ),
            What::Principal(ada) => {
                let who = if *ada { "ada" } else { "bob" };
                ("context", json!({ "principal": who }))
            }
        };
        json!({
            "id": format!("R{number}"), "name": "x", "type": kind, "effect": EFFECTS[self.effect].0,
            "conditions": conditions, "priority": self.priority,
        })
    }

    fn matches(&self, plain: &Plain, recent: &[usize]) -> bool {
        match &self.what {
            What::Action(category) => CATEGORIES[*category] == plain.category,
            What::Resource(pattern) => {
                let (kind, _, holds) = PATTERNS[*pattern];
                let touched = if kind == "file" {
                    plain.file
                } else {
                    plain.url
                };
                touched.is_some_and(holds)
            }
            What::Sequence(first, then, window) => {
                let before = *window as usize - 1;
                CATEGORIES[*then] == plain.category
                    && recent.iter().rev().take(before).any(|seen| seen == first)
            }
            What::Principal(ada) => *ada,
        }
    }
}

/// The source's own semantics: the highest priority that matches decides; of equal ones, the strictest.
fn slow(rules: &[Drawn], plain: &Plain, recent: &[usize]) -> Outcome {
    let matching = rules.iter().filter(|rule| rule.matches(plain, recent));
    let first = matching.max_by_key(|rule| (rule.priority, rule.effect));
    first.map_or(Outcome::Deny, |rule| EFFECTS[rule.effect].1.outcome())
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let many = CATEGORIES.len();
    let what = prop_oneof![
        (0..many).prop_map(What::Action),
        (0..PATTERNS.len()).prop_map(What::Resource),
        (0..many, 0..many, 2_u32..5)
            .prop_map(|(one, two, window)| What::Sequence(one, two, window)),
        any::<bool>().prop_map(What::Principal),
    ];
    (0..EFFECTS.len(), 0_i64..4, what).prop_map(|(effect, priority, what)| Drawn {
        effect,
        priority,
        what,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_imported_decides_as_the_rules_with_priorities_did(
        rules in prop::collection::vec(drawn(), 1..7),
        recent in prop::collection::vec(0..CATEGORIES.len(), 0..5),
    ) {
        let json: Vec<Value> = rules.iter().enumerate().map(|(number, rule)| rule.json(number)).collect();
        let set = imported(&Value::Array(json).to_string(), None);
        let categories: Vec<Category> = recent
            .iter()
            .map(|category| serde_json::from_value(json!(CATEGORIES[*category])).unwrap())
            .collect();
        for plain in plain_calls() {
            let call = plain.call.clone().after(&categories);
            prop_assert_eq!(call.outcome(&set), slow(&rules, &plain, &recent), "{:?}", plain);
        }
    }
}
