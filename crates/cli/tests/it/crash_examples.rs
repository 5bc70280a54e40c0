//! The plans in `examples/`, killed before, inside and after every write of the journal that any of their commands makes,
//! and carried on: the end is that of a run that nobody killed, each effect is there once, and what nobody can know is
//! reported as in doubt and settled by looking.
//!
//! A part of the points is taken; `MANDATE_CRASH_ALL=1`: all; `2/8`: the second of eight parts. What came of it is in docs/soak.md.

use crate::example_scenes::{Scene, scenes};
use crate::project::Ran;
use crate::site::Site;
use mandate_store::failpoint;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

/// Commands that one execution may take, with everything that people say.
const MOST_COMMANDS: usize = 40;
/// In an ordinary run of the tests: every so many points of a scene.
const EVERY: usize = 31;

/// What the next command is; none when the execution has ended.
fn next(site: &Site, scene: &Scene) -> Option<Vec<String>> {
    let words = |line: &[&str]| Some(line.iter().map(|word| (*word).to_owned()).collect());
    let Some(id) = site.newest() else {
        let mut run = vec!["run", "plan.yaml", "--json"];
        run.extend(scene.options);
        return words(&run);
    };
    let shown = site
        .run(&["executions", "show", &id, "--json"])
        .exits(0)
        .json();
    if shown["status"].is_string() {
        return None;
    }
    let waiting = &shown["waiting_for"];
    if scene.doubts_first
        && let Some(command) = doubts_first(site, scene, &id, &shown)
    {
        return words(&{ command.iter() }.map(String::as_str).collect::<Vec<_>>());
    }
    match waiting["kind"].as_str() {
        Some("plan" | "step") => words(&["approvals", "approve", &id]),
        Some("question") => words(&["inbox", "answer", &id, "--choice", scene.choice]),
        Some("in_doubt") => {
            let command = waiting["next_command"].as_str().unwrap();
            let place = command.split(' ').nth(4).unwrap();
            let undoes = shown["state"] == "compensating";
            Some(resolve(site, scene, &id, place, undoes))
        }
        _ => words(&["executions", "continue", &id, "--json"]),
    }
}

/// Somebody looked, and says what became of a call.
fn resolve(site: &Site, scene: &Scene, id: &str, place: &str, undoes: bool) -> Vec<String> {
    let mut resolve = ["executions", "resolve", id, place]
        .map(str::to_owned)
        .to_vec();
    match (scene.happened)(site, place, undoes) {
        Some(told) => {
            resolve.push("--done".to_owned());
            if !undoes {
                resolve.extend(["--output".to_owned(), told.to_string()]);
            }
        }
        None => resolve.push("--not-done".to_owned()),
    }
    resolve
}

/// Where a call was under way as the process died, nothing else goes on before it is known what became of it: it is paused,
/// taken up, resolved, and resumed.
fn doubts_first(site: &Site, scene: &Scene, id: &str, shown: &Value) -> Option<Vec<String>> {
    let words = |words: [&str; 3]| Some(words.map(str::to_owned).to_vec());
    let of = |state: &str| {
        let steps = shown["steps"].as_array()?.iter();
        let mut found = steps.filter(|step| step["state"] == state);
        found.find_map(|step| step["id"].as_str())
    };
    match (
        shown["waiting_for"]["kind"].as_str().unwrap_or_default(),
        of("running"),
        of("in_doubt"),
    ) {
        // Nobody drives it: what runs was under way when the process died.
        ("" | "host", Some(_), _) => words(["executions", "pause", id]),
        ("paused", _, Some(place)) => Some(resolve(site, scene, id, place, false)),
        ("paused", Some(_), None) => words(["executions", "continue", id]),
        ("paused", None, None) => words(["executions", "resume", id]),
        _ => None,
    }
}

/// What one way to the end was: per command, the commits that it made; and how it ended.
struct Way {
    commits: Vec<u64>,
    doubts: usize,
    end: Value,
    /// As people are shown it.
    shown: String,
}

fn commits(site: &Site) -> u64 {
    let head = site.run(&["audit", "head", "--json"]);
    if head.code != 0 {
        return 0;
    }
    head.json()["head"]["number"].as_u64().unwrap()
}

/// Goes to the end. The command `at` of the way is killed at `point`; none if it never got there.
fn go(site: &Site, scene: &Scene, kill: Option<(usize, &str)>) -> Option<Way> {
    let what = format!("{}, {kill:?}", scene.name);
    let mut way = Way {
        commits: Vec::new(),
        doubts: 0,
        end: Value::Null,
        shown: String::new(),
    };
    for at in 0.. {
        assert!(at < MOST_COMMANDS, "{what}: it does not end");
        let Some(command) = next(site, scene) else {
            break;
        };
        way.doubts += usize::from(command[1] == "resolve");
        let before = if kill.is_none() { commits(site) } else { 0 };
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut process = site.command(&args);
        let armed = kill.filter(|(command, _)| *command == at);
        if let Some((_, point)) = armed {
            process.env("MANDATE_FAILPOINT", point);
        }
        let output = process.stdin(Stdio::null()).output().unwrap();
        let killed = output.status.signal() == Some(9);
        if armed.is_some() && !killed {
            return None;
        }
        let ran = Ran::of(output);
        assert!(
            killed || matches!(ran.code, 0 | 1 | 3 | 4 | 5),
            "{what}: {args:?}: {ran:#?}"
        );
        if killed {
            quiet(site);
            (scene.check)(site, &what);
        }
        if kill.is_none() {
            way.commits.push(commits(site) - before);
        }
    }
    quiet(site);
    (scene.check)(site, &what);
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert!(
        replayed.stdout.contains("identical"),
        "{what}: {replayed:#?}"
    );
    let listed = site.run(&["executions", "list", "--json"]).json();
    let count = listed["executions"].as_array().unwrap().len();
    assert_eq!(count, 1, "{what}: one execution is all there is");
    way.end = end(site, scene);
    way.shown = site.run(&["executions", "show", "@last"]).exits(0).stdout;
    Some(way)
}

/// Waits until no program works in the site's directory any more.
fn quiet(site: &Site) {
    quiet_but(site, &[]);
}

/// The same, but for these, and for what they and other commands of ours run in the background.
pub(crate) fn quiet_but(site: &Site, these: &[Child]) {
    let dir = site.dir().canonicalize().unwrap();
    let ours = std::fs::canonicalize(env!("CARGO_BIN_EXE_mandate")).unwrap();
    let works = |process: &std::fs::DirEntry| {
        let link = |name: &str| std::fs::read_link(process.path().join(name)).ok();
        let inside = link("cwd").is_some_and(|cwd| cwd.starts_with(&dir));
        inside && (these.is_empty() || link("exe").is_some_and(|exe| exe != ours))
    };
    crate::several::until("quiet", || {
        !std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .any(|process| works(&process))
    });
}

/// Everything that must not depend on whether somebody was killed on the way.
fn end(site: &Site, scene: &Scene) -> Value {
    let shown = site.last();
    let states = |list: &Value| -> BTreeMap<String, Value> {
        let steps = list.as_array().unwrap().iter();
        steps
            .map(|step| {
                let items = step["items"].as_array();
                let items: Vec<&Value> = items
                    .into_iter()
                    .flatten()
                    .map(|item| &item["state"])
                    .collect();
                let id = step["id"].as_str().unwrap().to_owned();
                (id, json!([step["state"], items]))
            })
            .collect()
    };
    let undone: Vec<Value> = shown["compensations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|undo| json!([undo["step"], undo["state"]]))
        .collect();
    let mut outputs = shown["outputs"].clone();
    for name in scene.outputs_that_differ {
        outputs.as_object_mut().unwrap().remove(*name);
    }
    json!({
        "state": shown["state"],
        "status": shown["status"],
        "error": [shown["error"]["code"], shown["error"]["step"]],
        "steps": states(&shown["steps"]),
        "finally": states(&shown["finally"]),
        "undone": undone,
        "outputs": outputs,
        "made": (scene.made)(site),
    })
}

/// Which of how many parts of all points are tried: `MANDATE_CRASH_ALL=1` is all of them, `MANDATE_CRASH_ALL=2/8` the second of
/// eight, so that several processes share them. None: a few of them.
fn part() -> Option<(u64, u64)> {
    let all = std::env::var("MANDATE_CRASH_ALL").ok()?;
    let Some((this, of)) = all.split_once('/') else {
        return Some((1, 1));
    };
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let part = number(this).zip(number(of)).filter(|(this, of)| this <= of);
    Some(part.expect("`MANDATE_CRASH_ALL` is `1`, or a part like `2/8`"))
}

fn enumerate(name: &str) {
    let part = part();
    let mut met = 0;
    for scene in scenes().into_iter().filter(|scene| scene.example == name) {
        let Some(site) = (scene.site)() else { return };
        let whole = go(&site, &scene, None).unwrap();
        (scene.whole)(&whole.end);
        let (mut point_number, mut crashes, mut doubts) = (0, 0, 0);
        for (at, commits) in whole.commits.iter().enumerate() {
            for (place, name) in failpoint::NAMES.into_iter().enumerate() {
                for nth in 1.. {
                    if let Some((this, of)) = part {
                        // By what it is, and not by how many were met: every part has to divide them alike.
                        if (u64::try_from(at + place).unwrap() + nth) % of != this % of {
                            if nth > *commits {
                                break;
                            }
                            continue;
                        }
                    } else {
                        if nth > *commits {
                            break;
                        }
                        point_number += 1;
                        if point_number % EVERY != EVERY / 2 {
                            continue;
                        }
                    }
                    let point = format!("{name}:{nth}");
                    let site = (scene.site)().unwrap();
                    let Some(way) = go(&site, &scene, Some((at, &point))) else {
                        break;
                    };
                    crashes += 1;
                    doubts += way.doubts;
                    let what = format!("{}, command {at}, {point}", scene.name);
                    assert_eq!(way.end, whole.end, "{what}:\n{}", way.shown);
                    assert!(nth < 400, "{what}: it writes more often than expected");
                }
            }
        }
        eprintln!(
            "{}: {} commands, {crashes} crashes, {doubts} doubts reported and settled, every end as without",
            scene.name,
            whole.commits.len()
        );
        met += crashes;
    }
    assert!(met >= 2, "only {met} crashes: the failpoints do not act");
}

#[test]
fn crash_recovery() {
    enumerate("crash-recovery");
}

#[test]
fn release() {
    enumerate("release");
}

#[test]
fn repo_report() {
    enumerate("repo-report");
}

#[test]
fn tool_servers() {
    enumerate("tool-servers");
}

#[test]
fn policy() {
    enumerate("policy");
}
