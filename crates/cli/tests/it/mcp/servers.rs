//! Whole scenes with real servers behind the gateway (files, git, time, memory, SQLite, everything; from npm and PyPI, of both
//! eras, with annotations and without) and real clients before it. What happened is seen in what the servers keep.

use crate::example_scenes::installed;
use crate::site::Site;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/tool-servers")
        .join(name)
}

/// The servers; the folder `work` is a repository.
fn site() -> Option<Site> {
    let npm = |name: &str| installed(&format!("npm/node_modules/.bin/mcp-server-{name}"));
    let (files, everything, memory) = (npm("filesystem")?, npm("everything")?, npm("memory")?);
    let (git, time) = (
        installed("py/bin/mcp-server-git")?,
        installed("py/bin/mcp-server-time")?,
    );
    let sqlite = installed("py-older/bin/mcp-server-sqlite")?;
    let site = Site::new();
    site.write("work/.keep", "");
    let work = site.path("work");
    site.write(
        "mandate.toml",
        format!(
            "[mcpServers.filesystem]\ncommand = {files:?}\nargs = [{work:?}]\ntrust_annotations = true\n\
             [mcpServers.everything]\ncommand = {everything:?}\ntools.echo = {{ effect = \"read\", open_world = false }}\n\
             [mcpServers.memory]\ncommand = {memory:?}\nenv = {{ MEMORY_FILE_PATH = {:?} }}\n\
             [mcpServers.git]\ncommand = {git:?}\ntrust_annotations = true\n\
             [mcpServers.time]\nalias = \"clock\"\ncommand = {time:?}\ntrust_annotations = true\n\
             [mcpServers.sqlite]\ncommand = {sqlite:?}\nargs = [\"--db-path\", {:?}]\n",
            site.path("memory.jsonl"),
            site.path("releases.db"),
        ),
    );
    for args in [
        "init --quiet",
        "config user.name Test",
        "config user.email test@example.com",
    ] {
        let mut command = Command::new("git");
        command.args(args.split(' ')).current_dir(&work);
        assert!(command.status().unwrap().success(), "{args}");
    }
    let file = work.join("notes.md");
    let plan = json!({
        "version": 1,
        "name": "Release",
        "mode": "agent",
        "steps": [
            { "id": "now", "tool": "clock.get_current_time", "args": { "timezone": "UTC" } },
            { "id": "note", "tool": "filesystem.write_file",
              "args": { "path": file, "content": "Released in ${steps.now.output.timezone}\n" } },
            { "id": "add", "tool": "git.git_add", "args": { "repo_path": work, "files": ["notes.md"] } },
            { "id": "commit", "tool": "git.git_commit", "args": { "repo_path": work, "message": "Notes" } },
            { "id": "table", "tool": "sqlite.create_table", "args": { "query": "CREATE TABLE releases (name TEXT)" } },
            { "id": "row", "tool": "sqlite.write_query", "args": { "query": "INSERT INTO releases VALUES ('2.0')" } },
            { "id": "rows", "tool": "sqlite.read_query", "args": { "query": "SELECT name FROM releases" } },
            { "id": "remember", "tool": "memory.create_entities",
              "args": { "entities": [{ "name": "releases", "entityType": "fact", "observations": ["2.0 is out"] }] } },
            { "id": "echo", "tool": "everything.echo", "args": { "message": "done" } },
        ],
    });
    let replies = json!({ "now": "UTC", "rows": "2\\.0", "commit": "committed" });
    site.write(
        "scene.json",
        json!({ "plan": plan, "replies": replies }).to_string(),
    );
    Some(site)
}

/// Runs a client's part, and looks at what the servers have kept.
fn played(site: &Site, mut client: Command) {
    site.prepare(&mut client);
    let output = client.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    for note in ["work/notes.md", "work/again.md"] {
        assert_eq!(site.content(note), "Released in UTC\n", "{note}");
    }
    let log = Command::new("git")
        .args(["log", "--format=%s", "--name-only"])
        .current_dir(site.path("work"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&log.stdout),
        "Notes\n\nagain.md\nNotes\n\nnotes.md\n"
    );
    // Remembered by the second run only: the first was finished before.
    let memory = site.content("memory.jsonl");
    let names: Vec<Value> = memory
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = names
        .iter()
        .filter_map(|entity| entity["name"].as_str())
        .collect();
    assert_eq!(names, ["again"], "{memory}");
    let export = site.run(&["audit", "export"]).exits(0).stdout;
    let refused = export.matches("\"kind\":\"call_refused\"").count();
    assert!(refused >= 22, "{refused} refusals are written down");
    site.assert_intact();
}

fn typescript(library: &str) {
    let Some(site) = site() else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp/servers.mjs");
    let mut client = Command::new("node");
    client.arg(here).arg(env!("CARGO_BIN_EXE_mandate"));
    client.arg(target("npm/node_modules").canonicalize().unwrap());
    client.arg(library).arg(site.path("scene.json"));
    played(&site, client);
}

fn python(mode: &str) {
    let Some(site) = site() else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp/servers.py");
    let mut client = Command::new(target("py/bin/python"));
    client.arg(here).arg(env!("CARGO_BIN_EXE_mandate"));
    client.arg(mode).arg(site.path("scene.json"));
    played(&site, client);
}

#[test]
fn a_release_with_the_typescript_client_with_a_handshake() {
    typescript("sdk");
}

#[test]
fn a_release_with_the_typescript_client_without_a_handshake() {
    typescript("client");
}

#[test]
fn a_release_with_the_python_client() {
    python("2026-07-28");
}
