//! Calls that are set aside, through the binary: over a `kill -9` between setting them aside and giving them back, and
//! told before a plan runs.

use crate::background::host_pid;
use crate::project::{Ran, finish};
use crate::serve::serve;
use crate::several::{id_of, start, until};
use crate::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const LIMITED: &str = "[limits]\ncalls_per_session = 5\n";

/// One call, a question if it `asks`, and two more calls.
fn plan(name: &str, asks: bool) -> String {
    let call = |id: &str| {
        format!(
            "  - {{id: {id}, tool: process.exec, args: {{argv: [sh, -c, 'echo {name}-{id} >> ledger']}}}}\n"
        )
    };
    let question = match asks {
        true => "  - {id: ask, tool: human.ask, args: {question: Go on?, choices: [\"yes\"]}}\n",
        false => "",
    };
    format!(
        "version: 1\nname: {name}\nconstraints: {{sequential: true}}\nsteps:\n{}{question}{}{}",
        call("one"),
        call("two"),
        call("three")
    )
}

fn detach(site: &Site, plan: &str) {
    site.run(&["run", plan, "--yes", "--detach", "--session", "s"])
        .exits(0);
}

fn state(site: &Site, id: &str) -> Value {
    site.run(&["executions", "show", id, "--json"]).json()
}

fn session(site: &Site) -> (u64, u64, u64) {
    let shown = site
        .run(&["sessions", "show", "s", "--json"])
        .exits(0)
        .json();
    let number = |name: &str| shown[name].as_u64().unwrap();
    (number("calls"), number("reserved"), number("left"))
}

fn kill_host(site: &Site) {
    let pid = Pid::from_raw(i32::try_from(host_pid(site).unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    until("the host is gone", || host_pid(site).is_none());
}

/// A plan that asks after the first of its three calls, and the other one, which is not run yet.
fn one_asks() -> (Site, String) {
    let site = Site::configured(LIMITED);
    site.write("first.yaml", plan("first", true));
    site.write("second.yaml", plan("second", false));
    detach(&site, "first.yaml");
    let first = id_of(&site, "first");
    until("it asks", || {
        state(&site, &first)["waiting_for"]["kind"] == "question"
    });
    (site, first)
}

#[test]
fn a_kill_between_setting_aside_and_giving_back_loses_nothing() {
    let (site, first) = one_asks();
    assert_eq!(session(&site), (1, 2, 2));
    kill_host(&site);
    assert_eq!(
        session(&site),
        (1, 2, 2),
        "what the journal says, not the host"
    );
    let told = site.run(&["evaluate", "second.yaml", "--session", "s"]);
    let forecast = "at most 3; the session has 2 of 5 left (1 made, 2 set aside for others); it may have to wait";
    assert!(told.stdout.contains(forecast), "{told:#?}");

    detach(&site, "second.yaml");
    let second = id_of(&site, "second");
    let pending = state(&site, &second);
    assert_eq!(pending["state"], "pending");
    let lacking = json!({ "needed": 3, "left": 2, "reserved": 2 });
    assert_eq!(pending["awaited_calls"], lacking);
    assert_eq!(state(&site, &first)["awaited_calls"], Value::Null);
    let shown = site.run(&["executions", "show", &second]).exits(0).stdout;
    let why = "may make 3 calls, and its session has 2 left: others have set 2 aside";
    assert!(shown.contains(why), "{shown}");
    assert!(shown.contains("`mandate sessions show s`"), "{shown}");
    assert!(!shown.contains("when others have ended or wait"), "{shown}");
    kill_host(&site);
    site.run(&["inbox", "answer", "@last", "yes"]).exits(0);
    let went_on = site.run(&["executions", "continue", &first, "--json"]);
    assert_eq!(went_on.exits(0).json()["status"], "success");
    // Three were made: of the three that it needs, two are left, and nobody has any to give back.
    until("somebody is asked", || {
        site.run(&["executions", "continue", &second, "--json"]);
        state(&site, &second)["waiting_for"]["kind"] == "budget"
    });
    assert_eq!(session(&site), (3, 0, 2));
    assert_eq!(site.content("ledger").lines().count(), 3);
    let open = site.run(&["inbox", "show", "@last"]).exits(0).stdout;
    assert!(open.contains("has 2 of 5 left"), "{open}");
    site.run(&["inbox", "answer", "@last", "reject", "--reason", "later"])
        .exits(0);
    let ended = site.run(&["executions", "continue", &second, "--json"]);
    assert_eq!(
        ended.json()["error"]["code"],
        "BUDGET_EXCEEDED",
        "{ended:#?}"
    );
    for id in [&first, &second] {
        site.run(&["executions", "replay", id]).exits(0);
    }
    site.assert_intact();
}

#[test]
fn over_a_server_it_is_told_what_a_session_lacks() {
    let (site, first) = one_asks();
    detach(&site, "second.yaml");
    let second = id_of(&site, "second");
    let (mut server, address) = serve(&site, "127.0.0.1:0");
    let there = |args: &[&str]| {
        let mut command = site.command(args);
        command.env("MANDATE_SERVER", format!("http://{address}"));
        Ran::of(command.output().unwrap()).exits(0)
    };
    let shown = there(&["executions", "show", &second]).stdout;
    let json = there(&["executions", "show", &second, "--json"]).json();
    let other = there(&["executions", "show", &first]).stdout;
    server.kill().unwrap();
    server.wait().unwrap();
    let why = "may make 3 calls, and its session has 2 left: others have set 2 aside";
    assert!(shown.contains(why), "{shown}");
    assert!(!shown.contains("The server drives it."), "{shown}");
    assert!(!other.contains("set 2 aside"), "{other}");
    let lacking = json!({ "needed": 3, "left": 2, "reserved": 2 });
    assert_eq!(json["awaited_calls"], lacking);
}

#[test]
fn whoever_approves_sees_how_many_calls_there_may_be() {
    let site = Site::configured(LIMITED);
    site.write("plan.yaml", plan("asked", false));
    site.run(&["run", "plan.yaml", "--session", "s"]).exits(4);
    let shown = site.run(&["approvals", "show", "@last"]).exits(0).stdout;
    assert!(
        shown.contains("at most 3; the session has 5 of 5 left"),
        "{shown}"
    );
    let decision = site
        .run(&["evaluate", "plan.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(decision["decision"]["calls"]["most"], 3, "{decision}");
    assert_eq!(decision["decision"]["calls"]["limit"], 5, "{decision}");
}

#[test]
fn processes_that_start_at_once_never_make_more_calls_than_their_session_may() {
    let site = Site::configured(LIMITED);
    site.write("plan.yaml", plan("raced", false));
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let args = ["run", "plan.yaml", "--yes", "--session", "s", "--json"];
            start(&site, &args)
        })
        .collect();
    let mut codes: Vec<i32> = runs.into_iter().map(|run| finish(run).code).collect();
    codes.sort_unstable();
    // Three calls of five: one of them runs, and somebody is asked about the others.
    assert_eq!(codes, [0, 4, 4, 4]);
    assert_eq!(site.content("ledger").lines().count(), 3);
    assert_eq!(session(&site), (3, 0, 2));
    site.assert_intact();
}
