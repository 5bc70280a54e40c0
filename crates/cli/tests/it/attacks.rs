//! Attacks on an execution that an agent drives: each is refused with its code and journaled, and the witness's ledger
//! shows that nothing was called.

use crate::agent::{Agent, LOOK, PLAN, SEND, TOOLS};
use crate::project::finish;
use crate::several::{start, until};

#[test]
fn what_is_not_the_plans_next_call_is_refused_and_changes_nothing() {
    let agent = Agent::new();
    let wrong = [
        (
            "a tool that no step calls",
            "UNPLANNED_ACTION",
            "fs.write",
            "{\"path\":\"x\",\"content\":\"y\"}",
        ),
        (
            "a tool that does not exist",
            "UNPLANNED_ACTION",
            "pay.steal",
            "{}",
        ),
        (
            "a step before its turn",
            "SEQUENCE_VIOLATION",
            "pay.send",
            SEND,
        ),
        (
            "other arguments",
            "ARGUMENT_VIOLATION",
            "pay.look",
            "{\"of\":\"eve\"}",
        ),
        (
            "an argument left out",
            "ARGUMENT_VIOLATION",
            "pay.look",
            "{}",
        ),
        (
            "one more argument",
            "ARGUMENT_VIOLATION",
            "pay.look",
            "{\"of\":\"bob\",\"all\":true}",
        ),
        (
            "a look-alike",
            "ARGUMENT_VIOLATION",
            "pay.look",
            "{\"of\":\"bοb\"}",
        ),
        (
            "a key twice",
            "ARGUMENT_VIOLATION",
            "pay.look",
            "{\"of\":\"bob\",\"of\":\"eve\"}",
        ),
        ("no object", "ARGUMENT_VIOLATION", "pay.look", "[\"bob\"]"),
        ("no JSON", "ARGUMENT_VIOLATION", "pay.look", "{of: bob}"),
        (
            "nesting without end",
            "ARGUMENT_VIOLATION",
            "pay.look",
            &format!("{{\"of\":{}1{}}}", "[".repeat(80), "]".repeat(80)),
        ),
    ];
    for (what, code, tool, args) in wrong {
        agent.refused(code, what, || agent.call(tool, args).exits(3));
    }
    assert_eq!(agent.ledger(), [""; 0]);

    // The right ones, in order; and those again, and too many.
    agent.call("pay.look", LOOK).exits(0);
    agent.refused("SEQUENCE_VIOLATION", "the same again", || {
        agent.call("pay.look", LOOK)
    });
    let wrong = [
        ("a number as text", "{\"to\":\"bob\",\"amount\":\"5\"}"),
        ("a little more", "{\"to\":\"bob\",\"amount\":5.000001}"),
        ("a list of one", "{\"to\":[\"bob\"],\"amount\":5}"),
        ("no number", "{\"to\":\"bob\",\"amount\":null}"),
        (
            "another default",
            "{\"to\":\"bob\",\"amount\":5,\"currency\":\"USD\"}",
        ),
        (
            "what is open, of the wrong type",
            "{\"to\":\"bob\",\"amount\":5,\"note\":5}",
        ),
        (
            "what is open, against the schema",
            "{\"to\":\"bob\",\"amount\":5,\"note\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
        ),
    ];
    agent.refused("SEQUENCE_VIOLATION", "the step behind it", || {
        agent.call("pay.send", "{\"to\":\"ann\",\"amount\":7}")
    });
    for (what, args) in wrong {
        agent.refused("ARGUMENT_VIOLATION", what, || {
            agent.call("pay.send", args).exits(3)
        });
    }
    // A number is a number however it is written, the order of keys says nothing, and a default may be written out.
    let right = "{\"currency\":\"EUR\",\"note\":\"for May\",\"amount\":5.0,\"to\":\"bob\"}";
    agent.call("pay.send", right).exits(0);
    let seen: serde_json::Value = serde_json::from_str(&agent.ledger()[1]).unwrap();
    assert_eq!(
        seen,
        serde_json::json!({"to": "bob", "amount": 5, "note": "for May"})
    );
    agent
        .call("pay.send", "{\"to\":\"ann\",\"amount\":7}")
        .exits(0);
    assert_eq!(agent.shown()["status"], "success");
    agent.refused("TOKEN_EXPIRED", "one call too many", || {
        agent
            .call("pay.send", "{\"to\":\"ann\",\"amount\":7}")
            .exits(3)
    });
    assert_eq!(agent.ledger().len(), 3);
    agent.assert_sound();
}

#[test]
fn a_token_is_good_for_one_execution_only() {
    let agent = Agent::new();
    let other = Agent::run(&agent.site, PLAN, "other");
    let changed = PLAN.replace("amount: 5", "amount: 6");
    Agent::run(&agent.site, &changed, "changed");
    assert_ne!(other, agent.id);
    for file in ["other", "changed"] {
        agent.refused("TOKEN_INVALID", file, || {
            agent.call_with(file, "pay.look", LOOK).exits(3)
        });
    }
    agent.site.write("none", "mandate1.k.00.00");
    agent.refused("TOKEN_INVALID", "no token at all", || {
        agent.call_with("none", "pay.look", LOOK)
    });
    // One that was finished, and the token that it had.
    std::fs::copy(agent.site.path("token"), agent.site.path("kept")).unwrap();
    agent.call("pay.look", LOOK).exits(0);
    let finished = ["executions", "finish", &agent.id, "--token-file", "token"];
    agent.site.run(&finished).exits(0);
    for file in ["token", "kept"] {
        agent.refused("TOKEN_EXPIRED", file, || {
            agent.call_with(file, "pay.send", SEND)
        });
    }
    let shown = agent.shown();
    assert_eq!(
        (&shown["status"], &shown["error"]["code"]),
        (&"partial".into(), &"EXECUTION_HALTED".into())
    );
    assert_eq!(agent.ledger(), [LOOK]);
    agent.assert_sound();
}

#[test]
fn a_token_can_be_narrowed_and_not_widened_again() {
    let agent = Agent::new();
    let narrow = |out: &str, more: &[&str]| {
        let args = [&["tokens", "narrow", "token", "--out", out], more].concat();
        agent.site.run(&args).exits(0);
    };
    narrow("looks", &["--steps", "look"]);
    narrow("sends", &["--steps", "send,again"]);
    agent.refused("TOKEN_INVALID", "a step that it does not cover", || {
        agent.call_with("sends", "pay.look", LOOK)
    });
    agent.call_with("looks", "pay.look", LOOK).exits(0);
    // It was renewed, and covers no more than before.
    agent.refused("TOKEN_INVALID", "beyond its steps", || {
        agent.call_with("looks", "pay.send", SEND)
    });
    let finish = |file: &str| {
        let args = [
            "executions",
            "finish",
            &agent.id,
            "--token-file",
            file,
            "--json",
        ];
        agent.site.run(&args)
    };
    agent.refused("TOKEN_INVALID", "the end of everything", || finish("looks"));

    let token = agent.site.content("token");
    let parts: Vec<&str> = token.trim().split('.').collect();
    let narrowed = agent.site.content("sends");
    let narrowed: Vec<&str> = narrowed.trim().split('.').collect();
    let flip = |text: &str| {
        let last = if text.ends_with('0') { "1" } else { "0" };
        format!("{}{last}", &text[..text.len() - 1])
    };
    let tampered = [
        (
            "without its last caveat",
            [parts[0], parts[1], parts[2], narrowed[3]].join("."),
        ),
        (
            "with another caveat",
            [parts[0], parts[1], narrowed[2], parts[3]].join("."),
        ),
        (
            "with another end",
            [parts[0], parts[1], parts[2], &flip(parts[3])].join("."),
        ),
        (
            "with another body",
            [parts[0], parts[1], &flip(parts[2]), parts[3]].join("."),
        ),
        (
            "under another key",
            [parts[0], "t00000000", parts[2], parts[3]].join("."),
        ),
    ];
    for (what, text) in tampered {
        agent.site.write("tampered", text);
        agent.refused("TOKEN_INVALID", what, || {
            agent.call_with("tampered", "pay.send", SEND)
        });
    }
    assert_eq!(agent.ledger(), [LOOK]);
    agent.call("pay.send", SEND).exits(0);
    agent.assert_sound();
}

#[test]
fn a_token_that_is_too_old_or_whose_key_is_gone_is_refused() {
    let agent = Agent::new();
    let narrow = [
        "tokens",
        "narrow",
        "token",
        "--out",
        "old",
        "--expires",
        "1s",
    ];
    agent.site.run(&narrow).exits(0);
    // Its time is over when a call that would be refused anyhow is refused for that.
    until("expired", || {
        let told = agent.call_with("old", "pay.none", "{}").json();
        told["error"]["code"] == "TOKEN_EXPIRED"
    });
    agent.refused("TOKEN_EXPIRED", "too old", || {
        agent.call_with("old", "pay.look", LOOK).exits(3)
    });

    agent.site.run(&["tokens", "rotate"]).exits(0);
    agent.call("pay.look", LOOK).exits(0); // the key before still holds, and the new token has the new one
    agent.site.run(&["tokens", "rotate", "--at-once"]).exits(0);
    agent.refused("TOKEN_INVALID", "a key that is gone", || {
        agent.call("pay.send", SEND)
    });
    let token = ["executions", "token", &agent.id, "--token-file", "token"];
    agent.site.run(&token).exits(0);
    agent.call("pay.send", SEND).exits(0);
    let export = agent.site.run(&["audit", "export"]).exits(0).stdout;
    assert_eq!(
        export.matches("\"token_key_created\"").count(),
        3,
        "the first one, and two rotations: {export}"
    );
    agent.assert_sound();
}

#[test]
fn an_edited_plan_is_nothing_and_a_revision_ends_the_old_token() {
    let agent = Agent::new();
    // What lies on the disk was approved as it was then.
    agent
        .site
        .write("plan.yaml", PLAN.replace("of: bob", "of: eve"));
    agent.refused("ARGUMENT_VIOLATION", "what the file says now", || {
        agent.call("pay.look", "{\"of\":\"eve\"}")
    });
    agent.call("pay.look", LOOK).exits(0);
    agent
        .site
        .write("better.yaml", PLAN.replace("amount: 5", "amount: 500"));
    let replan = [
        "executions",
        "replan",
        &agent.id,
        "--plan",
        "better.yaml",
        "--json",
    ];
    agent.site.run(&replan);
    // Proposed, and not approved.
    agent.refused("SEQUENCE_VIOLATION", "while a revision waits", || {
        agent.call("pay.send", SEND)
    });
    agent
        .site
        .run(&["approvals", "approve", &agent.id])
        .exits(0);
    let more = "{\"to\":\"bob\",\"amount\":500}";
    for args in [SEND, more] {
        agent.refused("TOKEN_INVALID", "a token of the plan before", || {
            agent.call("pay.send", args)
        });
    }
    let token = ["executions", "token", &agent.id, "--token-file", "token"];
    agent.site.run(&token).exits(0);
    agent.refused("ARGUMENT_VIOLATION", "the plan before", || {
        agent.call("pay.send", SEND)
    });
    agent.call("pay.send", more).exits(0);
    agent.assert_sound();
}

#[test]
fn a_tool_that_changed_behind_the_plan_is_not_called() {
    for (what, before, after) in [
        (
            "its schema",
            "amount = { type = \"integer\" }",
            "amount = { type = \"number\" }",
        ),
        ("its description", "version VERSION", "version 2"),
        (
            "its program",
            "command = [\"sh\", \"witness.sh\"]\neffect = \"network\"",
            "command = [\"sh\", \"other.sh\"]\neffect = \"network\"",
        ),
        (
            "what is said of its effect",
            "effect = \"network\"",
            "effect = \"read\"",
        ),
    ] {
        let agent = Agent::new();
        agent
            .site
            .write("other.sh", "echo stolen >> ledger; echo '{}'");
        agent.call("pay.look", LOOK).exits(0);
        let edited = TOOLS.replacen(before, after, 1);
        assert_ne!(edited, TOOLS);
        agent.site.write("mandate.toml", edited);
        // The process that drives keeps to what it read; the next one reads what was edited.
        agent.kill_host();
        agent.refused("TOOL_CHANGED", what, || {
            agent.call("pay.send", SEND).exits(3)
        });
        assert_eq!(agent.ledger(), [LOOK], "{what}");
        agent.assert_sound();
    }
}

#[test]
fn of_calls_that_race_for_one_turn_one_is_made() {
    let agent = Agent::new();
    agent.call("pay.look", LOOK).exits(0);
    agent.site.write("hold", "");
    let copies: Vec<String> = (0..6).map(|at| format!("copy{at}")).collect();
    for copy in &copies {
        std::fs::copy(agent.site.path("token"), agent.site.path(copy)).unwrap();
    }
    let racing: Vec<_> = copies
        .iter()
        .map(|copy| {
            let args = [
                "executions",
                "call",
                &agent.id,
                "pay.send",
                "--args",
                SEND,
                "--token-file",
                copy,
                "--json",
            ];
            start(&agent.site, &args)
        })
        .collect();
    until("all but one are refused", || agent.refusals().len() == 5);
    agent.site.write("gate", "");
    let mut codes: Vec<i32> = racing.into_iter().map(|child| finish(child).code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 3, 3, 3, 3, 3]);
    assert!(
        agent
            .refusals()
            .iter()
            .all(|code| code == "SEQUENCE_VIOLATION")
    );
    assert_eq!(agent.ledger().len(), 2);
    agent.assert_sound();
}

#[test]
fn a_yes_is_for_the_arguments_that_were_shown() {
    let plan = "version: 1\nname: Confirmed\nmode: agent\nsteps:\n  - {id: send, tool: pay.send, confirm: true, \
                args: {to: bob, amount: 5}, allow: {args: {note: {any: true}}}}\n";
    let agent = Agent::with(plan);
    let (shown, swapped) = (
        "{\"to\":\"bob\",\"amount\":5,\"note\":\"rent\"}",
        "{\"to\":\"bob\",\"amount\":5,\"note\":\"gift\"}",
    );
    let asked = agent.call("pay.send", shown).exits(4).json();
    assert_eq!(asked["error"]["code"], "APPROVAL_REQUIRED");
    let request = asked["error"]["expected"]["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    agent.refused("APPROVAL_REQUIRED", "before the answer", || {
        agent.call("pay.send", shown).exits(4)
    });
    agent.site.run(&["approvals", "approve", &request]).exits(0);
    agent.refused("APPROVAL_REQUIRED", "swapped after the answer", || {
        agent.call("pay.send", swapped).exits(4)
    });
    agent.refused("APPROVAL_REQUIRED", "less than was shown", || {
        agent.call("pay.send", SEND).exits(4)
    });
    agent.call("pay.send", shown).exits(0);
    assert_eq!(agent.ledger().len(), 1);
    assert!(agent.ledger()[0].contains("rent"), "{:?}", agent.ledger());
    agent.assert_sound();
}
