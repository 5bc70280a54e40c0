//! Sessions through the binary: what their calls add up to, over processes, and what becomes of one call too many.

use crate::several::until;
use crate::site::Site;

const LIMITED: &str = "[limits]\ncalls_per_session = 3\n";

/// A plan that appends a line to the ledger for each of so many items.
fn plan(calls: usize) -> String {
    format!(
        "version: 1\nname: counted\nconstraints: {{sequential: true}}\nsteps:\n  - id: each\n    tool: process.exec\n    \
         for_each: {{in: 'lists.range({calls})', max_items: 200}}\n    args: {{argv: [sh, -c, 'echo $0 >> ledger', 'i${{item}}']}}\n"
    )
}

fn calls(site: &Site) -> usize {
    site.content("ledger").lines().count()
}

#[test]
fn the_hundred_and_first_action_of_a_session_is_rate_limited() {
    let site = Site::new();
    site.write("plan.yaml", plan(101));
    let detached = site
        .command(&[
            "run",
            "plan.yaml",
            "--yes",
            "--detach",
            "--session",
            "long",
            "--json",
        ])
        .env("MANDATE_HOST_IDLE_MS", "300")
        .output()
        .unwrap();
    assert_eq!(detached.status.code(), Some(0), "{detached:#?}");
    until("it waits", || {
        let listed = site.run(&[
            "executions",
            "list",
            "--waiting-for",
            "rate_limit",
            "--json",
        ]);
        listed.json()["executions"]
            .as_array()
            .is_some_and(|rows| rows.len() == 1)
    });
    assert_eq!(calls(&site), 100);
    let shown = site.run(&["executions", "show", "@last", "--json"]).json();
    let (since, due) = (
        &shown["waiting_for"]["since_ms"],
        &shown["waiting_for"]["due_ms"],
    );
    let hour = due.as_i64().unwrap() - since.as_i64().unwrap();
    assert!((3_500_000..=3_600_001).contains(&hour), "{shown}");
    let events = site
        .run(&["executions", "events", "@last", "--json"])
        .stdout;
    assert!(events.contains(r#""code":"RATE_LIMITED""#), "{events}");
    assert!(events.contains("limits.calls_per_session"), "{events}");
    let session = site.run(&["sessions", "show", "long", "--json"]).json();
    assert_eq!(session["calls"], 100, "{session}");
    site.run(&["executions", "cancel", "@last"]).exits(0);
    site.assert_intact();
    site.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn a_session_outlives_the_processes_that_use_it() {
    let site = Site::configured(LIMITED);
    site.write("two.yaml", plan(2));
    site.write("one.yaml", plan(1));
    let run = |plan: &str, session: &str| {
        site.run(&["run", plan, "--yes", "--session", session, "--json"])
    };
    assert_eq!(run("two.yaml", "s").code, 0);
    assert_eq!(run("one.yaml", "s").code, 0);
    let refused = run("one.yaml", "s");
    assert_eq!(refused.code, 6, "{refused:#?}");
    assert_eq!(calls(&site), 3);
    // Another session has a count of its own.
    assert_eq!(run("one.yaml", "t").code, 0);
    let listed = site.run(&["sessions", "list", "--json"]).json();
    let counted: Vec<(&str, u64)> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["session"].as_str().unwrap(),
                row["calls"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(counted, [("t", 1), ("s", 3)]);
    let shown = site.run(&["sessions", "show", "s"]).stdout;
    assert!(shown.contains("3 calls (of 3)"), "{shown}");
    site.assert_intact();
}

#[test]
fn a_call_a_minute_is_waited_for() {
    let site = Site::configured("[limits]\ncalls_per_minute = 2\n");
    site.write("plan.yaml", plan(3));
    let detached = site.run(&["run", "plan.yaml", "--yes", "--detach", "--json"]);
    assert_eq!(detached.code, 0, "{detached:#?}");
    until("it waits", || {
        let listed = site.run(&[
            "executions",
            "list",
            "--waiting-for",
            "rate_limit",
            "--json",
        ]);
        listed.json()["executions"]
            .as_array()
            .is_some_and(|rows| rows.len() == 1)
    });
    assert_eq!(calls(&site), 2);
    let shown = site.run(&["executions", "show", "@last", "--json"]).json();
    let (since, due) = (
        &shown["waiting_for"]["since_ms"],
        &shown["waiting_for"]["due_ms"],
    );
    assert!(
        due.as_i64().unwrap() - since.as_i64().unwrap() <= 60_000,
        "{shown}"
    );
    site.run(&["executions", "cancel", "@last"]).exits(0);
}

#[test]
fn calls_that_are_taken_off_the_count_or_added_to_it_are_found() {
    for tampering in [
        "DELETE FROM calls WHERE seq = (SELECT max(seq) FROM calls)",
        "UPDATE calls SET session = 'another' WHERE seq = (SELECT max(seq) FROM calls)",
        "UPDATE calls SET category = 'another'",
        "INSERT INTO calls SELECT execution_id, seq + 1, session, at_ms, category FROM calls LIMIT 1",
        "INSERT INTO calls SELECT execution_id, seq, 'another', at_ms, category FROM calls LIMIT 1",
    ] {
        let site = Site::new();
        site.write("plan.yaml", plan(2));
        site.run(&["run", "plan.yaml", "--yes", "--session", "s"])
            .exits(0);
        site.run(&["audit", "verify"]).exits(0);
        let db = rusqlite::Connection::open(site.data().join("journal.db")).unwrap();
        assert!(db.execute(tampering, []).unwrap() > 0);
        drop(db);
        let verified = site.run(&["audit", "verify"]);
        assert_eq!(verified.code, 1, "{tampering}: {verified:#?}");
        assert!(
            verified.stdout.contains("sessions are counted by"),
            "{tampering}: {verified:#?}"
        );
    }
}

#[test]
fn a_session_has_a_name_that_can_be_typed() {
    let site = Site::new();
    site.write("plan.yaml", plan(1));
    for name in ["", "a b", &"x".repeat(129)] {
        let refused = site.run(&["run", "plan.yaml", "--yes", "--session", name]);
        assert!(
            refused.code != 0 && refused.stderr.contains("session"),
            "{refused:#?}"
        );
    }
}
