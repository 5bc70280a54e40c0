//! `cargo xtask claude-code`: Claude Code, as it comes from npm, behind the gateway and held by its hooks, with a script for a
//! model: `tests/claude-code`. It needs npm and its registry, and some 240 MB once it is installed.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};

const SCRIPT: &str = "tests/claude-code/run.py";
/// Where it is installed.
const INTO: &str = "target/claude-code";

/// Builds the program and runs the scenes.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    run_program(
        workspace
            .cargo()
            .args(["build", "--workspace", "--tests", "--locked"]),
    )?;
    let mut scenes = workspace.program("python3");
    scenes.arg(SCRIPT).arg("--mandate");
    scenes.arg(workspace.built("mandate"));
    scenes.args(["--into", INTO]);
    run_program(&mut scenes)
}
