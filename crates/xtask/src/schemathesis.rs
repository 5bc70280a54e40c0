//! `cargo xtask schemathesis`: requests that are made up from `docs/openapi.json`, against the real server.
//!
//! Python and its package registry are needed. Every check of schemathesis is made; `tests/api/schemathesis.toml` says what
//! is expected beside that.

use crate::Failure;
use crate::workspace::{Workspace, output_of, run as run_program};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How many requests are made up for each operation and phase, beside those that cover its parameters one by one.
pub(crate) const EXAMPLES: u32 = 20;
const PACKAGE: &str = "schemathesis==4.32.5";
const DIR: &str = "target/schemathesis";
/// These would hold up or lock out what comes after them, and are asked last.
const LAST: [&str; 2] = ["freeze", "revoke_key"];

/// Builds the program, starts a server over a folder of its own, and asks it everything.
pub(crate) fn run(workspace: &Workspace, examples: u32) -> Result<(), Failure> {
    let dir = workspace.root().join(DIR);
    let tool = installed(workspace, &dir)?;
    run_program(
        workspace
            .cargo()
            .args(["build", "--workspace", "--tests", "--locked"]),
    )?;
    let site = Site::new(workspace, dir.join("site"))?;
    let key = output_of(&mut site.command(&["keys", "create", "root", "--role", "admin"]))?;
    let key = key.trim();
    let mut plans = workspace.program(workspace.root().join("tests/api/plans.sh"));
    plans.arg(&site.mandate).env("MANDATE_API_KEY", key);
    run_program(site.inside(&mut plans))?;
    let server = site.serve()?;
    let ask = |which: &[String]| {
        let mut asks = workspace.program(&tool);
        asks.current_dir(&dir)
            .arg("--config-file")
            .arg(workspace.root().join("tests/api/schemathesis.toml"))
            .arg("run")
            .arg(workspace.root().join("docs/openapi.json"))
            .args([
                "--url",
                &server.url,
                "--checks",
                "all",
                "--continue-on-failure",
            ])
            .args(["--header", &format!("Authorization: Bearer {key}")])
            .args(["--max-examples", &examples.to_string(), "--report", "junit"])
            .args(["--request-timeout", "2", "--warnings", "off"])
            .args(which);
        run_program(&mut asks)
    };
    let first: Vec<String> = { LAST.iter() }
        .flat_map(|name| ["--exclude-operation-id".to_owned(), (*name).to_owned()])
        .collect();
    let last: Vec<String> = { LAST.iter() }
        .flat_map(|name| ["--include-operation-id".to_owned(), (*name).to_owned()])
        .collect();
    ask(&first)?;
    ask(&last)?;
    let log = fs::read_to_string(&server.log).map_err(|source| Failure::at(&server.log, source))?;
    match log.contains("panicked") {
        false => Ok(()),
        true => Err(Failure::Missing(format!(
            "the server panicked: {}",
            server.log.display()
        ))),
    }
}

/// The tool, in an environment of its own.
fn installed(workspace: &Workspace, dir: &Path) -> Result<PathBuf, Failure> {
    let environment = dir.join("python");
    let (tool, marker) = (environment.join("bin/schemathesis"), dir.join("installed"));
    if fs::read_to_string(&marker).is_ok_and(|present| present == PACKAGE) {
        return Ok(tool);
    }
    println!("== schemathesis: installing {PACKAGE} into {DIR}");
    fs::create_dir_all(dir).map_err(|source| Failure::at(dir, source))?;
    let mut python = workspace.program("python3");
    run_program(python.args(["-m", "venv"]).arg(&environment))?;
    let mut pip = workspace.program(environment.join("bin/pip"));
    run_program(pip.args(["install", "--quiet", PACKAGE]))?;
    fs::write(&marker, PACKAGE).map_err(|source| Failure::at(&marker, source))?;
    Ok(tool)
}

/// A folder with a journal of its own.
struct Site<'a> {
    workspace: &'a Workspace,
    mandate: PathBuf,
    dir: PathBuf,
}

/// A server that ends when this is dropped.
struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Site<'a> {
    fn new(workspace: &'a Workspace, dir: PathBuf) -> Result<Self, Failure> {
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(|source| Failure::at(&dir, source))?;
        }
        fs::create_dir_all(&dir).map_err(|source| Failure::at(&dir, source))?;
        let site = Self {
            workspace,
            mandate: workspace.built("mandate"),
            dir,
        };
        run_program(&mut site.command(&["init"]))?;
        Ok(site)
    }

    fn inside<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(&self.dir).env("HOME", &self.dir)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.workspace.program(&self.mandate);
        self.inside(command.args(args));
        command
    }

    fn serve(&self) -> Result<Server, Failure> {
        let log = self.dir.join("server.log");
        let said = fs::File::create(&log).map_err(|source| Failure::at(&log, source))?;
        let mut serve = self.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let started = serve.stdout(Stdio::piped()).stderr(said).spawn();
        let mut child = started.map_err(|source| Failure::Start {
            program: "mandate serve".to_owned(),
            source,
        })?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let url = told.get("listening").and_then(serde_json::Value::as_str);
        let url = url.unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Server { child, url, log })
    }
}
