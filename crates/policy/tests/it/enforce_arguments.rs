//! The gate: arguments, secrets, and rules on both.

use crate::support::{approved, call, enforced, inputs, no_inputs, plan};
use mandate_plan::ErrorCode;
use mandate_policy::{Refusal, ResolvedCall, SecretSlot};
use serde_json::json;

fn code(result: Result<mandate_policy::Permit, Refusal>) -> ErrorCode {
    result
        .map(|permit| permit.step().to_owned())
        .unwrap_err()
        .code
}

#[test]
fn literal_arguments_are_the_plans() {
    let plan = plan(
        json!({ "inputs": { "x": { "default": 1 } }, "steps": [{ "id": "s", "tool": "fs.write", "args": {
        "path": "a", "n": 1, "deep": { "k": [1, "${inputs.x}", { "z": true }] }, "text": "x ${inputs.x}",
    } }] }),
    );
    let approved = approved(&plan, &inputs(&plan, json!({})));
    let good = json!({ "path": "a", "n": 1.0, "deep": { "k": [1, "anything", { "z": true }] }, "text": "x 2" });
    assert!(enforced(&approved, &call("s", "fs.write", good.clone())).is_ok());
    for (pointer, value) in [
        ("/path", json!("b")),
        ("/n", json!(2)),
        ("/n", json!("1")),
        ("/deep", json!({ "k": [1, 2] })),
        ("/deep/k/0", json!(2)),
        ("/deep/k/2/z", json!(false)),
        ("/deep/k/2", json!({ "z": true, "more": 1 })),
    ] {
        let mut args = good.clone();
        *args.pointer_mut(pointer).unwrap() = value;
        let refusal = enforced(&approved, &call("s", "fs.write", args)).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ArgumentViolation, "{pointer}");
        assert!(refusal.expected.is_some());
    }
    let mut more = good.clone();
    more["extra"] = json!(1);
    let mut fewer = good;
    fewer.as_object_mut().unwrap().remove("n");
    for args in [more, fewer, json!([]), json!(null)] {
        assert_eq!(
            code(enforced(&approved, &call("s", "fs.write", args))),
            ErrorCode::ArgumentViolation
        );
    }
}

#[test]
fn an_agent_may_choose_what_is_open_to_it() {
    let plan = plan(
        json!({ "mode": "agent", "steps": [{ "id": "s", "tool": "mail.send", "args": { "to": "a@b.test" },
        "allow": { "args": { "subject": { "any": true }, "n": { "max": 3 }, "/deep/m": { "any": true } } } }] }),
    );
    let approved = approved(&plan, &no_inputs());
    let send = |args| enforced(&approved, &call("s", "mail.send", args));
    assert!(send(json!({ "to": "a@b.test" })).is_ok());
    assert!(send(json!({ "to": "a@b.test", "subject": "hi", "n": 3 })).is_ok());
    for args in [
        json!({ "to": "a@b.test", "n": 4 }),
        json!({ "to": "a@b.test", "cc": "x" }),
        json!({ "to": "a@b.test", "deep": { "m": 1 } }),
        json!({ "to": "x@b.test" }),
        json!({ "subject": "hi" }),
    ] {
        assert_eq!(code(send(args)), ErrorCode::ArgumentViolation);
    }
}

#[test]
fn secrets_go_only_where_the_plan_puts_them() {
    let plan = plan(
        json!({ "inputs": { "k": { "type": "string", "secret": true }, "t": { "default": "" } }, "steps": [{
        "id": "s", "tool": "mail.send", "args": { "auth": "Bearer ${secrets.MAIL}", "key": "${inputs.k}", "text": "${inputs.t}", "fix": "x" },
    }] }),
    );
    let bound = inputs(&plan, json!({ "k": "KEY" }));
    let approved = approved(&plan, &bound);
    let args = json!({ "auth": "Bearer ${secrets.MAIL}", "key": "${secrets.KEY}", "text": "${secrets.MAIL}", "fix": "x" });
    let slot = |pointer: &str, offset, name: &str| SecretSlot {
        pointer: pointer.to_owned(),
        offset,
        len: name.len() + 11,
        name: name.to_owned(),
    };
    let with = |secrets: Vec<SecretSlot>| {
        enforced(
            &approved,
            &ResolvedCall {
                secrets,
                ..call("s", "mail.send", args.clone())
            },
        )
    };
    assert!(with(vec![slot("/auth", 7, "MAIL"), slot("/key", 0, "KEY")]).is_ok());
    for wrong in [
        vec![slot("/auth", 6, "MAIL")],
        vec![slot("/auth", 0, "KEY")],
        vec![slot("/fix", 0, "MAIL")],
        vec![slot("/nowhere", 0, "MAIL")],
        vec![slot("/auth", 7, "OTHER")],
        vec![slot("/auth", usize::MAX, "MAIL")],
        vec![slot("/auth", 7, "MAIL"), slot("/auth", 7, "MAIL")],
    ] {
        assert_eq!(
            code(with(wrong.clone())),
            ErrorCode::ArgumentViolation,
            "{wrong:?}"
        );
    }
}

#[test]
fn rules_on_arguments_hold_and_deny_wins() {
    let plan = plan(json!({
        "inputs": { "p": {}, "to": { "default": "x@a.test" } },
        "constraints": { "forbidden_paths": ["/etc/**"] },
        "steps": [{ "id": "s", "tool": "fs.write", "args": { "path": "${inputs.p}", "to": "${inputs.to}" },
            "allow": { "paths": ["/**"], "args": { "to": { "glob": "*@a.test" } } }, "deny": { "paths": ["/tmp/secret/**"] } }],
    }));
    let approved = approved(&plan, &inputs(&plan, json!({ "p": "/tmp/a" })));
    let write = |path: &str, to: &str| {
        enforced(
            &approved,
            &call("s", "fs.write", json!({ "path": path, "to": to })),
        )
    };
    assert!(write("/tmp/a", "x@a.test").is_ok());
    for (path, to, rule) in [
        ("/etc/passwd", "x@a.test", "constraints.forbidden_paths"),
        (
            "/tmp/%2e%2e/etc/passwd",
            "x@a.test",
            "constraints.forbidden_paths",
        ),
        ("/tmp/secret/a", "x@a.test", "steps.s.deny.paths"),
        ("relative", "x@a.test", "steps.s.allow.paths"),
        ("/tmp/a", "x@b.test", "steps.s.allow.args.to"),
    ] {
        let refusal = write(path, to).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.rule.as_deref()),
            (ErrorCode::ArgumentViolation, Some(rule)),
            "{path} {to}"
        );
    }
}

#[test]
fn messages_hide_what_could_harm_a_reader() {
    let plan = plan(json!({ "inputs": { "p": {} }, "steps": [
        { "id": "s", "tool": "fs.write", "args": { "path": "${inputs.p}" }, "allow": { "paths": ["out/**"] } }] }));
    let approved = approved(&plan, &inputs(&plan, json!({ "p": "" })));
    let refusal = enforced(
        &approved,
        &call("s", "fs.write", json!({ "path": "\u{1b}[2Jx\u{202e}y" })),
    )
    .unwrap_err();
    assert!(
        !refusal
            .message
            .chars()
            .any(|c| c.is_control() || c == '\u{202e}'),
        "{}",
        refusal.message
    );
    let refusal = enforced(&approved, &call("\u{1b}[2J", "fs.write", json!({}))).unwrap_err();
    assert!(!refusal.message.chars().any(char::is_control));
}

#[test]
fn a_permit_carries_the_rules_on_what_is_known_later() {
    let plan = plan(
        json!({ "constraints": { "forbidden_paths": ["/etc/**"] }, "steps": [{ "id": "s", "tool": "http.request",
        "args": { "method": "GET", "url": "https://a.test/x" },
        "allow": { "urls": ["https://a.test/**"], "paths": ["out/**"] }, "deny": { "urls": ["https://a.test/private/**"], "paths": ["**/*.pem"] } }] }),
    );
    let approved = approved(&plan, &no_inputs());
    let call = call(
        "s",
        "http.request",
        json!({ "method": "GET", "url": "https://a.test/x" }),
    );
    let permit = enforced(&approved, &call).unwrap();
    let guard = permit.guard();
    assert_eq!(guard.check_url("https://a.test/y"), Ok(()));
    assert_eq!(guard.check_real_path("/home/me/out/a"), Ok(()));
    for url in [
        "https://b.test/",
        "https://a.test/private/x",
        "https://a.test/%70rivate/x",
    ] {
        assert_eq!(
            guard.check_url(url).unwrap_err().code,
            ErrorCode::ArgumentViolation,
            "{url}"
        );
    }
    for path in ["/etc/passwd", "/home/me/k.pem"] {
        assert_eq!(
            guard.check_real_path(path).unwrap_err().code,
            ErrorCode::ArgumentViolation,
            "{path}"
        );
    }
}
