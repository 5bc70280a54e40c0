//! `cargo xtask conformance`: MCP's own conformance suite, with the gateway in front of a fixture server:
//! `tests/conformance`. It needs npm, Python and their registries, and takes a minute or two once everything is installed.

use crate::Failure;
use crate::tool_servers;
use crate::workspace::{Workspace, run as run_program};

const SCRIPT: &str = "tests/conformance/run.py";
/// Where the suites are installed.
const INTO: &str = "target/conformance";
const PYTHON: &str = "target/tool-servers/py/bin/python";

/// Builds the program and runs the suites.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    tool_servers::install(workspace)?;
    run_program(
        workspace
            .cargo()
            .args(["build", "--workspace", "--tests", "--locked"]),
    )?;
    let mut suites = workspace.program(PYTHON);
    suites.arg(SCRIPT).arg("--mandate");
    suites.arg(workspace.built("mandate"));
    suites.args(["--into", INTO, "--python", PYTHON]);
    run_program(&mut suites)
}
