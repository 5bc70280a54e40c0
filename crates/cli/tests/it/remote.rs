//! Commands over a server: the same words, the same JSON and the same exit codes as beside the journal.

use crate::office::Office;
use crate::project::{Project, READ_ONLY, Ran, WRITES, finish, signal};
use crate::serve::address_of;
use crate::several::until;
use rustix::process::Signal;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server, and a place elsewhere from where it is asked.
struct Served {
    office: Office,
    server: Child,
    url: String,
    elsewhere: Project,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(office: &Office, listen: &str) -> (Child, String) {
    let mut server = office
        .project
        .command(&["serve", "--listen", listen, "--json"]);
    let mut server = server
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://{}", address_of(&mut server));
    (server, url)
}

impl Served {
    fn new() -> Self {
        let office = Office::new();
        let (server, url) = serve(&office, "127.0.0.1:0");
        Self {
            office,
            server,
            url,
            elsewhere: Project::new(),
        }
    }

    /// From elsewhere.
    fn command(&self, who: &str, args: &[&str]) -> Command {
        let mut command = self.elsewhere.command(args);
        command.env("MANDATE_SERVER", &self.url);
        if !who.is_empty() {
            command.env("MANDATE_API_KEY", self.office.key(who));
        }
        command
    }

    fn ask(&self, who: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(who, args).output().unwrap())
    }

    /// The same beside the journal.
    fn beside(&self, args: &[&str]) -> Ran {
        self.office.run("root", args)
    }

    /// Over the server it gives, byte for byte, what it gives beside the journal.
    fn same(&self, args: &[&str]) -> String {
        let (there, here) = (self.ask("root", args), self.beside(args));
        assert_eq!(
            (there.code, &there.stdout),
            (here.code, &here.stdout),
            "{args:?}"
        );
        assert!(!there.stdout.is_empty(), "{there:?}");
        there.stdout
    }

    /// Over the server it gives every member that it gives beside the journal.
    fn holds(&self, args: &[&str]) -> Value {
        let there = self.ask("root", args).json();
        for (name, value) in self.beside(args).json().as_object().unwrap() {
            // Of a list the server does not say who drives.
            if name != "host_pid" {
                assert_eq!(there.get(name), Some(value), "{name} of {args:?}");
            }
        }
        there
    }
}

/// What an error says with `--json`.
fn error(ran: &Ran) -> (i32, String, String) {
    let error = &ran.json()["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    assert!(!text("remedy").is_empty(), "{ran:?}");
    (ran.code, text("kind"), text("code"))
}

#[test]
fn commands_give_over_a_server_what_they_give_beside_the_journal() {
    let served = Served::new();
    served.elsewhere.write("look.yaml", READ_ONLY);
    served.elsewhere.write("write.yaml", WRITES);

    // A run to its end, and everything that can be looked at of it.
    let ran = served.ask("root", &["run", "look.yaml", "--json"]).exits(0);
    let id = ran.json()["execution_id"].as_str().unwrap().to_owned();
    let short = &id[..13];
    assert_eq!(ran.json(), {
        let mut shown = served
            .beside(&["executions", "show", "@last", "--json"])
            .json();
        for beside in ["host_pid", "freeze", "awaited_calls"] {
            shown.as_object_mut().unwrap().remove(beside);
        }
        shown
    });
    served.holds(&["executions", "show", "@last", "--json"]);
    for args in [
        &["executions", "events", "@last"][..],
        &["executions", "events", short, "--json", "--after", "2"],
        &["executions", "events", &id, "--follow"],
        &["executions", "watch", "@last"],
        &["executions", "watch", "@last", "--json"],
    ] {
        served.same(args);
    }

    let show = ["executions", "show", short];
    let ageless = |ran: Ran| {
        let lines = ran
            .stdout
            .lines()
            .filter(|line| !line.starts_with("created"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        ageless(served.ask("root", &show)),
        ageless(served.beside(&show))
    );

    // One that waits for its requester, and is rejected over the server.
    let waits = served.ask("root", &["run", "write.yaml"]).exits(4);
    assert!(waits.stderr.contains("note.txt"), "{waits:?}");
    assert!(
        waits.stdout.contains("mandate approvals approve req-"),
        "{waits:?}"
    );
    served.holds(&["executions", "list", "--waiting-for", "plan", "--json"]);
    let old = ["executions", "list", "--older-than", "1h", "--json"];
    assert_eq!(served.holds(&old)["executions"], serde_json::json!([]));
    served.same(&["approvals", "list", "--json"]);
    served.same(&["inbox", "show", "@last", "--json"]);
    served.same(&["approvals", "show", "@last"]);
    let denied = served.ask("bob", &["approvals", "approve", "@last", "--json"]);
    assert_eq!(
        error(&denied),
        (3, "denied".to_owned(), "APPROVER_MISMATCH".to_owned())
    );
    let rejected = served.ask("root", &["approvals", "reject", "@last", "--reason", "no"]);
    assert!(
        rejected
            .exits(0)
            .stdout
            .contains("rejected: the server drives")
    );
    served
        .ask("root", &["executions", "watch", "@last"])
        .exits(1);
    let again = served.ask("root", &["inbox", "answer", "@last", "approve", "--json"]);
    assert_eq!(error(&again).0, 1);

    // One that is approved by a flag, steered, and run again from its middle.
    let wrote = served.ask(
        "root",
        &["run", "write.yaml", "--yes", "--input", "text=there"],
    );
    wrote.exits(0);
    assert_eq!(served.office.project.read("note.txt"), "there");
    let rerun = ["executions", "rerun", "@last", "--from", "write", "--yes"];
    let rerun = served.ask("root", &rerun).exits(0);
    assert!(rerun.stderr.contains("not done again: look"), "{rerun:?}");
    served
        .ask("root", &["run", "write.yaml", "--detach"])
        .exits(4);
    let paused = served
        .ask("root", &["executions", "pause", "@last", "--json"])
        .exits(0);
    assert_eq!(paused.json()["waiting_for"]["kind"], "paused");
    served
        .ask("root", &["executions", "resume", "@last"])
        .exits(0);
    let gone = served
        .ask("root", &["executions", "cancel", "@last", "--json"])
        .exits(0);
    assert_eq!(gone.json()["state"], "cancelled");

    // Another plan takes the place of one that cannot go on, and a call of it may pass a deny.
    let plan = |more: &str| {
        format!(
            "version: 1\nname: revised\nsteps:\n\
            \x20 - {{ id: bad, tool: fs.read, args: {{ path: nowhere.txt }}, on_failure: replan }}\n{more}\
            \x20 - {{ id: last, tool: data.value, args: {{ value: 1 }} }}\n"
        )
    };
    served.elsewhere.write("stuck.yaml", plan(""));
    let more = "  - { id: more, tool: data.value, args: { value: 2 } }\n";
    served.elsewhere.write("revised.yaml", plan(more));
    served.ask("root", &["run", "stuck.yaml"]).exits(4);
    let passes = [
        "executions",
        "override",
        "@last",
        "last",
        "--reason",
        "known",
    ];
    let denied = served.ask("bob", &[&passes[..], &["--json"]].concat());
    assert_eq!(error(&denied).0, 3);
    let passes = served.ask("root", &passes).exits(0);
    assert!(
        passes.stdout.contains("`last` may pass a policy deny once"),
        "{passes:?}"
    );
    let wrong = [
        "executions",
        "replan",
        "@last",
        "--plan",
        "bad.yaml",
        "--json",
    ];
    served
        .elsewhere
        .write("bad.yaml", plan(more).replace("data.value", "data.valu"));
    let wrong = served.ask("root", &wrong).exits(2);
    assert!(wrong.stdout.contains("ACTION_NOT_FOUND"), "{wrong:?}");
    let revised = [
        "executions",
        "replan",
        "@last",
        "--plan",
        "revised.yaml",
        "--yes",
    ];
    let revised = served.ask("root", &revised).exits(5);
    assert!(revised.stderr.contains("more"), "{revised:?}");

    // Tools and the switch.
    let tools = served.ask("root", &["tools", "list", "--json"]).exits(0);
    assert_eq!(tools.json()["tools"][0]["name"], {
        served.beside(&["tools", "list", "--json"]).json()["tools"][0]["name"].clone()
    });
    served.ask("root", &["tools", "show", "fs.read"]).exits(0);
    let denied = served.ask("vic", &["tools", "disable", "fs.write", "--json"]);
    assert_eq!(error(&denied).0, 3);
    served
        .ask("root", &["tools", "disable", "fs.write"])
        .exits(0);
    let invalid = served
        .ask("root", &["run", "write.yaml", "--json"])
        .exits(2);
    assert_eq!(invalid.json()["error"]["code"], "ACTION_NOT_FOUND");
    served
        .ask("root", &["tools", "enable", "fs.write"])
        .exits(0);
    let frozen = served
        .ask("root", &["freeze", "--reason", "look", "--json"])
        .exits(0);
    assert_eq!(frozen.json()["freeze"]["reason"], "look");
    let held = served.ask("root", &["run", "look.yaml", "--json"]).exits(4);
    assert_eq!(held.json()["waiting_for"]["next_command"], "mandate thaw");
    served.ask("root", &["thaw"]).exits(0);
    served
        .ask("root", &["executions", "watch", "@last"])
        .exits(0);

    // The journal as evidence.
    served.same(&["audit", "export", "--kind", "decisions"]);
    served.same(&["audit", "head"]);
    served.same(&["audit", "verify"]);
}

#[test]
fn what_cannot_be_asked_of_a_server_is_refused_and_says_what_to_do() {
    let served = Served::new();
    let refused = |who: &str, args: &[&str]| error(&served.ask(who, args));
    let not_there = |args: &[&str]| {
        let said = refused("root", args);
        assert_eq!(
            said,
            (2, "not_supported".to_owned(), "NOT_SUPPORTED".to_owned()),
            "{args:?}"
        );
    };
    not_there(&["gc", "--older-than", "1d", "--json"]);
    not_there(&["executions", "replay", "@last", "--json"]);
    not_there(&["--server", &served.url, "doctor", "--json"]);
    // What is about files of this machine is not the server's.
    served.elsewhere.write("look.yaml", READ_ONLY);
    served.ask("", &["plan", "validate", "look.yaml"]).exits(0);

    assert_eq!(
        refused("", &["executions", "list", "--json"]).2,
        "TOKEN_INVALID"
    );
    assert_eq!(
        refused("root", &["executions", "show", "@last", "--json"]).1,
        "not_found"
    );
    served
        .elsewhere
        .write("bad.yaml", READ_ONLY.replace("fs.list", "fs.lst"));
    let invalid = served.ask("root", &["run", "bad.yaml"]).exits(2);
    // The line that it is about is shown, as if it had been checked here.
    assert!(invalid.stderr.contains("tool: fs.lst"), "{invalid:?}");

    let elsewhere = |url: &str| {
        let args = ["--server", url, "executions", "list", "--json"];
        error(&served.ask("root", &args))
    };
    assert_eq!(elsewhere("http://192.0.2.7:7447").1, "usage");
    assert_eq!(elsewhere("nowhere").1, "usage");
    assert_eq!(elsewhere("http://127.0.0.1:9").1, "gone");
}

#[test]
fn a_run_is_followed_while_its_server_is_killed_and_comes_back() {
    let mut served = Served::new();
    let plan = "version: 1\nname: naps\nsteps:\n\
        \x20 - { id: nap, tool: time.sleep, args: { duration_ms: 1500 } }\n\
        \x20 - { id: list, tool: fs.list, args: { path: \".\" } }\n";
    served.elsewhere.write("plan.yaml", plan);
    // Into files, so that they can be looked at while it runs.
    let (said, told) = (served.elsewhere.path("said"), served.elsewhere.path("told"));
    let run = served
        .command("root", &["run", "plan.yaml", "--json", "--stream"])
        .stdout(File::create(&said).unwrap())
        .stderr(File::create(&told).unwrap())
        .spawn()
        .unwrap();
    let has = |file: &Path, word: &str| std::fs::read_to_string(file).unwrap().contains(word);
    until("followed", || has(&said, "timer_set"));
    signal(&served.server, Signal::KILL);
    served.server.wait().unwrap();
    until("missed", || has(&told, "is lost"));
    let address = served.url.trim_start_matches("http://");
    let (server, _) = serve(&served.office, address);
    served.server = server;
    finish(run).exits(0);
    assert!(has(&told, "the server is back"), "{told:?}");
    let said = std::fs::read_to_string(&said).unwrap();
    let mut lines: Vec<Value> = { said.lines() }
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let result = lines.pop().unwrap();
    assert_eq!(result["status"], "success");
    // Every event once, in order, and as the journal has it.
    let events = served.beside(&["executions", "events", "@last", "--json"]);
    let events: Vec<Value> = { events.stdout.lines() }
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, events);
}
