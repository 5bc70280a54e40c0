//! The plans of `examples/`, each in a place of its own, with what they are to do there, and how one sees what they did.

use crate::project::Project;
use crate::site::Site;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One way in which an example goes.
pub(crate) struct Scene {
    /// For messages.
    pub(crate) name: &'static str,
    /// The folder under `examples/`.
    pub(crate) example: &'static str,
    /// Further options of `run`.
    pub(crate) options: &'static [&'static str],
    /// What a person answers to the question.
    pub(crate) choice: &'static str,
    /// The place, made anew; none where its programs are not there, which is said.
    pub(crate) site: fn() -> Option<Site>,
    /// What somebody who looks finds out about a call in doubt: its output if it happened.
    pub(crate) happened: fn(&Site, &str, bool) -> Option<Value>,
    /// What is in doubt is resolved before anything else goes on: another step would give up on what it waits for.
    pub(crate) doubts_first: bool,
    /// Must hold at any time: nothing was done twice.
    pub(crate) check: fn(&Site, &str),
    /// What there is in the end, beside the journal.
    pub(crate) made: fn(&Site) -> Value,
    /// That the run that nobody killed did what the example is for.
    pub(crate) whole: fn(&Value),
    /// Outputs with times or hashes in them.
    pub(crate) outputs_that_differ: &'static [&'static str],
}

pub(crate) fn scenes() -> Vec<Scene> {
    vec![
        Scene {
            name: "crash-recovery",
            example: "crash-recovery",
            options: &["--yes"],
            choice: "",
            site: || {
                let site = Site::new();
                copy(&site, "crash-recovery", "plan.yaml");
                let witness = text("crash-recovery", "witness.sh").replace("sleep 0.3\n", "");
                assert!(!witness.contains("sleep"));
                site.write("witness.sh", witness);
                Some(site)
            },
            happened: |site, place, _| {
                let index = place
                    .strip_prefix("pay[")
                    .and_then(|rest| rest.strip_suffix(']'));
                let word = match index {
                    Some(index) => format!("A-{}", 17 + index.parse::<u32>().unwrap()),
                    None => "closed".to_owned(),
                };
                words(site)
                    .contains(&word)
                    .then(|| json!({ "stdout": word }))
            },
            doubts_first: false,
            check: |site, what| {
                let mut seen = words(site);
                let all = seen.len();
                seen.dedup();
                assert_eq!(seen.len(), all, "{what}: paid twice: {seen:?}");
            },
            made: |site| json!([words(site), site.content("book.txt")]),
            whole: |end| assert_eq!(end["made"][0].as_array().unwrap().len(), 6, "{end:#}"),
            outputs_that_differ: &[],
        },
        release("release: published", &[], |end| {
            assert_eq!(end["status"], "success", "{end:#}");
            assert_eq!(
                end["made"]["published"],
                json!(["ANNOUNCED.md", "demo-1.1.0.tar"]),
                "{end:#}"
            );
        }),
        release(
            "release: fallback",
            &["--input", "channel=demo-nowhere"],
            |end| {
                assert_eq!(end["made"]["spare"], json!(["demo-1.1.0.tar"]), "{end:#}");
                assert_eq!(end["steps"]["publish"][0], "recovered", "{end:#}");
            },
        ),
        release(
            "release: taken back",
            &["--input", "notes=demo-nowhere/notes.md"],
            |end| {
                assert_eq!(end["status"], "failure", "{end:#}");
                assert_eq!(end["undone"].as_array().unwrap().len(), 3, "{end:#}");
                assert_eq!(end["made"]["tags"], "", "{end:#}");
            },
        ),
        Scene {
            name: "repo-report",
            example: "repo-report",
            options: &["--yes"],
            choice: "",
            site: || {
                let site = Site::new();
                // The slow program is as slow as it must be for something to poll.
                let plan = text("repo-report", "plan.yaml");
                let quick = plan
                    .replace("sleep 1 &&", "sleep 0.1 &&")
                    .replace("backoff_ms: 250", "backoff_ms: 60");
                assert_ne!(quick, plan);
                site.write("plan.yaml", quick);
                site.write("Cargo.toml", "[package]\n");
                site.write("README.md", "# Words\n\nTODO count them\n");
                site.write("src/lib.rs", "pub fn count() {}\n");
                Some(site)
            },
            happened: |site, place, _| match place {
                // It moves its file into place when it is done.
                "checksums" => {
                    let scratch = std::fs::read_dir(site.path("target/repo-report")).ok()?;
                    let mut files = scratch.flatten().map(|file| file.file_name());
                    let done = files.any(|name| name.to_string_lossy().ends_with(".sums"));
                    done.then(|| json!({ "stdout": "" }))
                }
                _ => None,
            },
            doubts_first: true,
            check: |_, _| {},
            made: |site| json!(site.content("repo-report.md")),
            whole: |end| {
                assert!(
                    end["made"].as_str().unwrap().contains("## Open tasks"),
                    "{end:#}"
                )
            },
            outputs_that_differ: &[],
        },
        Scene {
            name: "tool-servers",
            example: "tool-servers",
            options: &["--yes"],
            choice: "",
            site: tool_servers,
            happened: |site, place, _| {
                let committed = git(site, &["log", "--format=%s"]).contains("Notes for 1.0");
                (place == "commit" && committed).then(|| json!("Changes committed"))
            },
            doubts_first: false,
            check: |site, what| {
                let log = git(site, &["log", "--format=%s"]);
                assert!(
                    log.matches("Notes for 1.0").count() <= 1,
                    "{what}: committed twice: {log}"
                );
            },
            made: |site| {
                json!([
                    git(site, &["log", "--format=%s"]),
                    git(site, &["status", "--porcelain"]),
                    site.content("demo/NOTES.md")
                ])
            },
            whole: |end| assert_eq!(end["made"][0], "Notes for 1.0\nTemplate\n", "{end:#}"),
            outputs_that_differ: &["commit"],
        },
        Scene {
            name: "policy",
            example: "policy",
            options: &["--policy", "policies"],
            choice: "",
            site: || {
                let site = Site::new();
                copy(&site, "policy", "rules.json");
                site.run(&[
                    "policy",
                    "import",
                    "rules.json",
                    "--out",
                    "policies",
                    "--unmatched",
                    "allow",
                ])
                .exits(0);
                // The rules let files be written, and ask before a program runs.
                site.write(
                    "plan.yaml",
                    "version: 1\nname: Under imported rules\nsteps:\n  \
                     - { id: note, tool: fs.write, args: { path: note.txt, content: hello } }\n  \
                     - { id: seen, tool: process.exec, args: { argv: [sh, -c, 'echo seen >> ledger.txt'] } }\n",
                );
                Some(site)
            },
            happened: |site, _, _| (!words(site).is_empty()).then(|| json!({ "stdout": "" })),
            doubts_first: false,
            check: |site, what| assert!(words(site).len() <= 1, "{what}"),
            made: |site| json!([words(site), site.content("note.txt")]),
            whole: |end| assert_eq!(end["made"], json!([["seen"], "hello"]), "{end:#}"),
            outputs_that_differ: &["seen", "note"],
        },
    ]
}

/// The three ways of `examples/release/run.sh`.
fn release(name: &'static str, options: &'static [&'static str], whole: fn(&Value)) -> Scene {
    Scene {
        name,
        example: "release",
        options,
        choice: "1.1.0",
        site: || {
            let site = Site::new();
            for file in ["plan.yaml", "mandate.toml", "setup"] {
                copy(&site, "release", file);
            }
            let mut setup = Command::new("sh");
            site.prepare(&mut setup);
            assert!(setup.arg("setup").status().unwrap().success());
            Some(site)
        },
        happened: |site, place, undoes| {
            let tar = |dir: &str| site.path(dir).join("demo-1.1.0.tar").exists();
            let tagged = git(site, &["tag"]).contains("v1.1.0");
            let there = match place {
                "tag" => tagged,
                "pack" => tar(""),
                "publish" if undoes => tar("demo-published") || tar("demo-spare"),
                "publish" => tar("demo-published"),
                "spare" => tar("demo-spare"),
                "announce" => site.path("demo-published/ANNOUNCED.md").exists(),
                "log" => site.path("demo-releases.log").exists(),
                _ => false,
            };
            (there != undoes).then(|| json!({ "stdout": "" }))
        },
        doubts_first: false,
        check: |site, what| {
            for (file, most) in [("demo-published/ANNOUNCED.md", 1), ("demo-releases.log", 1)] {
                assert!(
                    site.content(file).lines().count() <= most,
                    "{what}: {file} twice"
                );
            }
        },
        made: |site| {
            json!({
                "published": names(&site.path("demo-published")),
                "spare": names(&site.path("demo-spare")),
                "here": names(&site.dir()),
                "tags": git(site, &["tag"]),
                "announced": site.content("demo-published/ANNOUNCED.md"),
                "log": site.content("demo-releases.log"),
            })
        },
        whole,
        outputs_that_differ: &[],
    }
}

fn tool_servers() -> Option<Site> {
    let files = installed("npm/node_modules/.bin/mcp-server-filesystem")?;
    let git = installed("py/bin/mcp-server-git")?;
    let site = Site::new();
    copy(&site, "tool-servers", "plan.yaml");
    let servers = "../../target/tool-servers/";
    let config = text("tool-servers", "mandate.toml")
        .replace(
            &format!("{servers}npm/node_modules/.bin/mcp-server-filesystem"),
            &files.to_string_lossy(),
        )
        .replace(
            &format!("{servers}py/bin/mcp-server-git"),
            &git.to_string_lossy(),
        );
    assert!(!config.contains(servers), "{config}");
    site.write("mandate.toml", config);
    site.write("demo/TEMPLATE.md", "Changes in %s\n\n");
    for args in [
        "init --quiet",
        "config user.name Test",
        "config user.email test@example.com",
        "add TEMPLATE.md",
        "commit --quiet -m Template",
    ] {
        let words: Vec<&str> = args.split(' ').collect();
        self::git(&site, &words);
    }
    Some(site)
}

/// A server that `cargo xtask tool-servers` has installed; none where that said that it cannot.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tool-servers");
    if std::env::var_os("CI").is_none()
        && let Ok(why) = std::fs::read_to_string(dir.join("missing"))
    {
        eprintln!("NOT TESTED: {program} could not be installed: {why}");
        return None;
    }
    let found = dir.join(program).canonicalize();
    Some(found.unwrap_or_else(|_| panic!("{program} is missing; run `cargo xtask tool-servers`")))
}

fn text(example: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    std::fs::read_to_string(root.join(example).join(file)).unwrap()
}

fn copy(project: &Project, example: &str, file: &str) {
    project.write(file, text(example, file));
}

/// The first word of each line of the ledger.
fn words(site: &Site) -> Vec<String> {
    let ledger = site.content("ledger.txt");
    let words = ledger.lines().filter_map(|line| line.split(' ').next());
    words.map(str::to_owned).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".mandate")
        .collect();
    names.sort();
    names
}

fn git(site: &Site, args: &[&str]) -> String {
    let mut command = Command::new("git");
    let output = command
        .args(args)
        .current_dir(site.path("demo"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:#?}");
    String::from_utf8(output.stdout).unwrap()
}
