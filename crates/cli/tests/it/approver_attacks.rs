//! Attacks on who may approve, through the shipped binary: each is refused with its code and journaled, and the effect
//! behind the request does not happen.

use crate::office::Office;
use serde_json::{Value, json};

const MISMATCH: &str = "APPROVER_MISMATCH";

#[test]
fn only_somebody_else_with_a_key_answers_for_others() {
    let office = Office::new();
    office.asks("", "other");
    for wrong in ["", "eve", "vic", "bot"] {
        office.refuses(wrong, MISMATCH);
    }
    // The journal names who, over which channel, and by which key with which roles.
    let answered = office.answer("bob").exits(0).json();
    assert_eq!(answered["still_wanted"], Value::Null);
    let shown = office
        .run("", &["inbox", "show", "@last", "--json"])
        .exits(0)
        .json();
    let answer = &shown["answer"];
    assert_eq!(answer["by"], "bob");
    assert_eq!(answer["channel"], "cli");
    assert_eq!(answer["roles"], json!(["approver", "sre"]));
    assert!(
        office
            .key("bob")
            .contains(&answer["key"].as_str().unwrap()[4..])
    );
    office.goes_on_and_acts();
}

#[test]
fn whoever_asked_is_nobody_else_with_a_key_either() {
    let office = Office::new();
    office.asks("root", "other");
    let last = office.project.last();
    assert_eq!(last["principal"], "root", "{last}");
    office.refuses("root", MISMATCH);
    office.answer("bob").exits(0);
    office.goes_on_and_acts();
}

#[test]
fn nobody_counts_twice_for_two_of_a_role() {
    let mut office = Office::new();
    office.asks("", "'2 of role:sre'");
    let counted = office.answer("bob").exits(0).json();
    assert_eq!(counted["still_wanted"], json!(["2 of role:sre"]));
    office.refuses("bob", MISMATCH);
    // Nor with another key of the same name.
    let second = office
        .run("root", &["keys", "create", "bob", "--role", "sre"])
        .exits(0);
    office.keys.retain(|(name, _)| name != "bob");
    office
        .keys
        .push(("bob".to_owned(), second.stdout.trim().to_owned()));
    office.refuses("bob", MISMATCH);
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(4);
    assert!(!office.project.path("ledger").exists());
    office.answer("eve").exits(0);
    office.goes_on_and_acts();
}

#[test]
fn a_key_that_was_revoked_or_never_was_says_nothing() {
    let mut office = Office::new();
    office.asks("", "role:sre");
    office.run("root", &["keys", "revoke", "eve"]).exits(0);
    let refused = office.answer("eve").exits(3).json();
    assert_eq!(refused["error"]["code"], "TOKEN_INVALID", "{refused}");
    let last = if office.key("bob").ends_with('0') {
        "1"
    } else {
        "0"
    };
    let mut forged = office.key("bob").to_owned();
    forged.pop();
    office.keys.push(("forged".to_owned(), forged + last));
    let refused = office.answer("forged").exits(3).json();
    assert_eq!(refused["error"]["code"], "TOKEN_INVALID", "{refused}");
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(4);
    assert!(!office.project.path("ledger").exists());
    office.answer("bob").exits(0);
    office.goes_on_and_acts();
}

#[test]
fn an_answer_after_its_time_is_none() {
    let office = Office::new();
    office.project.write(
        "plan.yaml",
        "version: 1\nname: asks\nsteps:\n  - id: q\n    tool: human.ask\n    \
         args: {question: Go?, choices: [go], approvers: [other], expires_ms: 1}\n  \
         - id: act\n    tool: process.exec\n    args: {argv: [sh, -c, 'echo called >> ledger']}\n",
    );
    let ran = office.run("", &["run", "plan.yaml", "--yes"]);
    assert!([1, 4].contains(&ran.code), "{}", ran.stderr);
    let refused = office.answer("bob");
    assert_ne!(refused.code, 0);
    assert_eq!(refused.json()["error"]["code"], "APPROVAL_EXPIRED");
    let row = office.refused().pop().unwrap();
    assert_eq!(
        (&row["code"], &row["by"]),
        (&json!("APPROVAL_EXPIRED"), &json!("bob"))
    );
    office.project.run(&["executions", "continue", "@last"]);
    assert_eq!(office.project.last()["status"], "failure");
    assert!(!office.project.path("ledger").exists());
}

#[test]
fn keys_are_made_by_the_owner_until_there_is_an_admin() {
    let office = Office::new();
    for wrong in ["", "bob", "bot"] {
        let refused = office
            .run(
                wrong,
                &["keys", "create", "mallory", "--role", "admin", "--json"],
            )
            .exits(3)
            .json();
        assert_eq!(refused["error"]["code"], "POLICY_DENIED", "{refused}");
        office.run(wrong, &["keys", "revoke", "root"]).exits(3);
    }
    for bad in ["local:0", "Root"] {
        office
            .run("root", &["keys", "create", bad, "--role", "admin"])
            .exits(2);
    }
    office
        .run("root", &["keys", "create", "joe", "--role", "Big"])
        .exits(2);
    let listed = office.run("", &["keys", "list", "--json"]).exits(0).json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 5, "{listed}");
    // The keys themselves are nowhere: not in the journal, and not in any file beside it.
    for entry in std::fs::read_dir(office.project.path(".mandate")).unwrap() {
        let path = entry.unwrap().path();
        let held = std::fs::read(&path).unwrap_or_default();
        let held = String::from_utf8_lossy(&held);
        for (name, key) in &office.keys {
            let secret = &key[key.len() - 64..];
            assert!(
                !held.contains(secret),
                "{name}'s key is in {}",
                path.display()
            );
        }
    }
    let made = office.rows("key_created");
    assert_eq!(made.len(), 5);
    assert_eq!(made[1]["by"], "root");
    // Without an admin that holds, the owner makes the next one.
    office.run("root", &["keys", "revoke", "root"]).exits(0);
    office
        .run("", &["keys", "create", "root2", "--role", "admin"])
        .exits(0);
}

#[test]
fn a_key_does_what_its_roles_allow() {
    let office = Office::new();
    office.asks("", "role:sre");
    for (who, args) in [
        ("vic", &["run", "plan.yaml", "--json"][..]),
        ("bob", &["run", "plan.yaml", "--json"]),
        ("bot", &["executions", "cancel", "@last", "--json"]),
        ("vic", &["executions", "pause", "@last", "--json"]),
        ("vic", &["tools", "disable", "fs", "--json"]),
    ] {
        let refused = office.run(who, args).exits(3).json();
        assert_eq!(
            refused["error"]["code"], "POLICY_DENIED",
            "{who} {args:?}: {refused}"
        );
    }
    // An agent has plans run, and says yes to none, not even to its own.
    let refused = office
        .run("bot", &["run", "plan.yaml", "--yes", "--json"])
        .exits(3)
        .json();
    assert_eq!(refused["error"]["code"], MISMATCH, "{refused}");
}

#[test]
fn the_same_holds_over_the_socket_of_a_host() {
    let office = Office::new();
    office.asks("", "role:sre");
    // A plan beside it keeps a host in the background.
    office.project.write(
        "long.yaml",
        "version: 1\nname: long\nsteps:\n  - {id: wait, tool: time.sleep, args: {duration_ms: 600000}}\n",
    );
    let request = office.run("", &["inbox", "list", "--json"]).exits(0).json();
    let request = request["requests"][0]["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    office.run("", &["run", "long.yaml", "--detach"]).exits(0);
    let answer = |who: &str| office.run(who, &["inbox", "answer", &request, "go", "--json"]);
    for wrong in ["", "vic", "bot"] {
        let refused = answer(wrong).exits(3).json();
        assert_eq!(refused["error"]["code"], MISMATCH, "{wrong}: {refused}");
    }
    assert_eq!(office.refused().len(), 3);
    let refused = office
        .run("bob", &["keys", "create", "x", "--role", "admin", "--json"])
        .exits(3)
        .json();
    assert_eq!(refused["error"]["code"], "POLICY_DENIED");
    office.run("root", &["keys", "revoke", "bob"]).exits(0);
    let refused = answer("bob").exits(3).json();
    assert_eq!(refused["error"]["code"], "TOKEN_INVALID", "{refused}");
    assert_eq!(office.rows("key_refused").len(), 1);
    assert!(!office.project.path("ledger").exists());
    let answered = answer("eve").exits(0).json();
    assert!(answered["host_pid"].is_u64(), "{answered}");
    let begun = std::time::Instant::now();
    while !office.project.path("ledger").exists() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Runs the plan as somebody, and answers nothing.
fn waits(office: &Office, who: &str) {
    office.run(who, &["run", "plan.yaml"]).exits(4);
    assert_eq!(office.ledger(), "");
}

#[test]
fn a_plan_that_needs_others_is_not_approved_by_who_asked() {
    let office = Office::with_approvers("other");
    let refused = office
        .run("", &["run", "plan.yaml", "--yes", "--json"])
        .exits(3)
        .json();
    assert_eq!(refused["error"]["code"], MISMATCH, "{refused}");
    assert_eq!(office.refused().last().unwrap()["channel"], "flag");
    for wrong in ["", "eve", "vic", "bot"] {
        let refused = office.run(wrong, &["approvals", "approve", "@last", "--json"]);
        assert_eq!(refused.exits(3).json()["error"]["code"], MISMATCH);
        office
            .run(wrong, &["approvals", "reject", "@last"])
            .exits(3);
    }
    office.run("", &["executions", "continue", "@last", "--yes"]);
    assert_eq!(office.ledger(), "");
    office
        .run(
            "bob",
            &["approvals", "approve", "@last", "--reason", "read it"],
        )
        .exits(0);
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(0);
    assert_eq!(office.ledger(), "first\n");
    let events = office
        .run("", &["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(
        events.contains("approve by bob (key-") && events.contains("read it"),
        "{events}"
    );
    office.project.run(&["audit", "verify"]).exits(0);
}

#[test]
fn an_agent_does_not_approve_what_it_asked_for() {
    let office = Office::with_approvers("requester");
    let refused = office
        .run("bot", &["run", "plan.yaml", "--yes", "--json"])
        .exits(3)
        .json();
    assert_eq!(refused["error"]["code"], MISMATCH, "{refused}");
    // Nor does the user of the machine, who is not the one who asked.
    let refused = office
        .run("", &["approvals", "approve", "@last", "--json"])
        .exits(3)
        .json();
    assert_eq!(refused["error"]["code"], MISMATCH, "{refused}");
    assert_eq!(office.ledger(), "");
}

#[test]
fn a_plan_that_needs_several_runs_when_all_have_said_yes() {
    let office = Office::with_approvers("requester, 2 of role:sre");
    waits(&office, "");
    let say = |who: &str| office.run(who, &["approvals", "approve", "@last", "--json"]);
    let still = |ran: crate::project::Ran| ran.exits(0).json()["still_wanted"].clone();
    assert_eq!(still(say("bob")), json!(["requester", "2 of role:sre"]));
    assert_eq!(say("bob").exits(3).json()["error"]["code"], MISMATCH);
    assert_eq!(still(say("")), json!(["2 of role:sre"]));
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(4);
    assert_eq!(office.ledger(), "");
    let shown = office
        .run("", &["approvals", "show", "@last"])
        .exits(0)
        .stdout;
    assert!(shown.contains("approve by bob (key-"), "{shown}");
    assert!(shown.contains("`approve` by 2 of role:sre"), "{shown}");
    assert_eq!(still(say("eve")), Value::Null);
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(0);
    assert_eq!(office.ledger(), "first\n");
    office
        .project
        .run(&["executions", "replay", "@last"])
        .exits(0);
    office.project.run(&["audit", "verify"]).exits(0);
}

/// Whoever can write the project's files cannot make themselves the approver: what an earlier source of configuration says
/// stays in force.
#[test]
fn an_edited_project_configuration_approves_nothing() {
    let site = crate::site::Site::new();
    let user = site.dir().parent().unwrap().join("home/.config/mandate");
    std::fs::create_dir_all(user.join("policies")).unwrap();
    let asks = "@id(\"others\")\n@decision(\"require_approval\")\n@approvers(\"other\")\n\
                permit (principal, action == Action::\"Call\", resource);\n";
    std::fs::write(user.join("policies/own.cedar"), asks).unwrap();
    std::fs::write(user.join("mandate.toml"), "[policy]\ndir = \"policies\"\n").unwrap();
    site.write(
        "plan.yaml",
        "version: 1\nname: p\nsteps:\n  - {id: a, tool: process.exec, args: {argv: [sh, -c, 'echo a >> ledger']}}\n",
    );
    site.run(&["run", "plan.yaml", "--yes"]).exits(3);
    std::fs::create_dir_all(site.path("mine")).unwrap();
    site.write(
        "mine/all.cedar",
        "@id(\"all\")\npermit (principal, action, resource);\n",
    );
    site.write("mandate.toml", "[policy]\ndir = \"mine\"\n");
    for args in [
        &["run", "plan.yaml", "--yes", "--json"][..],
        &["executions", "continue", "@last", "--yes", "--json"],
        &["run", "plan.yaml", "--policy", "mine", "--yes", "--json"],
    ] {
        let ran = site.run(args);
        assert_ne!(ran.code, 0, "{ran:#?}");
    }
    let refused = site.run(&["approvals", "approve", "@last", "--json"]);
    assert!(refused.stdout.contains("APPROVER_MISMATCH"), "{refused:#?}");
    let log = [
        "audit",
        "log",
        "--kind",
        "answer_refused",
        "--limit",
        "1",
        "--json",
    ];
    let row = site.run(&log).exits(0).json()["entries"][0].clone();
    assert_eq!(row["channel"], "cli", "{row:#}");
    assert!(
        row["summary"]
            .as_str()
            .unwrap()
            .contains("code=APPROVER_MISMATCH"),
        "{row:#}"
    );
    assert_eq!(site.content("ledger"), "");
    site.assert_intact();
}
