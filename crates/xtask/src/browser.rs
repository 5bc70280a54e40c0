//! `cargo xtask browser`: the web console in a real browser, against the real server: `tests/browser`.
//!
//! Node, the packages that the lock file names and a Chromium are needed. Where one cannot be had, the part says that it
//! could not look; in continuous integration that is a failure.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program, shown};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const FOLDER: &str = "tests/browser";
/// Holds the lock file that the installed packages come from.
const INSTALLED: &str = "node_modules/.installed";
/// Where systems put the browser.
const BROWSERS: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
];

/// Installs what is missing and can be installed.
pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    if browser().is_none() {
        chromium(workspace);
    }
    match packages(workspace) {
        Err(failure) if std::env::var_os("CI").is_some() => Err(failure),
        Err(failure) => {
            println!("== THE PACKAGES OF THE BROWSER TESTS ARE MISSING: {failure}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Builds the program and drives its console. Gives what there is to say of it.
pub(crate) fn run(workspace: &Workspace) -> Result<String, Failure> {
    let folder = workspace.root().join(FOLDER);
    let Some(missing) = missing(workspace, &folder) else {
        run_program(
            workspace
                .cargo()
                .args(["build", "--workspace", "--tests", "--locked"]),
        )?;
        let mut tests = workspace.program("npm");
        tests.current_dir(&folder).args(["test", "--silent"]);
        run_program(&mut tests)?;
        return Ok("ok".to_owned());
    };
    if std::env::var_os("CI").is_some() {
        return Err(Failure::Missing(missing));
    }
    Ok(format!("COULD NOT LOOK: {missing}"))
}

fn missing(workspace: &Workspace, folder: &Path) -> Option<String> {
    if !answers(workspace, "node") || !answers(workspace, "npm") {
        return Some("node and npm are missing".to_owned());
    }
    if browser().is_none() {
        return Some("there is no Chromium; MANDATE_CHROMIUM names one".to_owned());
    }
    (!folder.join(INSTALLED).is_file()).then(|| "its packages are not installed".to_owned())
}

fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("MANDATE_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let mut places = BROWSERS.iter().map(PathBuf::from);
    places.find(|path| path.is_file())
}

fn answers(workspace: &Workspace, program: impl AsRef<OsStr>) -> bool {
    let mut command = workspace.program(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The packages of the lock file, once for each state of it.
fn packages(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.root().join(FOLDER);
    let (lock, installed) = (folder.join("package-lock.json"), folder.join(INSTALLED));
    let wanted = fs::read_to_string(&lock).map_err(|source| Failure::at(&lock, source))?;
    if fs::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    println!("== browser tests: installing the packages of {FOLDER}");
    let mut install = workspace.program("npm");
    install
        .current_dir(&folder)
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run_program(&mut install)?;
    fs::write(&installed, wanted).map_err(|source| Failure::at(&installed, source))
}

/// Installing a program of the system takes root; without it the part says that it could not look.
fn chromium(workspace: &Workspace) {
    let apt = |args: &[&str]| {
        let mut command = workspace.program("apt-get");
        command.args(args).stdout(Stdio::null());
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let mut install = apt(&["install", "--yes", "--no-install-recommends", "chromium"]);
    if rustix::process::geteuid().is_root() {
        println!("== Chromium is missing: installing it");
        let mut installed = run_program(&mut install).is_ok();
        if !installed && run_program(&mut apt(&["update"])).is_ok() {
            installed = run_program(&mut install).is_ok();
        }
        if installed {
            return;
        }
    }
    println!(
        "== Chromium is missing; install it with: sudo {}",
        shown(&install)
    );
}
