//! What the tests need on the machine, and how it gets there.

use crate::Failure;
use crate::browser;
use crate::tool_servers;
use crate::workspace::{Workspace, run, shown};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

/// The version that is installed where there is none; an older or newer one that is there is used as it is.
const NEXTEST: &str = "0.9.143";

/// Installs what is missing and can be installed; says what is missing and cannot be.
pub(super) fn prepare(workspace: &Workspace) -> Result<(), Failure> {
    if !answers(workspace, &nextest(workspace)?) {
        println!("== cargo-nextest is missing: building it into target/tools");
        let mut install = workspace.cargo();
        // Not optimised: building the runner costs more than it takes to run the tests.
        install.args(["install", "--locked", "--debug", "--root", "target/tools"]);
        install.args([
            "--version",
            NEXTEST,
            "--no-default-features",
            "--features",
            "default-no-update",
        ]);
        install.arg("cargo-nextest");
        run(&mut install)?;
    }
    if !answers(workspace, &OsString::from("strace")) {
        strace(workspace);
    }
    tool_servers::install(workspace)?;
    browser::install(workspace)
}

/// The nextest to use: the one on the path, else the one that [`prepare`] builds.
pub(super) fn nextest(workspace: &Workspace) -> Result<OsString, Failure> {
    let on_path = OsString::from("cargo-nextest");
    if answers(workspace, &on_path) {
        return Ok(on_path);
    }
    let built: PathBuf = workspace.root().join("target/tools/bin/cargo-nextest");
    Ok(built.into_os_string())
}

fn answers(workspace: &Workspace, program: &OsString) -> bool {
    let mut command = workspace.program(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// strace shows that the journal is on the disk before an effect begins. Installing it takes root; without it that one
/// test reports that it could not look.
fn strace(workspace: &Workspace) {
    let mut install = workspace.program("apt-get");
    install.args(["install", "--yes", "--no-install-recommends", "strace"]);
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null());
    let outcome = if rustix::process::geteuid().is_root() {
        run(&mut install).is_ok()
    } else {
        false
    };
    if !outcome {
        println!(
            "== strace is missing; install it with: sudo {}",
            shown(&install)
        );
    }
}
