//! What is judged without Cedar comes to what Cedar says, rule by rule: conditions of every operator over every kind of
//! attribute, some of which fail, asked of calls of every kind.

use crate::{
    agreement::Dice,
    support::{Call, call, policy_with},
};
use mandate_policy::{SinkKind, classify::Category, rules::Moment};
use serde_json::json;

const POLICIES: u64 = 260;
const CALLS: u64 = 40;

/// Texts of one value, with some that it may have.
const TEXTS: &[(&str, &[&str])] = &[
    (
        "context.category",
        &["file_read", "file_delete", "network_request", "unknown"],
    ),
    ("context.moment", &["plan", "call"]),
    ("context.purpose", &["run", "compensate"]),
    ("context.step", &["s", "t", ""]),
    ("context.risk.level", &["info", "low", "medium", "critical"]),
    ("context.session.id", &["session-1", "other"]),
    ("context.time.weekday", &["tuesday", "sunday"]),
    ("resource.name", &["fs.read", "http.request", "fs"]),
    ("resource.server", &["fs", "http", "mail"]),
    ("resource.effect", &["read", "write", "execute"]),
];
/// Sets of texts, with some that they may hold.
const SETS: &[(&str, &[&str])] = &[
    ("context.files", &["work/a", "/etc/passwd", "x y"]),
    ("context.urls", &["https://example.com/x", "x"]),
    ("context.hosts", &["example.com", "localhost", "(none)"]),
    ("context.commands", &["git status", "rm -rf x"]),
    ("context.programs", &["git", "/bin/rm", "rm"]),
    ("context.tags", &["sensitive_path", "external_url", "work"]),
    ("context.sure_tags", &["sensitive_path", "work"]),
    ("context.args", &["/path=work/a", "/n=1"]),
    ("context.unknown_args", &["/path", "/other"]),
    (
        "context.labels",
        &["plan", "untrusted", "tool:http.request"],
    ),
    ("context.untrusted_args", &["/path"]),
    ("context.sinks", &["path", "url"]),
    ("context.untrusted_sinks", &["path", "recipient"]),
    ("context.unendorsed_sinks", &["path", "amount"]),
    ("context.recent.last_1", &["file_read", "file_write"]),
    ("context.recent.last_32", &["file_read", "network_request"]),
    ("context.sequences", &["twice"]),
    ("principal.roles", &["ops", "dev"]),
];
const NUMBERS: &[&str] = &[
    "context.risk.score",
    "context.session.calls",
    "context.session.calls_last_minute",
    "context.session.risk",
    "context.time.hour",
    "context.time.unix_s",
];
const FLAGS: &[&str] = &[
    "resource.idempotent",
    "resource.open_world",
    "context.untrusted_control",
];
const ENTITIES: &[&str] = &[
    "principal == Principal::\"ada\"",
    "Principal::\"bob\" != principal",
    "principal in Role::\"ops\"",
    "principal in Principal::\"ada\"",
    "resource == Tool::\"fs.read\"",
    "resource in Server::\"http\"",
    "resource in [Server::\"fs\", Server::\"mail\"]",
    "resource is Tool",
    "action == Action::\"Call\"",
];
/// What may fail, and what only Cedar knows.
const OPAQUE: &[&str] = &[
    "context.session.calls * 9223372036854775807 > 0",
    "context.risk.score + 9223372036854775800 > 1",
    "context.time.unix_s - 9223372036854775807 < 0",
    "resource.name like \"fs.*\"",
    "context has step",
    "decimal(\"1.0\").lessThan(decimal(\"2.0\"))",
    "context.recent == context.recent",
];

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn some(dice: &mut Dice, from: &[&str]) -> String {
    let count = 1 + dice.roll(3);
    let texts: Vec<String> = (0..count).map(|_| quoted(dice.pick(from))).collect();
    format!("[{}]", texts.join(", "))
}

fn comparison(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 | 1 => {
            let (path, texts) = dice.pick(TEXTS);
            let operator = dice.pick(&["==", "!="]);
            format!("{path} {operator} {}", quoted(dice.pick(texts)))
        }
        2 => {
            let (path, texts) = dice.pick(TEXTS);
            format!("{} == {path}", quoted(dice.pick(texts)))
        }
        3 => {
            let (path, texts) = dice.pick(TEXTS);
            format!("{}.contains({path})", some(dice, texts))
        }
        4 | 5 => {
            let (path, texts) = dice.pick(SETS);
            format!("{path}.contains({})", quoted(dice.pick(texts)))
        }
        6 => {
            let (path, texts) = dice.pick(SETS);
            let operator = dice.pick(&["containsAll", "containsAny"]);
            format!("{path}.{operator}({})", some(dice, texts))
        }
        7 => {
            let (path, texts) = dice.pick(SETS);
            let literal = some(dice, texts);
            dice.pick(&[
                format!("{literal}.containsAll({path})").as_str(),
                format!("{path} == {literal}").as_str(),
                format!("{path} != {literal}").as_str(),
            ])
            .to_owned()
        }
        8 => format!("{}.isEmpty()", dice.pick(SETS).0),
        9 => {
            let operator = dice.pick(&["<", "<=", ">", ">=", "==", "!="]);
            let limit = dice.pick(&["0", "1", "2", "12", "60", "-1", "1700000000"]);
            let path = dice.pick(NUMBERS);
            match dice.one_in(3) {
                true => format!("{limit} {operator} {path}"),
                false => format!("{path} {operator} {limit}"),
            }
        }
        10 => {
            let flag = dice.pick(FLAGS);
            dice.pick(&[flag, &format!("{flag} == true"), &format!("!{flag}")])
                .to_owned()
        }
        _ if dice.one_in(2) => dice.pick(ENTITIES).to_owned(),
        _ => dice.pick(OPAQUE).to_owned(),
    }
}

fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth > 3 || dice.one_in(3) {
        return comparison(dice);
    }
    let (left, right) = (condition(dice, depth + 1), condition(dice, depth + 1));
    match dice.roll(8) {
        0..=2 => format!("({left} && {right})"),
        3 | 4 => format!("({left} || {right})"),
        5 | 6 => format!("!({left})"),
        _ => format!("(if {left} then {right} else {})", comparison(dice)),
    }
}

fn rule(dice: &mut Dice, number: usize) -> String {
    let principal = dice.pick(&[
        "principal",
        "principal",
        "principal == Principal::\"ada\"",
        "principal in Role::\"ops\"",
    ]);
    let action = dice.pick(&[
        "action",
        "action == Action::\"Call\"",
        "action in [Action::\"Call\"]",
    ]);
    let resource = dice.pick(&[
        "resource",
        "resource",
        "resource is Tool in Server::\"fs\"",
        "resource == Tool::\"http.request\"",
    ]);
    let effect = dice.pick(&["permit", "forbid"]);
    let clauses: String = (0..dice.roll(3))
        .map(|_| {
            let kind = dice.pick(&["when", "when", "unless"]);
            format!(" {kind} {{ {} }}", condition(dice, 0))
        })
        .collect();
    format!("@id(\"r{number}\") {effect} ({principal}, {action}, {resource}){clauses};")
}

fn some_call(dice: &mut Dice) -> Call {
    let path = dice.pick(&["work/a", "/etc/passwd", "x y", "../up"]);
    let (tool, args) = match dice.roll(5) {
        0 => ("fs.read", json!({ "path": path, "n": dice.roll(3) })),
        1 => ("fs.delete", json!({ "path": path })),
        2 => (
            "http.request",
            json!({ "url": dice.pick(&["https://example.com/x", "http://localhost/", "x"]) }),
        ),
        3 => (
            "process.exec",
            json!({ "argv": dice.pick(&[&["git", "status"][..], &["/bin/rm", "-rf", "x"][..]]) }),
        ),
        _ => ("mail.send", json!({ "to": "a@example.com" })),
    };
    let mut made = call(tool, args);
    made.principal = dice.pick(&["ada", "bob"]).to_owned();
    let roles = ["ops", "dev", "ops"].into_iter();
    made.session.roles = roles
        .filter(|_| dice.one_in(2))
        .map(str::to_owned)
        .collect();
    made.session.calls = dice.pick(&[0, 1, 2, 61]);
    made.session.calls_last_minute = dice.pick(&[0, 1]);
    let recent = 0..dice.roll(4);
    made.session.recent = recent.map(|_| dice.pick(&Category::ALL)).collect();
    if dice.one_in(3) {
        made.moment = Moment::Plan;
        made.before = vec![dice.pick(&Category::ALL)];
        made.unknown = vec![dice.pick(&["/path", "/other"]).to_owned()];
    }
    if dice.one_in(3) {
        let endorsed = dice.one_in(2);
        made = made.untrusted("/path", SinkKind::Path, endorsed);
    }
    made.flow.untrusted_control = dice.one_in(3);
    made
}

#[test]
fn without_cedar_the_answer_is_cedars() {
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    let definitions = "[tags.work]\npattern = '^work/'\napplies_to = ['file']\n[sequences.twice]\npattern = ['file_read', 'file_read']\nwindow = 3";
    let (mut matched, mut failed, mut silent) = (0, 0, 0);
    for _ in 0..POLICIES {
        let rules: Vec<String> = (0..1 + dice.roll(6)).map(|n| rule(&mut dice, n)).collect();
        let text = rules.join("\n");
        let set = policy_with(&text, definitions);
        for _ in 0..CALLS {
            let call = some_call(&mut dice);
            let said = call.judged(&set);
            assert_eq!(said, call.by_cedar(&set), "{call:?}\n{text}");
            match said {
                Ok(rulings) if rulings.is_empty() => silent += 1,
                Ok(_) => matched += 1,
                Err(_) => failed += 1,
            }
        }
    }
    // The comparison is worth little if one answer is nearly all there is.
    assert!(
        matched > 1_000 && failed > 100 && silent > 500,
        "{matched} {failed} {silent}"
    );
}
