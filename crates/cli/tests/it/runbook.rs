//! The runbook: each situation of `docs/runbook.md` is brought about, its commands are typed as they stand there, and what
//! they print must be what the page says. `UPDATE_RUNBOOK=1` writes what they print into the page.

use crate::project::finish;
use crate::several::{start, until};
use crate::site::Site;
use std::path::PathBuf;

/// A step that writes, and waits for the file `go` after that.
const PAY: &str = "version: 1\nname: Pay\nsteps:\n\
    \x20 - { id: pay, tool: process.exec, args: { argv: [sh, -c, 'echo paid >> ledger; sleep 600'] } }\n\
    \x20 - { id: receipt, tool: data.value, args: { value: done } }\n";
const ASK: &str = "version: 1\nname: Choose a mirror\nsteps:\n\
    \x20 - { id: choose, tool: human.ask, args: { question: \"Which mirror?\", choices: [north, south] } }\n\
    \x20 - { id: use, tool: data.value, args: { value: \"${steps.choose.output.choice}\" } }\n";
const THREE: &str = "version: 1\nname: Three reads\nLIMITsteps:\n\
    \x20 - { id: a, tool: fs.list, args: { path: . } }\n\
    \x20 - { id: b, tool: fs.list, args: { path: . } }\n\
    \x20 - { id: c, tool: fs.list, args: { path: . } }\n";
const SUM: &str = "version: 1\nname: Order\ninvariants:\n\
    \x20 - { id: in_stock, check: \"!succeeded('price') || steps.price.output > 0\", on_violation: ask }\nsteps:\n\
    \x20 - { id: stock, tool: fs.list, args: { path: . } }\n\
    \x20 - { id: price, tool: data.value, args: { value: -1 } }\n\
    \x20 - { id: order, tool: data.value, args: { value: ordered } }\n";
const FETCH: &str = "version: 1\nname: Fetch\nsteps:\n\
    \x20 - { id: fetch, tool: fs.read, args: { path: absent.txt }, on_failure: replan }\n";
const BETTER: &str = "version: 1\nname: Fetch\nsteps:\n\
    \x20 - { id: fetch, tool: fs.read, args: { path: absent.txt }, on_failure: replan }\n\
    \x20 - { id: instead, tool: fs.read, args: { path: present.txt } }\n";
const NAP: &str = "version: 1\nname: Nap\nsteps:\n\
    \x20 - { id: nap, tool: time.sleep, args: { duration_ms: 600000 } }\n\
    \x20 - { id: look, tool: fs.list, args: { path: . } }\n";
const WRITE: &str = "version: 1\nname: Write a note\nsteps:\n\
    \x20 - { id: write, tool: fs.write, args: { path: note.txt, content: hello } }\n";
const DIES: &str = "version: 1\nname: Ask a server\nsteps:\n\
    \x20 - { id: ask, tool: files.die, retry: { max_attempts: 2 } }\n";
const LOOK: &str = "version: 1\nname: Look around\nsteps:\n\
    \x20 - { id: look, tool: fs.list, args: { path: . } }\n";

/// A site in which a plan was run up to an exit code.
fn ran(plan: &str, args: &[&str], code: i32) -> Site {
    let site = Site::new();
    site.write("plan.yaml", plan);
    site.run(&[&["run", "plan.yaml"], args].concat())
        .exits(code);
    site
}

/// A site whose process was killed when `begun` held.
fn killed(plan: &str, begun: impl Fn(&Site) -> bool) -> Site {
    let site = Site::new();
    site.write("plan.yaml", plan);
    let mut run = start(&site, &["run", "plan.yaml", "--yes"]);
    until("begun", || begun(&site));
    run.kill().unwrap();
    finish(run);
    site
}

/// Brings a situation about.
fn situation(heading: &str) -> Option<Site> {
    Some(match heading {
        "It waits for approval" => ran(WRITE, &[], 4),
        "It waits for an answer" => ran(ASK, &["--yes"], 4),
        "Its calls are used up" => ran(
            &THREE.replace("LIMIT", "constraints: { max_tool_calls: 2 }\n"),
            &["--yes"],
            4,
        ),
        "A rate is used up" => {
            let site = Site::configured("[limits]\ncalls_per_minute = 2\n");
            site.write("plan.yaml", THREE.replace("LIMIT", ""));
            site.run(&["run", "plan.yaml", "--detach"]).exits(0);
            until("held", || {
                let shown = site.run(&["executions", "show", "@last", "--json"]);
                shown.code == 0 && shown.json()["waiting_for"]["kind"] == "rate_limit"
            });
            site
        }
        "An invariant does not hold" => ran(SUM, &["--yes"], 4),
        "Nobody knows whether a call happened" => {
            let site = killed(PAY, |site| !site.content("ledger").is_empty());
            site.run(&["executions", "continue", "@last"]).exits(4);
            site
        }
        "It waits for another plan" => {
            let site = ran(FETCH, &[], 4);
            site.write("better.yaml", BETTER);
            site.write("present.txt", "here");
            site
        }
        "It is paused" => {
            let site = ran(NAP, &["--detach"], 0);
            site.run(&["executions", "pause", "@last"]).exits(0);
            until("paused", || site.last()["state"] == "paused");
            site
        }
        "Everything is frozen" => {
            let site = Site::new();
            site.write("plan.yaml", LOOK);
            site.run(&["freeze", "--reason", "the agent misbehaves"])
                .exits(0);
            site.run(&["run", "plan.yaml"]).exits(4);
            site
        }
        "A tool server does not work" => {
            let script = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            let script = script.join("../tools/tests/it/fake_server.py");
            let site = Site::new();
            let log = site.path("log");
            site.write(
                "mandate.toml",
                format!(
                    "[mcpServers.files]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}, \"single\"]\n\
                     tools.die = {{ effect = \"read\", open_world = false }}\n"
                ),
            );
            site.write("plan.yaml", DIES);
            site.run(&["run", "plan.yaml", "--yes"]).exits(1);
            site
        }
        "No process drives it" => killed(NAP, |site| {
            let listed = site.run(&["executions", "list", "--waiting-for", "timer", "--json"]);
            listed.code == 0 && !listed.json()["executions"].as_array().unwrap().is_empty()
        }),
        _ => return None,
    })
}

fn page() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("../../docs/runbook.md")
}

/// Words of a command line, with single quotes as a shell has them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// What somebody at a terminal would read, in this order.
fn printed(site: &Site, args: &[&str]) -> String {
    let path = site.path("../printed");
    let file = std::fs::File::create(&path).unwrap();
    let mut command = site.command(args);
    command.stdout(file.try_clone().unwrap()).stderr(file);
    command.status().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

/// Whether a line tells of progress: which steps are seen on their way depends on how fast they are.
fn is_progress(line: &str) -> bool {
    let clock = line.as_bytes();
    clock.get(2) == Some(&b':') && clock.get(5) == Some(&b':') && clock.get(8) == Some(&b'.')
}

/// The same text whenever it was printed: without ids, times, numbers and the widths of columns.
fn timeless(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = bare.len() >= 8 && bare.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if bare.starts_with("req-") {
            return Some(word.replace(bare, "REQUEST"));
        }
        if hex {
            return Some(word.replace(bare, "ID"));
        }
        if word.starts_with("local:") {
            return Some("local:UID".to_owned());
        }
        let time = bare.starts_with(|c: char| c.is_ascii_digit()) || bare == "now" || bare == "ago";
        (!time).then(|| word.to_owned())
    };
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !is_progress(line));
    lines
        .map(|line| line.split_whitespace().filter_map(word).collect::<Vec<_>>())
        .map(|words| words.join(" "))
        .collect()
}

#[test]
fn the_runbook_prints_what_it_says() {
    let text = std::fs::read_to_string(page()).unwrap();
    let update = std::env::var_os("UPDATE_RUNBOOK").is_some();
    let (mut written, mut site, mut scenes) = (String::new(), None, 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        written.push_str(line);
        written.push('\n');
        if let Some(heading) = line.strip_prefix("## ") {
            site = situation(heading);
            scenes += usize::from(site.is_some());
            continue;
        }
        if line != "```console" {
            continue;
        }
        let Some(site) = &site else {
            panic!("nothing brings this about: {:?}", lines.peek());
        };
        while let Some(command) = lines.next_if(|line| line.starts_with("$ mandate ")) {
            let args = words(command.trim_start_matches("$ mandate "));
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let printed = printed(site, &args);
            let mut said = String::new();
            while let Some(line) = lines.next_if(|line| *line != "```" && !line.starts_with("$ ")) {
                said.push_str(line);
                said.push('\n');
            }
            written.push_str(&format!("{command}\n{}\n", printed.trim_end()));
            if !update {
                // Requests of the same millisecond come in either order.
                let in_any_order = |text: &str| {
                    let mut lines = timeless(text);
                    lines.sort();
                    lines
                };
                assert_eq!(in_any_order(&said), in_any_order(&printed), "{command}");
            }
        }
    }
    assert_eq!(scenes, 11, "a heading has another name");
    if update {
        std::fs::write(page(), written).unwrap();
    }
}
