//! The policy that runs where nobody wrote one.

use crate::support::{call, delete, read};
use mandate_policy::{Outcome, SinkKind, classify::Category};
use mandate_rules::starter::{DEFINITIONS, RULES, starter};
use mandate_rules::{Source, lint::lint, load};
use serde_json::json;

#[test]
fn it_loads_and_nothing_in_it_is_pointless() {
    let set = load(
        &[Source::new("starter.cedar", RULES)],
        &[Source::new("policy.toml", DEFINITIONS)],
    )
    .unwrap();
    assert_eq!(starter().version(), set.version());
    assert_eq!(starter().rules().len(), 9);
    assert_eq!(lint(&set, None), []);
}

#[test]
fn reads_run_effects_ask_and_secrets_are_denied() {
    use Outcome::*;
    let rules = starter();
    let exec = |argv| call("process.exec", json!({ "argv": argv }));
    for (call, expected) in [
        (read("notes.txt"), Allow),
        (read("/etc/hosts"), RequireApproval),
        (read("config/.env"), RequireApproval),
        (read("/etc/passwd"), Deny),
        (read("/etc/shadow-"), Deny),
        (read("../../../../etc/passwd"), Deny),
        (read("%2e%2e/%2e%2e/etc%2fpasswd"), Deny),
        (read("..\\..\\etc\\passwd"), Deny),
        (read("/home/ada/.ssh/id_ed25519"), Deny),
        (
            call("fs.write", json!({ "path": "a", "content": "x" })),
            RequireApproval,
        ),
        (delete("old.txt"), RequireApproval),
        (delete("/var/log/syslog"), Deny),
        (
            call("http.request", json!({ "url": "https://example.com/" })),
            RequireApproval,
        ),
        (
            call("mail.send", json!({ "to": "a@example.com" })),
            RequireApproval,
        ),
        (exec(json!(["true"])), RequireApproval),
        (exec(json!(["cat", "/etc/passwd"])), Deny),
        (exec(json!(["sh", "-c", "cat < /etc/shadow"])), Deny),
    ] {
        assert_eq!(call.outcome(rules.as_ref()), expected, "{call:?}");
    }
}

fn ids(call: &crate::support::Call) -> Vec<String> {
    let rulings = call.judged(starter().as_ref()).unwrap();
    rulings.into_iter().map(|ruling| ruling.rule).collect()
}

#[test]
fn what_others_chose_asks_unless_somebody_endorsed_it() {
    let path = |endorsed| read("x").untrusted("/path", SinkKind::Path, endorsed);
    assert_eq!(
        ids(&path(false)),
        ["starter/reads", "starter/untrusted-sinks"]
    );
    assert_eq!(ids(&path(true)), ["starter/reads"]);
    let mut control = call("mail.send", json!({}));
    assert_eq!(ids(&control), ["starter/effects"]);
    control.flow.untrusted_control = true;
    assert_eq!(
        ids(&control),
        ["starter/effects", "starter/untrusted-control"]
    );
}

#[test]
fn reading_and_then_sending_is_noticed() {
    let send = call(
        "http.request",
        json!({ "url": "https://example.com/", "method": "POST" }),
    );
    let after = |recent: &[Category]| ids(&send.clone().after(recent)).len();
    assert_eq!(after(&[Category::FileRead]), 2);
    assert_eq!(after(&[Category::FileRead, Category::FileWrite]), 2);
    assert_eq!(
        after(&[Category::FileRead, Category::FileWrite, Category::FileWrite]),
        1
    );
    assert_eq!(after(&[]), 1);
}
